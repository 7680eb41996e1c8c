"""Chip profiles: what a chip is, how to know it from others, and what it measures, through its published driver.

One file per chip; the module's name is the key, and the module exports ``PROFILE``. A package outside
announces a profile in the entry point group ``iotlab.sensors``.

>>> from iotlab.sim.chips.bme280 import BME280
>>> from iotlab.testing.i2c import ChipBus
>>> from iotlab.testing.world import SteadyWorld
>>> bus = ChipBus(BME280(SteadyWorld(temperature_c=21.5, humidity_percent=48.0, pressure_hpa=1009.0)))
>>> sensor = open(bus, "bme280")
>>> sensor
<BME280 at 0x77>
>>> {name: round(value, 1) for name, value in sensor.read().items()}
{'temperature_c': 21.5, 'humidity_percent': 48.0, 'pressure_hpa': 1009.0}
"""

from __future__ import annotations

from collections.abc import Container

from iotlab.bus.i2c import I2CBus
from iotlab.errors import NackError
from iotlab.registry import Registry
from iotlab.sensors._identify import Candidate, Found, identify
from iotlab.sensors.base import Profile, Quantity, Sensor

__all__ = [
    "Candidate",
    "Found",
    "Profile",
    "Quantity",
    "Sensor",
    "find",
    "identify",
    "load",
    "names",
    "open",
    "profiles",
]

_PROFILES: Registry[Profile] = Registry(
    package="iotlab.sensors", attribute="PROFILE", group="iotlab.sensors", kind="chip profile"
)


def names() -> list[str]:
    """The keys of every profile, sorted. Imports none of them."""
    return _PROFILES.names()


def load(name: str) -> Profile:
    """The profile ``name``. ``NotFoundError`` lists the ones there are."""
    return _PROFILES.load(name)


def profiles() -> list[Profile]:
    """Every profile. Imports no driver."""
    return [load(name) for name in names()]


def open(bus: I2CBus, name: str, address: int | None = None) -> Sensor:
    """The chip ``name`` on ``bus``, at its usual address or at ``address``.

    Where it is not at its usual address, the others that its straps allow are tried. Raises
    ``NotFoundError`` for a chip that is not known, ``NackError`` where none answers, ``UnavailableError``
    where the driver is not installed.
    """
    profile = load(name)
    if address is not None:
        return profile.open(bus, address)
    answering = [a for a in profile.addresses if bus.answers(a)]
    return profile.open(bus, answering[0] if answering else None)


def find(bus: I2CBus, *, also: Container[int] = ()) -> list[Sensor]:
    """Every sensor on ``bus`` that can be told for what it is and measures something, open, by address.

    What is there by its address alone is not opened: a driver would write to whatever it really is.
    ``also``: see :func:`identify`.
    """
    known = profiles()
    sensors = []
    for address in bus.scan():
        try:
            candidates = identify(bus, address, known, also=also).candidates
        except NackError:
            continue  # it was pulled out since the scan
        sure = [c for c in candidates if c.confidence != "possible" and load(c.name).quantities]
        if sure and load(sure[0].name).driver:
            sensors.append(load(sure[0].name).open(bus, address))
    return sensors
