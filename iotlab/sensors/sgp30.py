"""Sensirion SGP30. Version 1.0. It has commands, no registers: nothing that is only read could identify it."""

from __future__ import annotations

from iotlab.sensors.base import Profile, Quantity

PROFILE = Profile(
    key="sgp30",
    title="SGP30",
    what="gas sensor (organic compounds; fixed values for the first 15 s)",
    addresses=(0x58,),
    driver="adafruit_sgp30:Adafruit_SGP30",
    package="adafruit-circuitpython-sgp30",
    quantities=(
        Quantity("co2eq_ppm", "ppm", "eCO2"),
        Quantity("tvoc_ppb", "ppb", "TVOC"),
    ),
)
