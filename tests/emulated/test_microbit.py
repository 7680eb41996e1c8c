"""A virtual micro:bit: genuine MicroPython of 2018 in QEMU, and the raw REPL as it was before raw-paste."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from random import Random

import pytest
from fault_run import BYTE_KINDS
from raw_port import GREETING, RawPort, wait_for

import iotlab
from iotlab.board import Board, Endpoint
from iotlab.errors import CorruptError, DisconnectedError, RemoteError, RestartedError, UnsupportedError
from iotlab.link.serial import SerialLink
from iotlab.micropython.board import MicroPythonBoard
from iotlab.sim import Bench
from iotlab.sim.client import BenchBoard
from iotlab.testing.boards import BoardContract
from iotlab.testing.faults import DIRECTIONS, Direction, Fault, FaultyLink, Kind
from iotlab.testing.kernels import KernelSession

pytestmark = pytest.mark.needs("microbit")


@pytest.fixture(scope="module")
def bench(lab_environment: dict[str, str]) -> Iterator[Bench]:
    shutil.rmtree(lab_environment["IOTLAB_STATE_DIR"], ignore_errors=True)
    with Bench.start({"boards": {"microbit": {}}}) as running:
        yield running


@pytest.fixture
def microbit(bench: Bench) -> BenchBoard:
    return bench["microbit"]


@pytest.fixture
def port(microbit: BenchBoard) -> Iterator[RawPort]:
    with RawPort(microbit) as port:
        port.enter()
        yield port


def test_it_says_what_it_is(port: RawPort) -> None:
    told = port.run("import os; print(os.uname())")
    assert "release='1.0.1'" in told
    assert "machine='micro:bit with nRF51822'" in told


def test_it_has_no_raw_paste(port: RawPort) -> None:
    port.link.write(b"\x05A\x01")
    assert port.until(GREETING) == GREETING


def test_it_has_little_memory(port: RawPort) -> None:
    free = int(port.run("import gc; gc.collect(); print(gc.mem_free())"))
    assert 4_000 < free < 12_000


def test_a_loop_is_stopped(port: RawPort) -> None:
    port.start("print('runs')\nwhile True: pass")
    port.until(b"runs\r\n")
    port.link.write(b"\x03")
    assert "KeyboardInterrupt" in port.finish()[1]


@pytest.mark.parametrize("restart", ["reset", "power_cycle"])
def test_files_stay_and_names_go(microbit: BenchBoard, port: RawPort, restart: str) -> None:
    port.run("f = open('kept.txt', 'w'); f.write('still here'); f.close(); gone = 1")
    getattr(microbit, restart)()
    port.until(b">>> ")
    port.enter()
    assert port.run("print(open('kept.txt').read(), 'gone' in globals())") == "still here False"


def test_the_firmware_may_reset_its_chip(microbit: BenchBoard, port: RawPort) -> None:
    boots = microbit.status()["boots"]
    port.start("import machine; machine.reset()")
    assert b"micro:bit v1.0.1" in port.until(b">>> ")
    wait_for(lambda: microbit.status()["boots"], lambda now: now == boots + 1)


def test_the_cable_is_pulled(microbit: BenchBoard) -> None:
    with RawPort(microbit) as port:
        port.enter()
        port.run("kept = 41")
    microbit.unplug_cable()
    assert microbit.status()["port"] == ""
    microbit.plug_cable()
    with RawPort(microbit) as port:
        port.enter()
        assert port.run("print(kept + 1)") == "42"


def test_power_cannot_be_cut_in_the_middle(microbit: BenchBoard) -> None:
    with pytest.raises(UnsupportedError, match="does not tell its flash operations"):
        microbit.cut_power(0)


class TestMicrobit(BoardContract):
    """The contract of a board. The file system is one folder of 27 kB, and there are 9.4 kB of memory."""

    lacks = frozenset({"folders", "machine.I2C", "sys.stdin"})
    code_lines, file_size = 60, 10_000

    @pytest.fixture
    def board(self, bench: Bench) -> Iterator[Board]:
        with iotlab.connect("microbit") as board:
            board.reset("soft")  # what the test before left takes room, of which there is little
            yield board

    @pytest.fixture
    def folder(self, board: Board) -> Iterator[str]:
        board.files.remove("/", recursive=True)
        yield ""
        board.files.remove("/", recursive=True)


@pytest.fixture
def board(bench: Bench) -> Iterator[MicroPythonBoard]:
    with iotlab.connect("microbit") as board:
        assert isinstance(board, MicroPythonBoard)
        board.reset("soft")  # what the test before left takes room
        yield board


def test_it_says_what_is_verified(board: Board) -> None:
    assert board.info.verified == "all that is sent, and values; not what is printed"


def test_only_what_code_says_is_printed(board: Board) -> None:
    """The board's own prompt would print the value of each of these."""
    code = "6 * 7\n'text'\nfor i in range(2):\n    i * 2; [\n    i]\nif i: i\nprint('end')\ni # é"
    assert board.exec(code) == "end\n"


def test_code_that_exits_only_ends(board: Board) -> None:
    assert board.exec("kept = 1\nprint('here')\nimport sys\nsys.exit()\nprint('not here')") == "here\n"
    assert board.eval("kept") == 1


