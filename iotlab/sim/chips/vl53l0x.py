"""VL53L0X: distance by the time of flight of light. ST DocID029104 (datasheet), rev. 1.

ST publishes five reference registers and a driver (STSW-IMG005) in place of a register map: names, pages and
formulas here are that driver's. Its tuning settings are kept as they are written, without any effect. The
address is 0x29; changing it is not modelled, nor are measurements at intervals, interrupts other than "new
sample ready", and what comes with a range (signal rates, status). Reference calibrations take their time
and change nothing.
"""

from __future__ import annotations

from typing import Any, ClassVar

from iotlab.sim.registers import RegisterChip
from iotlab.sim.world import Environment

PAGE = 0xFF  # on every page
SYSRANGE_START, SEQUENCE_CONFIG = 0x00, 0x01
INTERRUPT_CONFIG_GPIO, INTERRUPT_CLEAR, INTERRUPT_STATUS = 0x0A, 0x0B, 0x13
RANGE = 0x1E  # RESULT_RANGE_STATUS + 10: millimetres, high byte first
MSRC_TIMEOUT, PRE_VCSEL, PRE_TIMEOUT, FINAL_VCSEL, FINAL_TIMEOUT = 0x46, 0x50, 0x51, 0x70, 0x71
SLAVE_DEVICE_ADDRESS = 0x8A
NVM_PAGE, NVM_STROBE, NVM_ADDRESS, NVM_DATA = 7, 0x83, 0x94, 0x92

SINGLE, BACK_TO_BACK = 0x01, 0x02
NEW_SAMPLE_READY = 0x04
FINAL_STEP, PRE_STEP, TCC_STEP, DSS_STEP, MSRC_STEP = 0x80, 0x40, 0x10, 0x08, 0x04

#: Where a page and register begins, after power-on. The first five are the reference registers (3.2, table 4).
START = {
    (0, 0xC0): 0xEE,
    (0, 0xC1): 0xAA,
    (0, 0xC2): 0x10,
    (0, 0x51): 0x00,
    (0, 0x52): 0x99,
    (0, 0x61): 0x00,
    (0, 0x62): 0x00,
    # one part of the series: which SPADs are good, its stop variable
    **{(0, 0xB0 + index): good for index, good in enumerate(bytes.fromhex("ff ff ff 00 1f 00"))},
    (1, 0x91): 0x3C,
    # zero, for want of a document: the published driver changes single bits of them
    (0, SYSRANGE_START): 0,
    (0, 0x60): 0,
    (0, 0x84): 0,
    (6, 0x83): 0,
    # the same: it reads a third byte after a word
    (0, 0x20): 0,
    (0, 0x46): 0,
    (0, 0x53): 0,
    (0, 0x73): 0,
    # the same: there a TCS34725 at this address has its ID
    (0, 0x92): 0,
}
NVM = {0x6B: 0x85}  # reference SPADs: five, with an aperture (bit 7)

LIMIT_MM = 2000  # cover page: absolute range up to 2 m
NO_TARGET_MM = 8190  # what STSW-IMG005 reports where no target is seen


