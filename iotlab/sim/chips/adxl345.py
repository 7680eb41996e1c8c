"""ADXL345: acceleration. Analog Devices, datasheet rev. E.

Option: ``address`` (ALT ADDRESS low 0x53, high 0x1D). Tap, activity and free-fall detection, the FIFO, sleep and
the self-test are not modelled: switching one of them on fails loudly.
"""

from __future__ import annotations

from typing import Any, ClassVar

from iotlab.sim.registers import RegisterChip
from iotlab.sim.world import Environment

# Table 19, "Register map"
DEVID, OFSX, OFSZ = 0x00, 0x1E, 0x20
BW_RATE, POWER_CTL, INT_ENABLE, INT_MAP, INT_SOURCE = 0x2C, 0x2D, 0x2E, 0x2F, 0x30
DATA_FORMAT, DATA, DATA_END, FIFO_CTL = 0x31, 0x32, 0x37, 0x38  # DATAX0 to DATAZ1

IDENTITY = 0xE5  # register 0x00, DEVID
MEASURE = 0x08  # register 0x2D, POWER_CTL
DATA_READY, WATERMARK, OVERRUN = 0x80, 0x02, 0x01  # register 0x30, INT_SOURCE
FULL_RES, JUSTIFY, RANGE = 0x08, 0x04, 0x03  # register 0x31, DATA_FORMAT

LSB_PER_G = 256.0  # table 1, sensitivity: at ±2 g, and in every range with FULL_RES
OFFSET_PER_G = 64.0  # registers 0x1E to 0x20: 15.6 mg/LSB, 0x7F is 2 g
FASTEST_HZ = 3200.0  # table 7: rate code 15; each code below has half of it
WAKE_UP_S = 0.0011  # table 1, note on turn-on and wake-up times: 1.1 ms and one period

#: Thresholds and times of the detectors: kept as written, as these are never switched on.
DETECTORS = (0x1D, *range(0x21, 0x2B))

#: What the chip keeps as written: the bits that are modelled in each register. Setting another raises.
WRITABLE = {
    **dict.fromkeys(DETECTORS, 0xFF),
    **dict.fromkeys(range(OFSX, OFSZ + 1), 0xFF),
    BW_RATE: 0x1F,  # LOW_POWER makes noise, which is left to the world
    POWER_CTL: MEASURE | 0x03,  # Wakeup counts in sleep mode only
    INT_ENABLE: DATA_READY | WATERMARK | OVERRUN,  # the pins are wired to nothing
    INT_MAP: 0xFF,
    DATA_FORMAT: 0x20 | FULL_RES | JUSTIFY | RANGE,
    FIFO_CTL: 0x00,
}
RESET = dict.fromkeys(WRITABLE, 0) | {BW_RATE: 0x0A}  # table 19


class ADXL345(RegisterChip):
    """In standby after power-on. Measuring, it samples at its own rate; a burst reads one sample."""

    addresses = (0x53, 0x1D)
    datasheet: ClassVar[str] = "ADXL345 rev. E"
    map_page: ClassVar[str] = "table 19"

    def __init__(self, world: Environment, *, address: int | None = None) -> None:
        super().__init__(world, address=address)
        self.power_on()

    def power_on(self) -> None:
        self._pointer = None
        self._registers = dict(RESET)
        self._data = bytes(DATA_END - DATA + 1)
        self._due_s = float("inf")  # when the next sample is there
        self._ready = self._overrun = False

    def state(self) -> dict[str, Any]:
        return {
            **super().state(),
            "measuring": self._measuring,
            "range_g": 2 << self._range,
            "full_resolution": bool(self._registers[DATA_FORMAT] & FULL_RES),
        }

    # -- registers ----------------------------------------------------------------------------

    def read(self, size: int) -> bytes:
        self._sample()  # between transfers only: a multiple-byte read is one sample (registers 0x32 to 0x37)
        return super().read(size)

    def get(self, register: int) -> int:
        if DATA <= register <= DATA_END:
            self._ready = self._overrun = False
            return self._data[register - DATA]
        if register == INT_SOURCE:  # these bits are set whether they are enabled or not
            return (DATA_READY * self._ready) | WATERMARK | (OVERRUN * self._overrun)
        if register == DEVID:
            return IDENTITY
        if register in self._registers:
            return self._registers[register]
        raise self.unmodelled(f"reading register 0x{register:02x}")

    def put(self, register: int, value: int) -> None:
        if register not in WRITABLE:
            raise self.unmodelled(f"writing register 0x{register:02x}")
        if extra := value & ~WRITABLE[register]:
            raise self.unmodelled(f"bits 0x{extra:02x} of register 0x{register:02x}")
        self._sample()  # with the settings until now; in standby it keeps the last sample
        started = register == POWER_CTL and value & MEASURE and not self._measuring
        self._registers[register] = value
        if started:
            self._due_s = self.world.now() + WAKE_UP_S + self._period_s()
        elif not self._measuring:
            self._due_s = float("inf")

    # -- sampling -----------------------------------------------------------------------------

    @property
    def _measuring(self) -> bool:
        return bool(self._registers[POWER_CTL] & MEASURE)

    @property
    def _range(self) -> int:
        return self._registers[DATA_FORMAT] & RANGE

    def _period_s(self) -> float:
        return (1 << 15 - (self._registers[BW_RATE] & 0x0F)) / FASTEST_HZ

    def _sample(self) -> None:
        """Take a sample if one was due."""
        now = self.world.now()
        if now < self._due_s:
            return
        periods = int((now - self._due_s) / self._period_s())
        self._due_s += (periods + 1) * self._period_s()
        self._overrun |= self._ready or periods > 0
        self._ready = True
        self._data = b"".join(self._word(axis, self._registers[OFSX + n]) for n, axis in enumerate("xyz"))

    def _word(self, axis: str, offset: int) -> bytes:
        """Two's complement, low byte first: 10 bits, or up to 13 in full resolution; saturated."""
        full = self._registers[DATA_FORMAT] & FULL_RES
        bits = 10 + self._range if full else 10
        scale = LSB_PER_G if full else LSB_PER_G / (1 << self._range)
        trim_g = (offset - 256 if offset & 0x80 else offset) / OFFSET_PER_G
        raw = round((self.world.value(f"acceleration_{axis}_g") + trim_g) * scale)
        most = 1 << bits - 1
        raw = min(max(raw, -most), most - 1)
        if self._registers[DATA_FORMAT] & JUSTIFY:
            raw <<= 16 - bits
        return raw.to_bytes(2, "little", signed=True)


PART = ADXL345
