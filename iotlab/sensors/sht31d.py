"""Sensirion SHT31-D. SHT3x-DIS, version 5. It has no ID register: any byte is part of a command."""

from __future__ import annotations

from iotlab.sensors.base import Profile, Quantity

PROFILE = Profile(
    key="sht31d",
    title="SHT31-D",
    what="temperature and humidity sensor",
    addresses=(0x44, 0x45),
    driver="adafruit_sht31d:SHT31D",
    package="adafruit-circuitpython-sht31d",
    quantities=(
        Quantity("temperature_c", "°C", "temperature"),
        Quantity("humidity_percent", "%", "relative_humidity"),
    ),
)
