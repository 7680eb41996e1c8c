"""The clocks of boards beside this machine's."""

from __future__ import annotations

#: How much of ``ticks_us`` and ``ticks_ms`` is looked at: they come round after 2**30 on most boards, later on none.
MASK = (1 << 30) - 1


class Ticks:
    """Makes one line of a board's ``ticks_us``, which come round after 18 minutes, with its ``ticks_ms``."""

    def __init__(self) -> None:
        self._ms: int | None = None
        self._apart = (
            0  # of microseconds from a thousand times milliseconds; not every board counts them from one
        )

    def us(self, us: int, ms: int) -> int:
        """The microseconds of a moment, of which a board told 30 bits of both."""
        if self._ms is None:
            self._ms, self._apart = ms, _nearest(us - ms * 1000)
        self._ms += _nearest(ms - self._ms)
        about = self._ms * 1000 + self._apart
        return about + _nearest(us - about)


def _nearest(difference: int) -> int:
    """The number nearest to nought that is the same in 30 bits."""
    return ((difference + (1 << 29)) & MASK) - (1 << 29)
