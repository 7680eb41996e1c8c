"""InvenSense MPU-6500. RM-MPU-6500A-00, rev. 2.1. iotlab knows of no CircuitPython driver."""

from __future__ import annotations

from iotlab.sensors.base import IdRegister, Profile

PROFILE = Profile(
    key="mpu6500",
    title="MPU-6500",
    what="acceleration and rotation sensor",
    addresses=(0x68, 0x69),
    checks=(IdRegister(0x75, (0x70,), "RM-MPU-6500A-00 rev. 2.1, register 117, WHO_AM_I"),),
)
