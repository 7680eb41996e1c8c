"""Watching a board without disturbing it, and going on where it was unplugged."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import iotlab
from iotlab.board import Endpoint
from iotlab.errors import (
    ConnectError,
    DeadlineError,
    DisconnectedError,
    IotlabError,
    RemoteError,
    RestartedError,
)
from iotlab.micropython.board import MicroPythonBoard
from iotlab.sim import Bench
from iotlab.testing.bridges import Bridge

MAIN = """import time
n = 0
while True:
    print("tick", n)
    n += 1
    time.sleep_ms(20)
"""


def connected(**options: bool) -> MicroPythonBoard:
    board = iotlab.connect("esp32", **options)
    assert isinstance(board, MicroPythonBoard)
    return board


@pytest.fixture
def board(bench: Bench) -> Iterator[MicroPythonBoard]:
    with connected() as board:
        yield board


def ticks(text: str) -> list[int]:
    return [int(line.split()[1]) for line in text.split("\n")[1:-1]]


def test_a_running_program_is_watched_and_not_disturbed(board: MicroPythonBoard, bench: Bench) -> None:
    board.files.write("/main.py", MAIN.encode())
    board.reset("hard")
    try:
        board.close()
        bench["esp32"].reset()
        boots = bench["esp32"].status()["boots"]
        seen: list[str] = []
        with connected(attach=True) as watched:
            first = watched.watch(timeout_s=2, output=seen.append)
            second = watched.watch(timeout_s=1)
            with pytest.raises(ConnectError, match=r"take_control\(\)"):
                watched.eval("n")
            third = watched.watch(timeout_s=1)
            numbers = ticks(first + second + third)
            assert "".join(seen) == first
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
            assert len(numbers) > 10
            watched.take_control()
            assert watched.eval("n") >= numbers[-1]
            assert watched.info.state == "micropython"
        assert bench["esp32"].status()["boots"] == boots
    finally:
        with connected() as again:
            again.files.remove("/main.py")


def test_watching_needs_attach(board: MicroPythonBoard) -> None:
    with pytest.raises(ConnectError, match="attach=True"):
        board.watch(timeout_s=0.1)
    assert board.take_control() == ""


def test_the_cable_was_pulled_and_the_board_went_on(board: MicroPythonBoard, bench: Bench) -> None:
    board.exec("kept = 41")
    bus = board.i2c(0)
    assert 0x77 in bus.scan()
    bench["esp32"].unplug_cable()
    with pytest.raises(DisconnectedError):
        board.eval("kept")
    with pytest.raises(DisconnectedError, match="plug it in"):
        board.eval("kept")
    with pytest.raises(DisconnectedError, match="plug it in"):
        board.reset("hard")
    bench["esp32"].plug_cable("esp32-again.tty")
    try:
        heard: list[str] = []
        board.exec("kept += 1", output=heard.append)
        assert board.eval("kept") == 42
        assert "was away" in "".join(heard)
        assert board.info.port.endswith("esp32-again.tty")
        assert 0x77 in bus.scan()
    finally:
        board.close()
        bench["esp32"].unplug_cable()
        bench["esp32"].plug_cable("esp32.tty")


def test_another_board_in_its_place_is_not_taken_for_it(bench: Bench) -> None:
    """As where a bridge without a serial number is all that tells a board from another one."""
    seen = "esp32"

    def find(_: Endpoint) -> Endpoint:
        return next(e for e in iotlab.boards() if e.name == seen)

    with MicroPythonBoard(find(Endpoint("", "")), find=find) as board:
        board.exec("kept = 41")
        bench["esp32"].unplug_cable()
        with pytest.raises(DisconnectedError):
            board.eval("kept")
        seen = "pico"
        for _ in range(2):
            with pytest.raises(ConnectError, match=r"another board is at .*pico\.tty now"):
                board.eval("kept")
        with iotlab.connect("pico") as pico:  # it was let go of
            assert pico.eval("6 * 7") == 42
        seen = "esp32"
        bench["esp32"].plug_cable()
        assert board.eval("kept") == 41


def test_a_board_that_lost_its_power_says_what_it_forgot(board: MicroPythonBoard, bench: Bench) -> None:
    board.exec("import time\nspeed, colour = 3, 'red'\ndef turn(): pass")
    bench["esp32"].unplug_cable()
    bench["esp32"].power_cycle()
    with pytest.raises(DisconnectedError):
        board.eval("speed")
    bench["esp32"].plug_cable()
    assert board.files.ls("/") is not None  # files are still there, so this goes on
    with pytest.raises(RestartedError, match=r"variables are lost \(time, speed, colour, turn\)"):
        board.eval("speed")
    with pytest.raises(RemoteError, match="NameError"):
        board.eval("speed")


def test_a_restart_that_an_interrupt_saw_is_told_to_the_next_code(
    board: MicroPythonBoard, bench: Bench
) -> None:
    board.exec("gone = 1")
    bench["esp32"].power_cycle()
    board.interrupt()
    with pytest.raises(RestartedError, match=r"variables are lost \(gone\)"):
        board.eval("gone")
    with pytest.raises(RemoteError, match="NameError"):
        board.eval("gone")


def replug(board: MicroPythonBoard, bench: Bench) -> None:
    """Pull the cable, which somebody sees, and put it back."""
    bench["esp32"].unplug_cable()
    with pytest.raises(DisconnectedError):
        board.ask("verify(True)")
    bench["esp32"].plug_cable()


def test_a_reset_on_purpose_is_not_told_as_a_loss(board: MicroPythonBoard, bench: Bench) -> None:
    board.exec("gone = 41")
    bench["esp32"].power_cycle()
    replug(board, bench)
    board.reset("soft")
    board.exec("kept = 1")
    assert board.eval("kept") == 1


def test_what_the_user_calls_print_is_not_ours(board: MicroPythonBoard, bench: Bench) -> None:
    board.exec("kept = 41\ndef print(*values): pass")
    with pytest.raises(DeadlineError):
        board.exec("while True: pass", timeout_s=0.3)
    board.interrupt()
    replug(board, bench)
    assert board.eval("kept") == 41
    board.exec("del print")


def test_prints_are_verified_after_somebody_else_had_the_board(board: MicroPythonBoard, bench: Bench) -> None:
    board.exec("kept = 41")
    replug(board, bench)
    with connected() as other:
        assert other.eval("kept") == 41
    assert board.exec("print(kept)") == "41\n"
    assert board.eval("print is __import__('_iotlab')._framed")


def test_helpers_of_an_earlier_start_are_not_taken_for_there(board: MicroPythonBoard, bench: Bench) -> None:
    @board.task
    def double(value: int) -> int:
        return value * 2

    @board.stream
    def restarts() -> Iterator[int]:
        import machine

        yield 1
        machine.reset()

    assert double(21) == 42
    with pytest.raises(RestartedError):
        list(restarts())
    board.exec("kept = 41")
    replug(board, bench)
    assert double(21) == 42


def test_memory_that_was_short_for_a_while(board: MicroPythonBoard) -> None:
    fill = "hog = []\ntry:\n while True: hog.append(bytearray(4096))\nexcept MemoryError: pass"
    drop = "import sys\nsys.modules.pop('_iotlab')\ndel sys"
    board.exec(f"{fill}\ntry:\n while True: hog.append(bytearray(64))\nexcept MemoryError: pass\n{drop}")
    with pytest.raises(IotlabError):
        board.eval("1")
    assert board.plain
    board.reset("soft")
    assert not board.plain
    assert board.info.verified == "all that is sent, and what print() prints"
    board.files.write("/a.txt", b"a")
    assert board.files.read("/a.txt") == b"a"


STUBBORN = """import micropython, time
micropython.kbd_intr(-1)
while True:
    time.sleep_ms(20)
    print("busy")
"""


def test_a_prompt_that_never_comes_is_told(lab_environment: dict[str, str]) -> None:
    """Against such a main.py neither Ctrl-C nor a soft reset is of use, and the link has no reset lines."""
    with Bench.start({"boards": {"stubborn": {"kind": "esp32"}}}, name="stubborn") as bench:
        with iotlab.connect("stubborn") as board:
            board.files.write("/main.py", STUBBORN.encode())
        bench["stubborn"].reset()
        with iotlab.connect("stubborn", attach=True) as board:
            while "busy" not in board.watch(timeout_s=0.5):
                pass
        with Bridge(bench["stubborn"].port) as bridge, iotlab.connect(bridge.url) as board:
            assert board.info.state == "other"
            with pytest.raises(ConnectError, match=r"busy.*; Ctrl-C and a soft reset did not help"):
                board.exec("1")
