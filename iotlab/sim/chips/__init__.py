"""The simulated parts. One file per part; the module's name is the part's name in a bench file.

A module exports its class as ``PART``, a subclass of :class:`~iotlab.sim.chips.base.Part`. A package
outside announces the class itself in the entry point group ``iotlab.chips``. Modules whose names begin
with an underscore are details of a part.

The keys of a part's table in a bench file are the keyword arguments of its class:

    >>> class Room:
    ...     def value(self, quantity: str) -> float: return 21.0
    ...     def now(self) -> float: return 0.0
    >>> chip = create("at24c32", Room(), address=0x57)
    >>> chip.state()["address"] == 0x57
    True
"""

from __future__ import annotations

import inspect
from typing import Any

from iotlab.errors import ConfigError
from iotlab.registry import Registry
from iotlab.sim.chips.base import I2CChip, LinePart, Part, UnmodelledError
from iotlab.sim.world import Environment

__all__ = ["I2CChip", "LinePart", "Part", "UnmodelledError", "create", "load", "names"]

_PARTS: Registry[type[Part]] = Registry(
    package="iotlab.sim.chips", attribute="PART", group="iotlab.chips", kind="simulated part"
)


def names() -> list[str]:
    """The names of every simulated part, sorted. Imports none of them."""
    return _PARTS.names()


def load(name: str) -> type[Part]:
    """The class of the part ``name``. ``NotFoundError`` lists the ones there are."""
    return _PARTS.load(name)


def create(name: str, world: Environment, **options: Any) -> Part:
    """A part ``name`` in ``world``, as a bench file describes it.

    Raises ``NotFoundError`` for a name that is not known, ``ConfigError`` for an option that the part
    does not have or a value that it cannot take.
    """
    part = load(name)
    try:
        inspect.signature(part).bind(world, **options)
    except TypeError as error:
        raise ConfigError(f"{name}: {error}; it takes {_options(part)}") from None
    try:
        return part(world, **options)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{name}: {error}") from error


def _options(part: type[Part]) -> str:
    told = [name for name in inspect.signature(part).parameters if name != "world"]
    return ", ".join(told) or "no options"
