"""BME280: temperature, humidity and pressure. Bosch BST-BME280-DS002, rev. 1.6.

Options: ``address`` (SDO high 0x77, low 0x76), ``calibration`` (which part of the series: 0 or 1).
"""

from __future__ import annotations

from typing import Any, ClassVar

from iotlab.errors import ConfigError
from iotlab.sim.chips._bosch import CALIBRATIONS
from iotlab.sim.registers import RegisterChip
from iotlab.sim.world import Environment

# 5.3, table 18, p. 26
CALIB_LOW, CALIB_HIGH = 0x88, 0xE1
ID, RESET = 0xD0, 0xE0
CTRL_HUM, STATUS, CTRL_MEAS, CONFIG = 0xF2, 0xF3, 0xF4, 0xF5
DATA, DATA_END = 0xF7, 0xFE

CHIP_ID = 0x60  # 5.4.1, p. 27
RESET_WORD = 0xB6  # 5.4.2, p. 27
MEASURING, IM_UPDATE = 0x08, 0x01  # 5.4.4, p. 28
SLEEP, FORCED, NORMAL = 0, 1, 3  # 5.4.5, table 25
OVERSAMPLING = (0, 1, 2, 4, 8, 16, 16, 16)  # tables 20, 23, 24
FILTER = (1, 2, 4, 8, 16, 16, 16, 16)  # 5.4.6, table 28
STANDBY_S = (0.0005, 0.0625, 0.125, 0.25, 0.5, 1.0, 0.01, 0.02)  # 5.4.6, table 27
STARTUP_S = 0.002  # 1.1, table 1: start-up time
SKIPPED_20, SKIPPED_16 = 0x80000, 0x8000  # tables 20, 23, 24: output of a skipped measurement


class BME280(RegisterChip):
    """The chip measures when told to (forced) or in cycles (normal), and takes its time over it."""

    addresses = (0x77, 0x76)
    datasheet: ClassVar[str] = "BST-BME280-DS002 rev. 1.6"
    map_page: ClassVar[str] = "5.3, p. 26"

    def __init__(self, world: Environment, *, address: int | None = None, calibration: int = 0) -> None:
        super().__init__(world, address=address)
        if calibration not in range(len(CALIBRATIONS)):
            raise ConfigError(f"a BME280's calibration is 0 to {len(CALIBRATIONS) - 1}, not {calibration!r}")
        self.calibration = CALIBRATIONS[calibration]
        self.power_on()

    def power_on(self) -> None:
        self._pointer = None
        self._registers = {CTRL_HUM: 0, CTRL_MEAS: 0, CONFIG: 0}
        self._osrs_h = 0
        self._waiting: int | None = None  # a ctrl_meas that waits for the end of a measurement
        self._ready_s: float | None = None  # when the running measurement ends
        self._memory: tuple[float, float] | None = None  # of the IIR filter: temperature, pressure
        self._data = (SKIPPED_20, SKIPPED_20, SKIPPED_16)  # pressure, temperature, humidity
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
        low = self.calibration.low_block()
        if CALIB_LOW <= register < CALIB_LOW + len(low):
            return low[register - CALIB_LOW]
        high = self.calibration.high_block()
        if CALIB_HIGH <= register < CALIB_HIGH + len(high):
            return high[register - CALIB_HIGH]
        if DATA <= register <= DATA_END:
            return self._data_block()[register - DATA]
        if register == ID:
            return CHIP_ID
        if register == RESET:
            return 0x00  # 5.4.2: the readout is always 0x00
        if register == STATUS:
            return self._status()
        raise self.unmodelled(f"reading register 0x{register:02x}")

    def put(self, register: int, value: int) -> None:
        if register == RESET:
            if value == RESET_WORD:  # other values have no effect (5.4.2)
                self.power_on()
        elif register == CTRL_HUM:
            self._registers[CTRL_HUM] = value & 0x07  # effective with the next ctrl_meas (5.4.3)
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
        self._osrs_h = self._registers[CTRL_HUM]
        running = self._mode != SLEEP
        self._ready_s = self.world.now() + self._measure_s() if running else None

    def _oversampling(self) -> tuple[int, int, int]:
        """Of temperature, pressure and humidity; 0 is skipped."""
        control = self._registers[CTRL_MEAS]
        return OVERSAMPLING[control >> 5], OVERSAMPLING[control >> 2 & 7], OVERSAMPLING[self._osrs_h]

    def _measure_s(self) -> float:
        """The typical measurement time (9.1)."""
        t, p, h = self._oversampling()
        return (1 + 2 * t + (2 * p + 0.5 if p else 0) + (2 * h + 0.5 if h else 0)) / 1000

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
        period_s = self._measure_s() + STANDBY_S[self._registers[CONFIG] >> 5]
        cycles = 1 + int((now - self._ready_s) / period_s)
        self._latch(cycles)
        self._ready_s += cycles * period_s

    def _latch(self, cycles: int) -> None:
        """``cycles`` measurements ended; the last one's values are what the world is like now."""
        osrs_t, osrs_p, osrs_h = self._oversampling()
        coefficient = FILTER[self._registers[CONFIG] >> 2 & 7]
        raw_t = _cut(self.calibration.raw_temperature(self.world.value("temperature_c")), osrs_t, coefficient)
        t_fine = self.calibration.t_fine(raw_t)
        raw_p = _cut(
            self.calibration.raw_pressure(self.world.value("pressure_hpa"), t_fine), osrs_p, coefficient
        )
        raw_h = self.calibration.raw_humidity(self.world.value("humidity_percent"), t_fine)
        before_t, before_p = self._memory or (raw_t, raw_p)
        kept = ((coefficient - 1) / coefficient) ** cycles  # 3.4.4, applied ``cycles`` times
        filtered_t = raw_t + (before_t - raw_t) * kept if osrs_t else before_t
        filtered_p = raw_p + (before_p - raw_p) * kept if osrs_p else before_p
        self._memory = (filtered_t, filtered_p)
        self._data = (
            round(filtered_p) if osrs_p else SKIPPED_20,
            round(filtered_t) if osrs_t else SKIPPED_20,
            raw_h if osrs_h else SKIPPED_16,
        )

    def _data_block(self) -> bytes:
        """Registers 0xF7 to 0xFE (5.4.7 to 5.4.9): 20 bits, left-aligned, and 16 bits."""
        pressure, temperature, humidity = self._data
        return (
            (pressure << 4).to_bytes(3, "big")
            + (temperature << 4).to_bytes(3, "big")
            + humidity.to_bytes(2, "big")
        )


def _cut(raw: int, oversampling: int, coefficient: int) -> int:
    """Without the filter a value has 16 bits, and one more with each doubling (3.4.2, 3.4.3)."""
    if coefficient > 1 or oversampling == 0:
        return raw
    step = 16 // oversampling
    return min((raw + step // 2) // step * step, 0xFFFFF // step * step)


PART = BME280
