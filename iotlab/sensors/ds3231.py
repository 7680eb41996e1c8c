"""Maxim DS3231: a clock with a thermometer. 19-5170, rev. 10. It has no ID register, but its form tells."""

from __future__ import annotations

from calendar import timegm
from typing import Any

from iotlab.sensors.base import Pattern, Profile, Quantity, without_address

#: The bits that are always 0 in registers 00h to 12h (figure 1, p. 11).
_ZEROS = bytes.fromhex("80 80 80 f8 c0 60 00 00 00 00 00 00 00 00 00 70 00 00 3f")


def _is_clock(data: bytes) -> bool:
    if any(byte & zeros for byte, zeros in zip(data, _ZEROS, strict=True)):
        return False
    second, minute, _, day, date, month, year = data[:7]
    digits = all(byte & 0x0F <= 9 for byte in (second, minute, date, month, year))
    return digits and second < 0x60 and minute < 0x60 and day > 0 and date > 0 and 0 < month & 0x1F <= 0x12


def _seconds(moment: Any) -> float:
    return float(timegm(moment))


PROFILE = Profile(
    key="ds3231",
    title="DS3231",
    what="clock with a thermometer (new every 64 s)",
    addresses=(0x68,),
    driver="adafruit_ds3231:DS3231",
    package="adafruit-circuitpython-ds3231",
    checks=(
        Pattern(
            0x00, 19, _is_clock, "hold a calendar and a temperature", "Maxim 19-5170 rev. 10, figure 1, p. 11"
        ),
    ),
    quantities=(
        Quantity("temperature_c", "°C", "temperature"),
        Quantity("clock_s", "s since 1970", "datetime", _seconds),
    ),
    connect=without_address,
)
