"""Silicon Labs Si7021. Si7021-A20, rev. 1.1. Its serial number says what it is, but takes a command of two bytes."""

from __future__ import annotations

from iotlab.sensors.base import Profile, Quantity

PROFILE = Profile(
    key="si7021",
    title="Si7021",
    what="temperature and humidity sensor",
    addresses=(0x40,),
    driver="adafruit_si7021:SI7021",
    package="adafruit-circuitpython-si7021",
    quantities=(
        Quantity("temperature_c", "°C", "temperature"),
        Quantity("humidity_percent", "%", "relative_humidity"),
    ),
)
