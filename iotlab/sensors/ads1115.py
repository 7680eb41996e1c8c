"""Texas Instruments ADS1115. SBAS444D. It has no ID register."""

from __future__ import annotations

import importlib
from typing import Any

from iotlab.sensors.base import Pattern, Profile, Quantity, axis


def _voltages(ads: Any) -> list[float]:
    """Of AIN0 to AIN3 against ground, one conversion each."""
    analog_in = importlib.import_module("adafruit_ads1x15.analog_in").AnalogIn
    return [analog_in(ads, channel).voltage for channel in range(4)]


def _connect(driver: Any, i2c: Any, address: int) -> Any:
    """The driver has an object of its own for each input: one attribute is added to it that reads them all."""
    made: Any = type(driver.__name__, (driver,), {"voltages": property(_voltages)})
    return made(i2c, address=address)


PROFILE = Profile(
    key="ads1115",
    title="ADS1115",
    what="analogue-to-digital converter",
    addresses=(0x48, 0x49, 0x4A, 0x4B),
    driver="adafruit_ads1x15.ads1115:ADS1115",
    package="adafruit-circuitpython-ads1x15",
    checks=(
        Pattern(0x02, 2, lambda data: data == b"\x80\x00", "hold the lowest threshold", "TI SBAS444D, 9.6.4"),
        Pattern(0x03, 2, lambda data: data == b"\x7f\xff", "hold the highest", "TI SBAS444D, 9.6.4"),
    ),
    connect=_connect,
    quantities=tuple(
        Quantity(f"voltage_{channel}_v", "V", "voltages", axis(channel)) for channel in range(4)
    ),
)
