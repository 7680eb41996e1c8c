"""A light-emitting diode with its resistor on one pin.

Options: ``colour`` (a CSS colour name), ``active_low`` (wired from the supply to the pin).
"""

from __future__ import annotations

from typing import Any

from iotlab.sim.chips.base import LinePart
from iotlab.sim.world import Environment


class LED(LinePart):
    """Lit by a level, or dimmed by PWM."""

    def __init__(self, world: Environment, *, colour: str = "red", active_low: bool = False) -> None:
        super().__init__(world)
        self.colour, self.active_low = colour, active_low
        self.brightness = 0.0

    def driven(self, level: bool, duty: float | None = None) -> None:
        high = float(level) if duty is None else min(max(duty, 0.0), 1.0)
        self.brightness = 1.0 - high if self.active_low else high

    def floating(self) -> None:
        self.brightness = 0.0

    def state(self) -> dict[str, Any]:
        """``brightness`` is 0.0 to 1.0."""
        return {"on": self.brightness > 0, "brightness": self.brightness, "colour": self.colour}


PART = LED
