"""Solomon Systech SSD1306: the controller of a small OLED display, 128x64. Rev. 1.1. It has no ID register."""

from __future__ import annotations

from typing import Any

from iotlab.sensors.base import Profile


def _display(driver: Any, i2c: Any, address: int) -> Any:
    return driver(128, 64, i2c, addr=address)


PROFILE = Profile(
    key="ssd1306",
    title="SSD1306",
    what="OLED display of 128x64 pixels",
    addresses=(0x3C, 0x3D),
    driver="adafruit_ssd1306:SSD1306_I2C",
    package="adafruit-circuitpython-ssd1306",
    connect=_display,
)
