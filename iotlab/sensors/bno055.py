"""Bosch BNO055. BST-BNO055-DS000. It stretches the clock."""

from __future__ import annotations

from iotlab.sensors.base import STANDARD_GRAVITY_M_S2, IdRegister, Profile, Quantity, axis

PROFILE = Profile(
    key="bno055",
    title="BNO055",
    what="absolute orientation sensor",
    addresses=(0x28, 0x29),
    driver="adafruit_bno055:BNO055_I2C",
    package="adafruit-circuitpython-bno055",
    checks=(IdRegister(0x00, (0xA0,), "BST-BNO055-DS000, 4.3.1"),),
    quantities=(
        Quantity("acceleration_x_g", "g", "acceleration", axis(0, 1 / STANDARD_GRAVITY_M_S2)),
        Quantity("acceleration_y_g", "g", "acceleration", axis(1, 1 / STANDARD_GRAVITY_M_S2)),
        Quantity("acceleration_z_g", "g", "acceleration", axis(2, 1 / STANDARD_GRAVITY_M_S2)),
        Quantity("magnetic_x_ut", "µT", "magnetic", axis(0)),
        Quantity("magnetic_y_ut", "µT", "magnetic", axis(1)),
        Quantity("magnetic_z_ut", "µT", "magnetic", axis(2)),
        Quantity("heading_deg", "°", "euler", axis(0)),
        Quantity("roll_deg", "°", "euler", axis(1)),
        Quantity("pitch_deg", "°", "euler", axis(2)),
        Quantity("temperature_c", "°C", "temperature"),
    ),
)