def test_a_traceback_that_code_prints_is_no_error(board: Board) -> None:
    code = "import sys\ntry:\n    1 // 0\nexcept ZeroDivisionError as e:\n    sys.print_exception(e)\n"
    lines = 'Traceback (most recent call last):\n  File "<stdin>", line 3, in <module>\n'
    assert board.exec(code) == f"{lines}ZeroDivisionError: division by zero\n"
    with pytest.raises(RemoteError) as caught:
        board.exec(f"{code}raise ValueError('one\\ntwo')")
    assert "line 6" in caught.value.traceback
    assert caught.value.traceback.endswith("ValueError: one\ntwo")


def test_code_that_the_board_has_no_room_for_is_refused(board: Board) -> None:
    """It would hang while it takes it."""
    board.reset("soft")  # what other tests left takes room
    with pytest.raises(UnsupportedError, match="has no room for"):
        board.exec("# a comment\n" * 600)
    board.exec("big = bytearray(5000)")
    with pytest.raises(UnsupportedError, match="has no room for"):
        board.exec("# a comment\n" * 200)
    assert board.eval("len(big)") == 5000
    board.exec("del big")
    assert board.exec("# a comment\n" * 200 + "print('runs')") == "runs\n"


def test_what_it_cannot_do(board: Board) -> None:
    with pytest.raises(UnsupportedError, match="has no room for what this needs"):
        board.i2c(0).scan()
    with pytest.raises(UnsupportedError, match="one folder only"):
        board.files.mkdir("/lib")


def test_a_file_that_has_no_room_leaves_the_old_one(board: Board) -> None:
    board.files.remove("/", recursive=True)
    board.files.write("/a.txt", b"old" * 300)
    board.exec("with open('filler', 'wb') as f:\n    for i in range(250): f.write(b'-' * 64)")
    for size in (6_000, 12_000):  # room for it beside the old one, but not for both; for neither
        with pytest.raises(RemoteError, match="no space is left"):
            board.files.write("/a.txt", bytes([65 + size // 1000]) * size)
        assert board.files.read("/a.txt") == b"old" * 300
        assert [e.path for e in board.files.ls()] == ["/a.txt", "/filler"]
    board.files.remove("/", recursive=True)


def test_files_leave_no_name(board: Board) -> None:
    board.files.write("/a.txt", b"a")
    board.files.read("/a.txt")
    assert [name for name in board.eval("list(globals())") if "iotlab" in name] == []


def test_unplugged_and_plugged_in_again(bench: Bench, board: Board) -> None:
    board.exec("kept = 41")
    bench["microbit"].unplug_cable()
    with pytest.raises(DisconnectedError):
        board.eval("kept")
    bench["microbit"].plug_cable()
    assert board.eval("kept + 1") == 42


def test_a_restart_is_told_once(bench: Bench, board: Board) -> None:
    board.exec("gone = 1")
    with pytest.raises(RestartedError, match="gone"):
        board.exec("import machine\nmachine.reset()")
    with pytest.raises(RemoteError, match="NameError"):
        board.eval("gone")


def test_cells(bench: Bench, kernelspec: str) -> None:
    with KernelSession(kernelspec, environment={"IOTLAB_BOARD": "microbit"}) as kernel:
        ran = kernel.run("x = 40\nprint('x is', x)\nx + 2")
        assert (ran.text, ran.value) == ("x is 40\n", "42")
        assert kernel.run("_ + 1").value == "43"
        assert kernel.run("x;").kinds == kernel.run("None").kinds == []
        assert kernel.run("def f():\n    return 1 // 0").kinds == []
        error = kernel.run("y = 1\nf()").error
        assert "Cell In[" in error
        assert "----> 2 f()" in error
        assert "ZeroDivisionError: division by zero" in error
        stopped = kernel.run("print('runs')\nwhile True: pass", interrupt_at="runs")
        assert "KeyboardInterrupt" in stopped.error
        assert "x" in kernel.complete("x")
        assert kernel.run("%%writefile /cell.py\nvalue = 7").status == "ok"
        assert kernel.run("import cell\ncell.value").value == "7"


@pytest.fixture(scope="module")
def faulty(bench: Bench) -> Iterator[tuple[MicroPythonBoard, FaultyLink]]:
    """The board behind a link that does one thing wrong when it is told to."""
    port = bench["microbit"].port
    link = FaultyLink(SerialLink(port))
    with MicroPythonBoard(Endpoint("microbit", port, "microbit"), open_link=lambda _: link) as board:
        yield board, link


@pytest.mark.parametrize("kind", BYTE_KINDS)
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_single_faults(faulty: tuple[MicroPythonBoard, FaultyLink], direction: Direction, kind: Kind) -> None:
    """Code runs once, or not at all and says so; values and files arrive as they were, or the call fails."""
    board, link = faulty
    code = "n += 1\nprint(n)"
    random = Random(f"{direction} {kind}")
    for number in range(5):
        board.reset("soft")  # all of its memory: a parser that has too little is another fault
        board.exec("n = 0")
        board.files.write("/f", b"old")
        link.arm(Fault(kind, direction, random.randrange(40 if direction == "to-board" else 250)))
        with suppress(CorruptError):
            board.exec(code, timeout_s=10.0)
        assert link.applied
        link.arm(None)
        assert board.eval("n") in (0, 1)
        link.arm(Fault(kind, direction, random.randrange(55 if direction == "to-board" else 300)))
        with suppress(CorruptError):
            assert board.eval("[n, 'text', 2.5][1:]") == ["text", 2.5]
        if number % 2 == 0:
            link.arm(Fault(kind, direction, random.randrange(1000)))
            with suppress(CorruptError):
                board.files.write("/f", b"\x00new")
        link.arm(None)
        assert board.files.read("/f") in (b"old", b"\x00new")
