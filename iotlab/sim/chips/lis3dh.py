"""LIS3DH: acceleration. ST DocID17530, rev. 2, and application note AN3308.

Option: ``address`` (SDO/SA0 low 0x18, high 0x19). The auxiliary ADC with its temperature sensor, the FIFO, the
high-pass filter, the self-test and the click, motion and 6D interrupts are not modelled: using one of them
fails loudly. A mode that was just chosen gives its first sample at once, without the turn-on time of table 11.
"""

from __future__ import annotations

from typing import Any, ClassVar

from iotlab.sim.registers import RegisterChip
from iotlab.sim.world import Environment

# Section 7, "Register mapping"
WHO_AM_I, CTRL_REG0, TEMP_CFG_REG = 0x0F, 0x1E, 0x1F
CTRL_REG1, CTRL_REG2, CTRL_REG3, CTRL_REG4, CTRL_REG5, CTRL_REG6 = range(0x20, 0x26)
REFERENCE, STATUS_REG, OUT, OUT_END = 0x26, 0x27, 0x28, 0x2D  # OUT_X_L to OUT_Z_H

IDENTITY = 0x33  # WHO_AM_I (0Fh)
AUTO_INCREMENT = 0x80  # section 6.1.1, "I2C operation": the top bit of the sub-address
LPEN, AXES = 0x08, 0x07  # CTRL_REG1 (20h)
BDU, HR = 0x80, 0x08  # CTRL_REG4 (23h)
BOOT = 0x80  # CTRL_REG5 (24h)
BOOT_S = 0.005  # AN3308, "Boot status": it takes 5 ms
ZYXDA, ZYXOR = 0x08, 0x80  # STATUS_REG (27h)

#: CTRL_REG1 (20h), ODR[3:0]: normal and high-resolution mode, low-power mode; 0 is power-down.
ODR_HZ = (0, 1, 10, 25, 50, 100, 200, 400, 0, 1344)
ODR_LOW_POWER_HZ = (0, 1, 10, 25, 50, 100, 200, 400, 1600, 5376)

#: Of the 16 bits, by FS[1:0]. AN3308, 4.2.3: at ±2 g, 1 g is 4000h. The datasheet's table 4 has this rounded:
#: 1, 2, 4 and 12 mg a digit of 12 bits. At ±16 g the word reaches further than the range.
LSB_PER_G = (16384.0, 8192.0, 4096.0, 16384.0 / 12)
BITS = {(0, 0): 10, (0, 1): 12, (1, 0): 8}  # table 10, "Operating mode selection": by LPen and HR

#: Reset values (section 7), and the bits that are modelled in each register. Setting another raises.
RESET = {
    CTRL_REG0: 0x10,
    TEMP_CFG_REG: 0x00,
    CTRL_REG1: 0x07,
    CTRL_REG2: 0x00,
    CTRL_REG3: 0x00,
    CTRL_REG4: 0x00,
    CTRL_REG5: 0x00,
    CTRL_REG6: 0x00,
    REFERENCE: 0x00,
}
WRITABLE = {
    CTRL_REG0: 0x90,  # SDO_PU_DISC; the others have to stay as they are
    TEMP_CFG_REG: 0x80,  # ADC_EN: the ADC may be on, but its inputs are wired to nothing
    CTRL_REG1: 0xFF,
    CTRL_REG2: 0x00,
    CTRL_REG3: 0x10,  # I1_ZYXDA: INT1 is wired to nothing
    CTRL_REG4: BDU | 0x30 | HR,
    CTRL_REG5: BOOT | 0x08,  # LIR_INT1
    CTRL_REG6: 0x02,  # INT_POLARITY
    REFERENCE: 0x00,
}


