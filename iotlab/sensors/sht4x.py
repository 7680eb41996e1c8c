"""Sensirion SHT40, SHT41 and SHT45. SHT4x, version 6. It has no ID register: any byte is a command."""

from __future__ import annotations

from iotlab.sensors.base import Profile, Quantity

PROFILE = Profile(
    key="sht4x",
    title="SHT4x",
    what="temperature and humidity sensor",
    addresses=(0x44, 0x45, 0x46),
    driver="adafruit_sht4x:SHT4x",
    package="adafruit-circuitpython-sht4x",
    quantities=(
        Quantity("temperature_c", "°C", "temperature"),
        Quantity("humidity_percent", "%", "relative_humidity"),
    ),
)
