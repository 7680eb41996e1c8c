"""The contract of a link, as tests. Subclass it for every link; ``pair`` opens both ends.

::

    class TestMyLink(LinkContract):
        @contextmanager
        def pair(self):
            yield link, peer        # peer: the far end, with send(bytes), receive(size) and hang_up()
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

import pytest

from iotlab.errors import ClosedError, DeadlineError, DisconnectedError
from iotlab.link.base import Link


class Peer(Protocol):
    """The far end of a link under test."""

    def send(self, data: bytes) -> None: ...

    def receive(self, size: int) -> bytes:
        """Exactly ``size`` bytes."""
        ...

    def hang_up(self) -> None: ...


class PtyPeer:
    """The far end of a serial port that is a PTY: its master, ``fd``."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def send(self, data: bytes) -> None:
        while data:
            data = data[os.write(self.fd, data) :]

    def receive(self, size: int) -> bytes:
        """Exactly ``size`` bytes."""
        got = b""
        while len(got) < size:
            got += os.read(self.fd, size - len(got))
        return got

    def hang_up(self) -> None:
        """As if the cable were pulled. Idempotent."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


@contextmanager
def pty_pair() -> Iterator[tuple[str, PtyPeer]]:
    """A serial port, by its name, and its far end."""
    import tty  # not on Windows

    master, slave = os.openpty()
    tty.setraw(slave)
    peer = PtyPeer(master)
    try:
        yield os.ttyname(slave), peer
    finally:
        peer.hang_up()
        os.close(slave)


class LinkContract:
    """What every link does."""

    def pair(self) -> AbstractContextManager[tuple[Link, Peer]]:
        """Both ends of an open link."""
        raise NotImplementedError("a subclass opens the link")

    @pytest.fixture
    def ends(self) -> Iterator[tuple[Link, Peer]]:
        with self.pair() as both:
            yield both

    def test_bytes_arrive_in_order(self, ends: tuple[Link, Peer]) -> None:
        link, peer = ends
        every = bytes(range(256))
        peer.send(every)
        assert link.read_exactly(256, timeout_s=5) == every
        link.write(every)
        assert peer.receive(256) == every

    def test_a_read_takes_what_is_there(self, ends: tuple[Link, Peer]) -> None:
        link, peer = ends
        peer.send(b"abc")
        got = link.read(2, timeout_s=5)
        assert 1 <= len(got) <= 2
        rest = link.read_exactly(3 - len(got), timeout_s=5)
        assert got + rest == b"abc"

    def test_silence_is_a_deadline(self, ends: tuple[Link, Peer]) -> None:
        with pytest.raises(DeadlineError):
            ends[0].read(timeout_s=0.05)

    def test_a_deadline_tells_what_had_come(self, ends: tuple[Link, Peer]) -> None:
        link, peer = ends
        peer.send(b"abc")
        with pytest.raises(DeadlineError) as caught:
            link.read_exactly(5, timeout_s=0.5)
        assert caught.value.partial == b"abc"

    def test_read_until_leaves_what_follows(self, ends: tuple[Link, Peer]) -> None:
        link, peer = ends
        peer.send(b"OK>rest")
        assert link.read_until(b">", timeout_s=5) == b"OK>"
        assert link.read_exactly(4, timeout_s=5) == b"rest"

    def test_both_ways_at_once(self, ends: tuple[Link, Peer]) -> None:
        link, peer = ends
        up, down = bytes(range(256)) * 200, bytes(reversed(range(256))) * 200
        received: list[bytes] = []

        def far_end() -> None:
            peer.send(down)
            received.append(peer.receive(len(up)))

        writer = threading.Thread(target=lambda: link.write(up))
        far = threading.Thread(target=far_end)
        writer.start()
        far.start()
        assert link.read_exactly(len(down), timeout_s=20) == down
        writer.join(20)
        far.join(20)
        assert received == [up]

    def test_a_far_end_that_reads_late_gets_everything(self, ends: tuple[Link, Peer]) -> None:
        link, peer = ends
        data = bytes(range(256)) * 1024  # more than any buffer on the way holds
        writer = threading.Thread(target=lambda: link.write(data))
        writer.start()
        writer.join(0.2)
        assert peer.receive(len(data)) == data
        writer.join(20)
        assert not writer.is_alive()

    def test_a_glance_takes_what_is_there(self, ends: tuple[Link, Peer]) -> None:
        link, peer = ends
        with pytest.raises(DeadlineError):
            link.read(timeout_s=0.0)
        peer.send(b"ab")
        assert link.read_exactly(1, timeout_s=5) == b"a"
        assert link.read(timeout_s=5) == b"b"

    def test_the_far_end_goes(self, ends: tuple[Link, Peer]) -> None:
        link, peer = ends
        peer.hang_up()
        with pytest.raises(DisconnectedError):
            link.read(timeout_s=5)

    def test_a_look_leaves_what_came(self, ends: tuple[Link, Peer]) -> None:
        link, peer = ends
        peer.send(b"abcd")
        assert link.read_exactly(1, timeout_s=5) == b"a"
        link.look()
        assert link.read_exactly(3, timeout_s=5) == b"bcd"
        link.look()

    def test_a_look_sees_that_the_far_end_went(self, ends: tuple[Link, Peer]) -> None:
        link, peer = ends
        peer.hang_up()
        with pytest.raises(DisconnectedError):
            link.read(timeout_s=5)  # it may take a moment
        with pytest.raises(DisconnectedError):
            link.look()
        assert link.lost

    def test_closing_twice_is_once(self, ends: tuple[Link, Peer]) -> None:
        link, _ = ends
        link.close()
        link.close()
        assert link.closed
        with pytest.raises(ClosedError):
            link.read(timeout_s=1)
        with pytest.raises(ClosedError):
            link.write(b"x")
