"""InvenSense MPU-6050. RM-MPU-6000A-00, rev. 4.2."""

from __future__ import annotations

from iotlab.sensors.base import DPS_PER_RAD_S, STANDARD_GRAVITY_M_S2, IdRegister, Profile, Quantity, axis

PROFILE = Profile(
    key="mpu6050",
    title="MPU-6050",
    what="acceleration and rotation sensor",
    addresses=(0x68, 0x69),
    driver="adafruit_mpu6050:MPU6050",
    package="adafruit-circuitpython-mpu6050",
    checks=(IdRegister(0x75, (0x68,), "RM-MPU-6000A-00 rev. 4.2, 4.32, p. 45"),),
    quantities=(
        Quantity("acceleration_x_g", "g", "acceleration", axis(0, 1 / STANDARD_GRAVITY_M_S2)),
        Quantity("acceleration_y_g", "g", "acceleration", axis(1, 1 / STANDARD_GRAVITY_M_S2)),
        Quantity("acceleration_z_g", "g", "acceleration", axis(2, 1 / STANDARD_GRAVITY_M_S2)),
        Quantity("rotation_x_dps", "°/s", "gyro", axis(0, DPS_PER_RAD_S)),
        Quantity("rotation_y_dps", "°/s", "gyro", axis(1, DPS_PER_RAD_S)),
        Quantity("rotation_z_dps", "°/s", "gyro", axis(2, DPS_PER_RAD_S)),
        Quantity("temperature_c", "°C", "temperature"),
    ),
)
