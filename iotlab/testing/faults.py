"""A link that does one thing wrong, at a chosen byte: to see what a protocol makes of it."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from typing import Literal

from iotlab.errors import ClosedError, DeadlineError, DisconnectedError, LinkError
from iotlab.link.base import Link

Kind = Literal["drop", "flip", "duplicate", "stall", "disconnect"]
Direction = Literal["to-board", "from-board"]

KINDS: tuple[Kind, ...] = ("drop", "flip", "duplicate", "stall", "disconnect")
DIRECTIONS: tuple[Direction, ...] = ("to-board", "from-board")
#: How soon a call notices that the link was disconnected by another thread.
_LOOK_S = 0.1


@dataclass(frozen=True)
class Fault:
    """One fault, at the byte number ``offset`` (0 is the first) of what goes in ``direction``.

    ``drop``: the byte is lost. ``flip``: the bits of ``mask`` are inverted in it. ``duplicate``: it comes twice.
    ``stall``: it and what follows come ``stall_s`` late, nothing is lost. ``disconnect``: it never arrives, and
    the link is gone.
    """

    kind: Kind
    direction: Direction
    offset: int
    mask: int = 0x01
    stall_s: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS or self.direction not in DIRECTIONS:
            raise ValueError(f"a fault is one of {', '.join(KINDS)}, in one of {', '.join(DIRECTIONS)}")
        if self.offset < 0 or not 0 < self.mask < 256 or self.stall_s <= 0:
            raise ValueError("offset counts from 0, mask has 1 to 255, stall_s is above 0")


class FaultyLink(Link):
    """Another link, with one fault. Bytes are counted from when it was armed.

    A ``disconnect`` closes the port; what is on it remains, and can be reached by opening the port anew.

    >>> from iotlab.link.serial import SerialLink
    >>> link = FaultyLink(SerialLink("loop://"), Fault("drop", "to-board", 1))
    >>> link.write(b"abc")
    >>> link.read_exactly(2, timeout_s=1)
    b'ac'
    >>> link.applied, link.counted("to-board")
    (True, 3)
    >>> link.close()
    """

    def __init__(self, link: Link, fault: Fault | None = None) -> None:
        super().__init__(link.name)
        self.has_lines = link.has_lines
        self._link = link
        self._lanes: dict[Direction, _Lane] = {direction: _Lane() for direction in DIRECTIONS}
        self._gone = threading.Event()
        self._sending = threading.Lock()
        self.arm(fault)

    def arm(self, fault: Fault | None) -> None:
        """Count from here on, and do ``fault`` at its offset; none with ``None``. What is held back stays so."""
        for direction, lane in self._lanes.items():
            lane.arm(fault if fault and fault.direction == direction else None)

    @property
    def applied(self) -> bool:
        """Whether the fault happened: its byte has come."""
        return any(lane.applied for lane in self._lanes.values())

    def counted(self, direction: Direction) -> int:
        """Bytes that went in at the sender's end since the link was armed."""
        return self._lanes[direction].counted

    def disconnect(self) -> None:
        """Be gone now, as if the cable was pulled. From any thread: a call that waits ends."""
        self._gone.set()

    def set_lines(self, *, dtr: bool | None = None, rts: bool | None = None) -> None:
        self._check_there()
        self._link.set_lines(dtr=dtr, rts=rts)

    # -- hooks --------------------------------------------------------------------------------

    def _read(self, max_size: int, timeout_s: float) -> bytes:
        lane, end = self._lanes["from-board"], time.monotonic() + timeout_s
        while True:
            self._send_what_is_due()
            if data := lane.take(max_size):
                return data
            if lane.broken:
                self._gone.set()
            self._check_there()
            left = max(0.0, end - time.monotonic())
            wait_s = min(left, _LOOK_S, *(lane.held_for_s or left for lane in self._lanes.values()))
            if lane.held_for_s:
                self._gone.wait(wait_s)  # nothing is taken from the port meanwhile: its buffer holds it
            else:
                with contextlib.suppress(DeadlineError):
                    lane.feed(self._link.read(max_size, timeout_s=wait_s))
                    continue
            if not left:
                return b""

    def _write(self, data: bytes) -> None:
        lane = self._lanes["to-board"]
        with self._sending:
            self._check_there()
            lane.feed(data)
            self._send(lane.take())
            if lane.broken:
                self._gone.set()
        self._check_there()

    def _close(self) -> None:
        with contextlib.suppress(LinkError, DeadlineError, ClosedError):
            self._send(self._lanes["to-board"].take(early=True))
        self._link.close()

    # -- details ------------------------------------------------------------------------------

    def _send(self, data: bytes) -> None:
        if data:
            self._link.write(data)

    def _send_what_is_due(self) -> None:
        # A writer that is at work sends it itself; waiting for it here would keep it from ending.
        if self._sending.acquire(blocking=False):
            try:
                self._send(self._lanes["to-board"].take())
            finally:
                self._sending.release()

    def _check_there(self) -> None:
        if self._gone.is_set():
            self._link.close()
            raise DisconnectedError(f"{self.name} went away: plug it in again")


class _Lane:
    """One direction: counts what goes in, does the fault, and gives out what has arrived."""

    def __init__(self) -> None:
        self._ready, self._held = bytearray(), bytearray()
        self._until_s = 0.0
        self.broken = False
        self.arm(None)

    def arm(self, fault: Fault | None) -> None:
        self._fault, self.counted, self.applied = fault, 0, False

    def feed(self, data: bytes) -> None:
        """Take what was sent."""
        fault, start = self._fault, self.counted
        self.counted += len(data)
        if fault is None or not start <= fault.offset < self.counted:
            self._pass(data)
            return
        self.applied = True
        at = fault.offset - start
        before, byte, after = data[:at], data[at : at + 1], data[at + 1 :]
        self._pass(before)
        if fault.kind == "drop":
            self._pass(after)
        elif fault.kind == "flip":
            self._pass(bytes((byte[0] ^ fault.mask,)) + after)
        elif fault.kind == "duplicate":
            self._pass(byte + byte + after)
        elif fault.kind == "stall":
            self._until_s = time.monotonic() + fault.stall_s
            self._pass(byte + after)
        else:
            self.broken = True

    def take(self, max_size: int | None = None, *, early: bool = False) -> bytes:
        """What has arrived, ``max_size`` bytes at the most; ``early`` with what is held back."""
        if self._held and (early or not self.held_for_s):
            self._ready += self._held
            self._held.clear()
        data = bytes(self._ready[:max_size])
        del self._ready[: len(data)]
        return data

    @property
    def held_for_s(self) -> float:
        """How long from now something is held back; 0 where nothing is."""
        return max(0.0, self._until_s - time.monotonic()) if self._held else 0.0

    def _pass(self, data: bytes) -> None:
        if not self.broken:
            held = self._held or time.monotonic() < self._until_s
            (self._held if held else self._ready).extend(data)
