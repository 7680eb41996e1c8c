"""Holtek HT16K33: drives LEDs in digits or dots. Rev. 1.10. It has no ID register."""

from __future__ import annotations

from iotlab.sensors.base import Profile

PROFILE = Profile(
    key="ht16k33",
    title="HT16K33",
    what="LED display (7-segment digits)",
    addresses=tuple(range(0x70, 0x78)),
    driver="adafruit_ht16k33.segments:Seg7x4",
    package="adafruit-circuitpython-ht16k33",
)
