"""InvenSense MPU-9250 and MPU-9255. RM-MPU-9250A-00, rev. 1.6. iotlab knows of no CircuitPython driver."""

from __future__ import annotations

from iotlab.sensors.base import IdRegister, Profile

PROFILE = Profile(
    key="mpu9250",
    title="MPU-9250",
    what="acceleration, rotation and magnetic field sensor",
    addresses=(0x68, 0x69),
    checks=(IdRegister(0x75, (0x71, 0x73), "RM-MPU-9250A-00 rev. 1.6, register 117, WHO_AM_I"),),
)
