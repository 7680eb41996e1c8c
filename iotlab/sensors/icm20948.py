"""TDK InvenSense ICM-20948. DS-000189, rev. 1.3."""

from __future__ import annotations

from iotlab.sensors.base import DPS_PER_RAD_S, STANDARD_GRAVITY_M_S2, IdRegister, Profile, Quantity, axis

PROFILE = Profile(
    key="icm20948",
    title="ICM-20948",
    what="acceleration, rotation and magnetic field sensor",
    addresses=(0x69, 0x68),
    driver="adafruit_icm20x:ICM20948",
    package="adafruit-circuitpython-icm20x",
    checks=(IdRegister(0x00, (0xEA,), "DS-000189 rev. 1.3, user bank 0, WHO_AM_I (00h)"),),
    quantities=(
        Quantity("acceleration_x_g", "g", "acceleration", axis(0, 1 / STANDARD_GRAVITY_M_S2)),
        Quantity("acceleration_y_g", "g", "acceleration", axis(1, 1 / STANDARD_GRAVITY_M_S2)),
        Quantity("acceleration_z_g", "g", "acceleration", axis(2, 1 / STANDARD_GRAVITY_M_S2)),
        Quantity("rotation_x_dps", "°/s", "gyro", axis(0, DPS_PER_RAD_S)),
        Quantity("rotation_y_dps", "°/s", "gyro", axis(1, DPS_PER_RAD_S)),
        Quantity("rotation_z_dps", "°/s", "gyro", axis(2, DPS_PER_RAD_S)),
        Quantity("magnetic_x_ut", "µT", "magnetic", axis(0)),
        Quantity("magnetic_y_ut", "µT", "magnetic", axis(1)),
        Quantity("magnetic_z_ut", "µT", "magnetic", axis(2)),
    ),
)
