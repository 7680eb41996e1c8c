"""SHT31-D: temperature and humidity. Sensirion SHT3x-DIS, version 5 (May 2018).

Options: ``address`` (ADDR low 0x44, high 0x45), ``serial`` (32 bits).

A measurement with clock stretching is there at once: the stretch itself takes no time on a simulated bus.
Repeatability changes how long a measurement takes; the noise is the world's. The heater shows in the status
register, but warms nothing. Power-up and reset take no time. The alert mode (limits, ALERT pin), the general
call, and commands while it measures, but the ones to stop it or to fetch, are not modelled.
"""

from __future__ import annotations

from typing import Any, ClassVar

from iotlab.sim.chips._sensirion import HUMIDITY_PERCENT, TEMPERATURE_C, ticks, words
from iotlab.sim.commands import CommandChip
from iotlab.sim.world import Environment

HIGH_S, MEDIUM_S, LOW_S = 0.0125, 0.0045, 0.0025  # 2, table 4: measurement duration, typical

#: 4.3, table 9, p. 10: how long, and whether the clock is stretched.
SINGLE_SHOT = {
    0x2C06: (HIGH_S, True),
    0x2C0D: (MEDIUM_S, True),
    0x2C10: (LOW_S, True),
    0x2400: (HIGH_S, False),
    0x240B: (MEDIUM_S, False),
    0x2416: (LOW_S, False),
}
#: 4.5, table 10, p. 11: how long a measurement takes, and how many there are in a second.
PERIODIC = {
    0x2032: (HIGH_S, 0.5),
    0x2024: (MEDIUM_S, 0.5),
    0x202F: (LOW_S, 0.5),
    0x2130: (HIGH_S, 1.0),
    0x2126: (MEDIUM_S, 1.0),
    0x212D: (LOW_S, 1.0),
    0x2236: (HIGH_S, 2.0),
    0x2220: (MEDIUM_S, 2.0),
    0x222B: (LOW_S, 2.0),
    0x2334: (HIGH_S, 4.0),
    0x2322: (MEDIUM_S, 4.0),
    0x2329: (LOW_S, 4.0),
    0x2737: (HIGH_S, 10.0),
    0x2721: (MEDIUM_S, 10.0),
    0x272A: (LOW_S, 10.0),
    0x2B32: (HIGH_S, 4.0),  # 4.7, table 12: accelerated response time
}
FETCH_DATA = 0xE000  # 4.6, table 11, p. 11
BREAK = 0x3093  # 4.8, table 13
SOFT_RESET = 0x30A2  # 4.9, table 14
HEATER_ENABLE, HEATER_DISABLE = 0x306D, 0x3066  # 4.10, table 16, p. 13
READ_STATUS, CLEAR_STATUS = 0xF32D, 0x3041  # 4.11, tables 17 and 19, p. 13
READ_SERIAL = 0x3780  # not in the datasheet: Sensirion's driver embedded-sht, SHT3X_CMD_READ_SERIAL_ID

ALERT_PENDING, HEATER_ON, TRACKING, RESET_DETECTED = 0x8000, 0x2000, 0x0C00, 0x0010  # 4.11, table 18, p. 13
STATUS_RESET = ALERT_PENDING | RESET_DETECTED  # table 18: default values


class SHT31D(CommandChip):
    """Measures once when told to, or by itself in periods until told to stop."""

    addresses = (0x44, 0x45)
    datasheet: ClassVar[str] = "SHT3x-DIS version 5"
    commands_page: ClassVar[str] = "4, p. 9 to 14"

    def __init__(self, world: Environment, *, address: int | None = None, serial: int = 0x0A1B2C3D) -> None:
        super().__init__(world, address=address)
        if not 0 <= serial < 1 << 32:
            raise ValueError(f"an SHT31-D's serial number has 32 bits, not {serial!r}")
        self.serial = serial
        self.power_on()

    def power_on(self) -> None:
        self._forget()
        self._status = STATUS_RESET
        self._periodic: tuple[float, float] | None = None  # when the first result is there, results a second
        self._fetched = 0  # results of the periodic mode that are gone

    def state(self) -> dict[str, Any]:
        mode = "single shot" if self._periodic is None else "periodic"
        return {**super().state(), "mode": mode, "heater": bool(self._status & HEATER_ON)}

    def write(self, data: bytes) -> None:
        if not data:
            return
        if len(data) != 2:
            raise self.unmodelled(f"a command that is not two bytes, but {len(data)},")
        command = int.from_bytes(data, "big")
        if command == BREAK:  # aborts what is going on (4.8)
            self._forget()
            self._periodic = None
        elif command in PERIODIC:
            self._check_idle(command)
            duration_s, per_second = PERIODIC[command]
            self._periodic, self._fetched = (self.world.now() + duration_s, per_second), 0
        elif self._periodic is not None:
            if command != FETCH_DATA:  # 4.8: stop it first
                raise self.unmodelled(f"command 0x{command:04x} in periodic mode", "4.8")
            self._fetch(*self._periodic)
        else:
            self._check_idle(command)
            self._forget()
            self._execute(command)

    def _check_idle(self, command: int) -> None:
        if self.busy():
            raise self.unmodelled(f"command 0x{command:04x} while it measures", "4.2")

    def _execute(self, command: int) -> None:
        """A command in single shot mode."""
        if command in SINGLE_SHOT:
            duration_s, stretched = SINGLE_SHOT[command]
            self.reply(self._measured(), 0.0 if stretched else duration_s)
        elif command == SOFT_RESET:
            self.power_on()
        elif command == HEATER_ENABLE:
            self._status |= HEATER_ON
        elif command == HEATER_DISABLE:
            self._status &= ~HEATER_ON
        elif command == READ_STATUS:
            self.reply(words(self._status))
        elif command == CLEAR_STATUS:
            self._status &= ~(ALERT_PENDING | TRACKING | RESET_DETECTED)
        elif command == READ_SERIAL:
            self.reply(words(self.serial >> 16, self.serial & 0xFFFF))
        elif command != FETCH_DATA:  # of which there is nothing: the read is not acknowledged (4.6)
            raise self.unmodelled(f"command 0x{command:04x}")

    def _fetch(self, first_s: float, per_second: float) -> None:
        """A result that was not fetched yet, or none: the read is not acknowledged then (4.6)."""
        self._forget()
        since_s = self.world.now() - first_s
        results = 0 if since_s < 0 else 1 + int(since_s * per_second)
        if results > self._fetched:
            self._fetched = results
            self.reply(self._measured())

    def _measured(self) -> bytes:
        """4.13, p. 14."""
        return words(
            ticks(self.world.value("temperature_c"), TEMPERATURE_C, -45.0, 175.0),
            ticks(self.world.value("humidity_percent"), HUMIDITY_PERCENT, 0.0, 100.0),
        )


PART = SHT31D
