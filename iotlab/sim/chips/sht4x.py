"""SHT40, SHT41, SHT45: temperature and humidity. Sensirion SHT4x, version 6 (February 2023).

Options: ``address`` (SHT4x-A 0x44, -B 0x45, -C 0x46), ``serial`` (32 bits).

Precision changes how long a measurement takes; the noise is the world's. A heater command takes its time and
ends in a measurement, but warms nothing. Power-up and reset take no time. The general call, and a command while
it measures, but the reset, are not modelled.
"""

from __future__ import annotations

from typing import Any, ClassVar

from iotlab.sim.chips._sensirion import HUMIDITY_PERCENT, TEMPERATURE_C, ticks, words
from iotlab.sim.commands import CommandChip
from iotlab.sim.world import Environment

HIGH_S, MEDIUM_S, LOW_S = 0.0069, 0.0037, 0.0013  # 3.2, system timings: measurement duration, typical
LONG_S, SHORT_S = 1.0, 0.1  # 3.2, system timings: heater-on duration, typical

#: 4.5, command overview: how long it takes until the answer can be read.
MEASURE = {0xFD: HIGH_S, 0xF6: MEDIUM_S, 0xE0: LOW_S}
#: 4.5 and 4.9: the heater is on first, at 200, 110 or 20 mW, then a measurement of high precision.
HEAT = {
    0x39: LONG_S + HIGH_S,
    0x32: SHORT_S + HIGH_S,
    0x2F: LONG_S + HIGH_S,
    0x24: SHORT_S + HIGH_S,
    0x1E: LONG_S + HIGH_S,
    0x15: SHORT_S + HIGH_S,
}
READ_SERIAL, SOFT_RESET = 0x89, 0x94  # 4.5, command overview


class SHT4X(CommandChip):
    """Asleep until a command of one byte comes."""

    addresses = (0x44, 0x45, 0x46)
    datasheet: ClassVar[str] = "SHT4x version 6"
    commands_page: ClassVar[str] = "4.5, command overview"

    def __init__(self, world: Environment, *, address: int | None = None, serial: int = 0x0F1E2D3C) -> None:
        super().__init__(world, address=address)
        if not 0 <= serial < 1 << 32:
            raise ValueError(f"an SHT4x's serial number has 32 bits, not {serial!r}")
        self.serial = serial
        self.power_on()

    def power_on(self) -> None:
        self._forget()
        self._heated_until_s = float("-inf")

    def state(self) -> dict[str, Any]:
        return {**super().state(), "heater": self.world.now() < self._heated_until_s}

    def write(self, data: bytes) -> None:
        if not data:
            return
        if len(data) != 1:
            raise self.unmodelled(f"a command that is not one byte, but {len(data)},")
        command = data[0]
        if command == SOFT_RESET:  # aborts what is going on (4.8)
            self.power_on()
            return
        if self.busy():
            raise self.unmodelled(f"command 0x{command:02x} while it measures", "4.8")
        self._forget()
        if command in MEASURE:
            self.reply(self._measured(), MEASURE[command])
        elif command in HEAT:
            self._heated_until_s = self.world.now() + HEAT[command]
            self.reply(self._measured(), HEAT[command])
        elif command == READ_SERIAL:
            self.reply(words(self.serial >> 16, self.serial & 0xFFFF))
        else:
            raise self.unmodelled(f"command 0x{command:02x}")

    def _measured(self) -> bytes:
        """4.6, conversion of signal output."""
        return words(
            ticks(self.world.value("temperature_c"), TEMPERATURE_C, -45.0, 175.0),
            ticks(self.world.value("humidity_percent"), HUMIDITY_PERCENT, -6.0, 125.0),
        )


PART = SHT4X
