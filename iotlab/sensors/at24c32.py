"""Atmel AT24C32, Microchip 24LC32: an EEPROM. Atmel 0336. It has no ID register."""

from __future__ import annotations

from iotlab.sensors.base import Profile

PROFILE = Profile(
    key="at24c32",
    title="AT24C32",
    what="EEPROM of 4096 bytes",
    addresses=(0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57),
    driver="adafruit_24lc32:EEPROM_I2C",
    package="adafruit-circuitpython-24lc32",
)
