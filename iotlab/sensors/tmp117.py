"""Texas Instruments TMP117. SNOSD82."""

from __future__ import annotations

from iotlab.sensors.base import IdRegister, Profile, Quantity

PROFILE = Profile(
    key="tmp117",
    title="TMP117",
    what="temperature sensor",
    addresses=(0x48, 0x49, 0x4A, 0x4B),
    driver="adafruit_tmp117:TMP117",
    package="adafruit-circuitpython-tmp117",
    checks=(IdRegister(0x0F, (0x0117,), "TI SNOSD82D, Device_ID (0Fh)", mask=0x0FFF, size=2),),
    quantities=(Quantity("temperature_c", "°C", "temperature"),),
)
