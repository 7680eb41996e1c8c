"""Microchip MCP9808. DS25095A."""

from __future__ import annotations

from iotlab.sensors.base import IdRegister, Profile, Quantity

PROFILE = Profile(
    key="mcp9808",
    title="MCP9808",
    what="temperature sensor",
    addresses=(0x18, 0x19, 0x1A, 0x1B, 0x1C, 0x1D, 0x1E, 0x1F),
    driver="adafruit_mcp9808:MCP9808",
    package="adafruit-circuitpython-mcp9808",
    checks=(
        IdRegister(0x06, (0x0054,), "Microchip DS25095A, 5.1.4, p. 27", mask=0xFFFF, size=2),
        IdRegister(0x07, (0x04,), "Microchip DS25095A, 5.1.5, p. 28"),
    ),
    quantities=(Quantity("temperature_c", "°C", "temperature"),),
)
