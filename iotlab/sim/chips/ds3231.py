"""DS3231: a clock that measures its own temperature. Maxim 19-5170, rev. 10.

Option: ``battery`` (True: it has been set, in UTC, and keeps the time while unplugged; False: it has lost
power and starts at 2000-01-01). The interrupt, square wave and 32 kHz outputs are wired to nothing.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, ClassVar

from iotlab.errors import NackError
from iotlab.sim.chips._calendar import Alarm, Clock
from iotlab.sim.registers import RegisterChip
from iotlab.sim.world import Environment

# Figure 1, p. 11
TIME, TIME_SIZE = 0x00, 7
ALARM_1, ALARM_2 = 0x07, 0x0B
CONTROL, STATUS, AGING, TEMPERATURE, LAST = 0x0E, 0x0F, 0x10, 0x11, 0x12

EOSC, CONV = 0x80, 0x20  # control, p. 13
OSF, EN32KHZ, BSY, A2F, A1F = 0x80, 0x08, 0x04, 0x02, 0x01  # status, p. 14
CONTROL_RESET = 0x1C  # p. 13: RS2, RS1 and INTCN are set when power is first applied
STATUS_RESET = OSF | EN32KHZ  # p. 14

CONVERSION_S = 0.125  # t_CONV, typical; p. 3
CONVERSION_PERIOD_S = 64.0  # p. 15, temperature registers
BUSY_LATER_S = 0.002  # p. 13: a conversion that was asked for shows in BSY after about 2 ms
PPM_PER_AGING = 0.1  # p. 14, at 25 °C
TEMPERATURE_C = (-40.0, 85.0)  # p. 2, DS3231SN

#: A DS3231 does not acknowledge a pointer beyond its registers (seen in i2cdump of a real one), but
#: these, of which the datasheet says nothing.
UNDOCUMENTED = range(0x2C, 0x30)

#: Reset of the time registers: 01/01/00, day 1, midnight (p. 11).
NEW = Clock(datetime(2000, 1, 1), day=1, twelve=False, century=False)


class DS3231(RegisterChip):
    """Runs on the world's clock, a little slower or faster by its aging offset."""

    addresses = (0x68,)
    datasheet: ClassVar[str] = "Maxim 19-5170 rev. 10"
    map_page: ClassVar[str] = "figure 1, p. 11"

    def __init__(self, world: Environment, *, address: int | None = None, battery: bool = True) -> None:
        super().__init__(world, address=address)
        self.battery = battery
        self._written: dict[int, int] = {}  # time registers of the write that is under way
        self._asked_s: float | None = None  # when the conversion under way was asked for
        self._illogical: bytes | None = None  # time registers that are no date
        self._stopped: Clock | None = None  # the time when it was unplugged
        self._lose_power()
        if battery:
            moment = datetime.fromtimestamp(world.now(), timezone.utc).replace(tzinfo=None)
            self._set(Clock(moment, moment.isoweekday(), twelve=False, century=False))
            self._bytes[STATUS] = EN32KHZ

    def power_on(self) -> None:
        self._pointer = None
        if not self.battery:
            self._lose_power()
        elif self._bytes[CONTROL] & EOSC:  # p. 13: on the battery the oscillator stood still
            self._set(self._stopped or self._clock())
            self._bytes[STATUS] |= OSF
        self._stopped = None
        self._convert_s = self.world.now()

    def unplug(self) -> None:
        self._settle()
        self._stopped = self._clock()
        super().unplug()

    def state(self) -> dict[str, Any]:
        clock = self._clock()
        return {
            **super().state(),
            "time": clock.moment.isoformat(sep=" ", timespec="seconds"),
            "lost_power": bool(self._bytes[STATUS] & OSF),
        }

    # -- the wire -----------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        self._settle()
        if data and data[0] > LAST:
            if data[0] in UNDOCUMENTED:
                raise self.unmodelled(f"register 0x{data[0]:02x}")
            raise NackError(self.address, f"the DS3231 has no register 0x{data[0]:02x}: it ends at 0x12")
        self._written = {}
        super().write(data)
        if self._written:
            self._set_fields(self._written)

    def read(self, size: int) -> bytes:
        self._settle()
        return super().read(size)

    def after(self, register: int) -> int:
        """Wraps after 12h, where the time is copied anew (p. 11)."""
        if register >= LAST:
            self._shown = self._clock()
            return 0
        return register + 1

    def get(self, register: int) -> int:
        if register < TIME + TIME_SIZE:
            return self._time_registers()[register]
        if register == STATUS:
            return self._bytes[STATUS] | (BSY if self._busy() else 0)
        return self._bytes[register]

    def put(self, register: int, value: int) -> None:
        if register < TIME + TIME_SIZE:
            self._written[register] = value
        elif register == CONTROL:
            if value & CONV and not self._bytes[CONTROL] & CONV:
                self._asked_s = self.world.now()
            self._bytes[CONTROL] = value | self._bytes[CONTROL] & CONV
        elif register == STATUS:  # flags are only written to 0 (p. 14)
            kept = self._bytes[STATUS] & value & (OSF | A2F | A1F)
            self._bytes[STATUS] = kept | value & EN32KHZ
        elif register < TEMPERATURE:  # the temperature is read-only (p. 15)
            self._bytes[register] = value

    # -- time ---------------------------------------------------------------------------------

    def _lose_power(self) -> None:
        self._bytes = bytearray(LAST + 1)
        self._bytes[CONTROL], self._bytes[STATUS] = CONTROL_RESET, STATUS_RESET
        self._asked_s = self._illogical = None
        self._convert_s = self.world.now()
        self._slow = 0.0  # share by which the oscillator is slower than the world
        self._set(NEW)

    def _set(self, clock: Clock) -> None:
        self._base, self._base_s = clock, self.world.now()
        self._checked = self._shown = clock

    def _clock(self) -> Clock:
        return self._base.later(max(0.0, (self.world.now() - self._base_s) * (1 - self._slow)))

    def _time_registers(self) -> bytes:
        if self._illogical is not None:
            raise self.unmodelled(
                f"a date that does not exist (registers {self._illogical.hex(' ')})", "p. 11"
            )
        return self._shown.registers()

    def _set_fields(self, fields: dict[int, int]) -> None:
        """Time registers were written; the others go on. Writing the seconds starts a new second (p. 12)."""
        clock = self._clock()
        data = bytearray(self._illogical or clock.registers())
        for register, value in fields.items():
            data[register] = value
        try:
            clock = Clock.from_registers(data, 0 if 0 in fields else clock.moment.microsecond)
        except ValueError:
            self._illogical = bytes(data)  # undefined, unless another write mends it (p. 11)
            return
        self._illogical = None
        self._set(clock)

    # -- what happened since the last look ----------------------------------------------------

    def _settle(self) -> None:
        now = self.world.now()
        if self._asked_s is not None and now >= self._asked_s + CONVERSION_S:
            self._asked_s = None
            self._bytes[CONTROL] &= ~CONV
            self._measure()
        if now >= self._convert_s + CONVERSION_S:
            periods = int((now - self._convert_s) / CONVERSION_PERIOD_S)
            self._convert_s += (periods + 1) * CONVERSION_PERIOD_S
            self._measure()
        self._shown = clock = self._clock()
        for flag, alarm in ((A1F, self._bytes[ALARM_1:ALARM_2]), (A2F, b"\0" + self._bytes[ALARM_2:CONTROL])):
            try:
                if Alarm.from_registers(alarm).between(self._checked, clock):
                    self._bytes[STATUS] |= flag
            except ValueError:
                continue  # no such time: it never matches
        self._checked = clock

    def _busy(self) -> bool:
        now = self.world.now()
        asked = self._asked_s is not None and now >= self._asked_s + BUSY_LATER_S
        return asked or self._convert_s <= now < self._convert_s + CONVERSION_S

    def _measure(self) -> None:
        """A conversion ended: temperature (p. 15) and aging offset (p. 14) take effect."""
        low, high = TEMPERATURE_C
        quarters = round(min(max(self.world.value("temperature_c"), low), high) * 4)
        self._bytes[TEMPERATURE:] = (quarters << 6).to_bytes(2, "big", signed=True)
        clock = self._clock()
        aging = int.from_bytes(self._bytes[AGING : AGING + 1], "big", signed=True)
        self._slow = aging * PPM_PER_AGING * 1e-6
        self._base, self._base_s = clock, self.world.now()


PART = DS3231
