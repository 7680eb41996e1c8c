"""What was sampled: times and values, kept in memory at full resolution."""

from __future__ import annotations

import math
import threading
import time
from array import array
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Literal

from iotlab.errors import ConfigError, DeadlineError

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from pathlib import Path

    import pandas
    from matplotlib.figure import Figure

#: Rows kept unless asked otherwise: nearly six days at 10 Hz, 80 MB for one trace and 200 MB for four.
MAX_SAMPLES = 5_000_000
_BLOCK_ROWS = 4096
_MAX_EVENTS = 1000
_NAN = math.nan


@dataclass(frozen=True)
class Event:
    """Something that a reader of the data should know: when, what, and in words."""

    t_s: float
    kind: Literal["error", "late", "pause"]
    text: str


@dataclass(frozen=True)
class Batch:
    """Consecutive rows: ``t_s`` in seconds since the start, one column of ``columns`` per name.

    ``first`` is the number of the first row, counted from the start of the recording.
    """

    first: int
    names: tuple[str, ...]
    t_s: array[float]
    columns: tuple[array[float], ...]

    def __len__(self) -> int:
        return len(self.t_s)


@dataclass
class _Block:
    """Rows in a fixed portion, so that the oldest can go without moving the others."""

    t_s: array[float] = field(default_factory=lambda: array("d"))
    values: dict[str, array[float]] = field(default_factory=dict)

    def column(self, name: str, start: int, stop: int) -> array[float]:
        kept = self.values.get(name)
        return kept[start:stop] if kept is not None else array("d", [_NAN]) * (stop - start)


