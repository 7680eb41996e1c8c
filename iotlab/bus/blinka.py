"""An I2C bus in the shape that CircuitPython drivers expect of ``busio.I2C``.

The several hundred ``adafruit_*`` drivers use seven methods of a bus. With them any bus of iotlab, on a
board or simulated, carries any of these drivers unmodified. This module needs nothing but the bus; the
drivers themselves need Blinka installed, which is in the extra ``drivers``.
"""

from __future__ import annotations

import threading
from typing import Any

from iotlab.bus.i2c import I2CBus, Operation, Read, Write


class BlinkaI2C:
    """``bus`` as ``busio.I2C`` (CircuitPython's documentation of ``busio``, class ``I2C``).

    A transfer that fails raises what the bus raises: ``NackError`` is an ``OSError``, as the drivers
    expect. The lock is not tied to a thread, and it is one for all drivers of a bus.
    """

    def __init__(self, bus: I2CBus) -> None:
        self.bus = bus
        self._lock = threading.Lock()

    def try_lock(self) -> bool:
        """Take the lock if it is free; never waits."""
        return self._lock.acquire(blocking=False)

    def unlock(self) -> None:
        """Free the lock. ``ValueError`` where nobody holds it, as in CircuitPython."""
        try:
            self._lock.release()
        except RuntimeError:
            raise ValueError("this bus is not locked: call try_lock first") from None

    def scan(self) -> list[int]:
        """The addresses that acknowledge."""
        return self.bus.scan()

    def writeto(self, address: int, buffer: Any, *, start: int = 0, end: int | None = None) -> None:
        """Write ``buffer[start:end]``; an empty one addresses the chip and no more."""
        self.bus.transaction(address, [Write(_part(buffer, start, end))])

    def readfrom_into(self, address: int, buffer: Any, *, start: int = 0, end: int | None = None) -> None:
        """Read into ``buffer[start:end]``."""
        target = memoryview(buffer).cast("B")[start:end]
        self._run(address, [], target)

    def writeto_then_readfrom(
        self,
        address: int,
        out_buffer: Any,
        in_buffer: Any,
        *,
        out_start: int = 0,
        out_end: int | None = None,
        in_start: int = 0,
        in_end: int | None = None,
    ) -> None:
        """Write a part of ``out_buffer``, repeated start, read into a part of ``in_buffer``."""
        out = Write(_part(out_buffer, out_start, out_end))  # a copy: both may be the same buffer
        self._run(address, [out], memoryview(in_buffer).cast("B")[in_start:in_end])

    def deinit(self) -> None:
        """Nothing: who opened the bus closes it."""

    def __enter__(self) -> BlinkaI2C:
        return self

    def __exit__(self, *_: object) -> None:
        self.deinit()

    def _run(self, address: int, before: list[Operation], target: memoryview) -> None:
        reads: list[Operation] = [Read(len(target))] if len(target) else []
        if before or reads:
            answers = self.bus.transaction(address, before + reads)
            if answers:
                target[:] = answers[0]


def _part(buffer: Any, start: int, end: int | None) -> bytes:
    return bytes(memoryview(buffer).cast("B")[start:end])
