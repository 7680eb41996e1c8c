"""ST LIS3DH. DocID17530."""

from __future__ import annotations

from iotlab.sensors.base import STANDARD_GRAVITY_M_S2, IdRegister, Profile, Quantity, axis

PROFILE = Profile(
    key="lis3dh",
    title="LIS3DH",
    what="acceleration sensor",
    addresses=(0x18, 0x19),
    driver="adafruit_lis3dh:LIS3DH_I2C",
    package="adafruit-circuitpython-lis3dh",
    checks=(IdRegister(0x0F, (0x33,), "ST DocID17530 rev. 2, WHO_AM_I (0Fh)"),),
    quantities=(
        Quantity("acceleration_x_g", "g", "acceleration", axis(0, 1 / STANDARD_GRAVITY_M_S2)),
        Quantity("acceleration_y_g", "g", "acceleration", axis(1, 1 / STANDARD_GRAVITY_M_S2)),
        Quantity("acceleration_z_g", "g", "acceleration", axis(2, 1 / STANDARD_GRAVITY_M_S2)),
    ),
)
