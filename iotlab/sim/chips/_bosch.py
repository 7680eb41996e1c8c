"""What BMP280 and BME280 have in common: how they measure, and the compensation, there and back.

The chip delivers raw ADC values and factory calibration; the host computes physical values. The
formulas are the integer ones of BST-BME280-DS002 (rev. 1.6), 4.2.3, p. 25. Back from a physical value to
the raw one goes by bisection, because each formula is monotone over the chip's range.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from iotlab.errors import ConfigError
from iotlab.sim.chips.base import within
from iotlab.sim.registers import RegisterChip
from iotlab.sim.world import Environment

#: Operating ranges (DS002, 1.1 to 1.3): values beyond them are held at the limit.
TEMPERATURE_C = (-40.0, 85.0)
PRESSURE_HPA = (300.0, 1100.0)
HUMIDITY_PERCENT = (0.0, 100.0)


@dataclass(frozen=True)
class Calibration:
    """The trimming parameters dig_T1..3, dig_P1..9, dig_H1..6 (DS002, table 16, p. 24)."""

    t: tuple[int, int, int]
    p: tuple[int, int, int, int, int, int, int, int, int]
    h: tuple[int, int, int, int, int, int]

    def low_block(self) -> bytes:
        """Registers 0x88 to 0xA1; 0xA0 is not used."""
        return struct.pack("<HhhHhhhhhhhhxB", *self.t, *self.p, self.h[0])

    def high_block(self) -> bytes:
        """Registers 0xE1 to 0xE7: H4 and H5 are 12 bits each and share 0xE5."""
        _, h2, h3, h4, h5, h6 = self.h
        shared = (h4 & 0x0F) | (h5 & 0x0F) << 4
        return struct.pack("<hBbBbb", h2, h3, h4 >> 4, shared, h5 >> 4, h6)

    # -- raw to physical ----------------------------------------------------------------------

    def t_fine(self, raw: int) -> int:
        """Temperature in 1/5120 °C from the 20-bit raw value."""
        t1, t2, t3 = self.t
        first = (((raw >> 3) - (t1 << 1)) * t2) >> 11
        offset = (raw >> 4) - t1
        return first + ((((offset * offset) >> 12) * t3) >> 14)

    def pressure(self, raw: int, t_fine: int) -> int:
        """Pressure in 1/256 Pa from the 20-bit raw value."""
        p1, p2, p3, p4, p5, p6, p7, p8, p9 = self.p
        v1 = t_fine - 128000
        v2 = v1 * v1 * p6 + ((v1 * p5) << 17) + (p4 << 35)
        v1 = ((v1 * v1 * p3) >> 8) + ((v1 * p2) << 12)
        v1 = (((1 << 47) + v1) * p1) >> 33
        if v1 == 0:
            return 0
        value = (((1048576 - raw) << 31) - v2) * 3125 // v1
        v1 = (p9 * (value >> 13) * (value >> 13)) >> 25
        v2 = (p8 * value) >> 19
        return ((value + v1 + v2) >> 8) + (p7 << 4)

    def humidity(self, raw: int, t_fine: int) -> int:
        """Relative humidity in 1/4194304 % (before the last shift by 12) from the 16-bit raw value."""
        h1, h2, h3, h4, h5, h6 = self.h
        v = t_fine - 76800
        slope = (((((v * h6) >> 10) * (((v * h3) >> 11) + 32768)) >> 10) + 2097152) * h2 + 8192
        v = (((raw << 14) - (h4 << 20) - h5 * v + 16384) >> 15) * (slope >> 14)
        v -= ((((v >> 15) * (v >> 15)) >> 7) * h1) >> 4
        return min(max(v, 0), 419430400)

    # -- physical to raw ----------------------------------------------------------------------

    def raw_temperature(self, temperature_c: float) -> int:
        """The raw value that compensates to ``temperature_c``."""
        wanted = round(within(temperature_c, TEMPERATURE_C) * 5120)
        return _nearest(1 << 20, wanted, self.t_fine)

    def raw_pressure(self, pressure_hpa: float, t_fine: int) -> int:
        """The raw value that compensates to ``pressure_hpa`` at ``t_fine``. Falls as pressure rises."""
        wanted = round(within(pressure_hpa, PRESSURE_HPA) * 25600)
        return _nearest(1 << 20, -wanted, lambda raw: -self.pressure(raw, t_fine))

    def raw_humidity(self, humidity_percent: float, t_fine: int) -> int:
        """The raw value that compensates to ``humidity_percent`` at ``t_fine``."""
        wanted = round(within(humidity_percent, HUMIDITY_PERCENT) * 4194304)
        return _nearest(1 << 16, wanted, lambda raw: self.humidity(raw, t_fine))


#: Two parts of the series. T and P of the first are the worked example of BST-BMP280-DS001
#: (rev. 1.23), 3.12, p. 23, whose formulas are the same; the other values are of the usual size.
CALIBRATIONS = (
    Calibration(
        t=(27504, 26435, -1000),
        p=(36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000),
        h=(75, 355, 0, 340, 0, 30),
    ),
    Calibration(
        t=(28485, 26735, 50),
        p=(36738, -10635, 3024, 6980, -4, -7, 9900, -10230, 4285),
        h=(75, 367, 0, 306, 50, 30),
    ),
)


# DS002, 5.3, table 18, p. 26; BST-BMP280-DS001 (rev. 1.23), 4.2, table 18, p. 24
CALIB_LOW, ID, RESET = 0x88, 0xD0, 0xE0
STATUS, CTRL_MEAS, CONFIG, DATA = 0xF3, 0xF4, 0xF5, 0xF7

RESET_WORD = 0xB6  # DS002, 5.4.2; DS001, 4.3.2
MEASURING, IM_UPDATE = 0x08, 0x01  # DS002, 5.4.4; DS001, 4.3.3
SLEEP, FORCED, NORMAL = 0, 1, 3  # DS002, 5.4.5, table 25; DS001, 3.6, p. 15, 16
OVERSAMPLING = (0, 1, 2, 4, 8, 16, 16, 16)  # DS002, tables 20, 23, 24; DS001, tables 21, p. 25, and 22
FILTER = (1, 2, 4, 8, 16, 16, 16, 16)  # DS002, 5.4.6, table 28; DS001, 3.3.3
STARTUP_S = 0.002  # DS002, 1.1, table 1; DS001, 1, table 2: start-up time
SKIPPED_20 = 0x80000  # DS002, tables 23, 24; DS001, 4.3.6 and 4.3.7: output of a skipped measurement


class PressureSensor(RegisterChip):
    """The chip measures when told to (forced) or in cycles (normal), and takes its time over it.

    Citations without a document are of DS002; DS001 says the same.
    """

    addresses = (0x77, 0x76)
    #: What ``ID`` reads.
    chip_id: ClassVar[int]
    #: t_standby by t_sb.
    standby_s: ClassVar[tuple[float, ...]]
    #: How many bytes of trimming parameters there are from ``CALIB_LOW`` on.
    trimming: ClassVar[int]

    def __init__(self, world: Environment, *, address: int | None = None, calibration: int = 0) -> None:
        super().__init__(world, address=address)
        if calibration not in range(len(CALIBRATIONS)):
            raise ConfigError(
                f"a {type(self).__name__}'s calibration is 0 to {len(CALIBRATIONS) - 1}, not {calibration!r}"
            )
        self.calibration = CALIBRATIONS[calibration]
        self.power_on()

    def power_on(self) -> None:
        self._pointer = None
        self._registers = {CTRL_MEAS: 0, CONFIG: 0}
        self._waiting: int | None = None  # a ctrl_meas that waits for the end of a measurement
        self._ready_s: float | None = None  # when the running measurement ends
        self._memory: tuple[float, float] | None = None  # of the IIR filter: temperature, pressure
        self._data = (SKIPPED_20, SKIPPED_20)  # pressure, temperature
        self._updated_s = self.world.now() + STARTUP_S

    def state(self) -> dict[str, Any]:
        self._settle()
        mode = ("sleep", "forced", "forced", "normal")[self._mode]
        return {**super().state(), "mode": mode}

    # -- the wire -----------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Pairs of register and value: writing does not move the pointer on (6.2.1)."""
        self._settle()
        if data:
            self._pointer = data[0]
        for register, value in zip(data[::2], data[1::2], strict=False):
            self.put(register, value)

    def read(self, size: int) -> bytes:
        self._settle()
        return super().read(size)

    def get(self, register: int) -> int:
        if register in self._registers:
            return self._registers[register]
        if CALIB_LOW <= register < CALIB_LOW + self.trimming:
            return self.calibration.low_block()[register - CALIB_LOW]
        data = self._data_block()
        if DATA <= register < DATA + len(data):
            return data[register - DATA]
        if register == ID:
            return self.chip_id
        if register == RESET:
            return 0x00  # 5.4.2: the readout is always 0x00
        if register == STATUS:
            return self._status()
        raise self.unmodelled(f"reading register 0x{register:02x}")

    def put(self, register: int, value: int) -> None:
        if register == RESET:
            if value == RESET_WORD:  # other values have no effect (5.4.2)
                self.power_on()
        elif register == CTRL_MEAS:
            self._control(value)
        elif register == CONFIG:
            if self._mode != NORMAL:  # in normal mode writes may be ignored (5.4.6): here they are
                self._registers[CONFIG] = value & 0xFD
                self._memory = None  # 3.4.4: writing the filter resets it
        else:
            raise self.unmodelled(f"writing register 0x{register:02x}")

    # -- measuring ----------------------------------------------------------------------------

    @property
    def _mode(self) -> int:
        return self._registers[CTRL_MEAS] & 0x03

    def _status(self) -> int:
        updating = self.world.now() < self._updated_s
        return (MEASURING if self._measuring() else 0) | (IM_UPDATE if updating else 0)

    def _measuring(self) -> bool:
        return self._ready_s is not None and self.world.now() >= self._ready_s - self._measure_s()

    def _control(self, value: int) -> None:
        """A change of mode waits for the end of a running measurement; further ones are lost (3.3.1)."""
        if self._measuring():
            self._waiting = value if self._waiting is None else self._waiting
            return
        self._registers[CTRL_MEAS] = value
        self._set_up()
        running = self._mode != SLEEP
        self._ready_s = self.world.now() + self._measure_s() if running else None

    def _set_up(self) -> None:
        """Settings that become effective with a write to ctrl_meas."""

    def _oversampling(self) -> tuple[int, int]:
        """Of temperature and pressure; 0 is skipped."""
        control = self._registers[CTRL_MEAS]
        return OVERSAMPLING[control >> 5], OVERSAMPLING[control >> 2 & 7]

    def _measure_s(self) -> float:
        """The typical measurement time (9.1; DS001, 3.8.1, table 13)."""
        t, p = self._oversampling()
        return (1 + 2 * t + (2 * p + 0.5 if p else 0)) / 1000

    def _settle(self) -> None:
        """What happened since the last look."""
        now = self.world.now()
        if self._ready_s is None or now < self._ready_s:
            return
        if self._mode != NORMAL or self._waiting is not None:
            self._latch(1)
            self._registers[CTRL_MEAS] &= ~0x03  # back to sleep (3.3.3)
            self._ready_s = None
            if self._waiting is not None:
                waiting, self._waiting = self._waiting, None
                self._control(waiting)
            return
        period_s = self._measure_s() + self.standby_s[self._registers[CONFIG] >> 5]
        cycles = 1 + int((now - self._ready_s) / period_s)
        self._latch(cycles)
        self._ready_s += cycles * period_s

    def _latch(self, cycles: int) -> int:
        """``cycles`` measurements ended; the last one's values are what the world is like now. Returns t_fine."""
        osrs_t, osrs_p = self._oversampling()
        coefficient = FILTER[self._registers[CONFIG] >> 2 & 7]
        raw_t = _cut(self.calibration.raw_temperature(self.world.value("temperature_c")), osrs_t, coefficient)
        t_fine = self.calibration.t_fine(raw_t)
        raw_p = _cut(
            self.calibration.raw_pressure(self.world.value("pressure_hpa"), t_fine), osrs_p, coefficient
        )
        before_t, before_p = self._memory or (raw_t, raw_p)
        kept = ((coefficient - 1) / coefficient) ** cycles  # 3.4.4, applied ``cycles`` times
        filtered_t = raw_t + (before_t - raw_t) * kept if osrs_t else before_t
        filtered_p = raw_p + (before_p - raw_p) * kept if osrs_p else before_p
        self._memory = (filtered_t, filtered_p)
        self._data = (
            round(filtered_p) if osrs_p else SKIPPED_20,
            round(filtered_t) if osrs_t else SKIPPED_20,
        )
        return t_fine

    def _data_block(self) -> bytes:
        """Registers 0xF7 to 0xFC (5.4.7 and 5.4.8): 20 bits each, left-aligned."""
        return b"".join((value << 4).to_bytes(3, "big") for value in self._data)


def _cut(raw: int, oversampling: int, coefficient: int) -> int:
    """Without the filter a value has 16 bits, and one more with each doubling (3.4.2, 3.4.3)."""
    if coefficient > 1 or oversampling == 0:
        return raw
    step = 16 // oversampling
    return min((raw + step // 2) // step * step, 0xFFFFF // step * step)


def _nearest(size: int, wanted: int, rising: Callable[[int], int]) -> int:
    """Which of 0 to ``size`` - 1 takes the never falling ``rising`` closest to ``wanted``."""
    above = min(bisect_left(range(size), wanted, key=rising), size - 1)
    below = max(above - 1, 0)
    return below if wanted - rising(below) < rising(above) - wanted else above
