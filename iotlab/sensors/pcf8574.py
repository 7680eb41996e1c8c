"""Texas Instruments and NXP PCF8574: an I/O expander. SCPS068. It has one register and no pointer."""

from __future__ import annotations

from iotlab.sensors.base import Profile

PROFILE = Profile(
    key="pcf8574",
    title="PCF8574",
    what="I/O expander with 8 pins",
    addresses=tuple(range(0x20, 0x28)),
    driver="adafruit_pcf8574:PCF8574",
    package="adafruit-circuitpython-pcf8574",
)
