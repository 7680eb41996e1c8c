"""Analog Devices ADXL345. Datasheet, rev. E."""

from __future__ import annotations

from iotlab.sensors.base import STANDARD_GRAVITY_M_S2, IdRegister, Profile, Quantity, axis

PROFILE = Profile(
    key="adxl345",
    title="ADXL345",
    what="acceleration sensor",
    addresses=(0x53, 0x1D),
    driver="adafruit_adxl34x:ADXL345",
    package="adafruit-circuitpython-adxl34x",
    checks=(IdRegister(0x00, (0xE5,), "ADXL345 datasheet rev. E, register 0x00 DEVID"),),
    quantities=(
        Quantity("acceleration_x_g", "g", "acceleration", axis(0, 1 / STANDARD_GRAVITY_M_S2)),
        Quantity("acceleration_y_g", "g", "acceleration", axis(1, 1 / STANDARD_GRAVITY_M_S2)),
        Quantity("acceleration_z_g", "g", "acceleration", axis(2, 1 / STANDARD_GRAVITY_M_S2)),
    ),
)
