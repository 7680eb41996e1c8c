"""Broadcom APDS-9960. AV02-4191EN."""

from __future__ import annotations

from iotlab.sensors.base import IdRegister, Profile, without_address

PROFILE = Profile(
    key="apds9960",
    title="APDS-9960",
    what="gesture, colour and proximity sensor",
    addresses=(0x39,),
    driver="adafruit_apds9960.apds9960:APDS9960",
    package="adafruit-circuitpython-apds9960",
    checks=(IdRegister(0x92, (0xAB,), "AV02-4191EN, ID register (0x92)"),),
    connect=without_address,
)
