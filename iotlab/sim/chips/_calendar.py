"""The calendar of a DS3231: BCD registers, and when an alarm matches (19-5170, rev. 10, p. 11 to 12)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

PM, TWELVE = 0x20, 0x40  # bits of the hours register
CENTURY_BIT = 0x80  # of the month register
CENTURY = timedelta(days=36525)  # 100 years of which the 00th is a leap year
ONE_SECOND = timedelta(seconds=1)


def to_bcd(value: int) -> int:
    """Binary-coded decimal of 0 to 99."""
    return value // 10 << 4 | value % 10


def from_bcd(value: int) -> int:
    """The number behind a BCD byte; ``ValueError`` where a digit is none."""
    if value & 0x0F > 9 or value >> 4 > 9:
        raise ValueError(f"0x{value:02x} is not BCD")
    return (value >> 4) * 10 + (value & 0x0F)


def hours_from(register: int) -> int:
    """0 to 23 from an hours register in either mode."""
    if not register & TWELVE:
        return from_bcd(register & 0x3F)
    hour = from_bcd(register & 0x1F)
    if not 1 <= hour <= 12:
        raise ValueError(f"0x{register:02x} is no hour of a 12-hour clock")
    return hour % 12 + (12 if register & PM else 0)


def hours_to(hour: int, twelve: bool) -> int:
    """The hours register for 0 to 23."""
    if not twelve:
        return to_bcd(hour)
    return TWELVE | (PM if hour >= 12 else 0) | to_bcd((hour + 11) % 12 + 1)


@dataclass(frozen=True)
class Clock:
    """What the time registers hold: a moment of the years 00 to 99, written as 2000 to 2099."""

    moment: datetime
    day: int  # of the week, 1 to 7
    twelve: bool
    century: bool

    def registers(self) -> bytes:
        """Registers 00h to 06h (figure 1, p. 11)."""
        m = self.moment
        return bytes(
            (
                to_bcd(m.second),
                to_bcd(m.minute),
                hours_to(m.hour, self.twelve),
                self.day,
                to_bcd(m.day),
                to_bcd(m.month) | (CENTURY_BIT if self.century else 0),
                to_bcd(m.year - 2000),
            )
        )

    @classmethod
    def from_registers(cls, data: Sequence[int], microsecond: int) -> Clock:
        """``ValueError`` for a date that does not exist."""
        second, minute, hours, day, date, month, year = data
        moment = datetime(
            2000 + from_bcd(year),
            from_bcd(month & 0x1F),
            from_bcd(date),
            hours_from(hours),
            from_bcd(minute),
            from_bcd(second),
            microsecond,
        )
        if not 1 <= day <= 7:
            raise ValueError(f"the day of the week is 1 to 7, not {day}")
        return cls(moment, day, bool(hours & TWELVE), bool(month & CENTURY_BIT))

    def later(self, seconds: float) -> Clock:
        """The clock after ``seconds`` (never negative): the day of the week goes on at midnight."""
        try:
            moment = self.moment + timedelta(seconds=seconds)
        except OverflowError:
            raise ValueError(f"{seconds} s are beyond any calendar") from None
        midnights = moment.toordinal() - self.moment.toordinal()
        century = self.century
        while moment.year > 2099:
            moment, century = moment - CENTURY, not century
        return Clock(moment, (self.day - 1 + midnights) % 7 + 1, self.twelve, century)


@dataclass(frozen=True)
class Alarm:
    """When an alarm matches: ``None`` is "don't care" (table 2, p. 12)."""

    second: int | None
    minute: int | None
    hour: int | None
    date: int | None
    day: int | None

    @classmethod
    def from_registers(cls, data: Sequence[int]) -> Alarm:
        """From seconds, minutes, hours and day/date registers; bit 7 of each is its mask bit.

        ``ValueError`` where a field that matters is not BCD.
        """
        second, minute, hours, day = data
        by_day = bool(day & 0x40)
        return cls(
            second=None if second & 0x80 else from_bcd(second),
            minute=None if minute & 0x80 else from_bcd(minute),
            hour=None if hours & 0x80 else hours_from(hours & 0x7F),
            date=None if day & 0x80 or by_day else from_bcd(day & 0x3F),
            day=from_bcd(day & 0x0F) if by_day and not day & 0x80 else None,
        )

    def between(self, start: Clock, end: Clock) -> bool:
        """Whether it matches after ``start`` and up to ``end``, some whole second."""
        moment = start.moment.replace(microsecond=0) + ONE_SECOND
        first = start.moment.toordinal()
        while moment <= end.moment:
            day = (start.day - 1 + moment.toordinal() - first) % 7 + 1
            if self.date not in (None, moment.day) or self.day not in (None, day):
                moment = moment.replace(hour=0, minute=0, second=0) + timedelta(days=1)
            elif self.hour not in (None, moment.hour):
                moment = moment.replace(minute=0, second=0) + timedelta(hours=1)
            elif self.minute not in (None, moment.minute):
                moment = moment.replace(second=0) + timedelta(minutes=1)
            elif self.second not in (None, moment.second):
                moment += ONE_SECOND
            else:
                return True
        return False
