"""The time of the emulated chip is this machine's, so that a program sleeps as long as it says.

The emulator's own clock counts the cycles of its core, which is some thirty times slower than a real one, and
leaps ahead while the core waits. Hosts and programs have time-outs: with this clock a millisecond of the chip's
timer is one on the wall, and what is slow is the core alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from rp2040py.clock.simulation_clock import SimulationClock


class WallClock(SimulationClock):
    """``ticked()`` is called whenever the time was brought forward, a few thousand times a second."""

    def __init__(self, ticked: Callable[[], None]) -> None:
        super().__init__()
        self._start_ns = time.monotonic_ns()
        self._ticked = ticked

    def tick(self, delta_nanos: float) -> None:
        """Bring the time forward to now; how many cycles ran since does not matter."""
        del delta_nanos
        super().tick(max(0.0, time.monotonic_ns() - self._start_ns - self.nanos))
        self._ticked()

    @property
    def idle_s(self) -> float | None:
        """How long until the next alarm; None where none is set."""
        if not self.has_scheduled_alarm:
            return None
        passed = time.monotonic_ns() - self._start_ns - self.nanos
        return max(0.0, (self.nanos_to_next_alarm - passed) / 1e9)
