"""Waiting for what an emulated chip does in its own time."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_S = 60.0


def wait_for(value: Callable[[], object], wanted: Callable[[object], object] = bool) -> object:
    """``value()`` as soon as it is ``wanted``."""
    end_s = time.monotonic() + PATIENCE_S
    while not wanted(now := value()):
        assert time.monotonic() < end_s, f"it stayed {now!r}"
        time.sleep(0.02)
    return now
