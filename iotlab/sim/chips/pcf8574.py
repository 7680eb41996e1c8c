"""PCF8574: an I/O expander with 8 quasi-bidirectional pins. Texas Instruments SCPS068.

Option: ``address`` (A2..A0: 0x20 to 0x27; a PCF8574A, at 0x38 to 0x3F, is another part). At the bench,
``drive(pin, level)`` and ``release(pin)`` are what is wired to the pins. Not modelled: pulses of several
bytes in one write, which nobody at the bench could see.
"""

from __future__ import annotations

from typing import Any, ClassVar

from iotlab.sim.chips._expander import Wires
from iotlab.sim.chips.base import I2CChip, UnmodelledError
from iotlab.sim.world import Environment


class PCF8574(I2CChip):
    """A pin written low is held low; one written high is an input with a weak pull-up, and high at power-on."""

    addresses: ClassVar[tuple[int, ...]] = tuple(range(0x20, 0x28))
    actions = ("plug", "unplug", "drive", "release")

    def __init__(self, world: Environment, *, address: int | None = None) -> None:
        super().__init__(world, address=address)
        self._wires = Wires(8)
        self.power_on()

    def power_on(self) -> None:
        self._latch = 0xFF
        self._seen = self._levels()

    def state(self) -> dict[str, Any]:
        """``pins`` and ``latch`` have P0 first; ``int`` is the level of that pin: low, pins changed."""
        return {
            **super().state(),
            "pins": self._wires.text(self._levels()),
            "latch": self._wires.text(self._latch),
            "int": self._levels() == self._seen,  # over when a pin is as it was, or by the next transfer
        }

    # -- at the bench -------------------------------------------------------------------------

    def drive(self, pin: int, level: bool) -> None:
        """Something outside holds ``pin`` (0 to 7) high or low."""
        self._wires.drive(pin, level)

    def release(self, pin: int) -> None:
        """Nothing outside drives ``pin`` any more."""
        self._wires.release(pin)

    def _levels(self) -> int:
        """Low where the latch or the outside pulls low; high is weak (100 µA)."""
        return self._latch & ~(self._wires.driven & ~self._wires.levels)

    # -- the wire -----------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        if len(data) > 1:
            raise UnmodelledError(
                f"PCF8574: {len(data)} bytes in one write are pulses on its pins, which is not modelled by this "
                "simulation: send one byte at a time; see Texas Instruments SCPS068, write mode"
            )
        if data:
            self._latch = data[0]
            self._seen = self._levels()

    def read(self, size: int) -> bytes:
        self._seen = self._levels()
        return bytes([self._seen]) * size


PART = PCF8574
