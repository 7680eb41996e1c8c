"""STMicroelectronics HTS221. DocID026333, rev. 4."""

from __future__ import annotations

from iotlab.sensors.base import IdRegister, Profile, Quantity, without_address

PROFILE = Profile(
    key="hts221",
    title="HTS221",
    what="temperature and humidity sensor",
    addresses=(0x5F,),
    driver="adafruit_hts221:HTS221",
    package="adafruit-circuitpython-hts221",
    checks=(IdRegister(0x0F, (0xBC,), "DocID026333 rev. 4, 7.1, WHO_AM_I (0Fh)"),),
    connect=without_address,
    quantities=(
        Quantity("temperature_c", "°C", "temperature"),
        Quantity("humidity_percent", "%", "relative_humidity"),
    ),
)