class LIS3DH(RegisterChip):
    """In power-down after power-on. Then it samples at its own rate; a burst reads one sample."""

    addresses = (0x18, 0x19)
    datasheet: ClassVar[str] = "ST DocID17530 rev. 2"
    map_page: ClassVar[str] = "section 7, register mapping"

    def __init__(self, world: Environment, *, address: int | None = None) -> None:
        super().__init__(world, address=address)
        self.power_on()

    def power_on(self) -> None:
        self._pointer = None
        self._registers = dict(RESET)
        self._words = [0, 0, 0]
        self._sampled_s = float("-inf")
        self._booted_s = float("-inf")
        self._fresh = self._overrun = 0  # axes, as in STATUS_REG
        self._half_read: set[int] = set()  # registers of a word whose other byte is still to be read

    def state(self) -> dict[str, Any]:
        low_power, fine = self._mode
        mode = "low-power" if low_power else "high-resolution" if fine else "normal"
        return {
            **super().state(),
            "mode": mode if self._registers[CTRL_REG1] >> 4 else "power-down",
            "range_g": 2 << self._range,
        }

    # -- registers ----------------------------------------------------------------------------

    def after(self, register: int) -> int:
        """The pointer moves on only where the top bit of the sub-address was set."""
        return (register + 1) & 0x7F | AUTO_INCREMENT if register & AUTO_INCREMENT else register

    def read(self, size: int) -> bytes:
        self._sample()  # between transfers only: a burst reads one sample
        if self._pointer is not None and STATUS_REG <= self._pointer & ~AUTO_INCREMENT <= OUT_END:
            self._check_mode()
        return super().read(size)

    def get(self, register: int) -> int:
        register &= ~AUTO_INCREMENT
        if OUT <= register <= OUT_END:
            return self._out(register)
        if register == STATUS_REG:
            return self._status()
        if register == WHO_AM_I:
            return IDENTITY
        if register == CTRL_REG5 and self.world.now() < self._booted_s:
            return self._registers[register] | BOOT
        if register in self._registers:
            return self._registers[register]
        raise self.unmodelled(f"reading register 0x{register:02x}")

    def put(self, register: int, value: int) -> None:
        register &= ~AUTO_INCREMENT
        if register not in WRITABLE:
            raise self.unmodelled(f"writing register 0x{register:02x}")
        if extra := value & ~WRITABLE[register]:
            raise self.unmodelled(f"bits 0x{extra:02x} of register 0x{register:02x}")
        if register == CTRL_REG0 and not value & 0x10:
            raise self.unmodelled("CTRL_REG0 with its bit 4 at 0")
        if register == CTRL_REG1:
            self._sample()  # in power-down it keeps the last sample
        if register == CTRL_REG5 and value & BOOT:  # clears itself; it copies trimming values only (AN3308)
            self._booted_s = self.world.now() + BOOT_S
            value &= ~BOOT
        self._registers[register] = value

    def _out(self, register: int) -> int:
        axis, high = divmod(register - OUT, 2)
        if high:
            self._fresh &= ~(1 << axis)
            self._overrun &= ~(1 << axis)
        if self._registers[CTRL_REG4] & BDU:
            other = register ^ 1
            self._half_read.symmetric_difference_update({other} if other in self._half_read else {register})
        return self._words[axis].to_bytes(2, "little", signed=True)[high]

    def _status(self) -> int:
        """ZYXDA goes with the first high byte that is read (AN3308, "Using the status register")."""
        every = self._registers[CTRL_REG1] & AXES
        available = ZYXDA if every and self._fresh == every else 0
        overrun = ZYXOR if every and self._overrun == every else 0
        return overrun | self._overrun << 4 | available | self._fresh

    # -- sampling -----------------------------------------------------------------------------

    @property
    def _range(self) -> int:
        return self._registers[CTRL_REG4] >> 4 & 3

    @property
    def _mode(self) -> tuple[int, int]:
        """LPen and HR."""
        return int(bool(self._registers[CTRL_REG1] & LPEN)), int(bool(self._registers[CTRL_REG4] & HR))

    def _check_mode(self) -> None:
        """Settings that the datasheet does not have, or does not allow, have no data."""
        odr, low_power = self._registers[CTRL_REG1] >> 4, self._mode[0]
        if odr and not self._rate_hz():
            where = "in" if low_power else "out of"
            raise self.unmodelled(f"ODR {odr:04b} {where} low-power mode", "CTRL_REG1")
        if odr and self._mode not in BITS:
            raise self.unmodelled("low-power mode with HR set, which is not allowed,", "table 10")

    def _rate_hz(self) -> int:
        """0 in power-down, and where there is no such rate."""
        rates = ODR_LOW_POWER_HZ if self._mode[0] else ODR_HZ
        return dict(enumerate(rates)).get(self._registers[CTRL_REG1] >> 4, 0)

    def _sample(self) -> None:
        """Take a sample if one was due since the last."""
        rate_hz, now = self._rate_hz(), self.world.now()
        if not rate_hz or self._mode not in BITS or self._half_read or now - self._sampled_s < 1 / rate_hz:
            return
        missed = now - self._sampled_s >= 2 / rate_hz and self._sampled_s > float("-inf")
        every = self._registers[CTRL_REG1] & AXES
        self._overrun |= every if missed else self._fresh
        self._fresh, self._sampled_s = every, now
        for axis, name in enumerate("xyz"):
            if every >> axis & 1:
                self._words[axis] = self._word(self.world.value(f"acceleration_{name}_g"))

    def _word(self, acceleration_g: float) -> int:
        """Left-justified two's complement of 12, 10 or 8 bits; saturated (OUT_X_L, OUT_X_H)."""
        step = 1 << 16 - BITS[self._mode]
        most = 32768 // step
        steps = round(acceleration_g * LSB_PER_G[self._range] / step)
        return min(max(steps, -most), most - 1) * step


PART = LIS3DH
