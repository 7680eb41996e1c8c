"""ST VL53L0X. DocID029104."""

from __future__ import annotations

from iotlab.sensors.base import IdRegister, Profile, Quantity

PROFILE = Profile(
    key="vl53l0x",
    title="VL53L0X",
    what="distance sensor",
    addresses=(0x29,),
    driver="adafruit_vl53l0x:VL53L0X",
    package="adafruit-circuitpython-vl53l0x",
    checks=(IdRegister(0xC0, (0xEE,), "ST DocID029104 rev. 1, reference registers"),),
    quantities=(Quantity("distance_mm", "mm", "range"),),
)
