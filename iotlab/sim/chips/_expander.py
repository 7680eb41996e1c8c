"""What is wired to the pins of an I/O expander: somebody at the bench drives them, or leaves them alone."""

from __future__ import annotations

from iotlab.errors import ConfigError


class Wires:
    """The outside of ``count`` pins, as bits: pin 0 is the lowest."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.driven = 0
        self.levels = 0

    def drive(self, pin: int, level: bool) -> None:
        """Something outside holds ``pin`` high or low."""
        bit = self._bit(pin)
        self.driven |= bit
        self.levels = self.levels | bit if level else self.levels & ~bit

    def release(self, pin: int) -> None:
        """Nothing outside drives ``pin`` any more."""
        self.driven &= ~self._bit(pin)
        self.levels &= self.driven

    def text(self, bits: int) -> str:
        """``bits`` as a person reads pins: pin 0 first."""
        return f"{bits:0{self.count}b}"[::-1]

    def _bit(self, pin: int) -> int:
        if pin not in range(self.count):
            raise ConfigError(f"the pins are 0 to {self.count - 1}, not {pin!r}")
        return 1 << pin
