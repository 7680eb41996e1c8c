"""Bosch BMP280. BST-BMP280-DS001, rev. 1.23; 0x56 and 0x57 are samples."""

from __future__ import annotations

from iotlab.sensors.base import IdRegister, Profile, Quantity

PROFILE = Profile(
    key="bmp280",
    title="BMP280",
    what="temperature and pressure sensor",
    addresses=(0x77, 0x76),
    driver="adafruit_bmp280:Adafruit_BMP280_I2C",
    package="adafruit-circuitpython-bmp280",
    checks=(IdRegister(0xD0, (0x58, 0x56, 0x57), "BST-BMP280-DS001 rev. 1.23, 4.3.1, p. 24"),),
    quantities=(
        Quantity("temperature_c", "°C", "temperature"),
        Quantity("pressure_hpa", "hPa", "pressure"),
    ),
)
