"""What a trace shows: its label and its unit, told by the name.

Names carry their unit (``temperature_c``, ``pressure_hpa``), so a name is all that a plot needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: The ending of a name and the sign of its unit (SI brochure, 9th edition, tables 2 to 8).
UNITS: Mapping[str, str] = MappingProxyType(
    {
        "c": "°C",
        "k": "K",
        "percent": "%",
        "pa": "Pa",
        "hpa": "hPa",
        "kpa": "kPa",
        "lux": "lx",
        "g": "g",
        "mps2": "m/s²",
        "dps": "°/s",
        "rad": "rad",
        "radps": "rad/s",
        "deg": "°",
        "ut": "µT",
        "gauss": "G",
        "v": "V",
        "mv": "mV",
        "a": "A",
        "ma": "mA",
        "w": "W",
        "mw": "mW",
        "ohm": "Ω",
        "hz": "Hz",
        "khz": "kHz",
        "m": "m",
        "cm": "cm",
        "mm": "mm",
        "s": "s",
        "ms": "ms",
        "us": "µs",
        "ppm": "ppm",
        "ppb": "ppb",
        "ugm3": "µg/m³",
        "kg": "kg",
        "db": "dB",
    }
)


@dataclass(frozen=True)
class Quantity:
    """A trace as people read it: ``Quantity("temperature", "°C")``; ``unit`` is "" where none is told."""

    label: str
    unit: str

    @property
    def title(self) -> str:
        """``temperature (°C)``."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


def quantity(name: str) -> Quantity:
    """What ``name`` says.

    >>> quantity("acceleration_x_g")
    Quantity(label='acceleration x', unit='g')
    >>> quantity("button").title
    'button'
    """
    stem, _, ending = name.rpartition("_")
    unit = UNITS.get(ending, "") if stem else ""
    return Quantity((stem if unit else name).replace("_", " "), unit)


def panels(names: Iterable[str]) -> list[tuple[str, list[str]]]:
    """Traces that share a y axis, because they share a unit: (unit, names), in the order of the names.

    >>> panels(["temperature_c", "humidity_percent", "board_c"])
    [('°C', ['temperature_c', 'board_c']), ('%', ['humidity_percent'])]
    """
    shared: dict[str, list[str]] = {}
    for name in names:
        shared.setdefault(quantity(name).unit, []).append(name)
    return list(shared.items())
