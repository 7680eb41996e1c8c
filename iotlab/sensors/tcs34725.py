"""ams TCS34725 and TCS34727. TAOS135. Bit 7 of a pointer marks a command."""

from __future__ import annotations

from iotlab.sensors.base import IdRegister, Profile, Quantity

PROFILE = Profile(
    key="tcs34725",
    title="TCS34725",
    what="colour and light sensor",
    addresses=(0x29,),
    driver="adafruit_tcs34725:TCS34725",
    package="adafruit-circuitpython-tcs34725",
    checks=(IdRegister(0x92, (0x44, 0x4D), "TAOS135, ID register (0x12)"),),
    quantities=(Quantity("light_lux", "lx", "lux"),),
)
