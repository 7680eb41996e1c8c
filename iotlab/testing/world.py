"""A world for one simulated chip: its values are set by the test, and its clock goes on when looked at."""

from __future__ import annotations

import itertools
import time

from iotlab.errors import NotFoundError


class SteadyWorld:
    """Quantities stay until set. ``now`` goes ``step_s`` further with every look, so nobody waits.

    Without a step (``None``) it is this machine's clock, for drivers that sleep as long as a chip needs.

    >>> world = SteadyWorld(temperature_c=20.0)
    >>> world.set(temperature_c=41.3)
    >>> world.value("temperature_c")
    41.3
    """

    def __init__(
        self, *, start_s: float = 1_700_000_000.0, step_s: float | None = 0.001, **quantities: float
    ) -> None:
        self._quantities = quantities
        self._steps = itertools.count()
        self._start_s, self._step_s = start_s, step_s

    def set(self, **quantities: float) -> None:
        """Change quantities."""
        self._quantities.update(quantities)

    def pass_time(self, seconds: float) -> None:
        """Let ``seconds`` go by."""
        self._start_s += seconds

    def value(self, quantity: str) -> float:
        try:
            return self._quantities[quantity]
        except KeyError:
            raise NotFoundError(f"this world has no {quantity!r}: give it one with set()") from None

    def now(self) -> float:
        """Seconds since the epoch."""
        if self._step_s is None:
            return time.time()
        return self._start_s + next(self._steps) * self._step_s
