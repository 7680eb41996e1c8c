"""Microchip MCP23017: an I/O expander. DS20001952C. It has no ID register."""

from __future__ import annotations

from iotlab.sensors.base import Profile

PROFILE = Profile(
    key="mcp23017",
    title="MCP23017",
    what="I/O expander with 16 pins",
    addresses=tuple(range(0x20, 0x28)),
    driver="adafruit_mcp230xx.mcp23017:MCP23017",
    package="adafruit-circuitpython-mcp230xx",
)
