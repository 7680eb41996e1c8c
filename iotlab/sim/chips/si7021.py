"""Si7021: temperature and humidity. Silicon Labs, Si7021-A20, rev. 1.1.

Options: ``address`` (0x40 only), ``serial`` (the 32 bits of SNA; SNB says that it is an Si7021).

In hold master mode a result is there at once: the stretched clock takes no time on a simulated bus. Bits that a
resolution does not have are 0. The heater keeps its settings, but warms nothing. Power-up takes no time.
Commands while it measures, but the reset, and a supply so low that VDDS shows it are not modelled.
"""

from __future__ import annotations

from typing import Any, ClassVar

from iotlab.errors import NackError
from iotlab.sim.chips.base import within
from iotlab.sim.commands import CommandChip, crc8
from iotlab.sim.world import Environment

# Table 11, p. 18
HUMIDITY_HOLD, HUMIDITY_NO_HOLD = 0xE5, 0xF5
TEMPERATURE_HOLD, TEMPERATURE_NO_HOLD, TEMPERATURE_PREVIOUS = 0xE3, 0xF3, 0xE0
RESET, WRITE_USER, READ_USER, WRITE_HEATER, READ_HEATER = 0xFE, 0xE6, 0xE7, 0x51, 0x11
READ_ID_1, READ_ID_2, READ_FIRMWARE = b"\xfa\x0f", b"\xfc\xc9", b"\x84\xb8"

USER_RESET, HTRE = 0x3A, 0x04  # 6.1, user register 1
RESOLUTION = 0x81  # 6.1: RES1 and RES0, bits 7 and 0
HEATER_CURRENT = 0x0F  # 6.1, heater control register

#: By RES1 and RES0 (6.1): bits of humidity and temperature, and how long each takes (table 2, p. 5, typical).
RESOLUTIONS = {
    0x00: (12, 14, 0.0100, 0.0070),
    0x01: (8, 12, 0.0026, 0.0024),
    0x80: (10, 13, 0.0037, 0.0040),
    0x81: (11, 11, 0.0058, 0.0015),
}
RESET_S = 0.005  # table 2, p. 5: power-up time after a software reset, typical
HUMIDITY_MARK = 0x02  # 5.1.1: a humidity always ends in the bits 10

DEVICE_ID = b"\x15\xff\xff\xff"  # 5.3: SNB_3 of an Si7021 is 21; the rest is as Si7021s have it
FIRMWARE = 0x20  # 5.4: revision 2.0

TEMPERATURE_C, HUMIDITY_PERCENT = (-40.0, 125.0), (0.0, 100.0)  # tables 4 and 5: operating range


