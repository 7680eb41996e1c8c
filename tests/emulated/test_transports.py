"""A board behind every kind of link passes the contract of a board."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

import iotlab
from iotlab.board import Board
from iotlab.sim import Bench
from iotlab.testing.boards import BoardContract
from iotlab.testing.bridges import Bridge, Rfc2217Bridge
from iotlab.testing.webrepl import WebReplBridge

PASSWORD = "Kx7-vq2_w"


class TestPlainPty(BoardContract):
    """Under its own name nobody finds the lines beside it."""

    @pytest.fixture
    def board(self, bench: Bench) -> Iterator[Board]:
        with iotlab.connect(os.path.realpath(bench["esp32"].port)) as board:
            yield board


class TestSocket(BoardContract):
    @pytest.fixture
    def board(self, bench: Bench) -> Iterator[Board]:
        with Bridge(bench["esp32"].port) as bridge, iotlab.connect(bridge.url) as board:
            yield board


class TestRfc2217(BoardContract):
    @pytest.fixture
    def board(self, bench: Bench) -> Iterator[Board]:
        with Rfc2217Bridge(bench["esp32"].port) as bridge, iotlab.connect(bridge.url) as board:
            yield board


class TestWebRepl(BoardContract):
    @pytest.fixture
    def board(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Iterator[Board]:
        monkeypatch.setenv("IOTLAB_WEBREPL_PASSWORD", PASSWORD)
        with (
            WebReplBridge(bench["esp32"].port, password=PASSWORD) as bridge,
            iotlab.connect(bridge.url) as board,
        ):
            yield board
