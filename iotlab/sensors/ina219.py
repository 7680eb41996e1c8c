"""Texas Instruments INA219. SBOS448G. It has no ID register."""

from __future__ import annotations

from typing import Any

from iotlab.sensors.base import Profile, Quantity


def _connect(driver: Any, i2c: Any, address: int) -> Any:
    return driver(i2c, addr=address)


PROFILE = Profile(
    key="ina219",
    title="INA219",
    what="current and voltage sensor",
    addresses=tuple(range(0x40, 0x50)),
    driver="adafruit_ina219:INA219",
    package="adafruit-circuitpython-ina219",
    connect=_connect,
    quantities=(
        Quantity("bus_voltage_v", "V", "bus_voltage"),
        Quantity("current_ma", "mA", "current"),
    ),
)