class SI7021(CommandChip):
    """Asleep until a command comes; a temperature is measured with each humidity."""

    addresses = (0x40,)
    datasheet: ClassVar[str] = "Si7021-A20 rev. 1.1"
    commands_page: ClassVar[str] = "table 11, p. 18"

    def __init__(self, world: Environment, *, address: int | None = None, serial: int = 0x5A6B7C8D) -> None:
        super().__init__(world, address=address)
        if not 0 <= serial < 1 << 32:
            raise ValueError(f"SNA of an Si7021's serial number has 32 bits, not {serial!r}")
        self.serial = serial
        self.power_on()

    def power_on(self) -> None:
        self._forget()
        self._user, self._heater = USER_RESET, 0
        self._previous: bytes | None = None  # temperature of the last humidity measurement
        self._up_s = float("-inf")

    def state(self) -> dict[str, Any]:
        humidity_bits, temperature_bits, _, _ = RESOLUTIONS[self._user & RESOLUTION]
        return {
            **super().state(),
            "humidity_bits": humidity_bits,
            "temperature_bits": temperature_bits,
            "heater": bool(self._user & HTRE),
        }

    # -- the wire -----------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        self._check_up()
        if not data:
            return
        if data[0] == RESET and len(data) == 1:
            self.power_on()
            self._up_s = self.world.now() + RESET_S
            return
        if self.busy():
            raise self.unmodelled(f"command 0x{data[0]:02x} while it measures", "5.1, p. 19")
        self._forget()
        if len(data) == 1:
            self._command(data[0])
        elif data in (READ_ID_1, READ_ID_2, READ_FIRMWARE):
            self.reply(self._identity(data))
        elif data[0] == WRITE_USER and len(data) == 2:  # reserved bits and VDDS stay (6.1)
            self._user = self._user & ~(RESOLUTION | HTRE) | data[1] & (RESOLUTION | HTRE)
        elif data[0] == WRITE_HEATER and len(data) == 2:
            self._heater = data[1] & HEATER_CURRENT
        else:
            raise self.unmodelled(f"command {data.hex(' ')}")

    def read(self, size: int) -> bytes:
        self._check_up()
        return super().read(size)

    def _check_up(self) -> None:
        if self.world.now() < self._up_s:
            raise NackError(
                self.address, f"the SI7021 at 0x{self.address:02x} is starting: ask again shortly"
            )

    def _command(self, command: int) -> None:
        """A command of one byte."""
        _, _, humidity_s, temperature_s = RESOLUTIONS[self._user & RESOLUTION]
        if command in (HUMIDITY_HOLD, HUMIDITY_NO_HOLD):
            self._previous = self._temperature()
            after_s = humidity_s + temperature_s if command == HUMIDITY_NO_HOLD else 0.0  # table 2, note 1
            self.reply(_summed(self._humidity()), after_s)
        elif command in (TEMPERATURE_HOLD, TEMPERATURE_NO_HOLD):
            self.reply(_summed(self._temperature()), temperature_s if command == TEMPERATURE_NO_HOLD else 0.0)
        elif command == TEMPERATURE_PREVIOUS:
            if self._previous is None:
                raise self.unmodelled("a temperature from before the first humidity", "5.1.2")
            self.reply(self._previous)
        elif command == READ_USER:
            self.reply(bytes([self._user]))
        elif command == READ_HEATER:
            self.reply(bytes([self._heater]))
        else:
            raise self.unmodelled(f"command 0x{command:02x}")

    # -- what it sends ------------------------------------------------------------------------

    def _humidity(self) -> bytes:
        """5.1.1."""
        bits = RESOLUTIONS[self._user & RESOLUTION][0]
        percent = within(self.world.value("humidity_percent"), HUMIDITY_PERCENT)
        return (_cut((percent + 6) / 125, bits) | HUMIDITY_MARK).to_bytes(2, "big")

    def _temperature(self) -> bytes:
        """5.1.2."""
        bits = RESOLUTIONS[self._user & RESOLUTION][1]
        degrees = within(self.world.value("temperature_c"), TEMPERATURE_C)
        return _cut((degrees + 46.85) / 175.72, bits).to_bytes(2, "big")

    def _identity(self, command: bytes) -> bytes:
        """5.3 and 5.4. Each checksum is of all bytes of the number so far."""
        if command == READ_FIRMWARE:
            return bytes([FIRMWARE])
        if command == READ_ID_1:
            number = self.serial.to_bytes(4, "big")
            return b"".join(number[n : n + 1] + _sum(number[: n + 1]) for n in range(4))
        return DEVICE_ID[:2] + _sum(DEVICE_ID[:2]) + DEVICE_ID[2:] + _sum(DEVICE_ID)


def _sum(data: bytes) -> bytes:
    """5.1, p. 19: the checksum starts from 0."""
    return bytes([crc8(data, 0x00)])


def _summed(data: bytes) -> bytes:
    return data + _sum(data)


def _cut(share: float, bits: int) -> int:
    """``share`` of 2¹⁶, of which the upper ``bits`` are there."""
    return round(share * (1 << bits)) << 16 - bits


PART = SI7021
