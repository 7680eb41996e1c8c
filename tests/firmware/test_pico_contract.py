"""The contracts of a board and of its bus, kept by genuine firmware in an emulated RP2040."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from waiting import wait_for

import iotlab
from iotlab.board import Board
from iotlab.bus.i2c import I2CBus
from iotlab.errors import StuckError
from iotlab.sim import Bench
from iotlab.testing.boards import BoardContract
from iotlab.testing.i2c import I2CBusContract


@pytest.fixture
def pico(bench: Bench) -> Iterator[Board]:
    with iotlab.connect("pico") as board:
        yield board


class TestPico(BoardContract):
    patience = 20.0
    code_lines, output_lines, file_size = 600, 1000, 20_000  # two blocks of code and three of a file

    @pytest.fixture
    def board(self, pico: Board) -> Board:
        return pico


class TestBusOfThePico(I2CBusContract):
    address = 0x69

    @pytest.fixture
    def bus(self, pico: Board) -> I2CBus:
        return pico.i2c(0)


def test_code_that_catches_every_ctrl_c(bench: Bench, pico: Board) -> None:
    """One that comes outside its ``try`` stops it; else that is told, and the reset button is the way out."""

    def interrupt(_: str) -> None:
        signal.raise_signal(signal.SIGINT)

    code = "while True:\n try: __import__('time').sleep(1)\n except KeyboardInterrupt: pass"
    with pytest.raises((StuckError, KeyboardInterrupt)):
        pico.exec(f"print('running')\n{code}", output=interrupt)
    pico.close()
    bench["pico"].reset()
    wait_for(lambda: bench["pico"].status()["port"])
    with iotlab.connect("pico") as again:
        assert again.eval("6 * 7") == 42
