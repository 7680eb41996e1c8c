"""Streams of several boards in the order of time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from typing_extensions import Self

from iotlab.micropython.clocks import Clock
from iotlab.micropython.streaming import Stream

#: How long one waits for one board before one looks at the next.
_TURN_S = 0.005


@dataclass(frozen=True)
class Moment:
    """A sample and when it was taken, in seconds of ``time.monotonic`` here.

    ``stream`` is the number of its stream, ``board_s`` its time stamp, ``sample`` the rest of it.
    """

    at_s: float
    stream: int
    board_s: float
    sample: Any


class Aligned:
    """The samples of streams with time stamps, in the order of time. A context manager; see :func:`aligned`."""

    def __init__(self, streams: tuple[Stream[Any], ...]) -> None:
        for stream in streams:
            if not stream.spec.stamped:
                raise ValueError(
                    f"{stream.name} has no time stamps: decorate it with board.stream(stamped=True)"
                )
        self._streams = streams
        self._waiting: list[deque[tuple[float, Any]]] = [deque() for _ in streams]
        #: Each board's clock: looked at before its stream began, and once more when all is closed.
        self.clocks: list[Clock] = []
        self._runs = False

    def error_at(self, host_s: float) -> float:
        """A bound, in seconds, of what moments of different boards are wrong against each other at ``host_s``."""
        return sum(sorted(clock.error_at(host_s) for clock in self.clocks)[-2:])

    def __iter__(self) -> Iterator[Moment]:
        """The moments in order, by the clocks as they were before. What waits for another board is kept here."""
        self.clocks = [stream.clock() for stream in self._streams]
        self._runs = True
        try:
            for stream in self._streams:
                stream.start()
            yield from self._merged()
        except BaseException:
            self._stop()
            raise
        self.close()

    def close(self) -> None:
        """Stop the streams, and look at the clocks again. Idempotent."""
        self._stop()
        if self._runs:
            self._runs = False
            self.clocks = [stream.clock() for stream in self._streams]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- details ------------------------------------------------------------------------------

    def _merged(self) -> Iterator[Moment]:
        over = [False] * len(self._streams)
        while True:
            while all(there or ended for there, ended in zip(self._waiting, over, strict=True)):
                heads = [(there[0][0], number) for number, there in enumerate(self._waiting) if there]
                if not heads:
                    return
                at_s, number = min(heads)
                board_s, *rest = self._waiting[number].popleft()[1]
                yield Moment(at_s, number, board_s, rest[0] if len(rest) == 1 else tuple(rest))
            for number, stream in enumerate(self._streams):
                if not over[number]:
                    over[number] = not self._hear(number, stream)

    def _hear(self, number: int, stream: Stream[Any]) -> bool:
        """Take what came of one stream; whether it may go on."""
        there, clock = self._waiting[number], self.clocks[number]
        blocks = stream.receive(timeout_s=0.0 if there else _TURN_S)
        for block in blocks:
            there.extend((clock.host_s(sample[0]), sample) for sample in stream.samples(block))
        return bool(blocks) or stream.runs

    def _stop(self) -> None:
        with ExitStack() as ending:  # each of them, whatever another one raises
            for stream in self._streams:
                ending.callback(stream.close)


def aligned(*streams: Stream[Any]) -> Aligned:
    """Merge streams of several boards in the order of time, by each board's clock beside this machine's.

    The streams have time stamps (``board.stream(stamped=True)``) and were not started. The clocks are looked at
    before they start, which is what the moments are told by, and again at the end: ``error_at`` bounds the error.

    >>> import iotlab
    >>> boards = iotlab.connect("esp32"), iotlab.connect("pico")
    >>> def counted(board):
    ...     @board.stream(format="<I", rate_hz=100, stamped=True)
    ...     def numbers():
    ...         yield from range(3)
    ...     return numbers()
    >>> moments = list(iotlab.aligned(*map(counted, boards)))
    >>> [sorted(m.sample for m in moments if m.stream == k) for k in (0, 1)]
    [[0, 1, 2], [0, 1, 2]]
    >>> for board in boards:
    ...     board.close()
    """
    return Aligned(streams)
