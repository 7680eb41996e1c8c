"""The only thread that samples."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from typing_extensions import Self

from iotlab.errors import ClosedError, ConfigError, DeadlineError, DisconnectedError, RestartedError
from iotlab.stream.recording import MAX_SAMPLES, Batch, Recording
from iotlab.stream.source import Source, boards, reader

if TYPE_CHECKING:
    from iotlab.board import Board

StreamState = Literal["ready", "running", "paused", "stopped", "failed", "closed"]
Subscriber = Callable[[Batch], None]
Watcher = Callable[[], None]

_log = logging.getLogger(__name__)

#: Subscribers get what has come at most this often; a slower rate is passed on sample by sample.
BATCH_S = 0.02
MAX_RATE_HZ = 20_000.0
#: A reading may be this late without a sample counting as missed, whatever the rate.
_TOLERANCE_S = 0.02
#: Above 1 kHz one sleep serves several samples: a sleep per sample would take more time than it has.
_SHORTEST_SLEEP_S = 0.001
#: How often the thread looks whether the program has ended; it is no daemon and must not outlive it.
_LONGEST_SLEEP_S = 0.25
#: How often one looks whether an unplugged board is back.
_AGAIN_S = 0.5


class Stream:
    """Samples ``source`` at ``rate_hz`` in one thread until it is paused, stopped or closed.

    A source is a callable or an object with ``read()``, giving a number or a number per name, or a dict
    of those. Samples are due on a fixed schedule that does not drift; each is stamped with the moment at
    which it was read, in seconds since the start. A reading that fails is a gap in ``recording`` and is
    counted; after ``max_failures`` in a row (five seconds' worth, ten at least), or when the board was unplugged
    and is not back after ``patience_s``, the stream ends as "failed" and keeps the ``failure``. It stops when
    ``board`` is closed; boards that the source names by itself (``source.board``, ``source.bus.board``) count too.

    ``ConfigError`` on a rate outside 0 to 20 kHz, ``TypeError`` on a source that cannot be sampled.

    >>> with Stream(lambda: {"temperature_c": 22.5}, rate_hz=50) as stream:
    ...     stream.recording.wait(3)
    >>> stream.recording.last
    {'temperature_c': 22.5}
    """

    def __init__(
        self,
        source: Source,
        rate_hz: float,
        *,
        board: Board | None = None,
        name: str = "",
        max_samples: int = MAX_SAMPLES,
        max_failures: int | None = None,
        patience_s: float = 300.0,
    ) -> None:
        if not 0 < rate_hz <= MAX_RATE_HZ:
            raise ConfigError(f"rate_hz is {rate_hz}: give a rate above 0 and up to {MAX_RATE_HZ:.0f} Hz")
        self._read = reader(source)
        self.rate_hz = float(rate_hz)
        self.name = name
        self.recording = Recording(max_samples=max_samples)
        #: Why the newest reading failed; "" when it did not.
        self.error = ""
        #: What ended the stream, when it is "failed".
        self.failure: Exception | None = None
        self._max_failures = max_failures or max(10, math.ceil(5 * rate_hz))
        self._failures = 0
        self._patience_s = patience_s
        self._away_since: float | None = None
        self._state: StreamState = "ready"
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None
        self._zero: float | None = None
        self._flushed = 0
        self._flushed_at = -math.inf
        self._subscribers: list[Subscriber] = []
        self._watchers: list[Watcher] = []
        for owner in {id(b): b for b in [*boards(source), *([board] if board else [])]}.values():
            owner.on_close(self._leave)

    # -- what a user calls --------------------------------------------------------------------

    @property
    def state(self) -> StreamState:
        """ready, running, paused, stopped, failed or closed."""
        return self._state

    def start(self) -> None:
        """Begin, or go on after ``stop`` or a failure; nothing happens while it runs."""
        with self._wake:
            if self._state == "closed":
                raise ClosedError("the stream was closed: make a new one")
            if self._state == "paused":
                self._set("running")
            if self._state == "running":
                return
        self._join(10.0)
        with self._wake:
            self._failures, self.failure, self.error = 0, None, ""
            self._set("running")
            self._thread = threading.Thread(
                target=self._run, name=f"iotlab stream {self.name}".strip(), daemon=False
            )
            self._thread.start()

    def pause(self) -> None:
        """Stop reading until ``resume``; what was recorded stays."""
        with self._wake:
            if self._state == "running":
                self._set("paused")

    def resume(self) -> None:
        """Go on after ``pause``, ``stop`` or a failure. The time in between is a gap."""
        self.start()

    def stop(self, *, timeout_s: float = 10.0) -> None:
        """Stop sampling; returns when the last reading has ended. Idempotent.

        ``DeadlineError`` where a reading takes longer than ``timeout_s``: it ends after that reading.
        """
        with self._wake:
            if self._state in ("running", "paused"):
                self._set("stopped")
        self._join(timeout_s)

    def close(self) -> None:
        """Stop for good. What was recorded stays. Idempotent."""
        self.stop()
        with self._wake:
            self._set("closed")

    def subscribe(self, subscriber: Subscriber, watcher: Watcher | None = None) -> None:
        """``subscriber`` gets every new batch, ``watcher`` is called when state, error or counts change.

        Both are called in the sampling thread and must be quick. One that raises is not called again;
        what it raised is among the recording's events.
        """
        self._subscribers.append(subscriber)
        if watcher is not None:
            self._watchers.append(watcher)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Stream {self.name!r} {self._state} at {self.rate_hz:g} Hz, {len(self.recording)} samples>"

    # -- the thread ---------------------------------------------------------------------------

    def _run(self) -> None:
        if self._zero is None:
            self._zero = time.monotonic()
        else:
            self.recording.pause(self._now_s())
        self._changed()
        while True:
            self._sample_until_told()
            if self._state != "paused":
                break
            self._stay_paused()
        if threading.main_thread().is_alive():
            self._flush()
            self._changed()

    def _sample_until_told(self) -> None:
        period = 1 / self.rate_hz
        due = time.monotonic()
        while self._wait_until(due):
            self._take()
            now = time.monotonic()
            due += period
            behind = now - due + (_AGAIN_S if self._away_since is not None else 0.0)
            if behind > max(period, _TOLERANCE_S):
                missed = int(behind / period)
                due += missed * period
                self.recording.miss(self._now_s(), missed)
            if now - self._flushed_at >= BATCH_S or due - now >= BATCH_S:
                self._flush()

    def _wait_until(self, due: float) -> bool:
        """Whether a sample is to be taken now; False when the stream is no longer to run."""
        with self._wake:
            while self._state == "running":
                left = due - time.monotonic()
                if left <= 0:
                    return True
                self._wake.wait(min(max(left, _SHORTEST_SLEEP_S), _LONGEST_SLEEP_S))
                self._end_with_program()
            return False

    def _stay_paused(self) -> None:
        self.recording.pause(self._now_s())
        self._flush()
        self._changed()
        with self._wake:
            while self._state == "paused":
                self._wake.wait(_LONGEST_SLEEP_S)
                self._end_with_program()
        self._changed()

    def _end_with_program(self) -> None:
        if not threading.main_thread().is_alive():
            self._set("stopped")

    def _take(self) -> None:
        """One reading. Whatever a source raises must not end the thread unseen, hence the broad except."""
        now_s = self._now_s()
        try:
            values = self._read()
        except Exception as error:
            self._fail(now_s, error)
            return
        self.recording.append(now_s, values)
        self._away_since = None
        if self.error:
            self._failures, self.error = 0, ""
            self._changed()

    def _fail(self, now_s: float, error: Exception) -> None:
        if self._state == "stopped":
            return  # the board was closed under this reading, which is why it failed
        text = f"{type(error).__name__}: {error}"
        self.recording.fail(now_s, text)
        news, self.error = text != self.error, text
        if self._is_hopeless(now_s, error):
            self.failure = error
            with self._wake:
                if self._state in ("running", "paused"):
                    self._set("failed")
        if news:
            self._changed()

    def _is_hopeless(self, now_s: float, error: Exception) -> bool:
        if isinstance(error, DisconnectedError) and not isinstance(error, RestartedError):
            if self._away_since is None:
                self._away_since = now_s
            return now_s - self._away_since >= self._patience_s
        self._failures += 1
        return self._failures >= self._max_failures or isinstance(error, ClosedError)

    def _flush(self) -> None:
        self._flushed_at = time.monotonic()
        batch = self.recording.rows(self._flushed)
        if not len(batch):
            return
        self._flushed = batch.first + len(batch)
        for subscriber in list(self._subscribers):
            try:
                subscriber(batch)
            except Exception as error:
                # A view that broke must not cost the data.
                self._subscribers.remove(subscriber)
                self._complain("a subscriber", error)

    # -- details ------------------------------------------------------------------------------

    def _now_s(self) -> float:
        return time.monotonic() - (self._zero or 0.0)

    def _set(self, state: StreamState) -> None:
        """Caller holds ``_wake``."""
        self._state = state
        ended = "" if state in ("running", "paused") else f"the stream is {state}"
        self.recording.mark_ended(f"{ended}, {self.error}" if ended and self.error else ended)
        self._wake.notify_all()

    def _changed(self) -> None:
        for watcher in list(self._watchers):
            try:
                watcher()
            except Exception as error:
                self._watchers.remove(watcher)
                self._complain("a watcher", error)

    def _complain(self, who: str, error: Exception) -> None:
        text = f"{who} of {self!r} failed and is not called again, {type(error).__name__}: {error}"
        self.recording.note(self._now_s(), text)
        _log.error(text, exc_info=error)

    def _join(self, timeout_s: float) -> None:
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return
        thread.join(timeout_s)
        if thread.is_alive():
            raise DeadlineError(
                f"the reading of {self.name or 'the source'} has not ended after {timeout_s} s"
            )

    def _leave(self) -> None:
        """The board is being closed: stop, but do not keep the board from closing."""
        try:
            self.stop(timeout_s=2.0)
        except DeadlineError as error:
            self.recording.note(self._now_s(), str(error))
