"""Bosch BME280. BST-BME280-DS002, rev. 1.6."""

from __future__ import annotations

from typing import Any

from iotlab.sensors.base import IdRegister, Profile, Quantity


def _weather(driver: Any, i2c: Any, address: int) -> Any:
    """Every quantity once (×1), filter off: "weather monitoring", 3.5.1, table 7. A measurement then takes 9.3 ms.

    The driver's own setting takes pressure 16 times, 42 ms each, and measures anew for each quantity. It stays in
    forced mode: there it writes the settings before every measurement, so a chip that lost its power in between
    cannot pass its reset values off as readings.
    """
    made = driver(i2c, address=address)
    made.overscan_pressure = made.overscan_temperature
    return made


PROFILE = Profile(
    key="bme280",
    title="BME280",
    what="temperature, humidity and pressure sensor",
    addresses=(0x77, 0x76),
    driver="adafruit_bme280.advanced:Adafruit_BME280_I2C",
    package="adafruit-circuitpython-bme280",
    checks=(IdRegister(0xD0, (0x60,), "BST-BME280-DS002 rev. 1.6, 5.4.1, p. 27"),),
    connect=_weather,
    quantities=(
        Quantity("temperature_c", "°C", "temperature"),
        Quantity("humidity_percent", "%", "humidity"),
        Quantity("pressure_hpa", "hPa", "pressure"),
    ),
)
