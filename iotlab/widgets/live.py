"""A plot that follows what is sampled."""

from __future__ import annotations

import math
import re
import sys
from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from iotlab.errors import ConfigError
from iotlab.stream import Batch, Recording, Stream, quantity
from iotlab.stream.export import csv_header, csv_rows, figure_png
from iotlab.stream.recording import MAX_SAMPLES
from iotlab.stream.thin import thinned
from iotlab.widgets.base import Widget

# After ``base``, which says which extra is missing.
import traitlets  # isort: skip
from ipywidgets.widgets.widget import _instances as instances  # isort: skip

if TYPE_CHECKING:
    import os

    import pandas
    from matplotlib.figure import Figure

    from iotlab.board import Board
    from iotlab.stream.source import Source

#: Rows of a CSV file per message to the page; a row has some 30 to 100 bytes.
_CSV_ROWS = 10_000
#: A snapshot for the page holds at most so many rows; with more, lowest and highest per bucket.
_SNAPSHOT_ROWS = 4000
#: How often counts go to the page while rows come.
_COUNTS_EVERY_S = 0.25
_REQUEST_ID = re.compile(r"[0-9a-f]{16}")


class LivePlot(Widget):
    """The view of a ``Stream``: a panel per unit, the newest values, buttons to pause and to save.

    ``live`` makes one. It is an ipywidgets widget, so it can stand in a ``VBox`` of a dashboard; several
    views show the same data, a page that was reloaded gets the newest window again, and without a
    widget manager (nbconvert, GitHub) the output is a picture of the data at the last ``pause`` or ``stop``.
    """

    module = "live"
    actions: ClassVar[Mapping[str, str]] = {
        "hello": "_hello",
        "pause": "_pause_asked",
        "resume": "_resume_asked",
        "csv": "_csv_asked",
    }

    title = traitlets.Unicode().tag(sync=True)
    traces: traitlets.List[dict[str, str]] = traitlets.List().tag(sync=True)
    window_s = traitlets.Float(30.0).tag(sync=True)
    rate_hz = traitlets.Float().tag(sync=True)
    state = traitlets.Unicode("ready").tag(sync=True)
    error = traitlets.Unicode().tag(sync=True)
    counts = traitlets.Dict().tag(sync=True)
    #: The newest window as it was at the last pause or stop: what a page without a kernel shows.
    frozen = traitlets.Dict().tag(sync=True)

    def __init__(self, stream: Stream, *, window_s: float = 30.0, title: str = "") -> None:
        if not 0.1 <= window_s <= 86_400:
            raise ConfigError(f"window_s is {window_s}: give 0.1 to 86400 seconds")
        self.stream = stream
        #: The cell that made the plot, and the run of it.
        self.cell = ("", "")
        self._counted_s = -math.inf
        self._noted = 0
        super().__init__(
            title=title,
            window_s=float(window_s),
            rate_hz=stream.rate_hz,
            layout={"width": "100%"},
            counts=_counts(stream),
        )
        stream.subscribe(self._send_rows, self._show_state)
        self._show_state()

    # -- what a user calls --------------------------------------------------------------------

    @property
    def recording(self) -> Recording:
        """Everything that was sampled, at full resolution."""
        return self.stream.recording

    def pause(self) -> None:
        """Stop reading until ``resume``."""
        self.stream.pause()
        self._freeze()

    def resume(self) -> None:
        """Go on after ``pause``, ``stop`` or a failure."""
        self.stream.resume()

    def stop(self) -> None:
        """Stop sampling; what was recorded stays, and the plot goes on showing it."""
        self.stream.stop()

    def close(self) -> None:
        """Stop sampling for good and take the plot off the page. Idempotent."""
        if self.comm is not None:  # ipywidgets calls this for a plot that was never made, too
            self.stream.close()
        super().close()

    def to_csv(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """See ``Recording.to_csv``."""
        return self.recording.to_csv(path, overwrite=overwrite)

    def to_dataframe(self) -> pandas.DataFrame:
        """See ``Recording.to_dataframe``."""
        return self.recording.to_dataframe()

    def figure(self) -> Figure:
        """See ``Recording.figure``."""
        return self.recording.figure(self.title)

    def __repr__(self) -> str:
        return f"<LivePlot {self.title!r} {self.stream.state}, {len(self.recording)} samples>"

    def picture(self) -> bytes | None:
        """The recording as PNG; None while nothing was recorded."""
        return figure_png(self.figure()) if len(self.recording) else None

    # -- to the page, from the sampling thread ------------------------------------------------

    def _send_rows(self, batch: Batch) -> None:
        with self._sending:
            if len(batch.names) != len(self.traces):
                self._show_traces(batch.names)
                self._send_snapshot()
            else:
                self._send_batch("batch", batch, batch.first + len(batch))
            if batch.t_s[-1] - self._counted_s >= _COUNTS_EVERY_S:
                self._counted_s = batch.t_s[-1]
                self.counts = _counts(self.stream)

    def _show_traces(self, names: tuple[str, ...]) -> None:
        told = [(name, quantity(name)) for name in names]
        self.traces = [{"name": name, "label": q.label, "unit": q.unit} for name, q in told]

    def _show_state(self) -> None:
        with self._sending:
            self.counts = _counts(self.stream)
            self.error = self.stream.error
            self.state = self.stream.state
        if self.stream.state in ("stopped", "failed"):
            self._freeze()

    def _send_snapshot(self) -> None:
        """The newest window, for a page that has nothing yet. Caller holds ``_sending``."""
        batch = self._window()
        if len(batch.names) == len(self.traces):
            self._send_batch("snapshot", thinned(batch, _SNAPSHOT_ROWS), batch.first + len(batch))

    def _freeze(self) -> None:
        """Keep what is shown with the notebook: as a picture, and in the widget's state."""
        with self._sending:
            batch = self._window()
            thin = thinned(batch, _SNAPSHOT_ROWS)
            self.frozen = {
                **self._head("snapshot", thin, batch.first + len(batch)),
                "rows_f32": _floats(thin),
            }
        self.renew_picture()

    def _window(self) -> Batch:
        end = self.recording.end
        newest = self.recording.rows(end - 1, end)
        return self.recording.since(newest.t_s[0] - self.window_s) if len(newest) else newest

    def _send_batch(self, kind: str, batch: Batch, end: int) -> None:
        self.send(self._head(kind, batch, end), [_floats(batch)])

    def _head(self, kind: str, batch: Batch, end: int) -> dict[str, object]:
        return {
            "kind": kind,
            "first": batch.first,
            "rows": len(batch),
            "traces": len(batch.columns),
            "t0_s": batch.t_s[0] if len(batch) else 0.0,
            "end": end,
            "marks": self._marks(kind),
        }

    def _marks(self, kind: str) -> list[tuple[float, str]]:
        """Where readings failed or came late: all that are kept for a snapshot, else the new ones."""
        events, noted = self.recording.events, self.recording.noted
        if kind == "batch":
            events = events[max(0, len(events) - (noted - self._noted)) :]
        self._noted = noted
        return [(event.t_s, event.kind) for event in events]

    # -- from the page ------------------------------------------------------------------------

    def _hello(self, _message: Mapping[str, object]) -> None:
        with self._sending:
            self._send_snapshot()

    def _pause_asked(self, _message: Mapping[str, object]) -> None:
        self.stream.pause()

    def _resume_asked(self, _message: Mapping[str, object]) -> None:
        if self.stream.state in ("paused", "failed"):
            self.stream.resume()
        self._show_state()

    def _csv_asked(self, message: Mapping[str, object]) -> None:
        """Rows ``start`` to ``end`` as CSV text, a portion at a time; ``end`` is -1 in the first request."""
        request, start, end = message.get("id"), message.get("start"), message.get("end")
        if not (isinstance(request, str) and _REQUEST_ID.fullmatch(request)):
            return
        if type(start) is not int or type(end) is not int or start < 0:
            return
        stop = self.recording.end if end < 0 else min(end, self.recording.end)
        batch = self.recording.rows(start, min(start + _CSV_ROWS, stop))
        text = (csv_header(batch.names) if start == 0 else "") + csv_rows(batch)
        head = {
            "kind": "csv",
            "id": request,
            "next": batch.first + len(batch),
            "end": stop,
            "traces": len(batch.names),
        }
        self.send(head, [text.encode()])


def live(
    source: Source | Stream,
    rate_hz: float = 10.0,
    *,
    window_s: float = 30.0,
    title: str = "",
    board: Board | None = None,
    max_samples: int = MAX_SAMPLES,
) -> LivePlot:
    """Sample ``source`` and plot it as it comes; returns at once.

    ``source`` is a sensor or anything with ``read()``, a function, or a dict of those; readings are
    numbers, or numbers by name with the unit in the name (``temperature_c``). Sampling goes on at
    ``rate_hz`` until ``stop()``, or until the board is closed, or until the same cell is run again.
    The page shows the newest ``window_s`` seconds; ``recording`` keeps up to ``max_samples`` rows.

    Raises what ``Stream`` raises, and ``UnavailableError`` where the extra ``widgets`` is missing.

    >>> plot = live(lambda: {"temperature_c": 22.5}, rate_hz=50, title="Room")
    >>> plot.recording.wait(3)
    >>> plot.close()
    """
    stream = source if isinstance(source, Stream) else None
    cell = _running_cell()
    _close_earlier(cell)
    if stream is None:
        stream = Stream(source, rate_hz, board=board, name=title, max_samples=max_samples)
    plot = LivePlot(stream, window_s=window_s, title=title)
    plot.cell = cell
    stream.start()
    return plot


def _floats(batch: Batch) -> bytes:
    """Times after the first and then each trace, as little-endian float32."""
    zero = batch.t_s[0] if len(batch) else 0.0
    floats = array("f", (t - zero for t in batch.t_s))
    for column in batch.columns:
        floats.extend(iter(column))
    if sys.byteorder == "big":
        floats.byteswap()
    return floats.tobytes()


def _counts(stream: Stream) -> dict[str, int]:
    kept = stream.recording
    return {"samples": kept.end, "failed": kept.failed, "missed": kept.missed, "dropped": kept.dropped}


def _running_cell() -> tuple[str, str]:
    """The cell that runs now and this run of it, as far as the front end tells; else empty."""
    from IPython import get_ipython

    parent = getattr(get_ipython(), "kernel", None) and get_ipython().kernel.get_parent()
    if not parent:
        return "", ""
    return str(parent.get("metadata", {}).get("cellId", "")), str(parent.get("header", {}).get("msg_id", ""))


def _close_earlier(cell: tuple[str, str]) -> None:
    """A cell that is run again would leave its first plot sampling, unseen: end it."""
    if not cell[0]:
        return
    for other in list(instances.values()):
        if isinstance(other, LivePlot) and other.cell[0] == cell[0] and other.cell[1] != cell[1]:
            other.close()
