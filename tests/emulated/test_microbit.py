"""A virtual micro:bit: genuine MicroPython of 2018 in QEMU, and the raw REPL as it was before raw-paste."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from raw_port import GREETING, RawPort, wait_for

import iotlab
from iotlab.board import Board
from iotlab.errors import UnsupportedError
from iotlab.sim import Bench
from iotlab.sim.client import BenchBoard
from iotlab.testing.boards import BoardContract

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
    most_lines, most_bytes = 60, 10_000

    @pytest.fixture
    def board(self, bench: Bench) -> Iterator[Board]:
        with iotlab.connect("microbit") as board:
            yield board

    @pytest.fixture
    def folder(self, board: Board) -> Iterator[str]:
        board.files.remove("/", recursive=True)
        yield ""
        board.files.remove("/", recursive=True)
