"""Infineon DPS310. Datasheet, rev. 1.1."""

from __future__ import annotations

from iotlab.sensors.base import IdRegister, Profile, Quantity

PROFILE = Profile(
    key="dps310",
    title="DPS310",
    what="temperature and pressure sensor",
    addresses=(0x77, 0x76),
    driver="adafruit_dps310.basic:DPS310",
    package="adafruit-circuitpython-dps310",
    checks=(IdRegister(0x0D, (0x10,), "DPS310 datasheet rev. 1.1, product and revision ID (0x0D)"),),
    quantities=(
        Quantity("temperature_c", "°C", "temperature"),
        Quantity("pressure_hpa", "hPa", "pressure"),
    ),
)
