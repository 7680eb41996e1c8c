"""Bosch BME280. BST-BME280-DS002, rev. 1.6."""

from __future__ import annotations

from iotlab.sensors.base import IdRegister, Profile, Quantity

PROFILE = Profile(
    key="bme280",
    title="BME280",
    what="temperature, humidity and pressure sensor",
    addresses=(0x77, 0x76),
    driver="adafruit_bme280.basic:Adafruit_BME280_I2C",
    package="adafruit-circuitpython-bme280",
    checks=(IdRegister(0xD0, (0x60,), "BST-BME280-DS002 rev. 1.6, 5.4.1, p. 27"),),
    quantities=(
        Quantity("temperature_c", "°C", "temperature"),
        Quantity("humidity_percent", "%", "humidity"),
        Quantity("pressure_hpa", "hPa", "pressure"),
    ),
)
