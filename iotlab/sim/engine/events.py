"""What happens while a board's program does something else: edges of pins, timers."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections import deque

from iotlab.sim.engine.loop import Loop, Timer

#: What happened, and to which; the numbers are those of ``device/_bench.py``.
EVENT = struct.Struct("<BB")
PIN, TIMER = 0, 1


class Events:
    """Keeps what happened until the program takes it; the first one wakes it by a byte to ``listener``."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self.listener: socket.socket | None = None
        self._waiting: deque[tuple[int, int]] = deque()
        self._woken = False
        self._timers: dict[int, Timer] = {}

    def pin(self, number: int) -> None:
        """There was an edge on a pin."""
        self._add(PIN, number)

    def timer(self, number: int, period_us: int, periodic: bool) -> None:
        """Start the timer ``number``, or stop it (``period_us`` 0)."""
        old = self._timers.pop(number, None)
        if old:
            old.cancel()
        if period_us:
            self._timers[number] = self._loop.after(
                period_us / 1e6, lambda: self._tick(number, period_us, periodic)
            )

    def take(self) -> bytes:
        """What happened since the last time."""
        told = b"".join(EVENT.pack(*event) for event in self._waiting)
        self._waiting.clear()
        self._woken = False
        return told

    def forget(self) -> None:
        """The program is gone, and its timers with it."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._waiting.clear()
        self._woken, self.listener = False, None

    def _tick(self, number: int, period_us: int, periodic: bool) -> None:
        timer = self._timers.pop(number)
        if periodic:
            self._timers[number] = self._loop.at(
                timer.at_s + period_us / 1e6, lambda: self._tick(number, period_us, True)
            )
        if (TIMER, number) not in self._waiting:  # a tick that was not served yet is one tick
            self._add(TIMER, number)

    def _add(self, kind: int, number: int) -> None:
        if self.listener is None:
            return
        self._waiting.append((kind, number))
        if not self._woken:
            self._woken = True
            with contextlib.suppress(OSError):  # it is going
                self.listener.send(b"!")
