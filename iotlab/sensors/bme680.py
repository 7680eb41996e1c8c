"""Bosch BME680. BST-BME680-DS001, rev. 1.0."""

from __future__ import annotations

from iotlab.sensors.base import IdRegister, Profile, Quantity

PROFILE = Profile(
    key="bme680",
    title="BME680",
    what="temperature, humidity, pressure and gas sensor",
    addresses=(0x77, 0x76),
    driver="adafruit_bme680:Adafruit_BME680_I2C",
    package="adafruit-circuitpython-bme680",
    checks=(IdRegister(0xD0, (0x61,), "BST-BME680-DS001 rev. 1.0, chip_id (0xD0)"),),
    quantities=(
        Quantity("temperature_c", "°C", "temperature"),
        Quantity("humidity_percent", "%", "humidity"),
        Quantity("pressure_hpa", "hPa", "pressure"),
        Quantity("gas_ohm", "Ω", "gas"),
    ),
)
