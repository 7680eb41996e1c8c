"""Every link passes the same contract."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from iotlab.errors import DeadlineError, InUseError, NotFoundError
from iotlab.link import open_link
from iotlab.link.base import Link
from iotlab.link.serial import SerialLink, holder
from iotlab.testing.bridges import Bridge, Rfc2217Bridge
from iotlab.testing.links import LinkContract, PtyPeer, pty_pair
from iotlab.testing.webrepl import WebReplBridge
from iotlab.usb import usb_device

#: What WebREPL's boards ask for: nine characters at most.
PASSWORD = "Kx7-vq2_w"


class SocketPeer:
    def __init__(self, end: socket.socket) -> None:
        self.end = end

    def send(self, data: bytes) -> None:
        self.end.sendall(data)

    def receive(self, size: int) -> bytes:
        got = b""
        while len(got) < size:
            got += self.end.recv(size - len(got))
        return got

    def hang_up(self) -> None:
        self.end.close()


class TestSerialPort(LinkContract):
    @contextmanager
    def pair(self) -> Iterator[tuple[SerialLink, PtyPeer]]:
        with pty_pair() as (port, peer), SerialLink(port) as link:
            yield link, peer


class TestSocket(LinkContract):
    @contextmanager
    def pair(self) -> Iterator[tuple[Link, SocketPeer]]:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            with open_link(f"socket://127.0.0.1:{port}") as link:
                end, _ = server.accept()
                with end:
                    yield link, SocketPeer(end)


class TestPortOverTcp(LinkContract):
    @contextmanager
    def pair(self) -> Iterator[tuple[Link, PtyPeer]]:
        with pty_pair() as (port, peer), Bridge(port) as bridge, open_link(bridge.url) as link:
            link.write(b"?")
            assert peer.receive(1) == b"?"  # now the server has the port open, which forgets what came before
            yield link, peer


class TestPortOverRfc2217(LinkContract):
    @contextmanager
    def pair(self) -> Iterator[tuple[Link, PtyPeer]]:
        with pty_pair() as (port, peer), Rfc2217Bridge(port) as bridge, open_link(bridge.url) as link:
            yield link, peer


class TestWebRepl(LinkContract):
    @contextmanager
    def pair(self) -> Iterator[tuple[Link, PtyPeer]]:
        with (
            pty_pair() as (port, peer),
            WebReplBridge(port, password=PASSWORD) as bridge,
            open_link(bridge.url, password=PASSWORD) as link,
        ):
            yield link, peer


def test_who_holds_the_writer_back() -> None:
    with pty_pair() as (port, _peer), SerialLink(port) as link:
        assert link.paced
    with SerialLink("loop://") as link:  # what is behind a URL is not known
        assert not link.paced
    assert usb_device(0x2E8A, 0x0005).paced
    for vid, pid in ((0x10C4, 0xEA60), (0x0D28, 0x0204), (0x2E8A, 0x000C), (0xF055, 0x9800), (0x1234, 1)):
        assert not usb_device(vid, pid).paced


def test_a_port_that_takes_no_bytes() -> None:
    with (
        pty_pair() as (port, _peer),  # which nobody reads
        SerialLink(port, write_timeout_s=0.1) as link,
        pytest.raises(DeadlineError, match="does not take bytes"),
    ):
        link.write(bytes(1 << 20))


def test_no_such_port() -> None:
    with pytest.raises(NotFoundError, match="there is no port"):
        SerialLink("/dev/ttyNoSuchPort")


HOLD = """
import serial, sys
port = serial.Serial(sys.argv[1], exclusive=True)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(
    not Path("/proc/self/fd").exists(), reason="no /proc: the holder of a port cannot be named"
)
def test_a_busy_port_names_its_holder() -> None:
    with pty_pair() as (port, _peer):
        other = subprocess.Popen(
            [sys.executable, "-c", HOLD, port], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        with other:
            assert other.stdout.readline() == "held\n"
            with pytest.raises(InUseError, match=rf"\({other.pid}\)") as caught:
                SerialLink(port)
            assert str(other.pid) in caught.value.holder
            other.stdin.close()
        assert holder(port) == ""
        SerialLink(port).close()


def hangs_up(port: str) -> bool:
    """Whether the system drops the lines of ``port`` when it is closed."""
    fd = os.open(port, os.O_RDWR | os.O_NOCTTY)
    try:
        return bool(termios.tcgetattr(fd)[2] & termios.HUPCL)
    finally:
        os.close(fd)


@pytest.mark.parametrize("quiet", [True, False])
def test_a_quiet_link_leaves_the_lines_asserted(quiet: bool) -> None:
    with pty_pair() as (port, _peer):
        fd = os.open(port, os.O_RDWR | os.O_NOCTTY)
        modes = termios.tcgetattr(fd)
        modes[2] |= termios.HUPCL  # as the system opens a serial port
        termios.tcsetattr(fd, termios.TCSANOW, modes)
        os.close(fd)
        with open_link(port, quiet=quiet):
            pass
        assert hangs_up(port) is not quiet


def test_a_quiet_link_changes_no_line_of_a_virtual_port(tmp_path: Path) -> None:
    port = str(tmp_path / "board.tty")
    with pty_pair() as (slave, _peer), socket.socket(socket.AF_UNIX) as server:
        Path(port).symlink_to(slave)
        server.bind(port + ".lines")
        server.listen(1)
        with open_link(port, quiet=True):
            far, _ = server.accept()
        with far:
            assert far.recv(1) == b""  # it was closed, and nothing was said before


def test_modem_lines_of_a_virtual_port_travel_beside_it(tmp_path: Path) -> None:
    port = str(tmp_path / "board.tty")
    with pty_pair() as (slave, _peer), socket.socket(socket.AF_UNIX) as server:
        Path(port).symlink_to(slave)
        server.bind(port + ".lines")
        server.listen(1)
        with SerialLink(port) as link:
            far, _ = server.accept()
            with far:
                assert link.has_lines
                far.sendall(b"..")  # the acknowledgements, one for each line
                link.set_lines(dtr=False, rts=True)
                assert SocketPeer(far).receive(4) == b"D0R1"
