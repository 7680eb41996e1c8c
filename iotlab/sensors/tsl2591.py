"""ams TSL2591. Datasheet v2-04. Bits 7 and 5 of a pointer mark a command for a register."""

from __future__ import annotations

from iotlab.sensors.base import IdRegister, Profile, Quantity

PROFILE = Profile(
    key="tsl2591",
    title="TSL2591",
    what="light sensor for visible and infrared light",
    addresses=(0x29,),
    driver="adafruit_tsl2591:TSL2591",
    package="adafruit-circuitpython-tsl2591",
    checks=(IdRegister(0xB2, (0x50,), "ams TSL2591 v2-04, ID register (0x12)"),),
    quantities=(Quantity("light_lux", "lx", "lux"),),
)
