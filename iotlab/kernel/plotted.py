"""The live plot of a cell on the board: ``plot(temperature_c=21.5)``."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any

from iotlab.errors import ClosedError, UnavailableError
from iotlab.micropython.show import Sample
from iotlab.stream.sampler import BATCH_S, Stream

#: After so many milliseconds a board's ``time.ticks_ms`` starts anew, where its whole numbers have 31 bits.
_AROUND_MS = 1 << 30
#: The rate that a plot begins with, until so many milliseconds of samples tell the true one.
_USUAL_HZ = 1.0
_SEEN_MS = 1000


class Fed(Stream):
    """A stream whose samples the board sends by itself: nothing is read, so it has no thread."""

    def __init__(self, name: str) -> None:
        super().__init__(dict, _USUAL_HZ, name=name)
        self._first_s: float | None = None

    def start(self) -> None:
        with self._wake:
            if self._state == "closed":
                raise ClosedError("the plot was closed: run the cell again")
            self._set("running")
        self._changed()

    def feed(self, t_s: float, values: Mapping[str, float]) -> None:
        """A sample; while the plot is paused it is left out."""
        if self.state != "running":
            return
        self.recording.append(t_s, values)
        if time.monotonic() - self._flushed_at >= BATCH_S:
            self._flush()

    def end(self) -> None:
        """The cell ended."""
        self._flush()
        self.stop()
        self._changed()


class Plotted:
    """What one cell plots. ``ready`` sees to it that widgets can be shown, behind the cell that runs."""

    def __init__(self, ready: Callable[[], AbstractContextManager[None]], title: str) -> None:
        self._ready, self._title = ready, title
        self._fed: Fed | None = None
        self._plot: Any = None
        self._missing = False
        self._last_ms = 0
        self._t_ms = 0
        self._counted = (1, 0)  # samples, and when

    @property
    def open(self) -> bool:
        """Whether there is a plot already."""
        return self._fed is not None or self._missing

    def take(self, sample: Sample) -> bool:
        """Plot a sample; False where no widget can be made, as the extra is not installed."""
        if self._fed is None and not self._missing:
            self._last_ms = sample.ticks_ms
            self._begin()
        if self._fed is None:
            return False
        self._t_ms += (sample.ticks_ms - self._last_ms) % _AROUND_MS
        self._last_ms = sample.ticks_ms
        self._fed.feed(self._t_ms / 1000, sample.values)
        self._count()
        return True

    def finish(self) -> None:
        """The cell ended: the plot stays as it is."""
        if self._fed:
            with self._ready():
                self._fed.end()
            self._fed = None

    def _count(self) -> None:
        """Tell the page how fast samples come, which the cell alone decides."""
        (samples, since_ms), end = self._counted, self._fed.recording.end if self._fed else 0
        if self._t_ms - since_ms >= _SEEN_MS:
            self._counted = (end, self._t_ms)
            self._plot.rate_hz = float(f"{(end - samples) * 1000 / (self._t_ms - since_ms):.2g}")

    def _begin(self) -> None:
        import iotlab

        try:
            with self._ready():
                fed = Fed(self._title)
                self._plot = iotlab.live(fed, title=self._title)
                self._plot._ipython_display_()
        except UnavailableError:
            self._missing = True
            return
        self._fed = fed
        # the picture at the end needs it, and it takes a second to come
        threading.Thread(target=import_module, args=("matplotlib.backends.backend_agg",), daemon=True).start()
