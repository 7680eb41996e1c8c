"""Vishay VEML7700. Document 84286."""

from __future__ import annotations

from iotlab.sensors.base import IdRegister, Profile, Quantity

PROFILE = Profile(
    key="veml7700",
    title="VEML7700",
    what="ambient light sensor",
    addresses=(0x10,),
    driver="adafruit_veml7700:VEML7700",
    package="adafruit-circuitpython-veml7700",
    checks=(IdRegister(0x07, (0x81C4,), "Vishay 84286, device ID (command code 0x07)", mask=0xFFFF, size=2),),
    quantities=(Quantity("light_lux", "lx", "lux"),),
)