class Recording:
    """Times and values of one stream; safe to use from several threads.

    A row costs 8 bytes for its time and 8 for each trace. Beyond ``max_samples`` the oldest rows go,
    4096 at a time (so many more may be kept), and ``dropped`` counts them. A row of NaN is a gap: a
    failed reading or a pause.

    >>> recording = Recording()
    >>> recording.append(0.0, {"temperature_c": 22.5})
    >>> recording.append(0.1, {"temperature_c": 22.6})
    >>> len(recording), recording.names, recording.last
    (2, ('temperature_c',), {'temperature_c': 22.6})
    """

    def __init__(self, *, max_samples: int = MAX_SAMPLES, started_at: float | None = None) -> None:
        if max_samples < _BLOCK_ROWS:
            raise ConfigError(f"max_samples is {max_samples}: give {_BLOCK_ROWS} or more")
        self.max_samples = max_samples
        self.started_at = time.time() if started_at is None else started_at
        self._lock = threading.Condition(threading.Lock())
        self._ended = ""
        self._blocks: deque[_Block] = deque([_Block()])
        self._names: tuple[str, ...] = ()
        self._dropped = 0
        self._count = 0
        self._failed = 0
        self._missed = 0
        self._events: deque[Event] = deque(maxlen=_MAX_EVENTS)
        self._noted = 0
        self._last: dict[str, float] = {}

    # -- filling ------------------------------------------------------------------------------

    def append(self, t_s: float, values: Mapping[str, float]) -> None:
        """Add a row. A trace that is new here is NaN in the rows before, one that is missing NaN in this."""
        with self._lock:
            block = self._room()
            for name in values.keys() - block.values.keys():
                block.values[name] = array("d", [_NAN]) * len(block.t_s)
            if any(name not in self._names for name in values):
                self._names += tuple(name for name in values if name not in self._names)
            block.t_s.append(t_s)
            for name, column in block.values.items():
                column.append(values.get(name, _NAN))
            self._count += 1
            if values:
                self._last = dict(values)
            self._lock.notify_all()

    def fail(self, t_s: float, text: str) -> None:
        """Add the gap of a reading that failed, and keep why."""
        self.append(t_s, {})
        with self._lock:
            self._failed += 1
            self._note(Event(t_s, "error", text))

    def miss(self, t_s: float, count: int) -> None:
        """``count`` samples were due before ``t_s`` and never read."""
        with self._lock:
            self._missed += count
            self._note(Event(t_s, "late", f"{count} missed"))

    def pause(self, t_s: float) -> None:
        """Add the gap of a pause."""
        self.append(t_s, {})
        with self._lock:
            self._note(Event(t_s, "pause", "paused"))

    def note(self, t_s: float, text: str) -> None:
        """Keep an error that cost no reading."""
        with self._lock:
            self._note(Event(t_s, "error", text))

    def mark_ended(self, why: str) -> None:
        """Nothing more will come, so nobody needs to ``wait``; "" when it goes on."""
        with self._lock:
            self._ended = why
            self._lock.notify_all()

    def _note(self, event: Event) -> None:
        self._events.append(event)
        self._noted += 1

    def _room(self) -> _Block:
        block = self._blocks[-1]
        if len(block.t_s) >= _BLOCK_ROWS:
            block = _Block()
            self._blocks.append(block)
            if self._count - self._dropped - _BLOCK_ROWS >= self.max_samples:
                self._dropped += len(self._blocks.popleft().t_s)
        return block

    # -- reading ------------------------------------------------------------------------------

    def wait(self, samples: int, *, timeout_s: float = 10.0) -> None:
        """Wait until ``samples`` rows have come since the start, gaps included.

        ``DeadlineError`` when they did not come in time, or will not come any more.
        """
        with self._lock:
            self._lock.wait_for(lambda: self._count >= samples or self._ended, timeout_s)
            if self._count < samples:
                why = self._ended or f"waited {timeout_s} s"
                raise DeadlineError(f"{self._count} of {samples} samples came: {why}")

    def __len__(self) -> int:
        """Rows that are kept, gaps included."""
        with self._lock:
            return self._count - self._dropped

    @property
    def names(self) -> tuple[str, ...]:
        """The traces, in the order in which they came up."""
        return self._names

    @property
    def last(self) -> dict[str, float]:
        """The newest reading; empty before the first."""
        with self._lock:
            return dict(self._last)

    @property
    def failed(self) -> int:
        """Readings that failed."""
        return self._failed

    @property
    def missed(self) -> int:
        """Samples that were due and never read, because a reading or the machine took too long."""
        return self._missed

    @property
    def dropped(self) -> int:
        """Oldest rows that had to go."""
        return self._dropped

    @property
    def end(self) -> int:
        """The number of the row that comes next, counted from the start."""
        return self._count

    @property
    def events(self) -> tuple[Event, ...]:
        """The newest thousand failures, late samples and pauses."""
        with self._lock:
            return tuple(self._events)

    @property
    def noted(self) -> int:
        """How many events there were since the start."""
        return self._noted

    def __repr__(self) -> str:
        traces = ", ".join(self._names) or "no traces"
        span_s = self._blocks[-1].t_s[-1] if self._count else 0.0
        faults = f"{self._failed} failed, {self._missed} missed"
        return f"<Recording of {traces}: {len(self)} samples in {span_s:.1f} s, {faults}>"

    def rows(self, start: int = 0, stop: int | None = None) -> Batch:
        """A copy of the rows ``start`` to ``stop`` (without it), as far as they are kept."""
        with self._lock:
            first = max(start, self._dropped)
            last = self._count if stop is None else min(stop, self._count)
            t_s: array[float] = array("d")
            columns = tuple(array("d") for _ in self._names)
            # All blocks but the last are full, so a row's place follows from its number.
            number, offset = divmod(first - self._dropped, _BLOCK_ROWS)
            for block in islice(self._blocks, number, None):
                until = min(offset + last - first - len(t_s), len(block.t_s))
                if until <= offset:
                    break
                t_s += block.t_s[offset:until]
                for column, name in zip(columns, self._names, strict=True):
                    column += block.column(name, offset, until)
                offset = 0
            return Batch(first, self._names, t_s, columns)

    def since(self, t_s: float) -> Batch:
        """A copy of the rows from the time ``t_s`` on."""
        with self._lock:
            place = max(bisect_left(self._blocks, t_s, key=lambda b: b.t_s[-1] if b.t_s else math.inf), 0)
            start = self._dropped + place * _BLOCK_ROWS
            if place < len(self._blocks):
                start += bisect_left(self._blocks[place].t_s, t_s)
        return self.rows(start)

    # -- taking away --------------------------------------------------------------------------

    def to_csv(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Write all rows to ``path``: ``t_s`` and a column per trace, an empty field where a value is missing.

        The file appears whole or not at all. ``ConfigError`` where it exists, unless ``overwrite``.
        """
        from iotlab.stream.export import write_csv

        return write_csv(self, path, overwrite=overwrite)

    def to_dataframe(self) -> pandas.DataFrame:
        """All rows as a pandas DataFrame, index ``t_s``; ``attrs["started_at"]`` is the epoch of 0 s.

        ``UnavailableError`` where pandas is not installed.
        """
        from iotlab.stream.export import to_dataframe

        return to_dataframe(self)

    def figure(self, title: str = "") -> Figure:
        """All rows as a matplotlib Figure, a panel per unit. It draws itself as the result of a cell.

        ``UnavailableError`` where matplotlib is not installed.
        """
        from iotlab.stream.export import figure

        return figure(self, title)