class VL53L0X(RegisterChip):
    """Idle until a measurement is started, once or again and again; it takes as long as its timing budget."""

    addresses = (0x29,)
    datasheet: ClassVar[str] = "ST DocID029104 rev. 1"
    map_page: ClassVar[str] = "3.2, and STSW-IMG005"

    def __init__(self, world: Environment, *, address: int | None = None) -> None:
        super().__init__(world, address=address)
        self.power_on()

    def power_on(self) -> None:
        self._pointer = None
        self._page = 0
        self._registers = dict(START)
        self._ready_s: float | None = None
        self._again = False
        self._interrupt = 0
        self._range_mm = 0

    def state(self) -> dict[str, Any]:
        self._settle()
        running = self._ready_s is not None
        return {
            **super().state(),
            "mode": "continuous" if running and self._again else "single" if running else "idle",
            "range_mm": self._range_mm,
        }

    # -- registers ----------------------------------------------------------------------------

    def read(self, size: int) -> bytes:
        self._settle()
        return super().read(size)

    def get(self, register: int) -> int:
        if register == PAGE:
            return self._page
        if self._page == 0:
            if register in (RANGE, RANGE + 1):
                return self._range_mm.to_bytes(2, "big")[register - RANGE]
            if register == INTERRUPT_STATUS:
                return self._interrupt
        try:
            return self._registers[self._page, register]
        except KeyError:
            raise self.unmodelled(f"reading register 0x{register:02x} of page {self._page}") from None

    def put(self, register: int, value: int) -> None:
        self._settle()
        if register == PAGE:
            self._page = value
            return
        self._registers[self._page, register] = value
        if self._page == NVM_PAGE and register == NVM_STROBE and value == 0:
            self._read_nvm()
        elif self._page == 0:
            self._control(register, value)

    def _control(self, register: int, value: int) -> None:
        if register == SYSRANGE_START:
            self._start(value)
        elif register == INTERRUPT_CLEAR and value & 0x01:
            self._interrupt = 0
        elif register == INTERRUPT_CONFIG_GPIO and value != NEW_SAMPLE_READY:
            raise self.unmodelled(f"interrupt configuration {value}", "STSW-IMG005")
        elif register == SLAVE_DEVICE_ADDRESS:
            raise self.unmodelled("changing the address", "STSW-IMG005")

    def _read_nvm(self) -> None:
        """The strobe goes up when the data are there: at once."""
        place = self._registers.get((NVM_PAGE, NVM_ADDRESS))
        if place not in NVM:
            raise self.unmodelled(f"place {place!r} of the memory for factory settings", "STSW-IMG005")
        self._registers[NVM_PAGE, NVM_STROBE] = 0x01
        self._registers[NVM_PAGE, NVM_DATA] = NVM[place]

    # -- measuring ----------------------------------------------------------------------------

    def _start(self, value: int) -> None:
        """Bit 0 asks for one measurement (bit 6 with it: a calibration) and is taken back once that runs."""
        if value & ~(SINGLE | BACK_TO_BACK | 0x40):
            raise self.unmodelled(f"start mode 0x{value:02x}", "STSW-IMG005")
        self._registers[0, SYSRANGE_START] = value & ~SINGLE
        self._again = bool(value & BACK_TO_BACK)
        running = value & (SINGLE | BACK_TO_BACK)
        self._ready_s = self.world.now() + self._measure_s() if running else None

    def _settle(self) -> None:
        """What happened since the last look."""
        now = self.world.now()
        if self._ready_s is None or now < self._ready_s:
            return
        self._interrupt = NEW_SAMPLE_READY
        if self._registers.get((0, SEQUENCE_CONFIG), 0) & FINAL_STEP:  # else it was a calibration
            distance_mm = self.world.value("distance_mm")
            self._range_mm = max(round(distance_mm), 0) if distance_mm <= LIMIT_MM else NO_TARGET_MM
        if not self._again:
            self._ready_s = None
            return
        period_s = self._measure_s()
        self._ready_s += period_s * (1 + int((now - self._ready_s) / period_s))

    def _measure_s(self) -> float:
        """The timing budget: VL53L0X_get_measurement_timing_budget_micro_seconds of STSW-IMG005."""
        steps = self._registers.get((0, SEQUENCE_CONFIG), 0)
        budget_us = 1910 + 960  # start and end
        if not steps & (TCC_STEP | DSS_STEP | MSRC_STEP | PRE_STEP | FINAL_STEP):
            return budget_us / 1e6
        pre_clocks, final_clocks = 2 * (self._main(PRE_VCSEL) + 1), 2 * (self._main(FINAL_VCSEL) + 1)
        msrc_us = _us(self._main(MSRC_TIMEOUT) + 1, pre_clocks)
        pre_periods, final_periods = self._periods(PRE_TIMEOUT), self._periods(FINAL_TIMEOUT)
        if steps & TCC_STEP:
            budget_us += msrc_us + 590
        if steps & DSS_STEP:
            budget_us += 2 * (msrc_us + 690)
        elif steps & MSRC_STEP:
            budget_us += msrc_us + 660
        if steps & PRE_STEP:
            budget_us += _us(pre_periods, pre_clocks) + 660
        if steps & FINAL_STEP:  # its time-out has that of the pre-range in it
            budget_us += _us(final_periods - (pre_periods if steps & PRE_STEP else 0), final_clocks) + 550
        return budget_us / 1e6

    def _main(self, register: int) -> int:
        """A register of page 0 that a measurement needs: no document says what it holds before it is set."""
        try:
            return self._registers[0, register]
        except KeyError:
            raise self.unmodelled(f"a measurement before register 0x{register:02x} is set") from None

    def _periods(self, register: int) -> int:
        """A time-out in macro periods: a mantissa shifted by an exponent, plus 1."""
        return (self._main(register + 1) << self._main(register)) + 1


def _us(periods: int, clocks: int) -> int:
    """Macro periods of a VCSEL period of so many clocks, in µs: 2304 of them, 1.655 ns each."""
    period_ns = (2304 * clocks * 1655 + 500) // 1000
    return (periods * period_ns + period_ns // 2) // 1000


PART = VL53L0X
