"""Microchip MCP4725: a converter from digital to analogue. DS22039. It has no registers behind a pointer."""

from __future__ import annotations

from iotlab.sensors.base import Profile

PROFILE = Profile(
    key="mcp4725",
    title="MCP4725",
    what="digital-to-analogue converter",
    addresses=(0x62, 0x60, 0x61, 0x63, 0x64, 0x65, 0x66, 0x67),
    driver="adafruit_mcp4725:MCP4725",
    package="adafruit-circuitpython-mcp4725",
)
