"""ASAIR AHT20. Product manual, version 1.0. It has no ID register: any byte is part of a command."""

from __future__ import annotations

from iotlab.sensors.base import Profile, Quantity

PROFILE = Profile(
    key="ahtx0",
    title="AHT20",
    what="temperature and humidity sensor",
    addresses=(0x38,),
    driver="adafruit_ahtx0:AHTx0",
    package="adafruit-circuitpython-ahtx0",
    quantities=(
        Quantity("temperature_c", "°C", "temperature"),
        Quantity("humidity_percent", "%", "relative_humidity"),
    ),
)
