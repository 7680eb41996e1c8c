"""SGP30: organic compounds in the air, and the carbon dioxide they go with. Sensirion SGP30, version 1.0 (2020).

Options: ``serial`` (48 bits). The address is 0x58, always. Not modelled: the raw signals (they are logarithms
of concentrations of ethanol and hydrogen, of which the world knows nothing), a baseline that the chip found
by itself (only one that was set is read back), the general call, and a measurement more seldom than once a
second, which a real chip's baseline would not survive. Humidity compensation is taken, and changes nothing.
"""

from __future__ import annotations

from typing import Any, ClassVar

from iotlab.errors import NackError
from iotlab.sim.chips._sensirion import words
from iotlab.sim.commands import CommandChip, crc8
from iotlab.sim.world import Environment

# "Measurement commands" (table 10) and "Get Serial ID": command, and how long it takes, typical
IAQ_INIT, MEASURE_IAQ, MEASURE_TEST = (0x2003, 0.002), (0x2008, 0.010), (0x2032, 0.200)
GET_BASELINE, SET_BASELINE = (0x2015, 0.010), (0x201E, 0.010)
SET_HUMIDITY, GET_FEATURE_SET = (0x2061, 0.001), (0x202F, 0.001)
GET_SERIAL = (0x3682, 0.0005)
#: How many words follow a command.
ARGUMENTS = {SET_BASELINE[0]: 2, SET_HUMIDITY[0]: 1}

FEATURE_SET = 0x0022  # "Feature Set": product type 0 (SGP30), version 0x22
TEST_PASSED = 0xD400  # "Measure Test"
WARM_UP_S = 15.0  # "Air Quality Signals": fixed values for the first 15 s after the initialisation
CO2EQ_FIXED_PPM, TVOC_FIXED_PPB = 400, 0

#: Table 2, output signal: up to where, in which steps.
CO2EQ_STEPS = ((1479, 1), (5144, 3), (17597, 9), (60000, 31))
TVOC_STEPS = ((2008, 1), (11110, 6), (60000, 32))


class SGP30(CommandChip):
    """Idle until it is initialised; fixed values at first, then what the world's air is like."""

    addresses = (0x58,)
    datasheet: ClassVar[str] = "Sensirion SGP30 version 1.0"
    commands_page: ClassVar[str] = "table 10"

    def __init__(
        self, world: Environment, *, address: int | None = None, serial: int = 0x0000_0157_4A2B
    ) -> None:
        super().__init__(world, address=address)
        if not 0 <= serial < 1 << 48:
            raise ValueError(f"an SGP30's serial number has 48 bits, not {serial!r}")
        self.serial = serial
        self.power_on()

    def power_on(self) -> None:
        self._forget()
        self._initialised_s: float | None = None
        self._baseline: tuple[int, int] | None = None
        self._humidity = 0

    def state(self) -> dict[str, Any]:
        return {
            **super().state(),
            "initialised": self._initialised_s is not None,
            "warming_up": not self._warm(),
            "humidity_g_m3": self._humidity / 256,
        }

    # -- the wire -----------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """A command, and words for it, each with its CRC."""
        if not data:
            return
        if self.busy():
            raise NackError(self.address, "the SGP30 at 0x58 is busy with a command: ask again shortly")
        command = int.from_bytes(data[:2], "big")
        self._take(command, self._words(command, data[2:]))

    def _words(self, command: int, data: bytes) -> list[int]:
        """What follows the command; a word with a wrong CRC is not acknowledged."""
        if len(data) != 3 * ARGUMENTS.get(command, 0):
            raise self.unmodelled(f"command 0x{command:04x} with {len(data)} bytes after it")
        triples = [data[place : place + 3] for place in range(0, len(data), 3)]
        if any(crc8(triple[:2]) != triple[2] for triple in triples):
            raise NackError(self.address, "the SGP30 at 0x58 takes no word whose CRC is wrong: check the CRC")
        return [int.from_bytes(triple[:2], "big") for triple in triples]

    def _take(self, command: int, arguments: list[int]) -> None:
        if command == IAQ_INIT[0]:
            self._initialised_s = self.world.now()
            self.done(IAQ_INIT[1])
        elif command == MEASURE_IAQ[0]:
            self.reply(words(*self._measure()), MEASURE_IAQ[1])
        elif command == MEASURE_TEST[0]:
            self._initialised_s = None  # "Measure Test": not to be used after the initialisation
            self.reply(words(TEST_PASSED), MEASURE_TEST[1])
        elif command == GET_BASELINE[0]:
            if self._baseline is None:
                raise self.unmodelled("a baseline that was not set", "Set and Get Baseline")
            self.reply(words(*self._baseline), GET_BASELINE[1])
        elif command == SET_BASELINE[0]:
            tvoc, co2eq = arguments  # written in the other order than it is read
            self._baseline = (co2eq, tvoc)
            self.done(SET_BASELINE[1])
        elif command == SET_HUMIDITY[0]:
            self._humidity = arguments[0]
            self.done(SET_HUMIDITY[1])
        elif command == GET_FEATURE_SET[0]:
            self.reply(words(FEATURE_SET), GET_FEATURE_SET[1])
        elif command == GET_SERIAL[0]:
            serial = self.serial.to_bytes(6, "big")
            parts = (int.from_bytes(serial[place : place + 2], "big") for place in (0, 2, 4))
            self.reply(words(*parts), GET_SERIAL[1])
        else:
            raise self.unmodelled(f"command 0x{command:04x}")

    def done(self, after_s: float) -> None:
        """The command has no answer, and takes ``after_s``."""
        self.reply(b"", after_s)
        self._answer = None

    # -- measuring ----------------------------------------------------------------------------

    def _warm(self) -> bool:
        return self._initialised_s is not None and self.world.now() >= self._initialised_s + WARM_UP_S

    def _measure(self) -> tuple[int, int]:
        if not self._warm():
            return CO2EQ_FIXED_PPM, TVOC_FIXED_PPB
        co2eq = _stepped(self.world.value("co2eq_ppm"), CO2EQ_FIXED_PPM, CO2EQ_STEPS)
        return co2eq, _stepped(self.world.value("tvoc_ppb"), 0, TVOC_STEPS)


def _stepped(value: float, low: int, steps: tuple[tuple[int, int], ...]) -> int:
    """``value`` in the steps of its part of the range, held at the range."""
    for high, step in steps:
        if value <= high:
            return min(max(low + round((value - low) / step) * step, low), high)
        low = high
    return low


PART = SGP30
