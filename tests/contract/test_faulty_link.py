"""The faulty link is a link, and does exactly the fault that it was given."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from test_links import PtyPeer, pty_pair

from iotlab.errors import DeadlineError, DisconnectedError
from iotlab.link.serial import SerialLink
from iotlab.testing.faults import DIRECTIONS, Direction, Fault, FaultyLink, Kind
from iotlab.testing.links import LinkContract

SENT = b"0123456789"


@contextmanager
def faulty(fault: Fault | None = None) -> Iterator[tuple[FaultyLink, PtyPeer]]:
    with pty_pair() as (port, peer), FaultyLink(SerialLink(port), fault) as link:
        yield link, peer


class TestWithoutAFault(LinkContract):
    pair = staticmethod(faulty)


class TestBeforeItsFault(LinkContract):
    """A fault that is far away changes nothing."""

    @contextmanager
    def pair(self) -> Iterator[tuple[FaultyLink, PtyPeer]]:
        with faulty(Fault("drop", "from-board", 1 << 20)) as ends:
            yield ends


def passed(fault: Fault, size: int, *, at_once: bool = True) -> bytes:
    """``size`` bytes of what arrives of ``SENT``, sent whole or byte by byte."""
    parts = [SENT] if at_once else [SENT[n : n + 1] for n in range(len(SENT))]
    with faulty(fault) as (link, peer):
        for part in parts:
            if fault.direction == "to-board":
                link.write(part)
            else:
                peer.send(part)
        got = peer.receive(size) if fault.direction == "to-board" else link.read_exactly(size, timeout_s=5)
        with pytest.raises(DeadlineError):  # nothing else comes
            link.read(timeout_s=0.05)
        assert link.applied
        assert link.counted(fault.direction) == len(SENT)
        return got


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize(
    ("kind", "offset", "arrives"),
    [
        ("drop", 0, b"123456789"),
        ("drop", 9, b"012345678"),
        ("duplicate", 4, b"01234456789"),
        ("duplicate", 9, b"01234567899"),
        ("flip", 4, b"0123\xb456789"),
    ],
)
def test_one_byte(kind: Kind, offset: int, arrives: bytes, direction: Direction, at_once: bool) -> None:
    assert passed(Fault(kind, direction, offset, mask=0x80), len(arrives), at_once=at_once) == arrives


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_stall_loses_nothing(direction: Direction) -> None:
    with faulty(Fault("stall", direction, 4, stall_s=0.3)) as (link, peer):
        begun = time.monotonic()
        if direction == "from-board":
            peer.send(SENT)
            assert link.read_exactly(4, timeout_s=5) == b"0123"
            with pytest.raises(DeadlineError):
                link.read(timeout_s=0.01)
            assert link.read_exactly(6, timeout_s=5) == b"456789"
        else:
            link.write(SENT[:6])
            assert peer.receive(4) == b"0123"
            link.write(SENT[6:])
            with pytest.raises(DeadlineError):  # whoever waits for the answer sees to it that they go
                link.read(timeout_s=0.5)
            assert peer.receive(6) == b"456789"
        assert time.monotonic() - begun > 0.3
        assert link.applied


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_disconnect_closes_the_port(direction: Direction) -> None:
    with pty_pair() as (port, peer):
        link = FaultyLink(SerialLink(port), Fault("disconnect", direction, 4))
        if direction == "from-board":
            peer.send(SENT)
            assert link.read_exactly(4, timeout_s=5) == b"0123"
        else:
            with pytest.raises(DisconnectedError):
                link.write(SENT)
            assert peer.receive(4) == b"0123"
        with pytest.raises(DisconnectedError):
            link.read(timeout_s=5)
        with pytest.raises(DisconnectedError):
            link.write(b"x")
        with pytest.raises(DisconnectedError):
            link.set_lines(dtr=True)
        with SerialLink(port) as again:  # the port is free, and what is behind it goes on
            peer.send(b"hello")
            assert again.read_exactly(5, timeout_s=5) == b"hello"
        link.close()


def test_it_counts_from_when_it_is_armed() -> None:
    with faulty() as (link, peer):
        link.write(b"before")
        assert peer.receive(6) == b"before"
        assert link.counted("to-board") == 6
        link.arm(Fault("drop", "to-board", 2))
        assert not link.applied
        link.write(SENT)
        assert peer.receive(9) == b"013456789"
        link.arm(None)
        link.write(SENT)
        assert peer.receive(10) == SENT


def test_another_thread_disconnects_a_read() -> None:
    with faulty() as (link, _):
        caught: list[BaseException] = []

        def read() -> None:
            try:
                link.read(timeout_s=30)
            except DisconnectedError as error:
                caught.append(error)

        reader = threading.Thread(target=read)
        reader.start()
        link.disconnect()
        reader.join(10)
        assert not reader.is_alive()
        assert "went away" in str(caught[0])


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "melt"},
        {"direction": "sideways"},
        {"offset": -1},
        {"mask": 0},
        {"mask": 256},
        {"stall_s": 0.0},
    ],
)
def test_a_fault_that_makes_no_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"fault|offset"):
        Fault(**{"kind": "drop", "direction": "to-board", "offset": 0, **wrong})
