"""A board behind every kind of link passes the contract of a board."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

import iotlab
from iotlab.board import Board
from iotlab.errors import DisconnectedError, RemoteError
from iotlab.link import open_link
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


@pytest.fixture
def rfc2217(bench: Bench) -> Iterator[Board]:
    with Rfc2217Bridge(bench["esp32"].port) as bridge, iotlab.connect(bridge.url) as board:
        yield board


def test_the_reset_lines_travel_by_rfc2217(rfc2217: Board) -> None:
    rfc2217.exec("kept = 1")
    rfc2217.reset("bootloader")
    assert rfc2217.info.state == "bootloader"
    rfc2217.reset("hard")
    assert rfc2217.eval("6 * 7") == 42
    with pytest.raises(RemoteError, match="NameError"):
        rfc2217.eval("kept")


def test_connecting_by_rfc2217_disturbs_no_line(bench: Bench) -> None:
    with iotlab.connect("esp32") as board:
        board.exec("kept = 1")
    with Rfc2217Bridge(bench["esp32"].port) as bridge, iotlab.connect(bridge.url) as board:
        assert board.eval("kept") == 1


def test_a_board_that_is_unplugged_from_the_server(bench: Bench) -> None:
    with Bridge(bench["esp32"].port) as bridge:
        with iotlab.connect(bridge.url) as board:
            bench["esp32"].unplug_cable()
            with pytest.raises(DisconnectedError, match="went away"):
                board.exec("print(1)")
        bench["esp32"].plug_cable()
        with iotlab.connect(bridge.url) as board:
            assert board.eval("6 * 7") == 42


def test_a_port_that_vanishes_with_a_reset(bench: Bench) -> None:
    """A Pico is its own USB device: behind the server too it is gone for a moment."""
    with Bridge(bench["pico"].port) as bridge, iotlab.connect(bridge.url) as board:
        board.exec("gone = 1")
        board.reset("hard")
        with pytest.raises(RemoteError, match="NameError"):
            board.eval("gone")


def test_a_soft_reset_ends_a_webrepl(bench: Bench) -> None:
    """As on a microcontroller, whose sockets are gone then; and the board is there again at once."""
    with (
        WebReplBridge(bench["esp32"].port, password=PASSWORD, soft_reset_ends=True) as bridge,
        iotlab.connect(bridge.url.replace("://", f"://:{PASSWORD}@")) as board,
    ):
        assert (board.info.name, board.info.port) == (bridge.url.partition("://")[2], bridge.url)
        board.exec("gone = 1")
        board.reset("soft")
        with pytest.raises(RemoteError, match="NameError"):
            board.eval("gone")


def test_a_webrepl_stops_what_runs(bench: Bench) -> None:
    with (
        WebReplBridge(bench["esp32"].port, password=PASSWORD) as bridge,
        open_link(bridge.url, password=PASSWORD) as link,
    ):
        link.write(b"\r\x03\x03while True: pass\r\n\r\n")
        link.read_until(b"... \r\n", timeout_s=20)
        link.write(b"\x03")
        assert b"KeyboardInterrupt" in link.read_until(b">>> ", timeout_s=20)
