"""The clocks of boards beside this machine's.

A board is asked for its time as an NTP server is (RFC 5905, section 8): this machine notes when the question went
and when the answer came, the board when the question came and when the answer went. The board's clock showed that
time somewhere in between, so half of what the way there and back took bounds the error, whatever the link does.
"""

from __future__ import annotations

import contextlib
import itertools
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass

from iotlab.errors import CorruptError, DeadlineError
from iotlab.micropython.frames import Frame
from iotlab.micropython.session import Session

#: How much of ``ticks_us`` and ``ticks_ms`` is looked at: they come round after 2**30 on most boards.
MASK = (1 << 30) - 1
CHANNEL = 45
#: What is supposed of a clock's drift as long as it is not known better: twice what a cheap crystal has.
DRIFT_PPM = 100.0
#: Questions at a time.
ROUNDS = 16
_ANSWER = struct.Struct("<cIII")
_PATIENCE_S = 1.0


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


@dataclass(frozen=True)
class Exchange:
    """A question and its answer, in seconds: ``offset_s`` is the board's clock less ``time.monotonic``.

    ``host_s`` is the middle on this machine, ``error_s`` half of the time on the way.
    """

    host_s: float
    offset_s: float
    error_s: float


@dataclass(frozen=True)
class Clock:
    """A board's clock as ``time.monotonic`` sees it, both in seconds.

    At ``at_s`` of this machine it was ``offset_s`` ahead, and it gains ``drift_ppm`` microseconds in a second.
    ``error_s`` bounds what is wrong with it between ``since_s`` and ``until_s``, when it was looked at;
    ``drift_error_ppm`` what comes to that in each second before and after.
    """

    offset_s: float
    drift_ppm: float
    error_s: float
    drift_error_ppm: float
    at_s: float
    since_s: float
    until_s: float

    def board_s(self, host_s: float) -> float:
        """What the board's clock shows at ``host_s`` of this machine's."""
        return host_s + self.offset_s + (host_s - self.at_s) * self.drift_ppm * 1e-6

    def host_s(self, board_s: float) -> float:
        """What this machine's clock shows at ``board_s`` of the board's."""
        since_s = board_s - self.offset_s - self.at_s
        return self.at_s + since_s / (1.0 + self.drift_ppm * 1e-6)

    def error_at(self, host_s: float) -> float:
        """The bound of the error at ``host_s`` of this machine, in seconds."""
        away_s = max(0.0, self.since_s - host_s, host_s - self.until_s)
        return self.error_s + away_s * self.drift_error_ppm * 1e-6


def ask(session: Session, ticks: Ticks, helper: str, count: int) -> list[Exchange]:
    """Ask a board for its time ``count`` times; the answers that came. ``CorruptError`` where none did."""
    answers: list[tuple[float, bytes, int, int, int]] = []

    def take(frame: Frame) -> None:
        if frame.channel == CHANNEL:
            answers.append((time.monotonic(), *_ANSWER.unpack(frame.payload)))

    answer = session.begin(f"{helper}.clock({count})", on_frame=take)
    found = []
    for number in range(count):
        asked, sent_s = bytes((0x30 + number % 64,)), time.monotonic()
        session.link.write(asked)
        while not (answers and answers[-1][1] == asked):
            if answer.end is not None or time.monotonic() > sent_s + _PATIENCE_S:
                break
            session.repl.poll(answer, timeout_s=0.05)
        else:
            came_s, _, there_us, back_us, ms = answers[-1]
            back = ticks.us(back_us, ms)
            there = back - (back_us - there_us & MASK)
            on_board_s, middle_s = (back - there) / 1e6, (sent_s + came_s) / 2
            found.append(
                Exchange(middle_s, (there + back) / 2e6 - middle_s, (came_s - sent_s - on_board_s) / 2)
            )
            continue
        break
    with contextlib.suppress(DeadlineError):  # it waits for a byte that was lost, and was stopped
        session.repl.finish(answer, timeout_s=0.2)
    if not found:
        raise CorruptError(f"{session.link.name} did not tell its time: check the cable")
    return found


def fitted(best: Sequence[Exchange]) -> Clock:
    """The clock that fits exchanges, the best one of each time when a board was asked.

    The true line and the fitted one are at each exchange no farther apart than its error and its residual; two
    of them bound how far they are apart everywhere else. Those two are taken that bound the drift best.
    """
    nearest = min(best, key=lambda one: one.error_s + (best[-1].host_s - one.host_s) * DRIFT_PPM * 1e-6)
    at_s, offset_s, drift = _line(best)
    bounds = [
        (one.host_s, one.error_s + abs(one.offset_s - offset_s - drift * (one.host_s - at_s))) for one in best
    ]
    pairs = [
        ((one + other) / (until_s - since_s) * 1e6, max(one, other), since_s, until_s)
        for (since_s, one), (until_s, other) in itertools.combinations(bounds, 2)
    ]
    if not pairs or min(pairs)[0] > DRIFT_PPM:
        return Clock(nearest.offset_s, 0.0, nearest.error_s, DRIFT_PPM, *[nearest.host_s] * 3)
    drift_error_ppm, error_s, since_s, until_s = min(pairs)
    return Clock(offset_s, drift * 1e6, error_s, drift_error_ppm, at_s, since_s, until_s)


def _line(points: Sequence[Exchange]) -> tuple[float, float, float]:
    """The middle of a line through the offsets, each with the weight of its error: time, offset, slope."""
    weights = [1.0 / (one.error_s + 1e-9) ** 2 for one in points]
    whole = sum(weights)
    middle_s = sum(w * one.host_s for w, one in zip(weights, points, strict=True)) / whole
    offset_s = sum(w * one.offset_s for w, one in zip(weights, points, strict=True)) / whole
    spread = sum(w * (one.host_s - middle_s) ** 2 for w, one in zip(weights, points, strict=True))
    both = sum(
        w * (one.host_s - middle_s) * (one.offset_s - offset_s)
        for w, one in zip(weights, points, strict=True)
    )
    return middle_s, offset_s, both / spread if spread else 0.0


def _nearest(difference: int) -> int:
    """The number nearest to nought that is the same in 30 bits."""
    return ((difference + (1 << 29)) & MASK) - (1 << 29)
