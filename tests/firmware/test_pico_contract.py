"""The contracts of a board and of its bus, kept by genuine firmware in an emulated RP2040."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import iotlab
from iotlab.board import Board
from iotlab.bus.i2c import I2CBus
from iotlab.sim import Bench
from iotlab.testing.boards import BoardContract
from iotlab.testing.i2c import I2CBusContract


@pytest.fixture
def pico(bench: Bench) -> Iterator[Board]:
    with iotlab.connect("pico") as board:
        yield board


class TestPico(BoardContract):
    patience = 20.0

    @pytest.fixture
    def board(self, pico: Board) -> Board:
        return pico


class TestBusOfThePico(I2CBusContract):
    address = 0x69

    @pytest.fixture
    def bus(self, pico: Board) -> I2CBus:
        return pico.i2c(0)
