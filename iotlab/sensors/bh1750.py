"""ROHM BH1750FVI: ambient light. Rev. D. It has opcodes, no registers: nothing there could identify it."""

from __future__ import annotations

from iotlab.sensors.base import Profile, Quantity

PROFILE = Profile(
    key="bh1750",
    title="BH1750",
    what="ambient light sensor",
    addresses=(0x23, 0x5C),
    driver="adafruit_bh1750:BH1750",
    package="adafruit-circuitpython-bh1750",
    quantities=(Quantity("light_lux", "lx", "lux"),),
)
