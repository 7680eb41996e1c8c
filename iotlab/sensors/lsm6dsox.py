"""ST LSM6DSOX. DS12814."""

from __future__ import annotations

from iotlab.sensors.base import DPS_PER_RAD_S, STANDARD_GRAVITY_M_S2, IdRegister, Profile, Quantity, axis

PROFILE = Profile(
    key="lsm6dsox",
    title="LSM6DSOX",
    what="acceleration and rotation sensor",
    addresses=(0x6A, 0x6B),
    driver="adafruit_lsm6ds.lsm6dsox:LSM6DSOX",
    package="adafruit-circuitpython-lsm6ds",
    checks=(IdRegister(0x0F, (0x6C,), "ST DS12814, WHO_AM_I (0Fh)"),),
    quantities=(
        Quantity("acceleration_x_g", "g", "acceleration", axis(0, 1 / STANDARD_GRAVITY_M_S2)),
        Quantity("acceleration_y_g", "g", "acceleration", axis(1, 1 / STANDARD_GRAVITY_M_S2)),
        Quantity("acceleration_z_g", "g", "acceleration", axis(2, 1 / STANDARD_GRAVITY_M_S2)),
        Quantity("rotation_x_dps", "°/s", "gyro", axis(0, DPS_PER_RAD_S)),
        Quantity("rotation_y_dps", "°/s", "gyro", axis(1, DPS_PER_RAD_S)),
        Quantity("rotation_z_dps", "°/s", "gyro", axis(2, DPS_PER_RAD_S)),
    ),
)
