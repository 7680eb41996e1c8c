"""AHT20: temperature and humidity. ASAIR, AHT20 product manual, version 1.0.

Options: ``address`` (0x38 only), ``calibrated`` (True: as delivered; False: it has to be initialised first).

It takes the commands of the AHT20 alone: the AHT10's initialisation (0xE1), which its manual does not have, is
not acknowledged. Power-up and soft reset take no time. Measuring before it is calibrated, other arguments than
the manual's, and commands while it is busy, but the soft reset, are not modelled.
"""

from __future__ import annotations

from typing import Any, ClassVar

from iotlab.errors import NackError
from iotlab.sim.chips.base import within
from iotlab.sim.commands import CommandChip, crc8
from iotlab.sim.world import Environment

# 5.3, basic commands, and 5.4, sensor reading process
INITIALISE, TRIGGER, SOFT_RESET, GET_STATUS = 0xBE, 0xAC, 0xBA, 0x71
INITIALISE_ARGUMENTS, TRIGGER_ARGUMENTS = b"\x08\x00", b"\x33\x00"
AHT10_INITIALISE = 0xE1

BUSY, MODE, CAL_ENABLE = 0x80, 0x10, 0x08  # 5.3, status bits; 5.4: an initialised one reads 0x18
INITIALISE_S, MEASURE_S = 0.010, 0.080  # 5.4, steps 1 and 3

TEMPERATURE_C, HUMIDITY_PERCENT = (-40.0, 85.0), (0.0, 100.0)  # tables 1 and 2: range
FULL = 1 << 20  # 6: signals of 20 bits


class AHT20(CommandChip):
    """Every read begins with the status; busy, the data are the last ones."""

    addresses = (0x38,)
    datasheet: ClassVar[str] = "AHT20 product manual, version 1.0"
    commands_page: ClassVar[str] = "5.3 and 5.4"

    def __init__(self, world: Environment, *, address: int | None = None, calibrated: bool = True) -> None:
        super().__init__(world, address=address)
        self.calibrated = calibrated  # kept in the chip's memory
        self.power_on()

    def power_on(self) -> None:
        self._forget()
        self._data = bytes(5)

    def state(self) -> dict[str, Any]:
        return {**super().state(), "calibrated": self.calibrated, "busy": self.busy()}

    def write(self, data: bytes) -> None:
        if not data or data == bytes([GET_STATUS]):
            return
        command, arguments = data[0], data[1:]
        if command == AHT10_INITIALISE:
            raise NackError(
                self.address, "an AHT20 has no command 0xe1, which is the AHT10's: send 0xbe 08 00"
            )
        if data == bytes([SOFT_RESET]):
            self.power_on()
        elif self.busy():
            raise self.unmodelled(f"command 0x{command:02x} while it is busy")
        elif command == INITIALISE and arguments == INITIALISE_ARGUMENTS:
            self.calibrated = True
            self.reply(self._data, INITIALISE_S)
        elif command == TRIGGER and arguments == TRIGGER_ARGUMENTS:
            self._measure()
        else:
            raise self.unmodelled(f"command {data.hex(' ')}")

    def read(self, size: int) -> bytes:
        """Status, five bytes of data, and the CRC-8 of them all (5.4, steps 3 and 4)."""
        busy = self.busy()
        if not busy and self._answer is not None:
            self._data = self._answer
            self._forget()
        status = (BUSY if busy else 0) | MODE | (CAL_ENABLE if self.calibrated else 0)
        answer = bytes([status]) + self._data
        answer += bytes([crc8(answer)])
        if size > len(answer):
            raise self.unmodelled(f"reading {size} bytes, which are more than it has,")
        return answer[:size]

    def _measure(self) -> None:
        """6, signal conversion: 20 bits of humidity, 20 of temperature."""
        if not self.calibrated:
            raise self.unmodelled("measuring before it is calibrated")
        humidity = within(self.world.value("humidity_percent"), HUMIDITY_PERCENT) / 100
        temperature = (within(self.world.value("temperature_c"), TEMPERATURE_C) + 50) / 200
        words = min(round(humidity * FULL), FULL - 1) << 20 | round(temperature * FULL)
        self.reply(words.to_bytes(5, "big"), MEASURE_S)


PART = AHT20
