"""A potentiometer between ground and the supply, its wiper on an analogue pin.

Option: ``position`` (0.0 at ground, 1.0 at the supply).
"""

from __future__ import annotations

from typing import Any, ClassVar

from iotlab.sim.chips.base import LinePart
from iotlab.sim.world import Environment


class Potentiometer(LinePart):
    """A knob."""

    actions: ClassVar[tuple[str, ...]] = ("turn",)

    def __init__(self, world: Environment, *, position: float = 0.5) -> None:
        super().__init__(world)
        self.position = _checked(position)

    def turn(self, position: float) -> None:
        """Turn the knob to ``position``, 0.0 to 1.0."""
        self.position = _checked(position)
        self.changed()

    def voltage(self) -> float | None:
        return self.position

    def state(self) -> dict[str, Any]:
        return {"position": self.position}


def _checked(position: float) -> float:
    if not 0.0 <= position <= 1.0:
        raise ValueError(f"a potentiometer turns from 0.0 to 1.0, not to {position}")
    return float(position)


PART = Potentiometer
