"""A push button on one pin.

Options: ``active_low`` (True: it pulls the pin to ground, and the board's pull-up holds it high else;
False: it connects the supply), ``pulled`` (the module has the resistor that holds the released level).
"""

from __future__ import annotations

import threading
from typing import Any, ClassVar

from iotlab.sim.chips.base import LinePart
from iotlab.sim.world import Environment


class Button(LinePart):
    """Released, it leaves the pin to the pull resistor."""

    actions: ClassVar[tuple[str, ...]] = ("press", "release", "click")

    def __init__(self, world: Environment, *, active_low: bool = True, pulled: bool = False) -> None:
        super().__init__(world)
        self.active_low, self.pulled = active_low, pulled
        self.pressed = False
        self._finger: threading.Timer | None = None

    def press(self) -> None:
        """Hold it down."""
        self._move(True)

    def release(self) -> None:
        """Let go."""
        self._move(False)

    def click(self, hold_s: float = 0.1) -> None:
        """Press now and let go after ``hold_s`` seconds; returns at once."""
        self._move(True)
        self._finger = threading.Timer(hold_s, self.release)
        self._finger.daemon = True
        self._finger.start()

    def level(self) -> bool | None:
        if self.pressed:
            return not self.active_low
        return self.active_low if self.pulled else None

    def state(self) -> dict[str, Any]:
        return {"pressed": self.pressed}

    def _move(self, pressed: bool) -> None:
        finger, self._finger = self._finger, None
        if finger is not None:
            finger.cancel()
        if self.pressed != pressed:
            self.pressed = pressed
            self.changed()


PART = Button
