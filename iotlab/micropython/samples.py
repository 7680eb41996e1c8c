"""Samples of a stream: how they are to come, and how they came."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal

from iotlab.board import Output

#: In front of the items of a frame: the number of the first one, and ticks_us and ticks_ms when it was sent.
HEAD = struct.Struct("<III")
#: Bytes of items in one frame, where they come fast enough.
BATCH = 1024
#: What a paced stream catches up; what is later than that, and than two periods, is left out.
SLACK_S = 0.02

How = Literal["fields", "field", "text", "blocks"]


@dataclass(frozen=True)
class Gap:
    """``samples`` that were sent and did not arrive, or not whole: ``at`` is the number of the first of them."""

    at: int
    samples: int


@dataclass(frozen=True)
class Block:
    """What came in one frame: ``data`` are packed samples of ``format``, the first of which has the number ``index``.

    ``numpy.frombuffer(block.data, dtype)`` takes them as they are. A time stamp is the first field of its sample,
    in microseconds, 30 bits of the board's ``ticks_us``. ``sent_us`` is when the board sent the block, on its own
    clock, ``received_s`` when it came here, in seconds of ``time.monotonic``.
    """

    index: int
    data: memoryview
    format: str
    sent_us: int
    received_s: float

    def __len__(self) -> int:
        return len(self.data) // struct.calcsize(self.format)

    def unpacked(self) -> Iterator[tuple[Any, ...]]:
        """The samples as tuples of their fields."""
        return struct.iter_unpack(self.format, self.data)


@dataclass(frozen=True)
class Spec:
    """How a stream is to be: see :meth:`MicroPythonBoard.stream`."""

    format: str = ""
    rate_hz: float = 0.0
    stamped: bool = False
    blocks: bool = False
    batch: int = BATCH
    timeout_s: float | None = None
    output: Output | None = None
    away_s: float = 30.0

    def __post_init__(self) -> None:
        if self.format and self.size == 0:
            raise ValueError(f"{self.format!r} packs nothing: give the format of a sample, as of struct")
        if self.blocks and (not self.format or self.stamped):
            raise ValueError(
                "a stream of blocks needs the format of their samples, and puts no time stamps into them"
            )
        if self.rate_hz and not 0.01 <= self.rate_hz <= 1_000_000:
            raise ValueError(
                f"rate_hz is 0.01 to 1,000,000, not {self.rate_hz:g}; leave it out to run without a pace"
            )

    @cached_property
    def wire_format(self) -> str:
        """The format of a sample as it travels: without padding, a time stamp in front where there are any."""
        order = self.format[:1] if self.format[:1] in "<>!" else "<"
        fields = self.format[1:] if self.format[:1] in "<>!" else self.format
        return order + ("I" if self.stamped else "") + fields

    @cached_property
    def size(self) -> int:
        """Bytes of a packed sample."""
        try:
            return struct.calcsize(self.wire_format)
        except struct.error as error:
            raise ValueError(
                f"{self.format!r} is no format of packed samples: {error}; one is '<If'"
            ) from error

    @property
    def fields(self) -> int:
        """How many values a sample has, the time stamp among them."""
        return len(struct.unpack(self.wire_format, bytes(self.size)))

    def told(self) -> str:
        """The same for the board."""
        how: How = (
            "blocks"
            if self.blocks
            else "text"
            if not self.format
            else "field"
            if self.fields == 1
            else "fields"
        )
        size = self.size if self.format else 1
        limit = HEAD.size + max(1, self.batch // size) * size if self.format else self.batch
        pace = None
        if self.rate_hz:
            period_us = Fraction(1_000_000 / self.rate_hz).limit_denominator(1000)
            us, rest = divmod(period_us.numerator, period_us.denominator)
            pace = (us, rest, period_us.denominator, max(round(SLACK_S * 1e6), 2 * us))
        return f"{how!r},{self.wire_format!r},{size},{limit},{self.stamped!r},{pace!r}"
