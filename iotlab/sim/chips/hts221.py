"""HTS221: temperature and humidity. STMicroelectronics DocID026333, rev. 4.

Options: ``address`` (0x5F only), ``calibration`` (which part of the series: 0 or 1).

The datasheet gives no time for a one-shot conversion and for the reboot of the memory: both are over at once. The
average (AV_CONF) changes the noise, which is the world's; the heater keeps its bit, but warms nothing; the DRDY pin
is wired to nothing. A one-shot conversion in power-down and reserved registers and bits are not modelled.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, ClassVar

from iotlab.errors import ConfigError
from iotlab.sim.chips.base import within
from iotlab.sim.registers import RegisterChip
from iotlab.sim.world import Environment

# 6, register mapping
WHO_AM_I, AV_CONF, CTRL_REG1, CTRL_REG2, CTRL_REG3, STATUS_REG = 0x0F, 0x10, 0x20, 0x21, 0x22, 0x27
HUMIDITY_OUT, TEMP_OUT, DATA_END = 0x28, 0x2A, 0x2B  # low byte, then high byte
CALIB = 0x30  # to 0x3F
AUTO_INCREMENT = 0x80  # 5.1.1, I2C operation: the highest bit of the sub-address

IDENTITY = 0xBC  # 7.1
AV_CONF_RESET = 0x1B  # 7.2
PD, BDU, ODR = 0x80, 0x04, 0x03  # 7.3, CTRL_REG1
BOOT, ONE_SHOT = 0x80, 0x01  # 7.4, CTRL_REG2
H_DA, T_DA = 0x02, 0x01  # 7.6, STATUS_REG
RATE_HZ = (0.0, 1.0, 7.0, 12.5)  # 7.3: by ODR; 0 is one-shot
TEMPERATURE_C, HUMIDITY_PERCENT = (-40.0, 120.0), (0.0, 100.0)  # 2, operating ranges

#: What the chip keeps as written: the bits that are modelled in each register (7.2 to 7.5).
WRITABLE = {AV_CONF: 0x3F, CTRL_REG1: PD | BDU | ODR, CTRL_REG2: BOOT | 0x02 | ONE_SHOT, CTRL_REG3: 0xC4}


@dataclass(frozen=True)
class Calibration:
    """Registers 0x30 to 0x3F: two points of each quantity, between which it is interpolated (8)."""

    registers: bytes

    def temperature(self, degrees: float) -> int:
        """T_OUT for ``degrees`` Celsius. T0 and T1 have 10 bits, in eighths of a degree."""
        t0, t1, msb = self.registers[2], self.registers[3], self.registers[5]
        low, high = struct.unpack_from("<hh", self.registers, 12)
        return _between(degrees, ((msb & 3) << 8 | t0) / 8, ((msb >> 2 & 3) << 8 | t1) / 8, low, high)

    def humidity(self, percent: float) -> int:
        """H_T_OUT for ``percent``. H0 and H1 are in halves of a percent."""
        (low,) = struct.unpack_from("<h", self.registers, 6)
        (high,) = struct.unpack_from("<h", self.registers, 10)
        return _between(percent, self.registers[0] / 2, self.registers[1] / 2, low, high)


#: Two parts of the series. The first has the datasheet's sensitivities (2, table 3: 64 LSB/°C, 256 LSB/%), and whole
#: degrees and percents, as drivers that drop the fractions want them. The second is a real one, as its owner read it
#: (qa-community.st.com, "HTS221 Incorrect Temperatures / Calibration (T0_OUT = 0)").
CALIBRATIONS = (
    Calibration(struct.pack("<BBBBBBhhhhh", 60, 140, 128, 32, 0, 1 << 2, 2000, 0, -8240, -10, 1270)),
    Calibration(bytes.fromhex("3d 8f 99 0e 00 c4 f2 ff 3a 03 f5 d0 00 00 1e 03")),
)


class HTS221(RegisterChip):
    """Powered down after power-on. Then it samples at its rate, or when told to."""

    addresses = (0x5F,)
    datasheet: ClassVar[str] = "DocID026333 rev. 4"
    map_page: ClassVar[str] = "6, register mapping"

    def __init__(self, world: Environment, *, address: int | None = None, calibration: int = 0) -> None:
        super().__init__(world, address=address)
        if calibration not in range(len(CALIBRATIONS)):
            raise ConfigError(f"an HTS221's calibration is 0 to {len(CALIBRATIONS) - 1}, not {calibration!r}")
        self.calibration = CALIBRATIONS[calibration]
        self.power_on()

    def power_on(self) -> None:
        self._pointer = None
        self._step = 0  # how far the sub-address goes on
        self._registers = dict.fromkeys(WRITABLE, 0) | {AV_CONF: AV_CONF_RESET}
        self._data = bytes(DATA_END - HUMIDITY_OUT + 1)
        self._available = 0  # H_DA and T_DA
        self._half_read: set[int] = set()  # outputs of which one byte was read (BDU)
        self._sampled_s = float("-inf")

    def state(self) -> dict[str, Any]:
        control = self._registers[CTRL_REG1]
        return {**super().state(), "powered_down": not control & PD, "rate_hz": RATE_HZ[control & ODR]}

    # -- the wire -----------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        if data:
            self._step = 1 if data[0] & AUTO_INCREMENT else 0
            super().write(bytes([data[0] & ~AUTO_INCREMENT]) + data[1:])

    def read(self, size: int) -> bytes:
        self._sample()
        return super().read(size)

    def after(self, register: int) -> int:
        return (register + self._step) & 0x7F

    def get(self, register: int) -> int:
        if HUMIDITY_OUT <= register <= DATA_END:
            return self._output(register)
        if CALIB <= register < CALIB + len(self.calibration.registers):
            return self.calibration.registers[register - CALIB]
        if register == WHO_AM_I:
            return IDENTITY
        if register == STATUS_REG:
            return self._available
        if register in self._registers:
            return self._registers[register]
        raise self.unmodelled(f"reading register 0x{register:02x}")

    def put(self, register: int, value: int) -> None:
        if register not in WRITABLE:
            raise self.unmodelled(f"writing register 0x{register:02x}")
        if extra := value & ~WRITABLE[register]:
            raise self.unmodelled(f"bits 0x{extra:02x} of register 0x{register:02x}")
        self._sample()  # with the settings it had
        if register == CTRL_REG2:
            self._registers[CTRL_REG2] = value & ~(BOOT | ONE_SHOT)  # which clear themselves (7.4)
            if value & ONE_SHOT:
                if not self._registers[CTRL_REG1] & PD:
                    raise self.unmodelled("a one-shot conversion in power-down", "7.4")
                self._convert()
        else:
            self._registers[register] = value

    def _output(self, register: int) -> int:
        """Reading the high byte clears the flag (7.6); with BDU the other byte is waited for (7.3)."""
        if register & 1:
            self._available &= ~(T_DA if register > TEMP_OUT else H_DA)
        self._half_read ^= {register & ~1}
        return self._data[register - HUMIDITY_OUT]

    # -- sampling -----------------------------------------------------------------------------

    def _sample(self) -> None:
        """Take a sample if one was due since the last."""
        control, now = self._registers[CTRL_REG1], self.world.now()
        rate_hz = RATE_HZ[control & ODR]
        if not control & PD or not rate_hz or now - self._sampled_s < 1 / rate_hz:
            return
        if control & BDU and self._half_read:
            return
        self._sampled_s = now
        self._convert()

    def _convert(self) -> None:
        self._data = struct.pack(
            "<hh",
            self.calibration.humidity(within(self.world.value("humidity_percent"), HUMIDITY_PERCENT)),
            self.calibration.temperature(within(self.world.value("temperature_c"), TEMPERATURE_C)),
        )
        self._available = H_DA | T_DA
        self._half_read = set()


def _between(value: float, x0: float, x1: float, y0: int, y1: int) -> int:
    """The straight line through both points (8), in 16 bits, saturated."""
    return min(max(round(y0 + (value - x0) * (y1 - y0) / (x1 - x0)), -32768), 32767)


PART = HTS221
