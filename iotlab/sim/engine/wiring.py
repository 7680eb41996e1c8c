"""What is on the pins of a virtual board: the parts, and what the board itself does with each pin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from iotlab.errors import NackError
from iotlab.sim.boards.base import BoardKind
from iotlab.sim.chips.base import I2CChip, LinePart, Part

Mode = Literal["in", "out", "open-drain"]
Pull = Literal["", "up", "down"]
RISING, FALLING = 1, 2


@dataclass
class Line:
    """One pin: how the board has set it up, and the parts on it."""

    mode: Mode = "in"
    pull: Pull = ""
    out: bool = False
    duty: float | None = None  # 0.0 to 1.0 while PWM runs on it
    freq_hz: int = 0
    edges: int = 0  # RISING | FALLING: what the board wants to be told
    seen: bool = False
    parts: list[LinePart] = field(default_factory=list)

    def level(self) -> bool:
        """The level on the pin. A pin that nothing drives reads low."""
        if self.duty is not None:
            return self.duty > 0.0
        if self.mode == "out" or (self.mode == "open-drain" and not self.out):
            return self.out
        for part in self.parts:
            driven = part.level()
            if driven is not None:
                return driven
        return self.pull == "up"

    def drive(self) -> None:
        """Tell the parts what the board does with the pin."""
        driving = self.duty is not None or self.mode == "out"
        for part in self.parts:
            if driving:
                part.driven(self.level(), self.duty)
            else:
                part.floating()


class Wiring:
    """The parts of a board on its pins. ``edge(pin)`` is called for an edge that the board waits for."""

    def __init__(
        self,
        kind: BoardKind,
        edge: Callable[[int], None],
        in_loop: Callable[[Callable[[], None]], None],
    ) -> None:
        self.kind, self._edge, self._in_loop = kind, edge, in_loop
        self.parts: dict[str, Part] = {}
        self.lines = {pin: Line() for pin in kind.pins}
        self._chips: dict[tuple[int, int], dict[int, I2CChip]] = {}

    def add_chip(self, name: str, chip: I2CChip, scl: int, sda: int) -> None:
        """Solder an I2C chip to two pins."""
        self.parts[name] = chip
        self._chips.setdefault((scl, sda), {})[chip.address] = chip

    def add_line(self, name: str, part: LinePart, pin: int) -> None:
        """Solder a part to one pin."""
        self.parts[name] = part
        self.lines[pin].parts.append(part)
        # a part may change by itself, on a thread of its own (a button that is let go later)
        part.changed = lambda: self._in_loop(lambda: self.look(pin))

    # -- single pins --------------------------------------------------------------------------

    def set_up(self, pin: int, mode: Mode, pull: Pull, out: bool | None) -> None:
        line = self._line(pin)
        if mode != "in" and pin in self.kind.input_only:
            raise ValueError(f"pin {pin} of {self.kind.title} is an input only")
        line.mode, line.pull, line.duty = mode, pull, None
        if out is not None:
            line.out = out
        line.drive()
        self.look(pin)

    def write(self, pin: int, level: bool) -> None:
        line = self._line(pin)
        line.out = level
        if line.mode != "in":
            line.drive()
            self.look(pin)

    def read(self, pin: int) -> bool:
        return self._line(pin).level()

    def watch(self, pin: int, edges: int) -> None:
        line = self._line(pin)
        line.edges, line.seen = edges, line.level()

    def look(self, pin: int) -> None:
        """Something may have changed the level on ``pin``."""
        line = self.lines[pin]
        before, line.seen = line.seen, line.level()
        if line.seen != before and line.edges & (RISING if line.seen else FALLING):
            self._edge(pin)

    def pwm(self, pin: int, freq_hz: int, duty: float | None) -> None:
        """PWM on ``pin`` (``duty`` 0.0 to 1.0), or none any more."""
        line = self._line(pin)
        if duty is not None and pin in self.kind.input_only:
            raise ValueError(f"pin {pin} of {self.kind.title} is an input only")
        line.duty, line.freq_hz = duty, freq_hz
        line.drive()
        self.look(pin)

    def voltage(self, channel: int) -> float:
        """What the ADC sees on ``channel`` (0.0 to 1.0 of the supply)."""
        if channel not in self.kind.adc_pins:
            known = ", ".join(str(pin) for pin in sorted(self.kind.adc_pins))
            raise ValueError(f"{self.kind.title} has no ADC on {channel}; it has {known}")
        line = self.lines[self.kind.adc_pins[channel]]
        for part in line.parts:
            voltage = part.voltage()
            if voltage is not None:
                return min(1.0, max(0.0, voltage))
        return 1.0 if line.level() else 0.0

    def _line(self, pin: int) -> Line:
        if pin not in self.lines:
            raise ValueError(f"{self.kind.title} has no pin {pin}")
        return self.lines[pin]

    # -- I2C ----------------------------------------------------------------------------------

    def chip(self, scl: int, sda: int, address: int) -> I2CChip:
        """The chip that acknowledges ``address`` on these pins, or ``NackError``."""
        chip = self._chips.get((scl, sda), {}).get(address)
        if chip is None or not chip.plugged:
            raise NackError(address)
        return chip

    # -- power --------------------------------------------------------------------------------

    def reset_pins(self) -> None:
        """The chip was reset: every pin is an input again. The parts keep their supply."""
        for line in self.lines.values():
            line.mode, line.pull, line.out, line.duty, line.edges = "in", "", False, None, 0
            line.drive()
            line.seen = line.level()

    def power_on(self) -> None:
        """The supply came up: the chips start from power-on reset."""
        for part in self.parts.values():
            if isinstance(part, I2CChip):
                part.power_on()
