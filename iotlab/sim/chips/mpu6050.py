"""MPU-6050: acceleration, rotation and its own temperature. InvenSense RM-MPU-6000A-00, rev. 4.2.

Option: ``address`` (AD0 low 0x68, high 0x69). The auxiliary I2C bus, the FIFO, the self-test and the
motion interrupts are not modelled: using one of them fails loudly.
"""

from __future__ import annotations

from typing import Any, ClassVar

from iotlab.sim.registers import RegisterChip
from iotlab.sim.world import Environment

# 3, p. 6 to 8
SMPLRT_DIV, CONFIG, GYRO_CONFIG, ACCEL_CONFIG = 0x19, 0x1A, 0x1B, 0x1C
FIFO_EN, INT_PIN_CFG, INT_ENABLE, INT_STATUS = 0x23, 0x37, 0x38, 0x3A
DATA, DATA_END = 0x3B, 0x48  # ACCEL_XOUT_H to GYRO_ZOUT_L
SIGNAL_PATH_RESET, USER_CTRL, PWR_MGMT_1, PWR_MGMT_2 = 0x68, 0x6A, 0x6B, 0x6C
WHO_AM_I = 0x75

IDENTITY = 0x68  # 4.32, p. 45: the upper six bits of the address, whatever AD0 is
DEVICE_RESET, SLEEP, CYCLE, TEMP_DIS = 0x80, 0x40, 0x20, 0x08  # 4.28, p. 40
DATA_RDY = 0x01  # 4.16, p. 28

ACCEL_LSB_PER_G = (16384.0, 8192.0, 4096.0, 2048.0)  # 4.17, p. 29
GYRO_LSB_PER_DPS = (131.0, 65.5, 32.8, 16.4)  # 4.19, p. 31
TEMPERATURE_C = (-40.0, 85.0)  # 4.18 with PS-MPU-6000A-00 rev. 3.4, 6.4: range of the sensor
LSB_PER_C, ZERO_C = 340.0, 36.53  # 4.18, p. 30
CYCLE_HZ = (1.25, 5.0, 20.0, 40.0)  # 4.29, p. 42: LP_WAKE_CTRL

#: What the chip keeps as written: the bits that are modelled in each register. Setting another raises.
WRITABLE = {
    SMPLRT_DIV: 0xFF,
    CONFIG: 0x07,  # DLPF_CFG; EXT_SYNC_SET is not
    GYRO_CONFIG: 0x18,  # FS_SEL; the self-test bits are not
    ACCEL_CONFIG: 0x18,  # AFS_SEL
    FIFO_EN: 0x00,
    INT_PIN_CFG: 0xF0,  # level, drive, latch and clearing of the INT pin, which is wired to nothing
    INT_ENABLE: 0x01,  # DATA_RDY_EN
    USER_CTRL: 0x05,  # FIFO_RESET and SIG_COND_RESET clear themselves
    PWR_MGMT_1: 0xEF,
    PWR_MGMT_2: 0xC0,  # LP_WAKE_CTRL; axes in standby are not
}


class MPU6050(RegisterChip):
    """Asleep after power-on. Awake it samples at its own rate; a burst reads one sample."""

    addresses = (0x68, 0x69)
    datasheet: ClassVar[str] = "RM-MPU-6000A-00 rev. 4.2"
    map_page: ClassVar[str] = "3, p. 6 to 8"

    def __init__(self, world: Environment, *, address: int | None = None) -> None:
        super().__init__(world, address=address)
        self.power_on()

    def power_on(self) -> None:
        self._pointer = None
        self._registers = dict.fromkeys(WRITABLE, 0) | {PWR_MGMT_1: SLEEP}  # 3, p. 8
        self._data = bytes(DATA_END - DATA + 1)
        self._sampled_s = float("-inf")
        self._ready = False

    def state(self) -> dict[str, Any]:
        return {
            **super().state(),
            "asleep": bool(self._registers[PWR_MGMT_1] & SLEEP),
            "range_g": 2 << self._accel_range,
            "range_dps": 250 << self._gyro_range,
        }

    # -- registers ----------------------------------------------------------------------------

    def read(self, size: int) -> bytes:
        self._sample()  # between transfers only: a burst reads one sampling instant (4.17)
        return super().read(size)

    def get(self, register: int) -> int:
        if DATA <= register <= DATA_END:
            return self._data[register - DATA]
        if register == INT_STATUS:
            ready, self._ready = self._ready, False  # 4.16: cleared by reading
            return DATA_RDY if ready else 0
        if register == WHO_AM_I:
            return IDENTITY
        if register == SIGNAL_PATH_RESET:
            return 0x00  # write-only (4.26)
        if register in self._registers:
            return self._registers[register]
        raise self.unmodelled(f"reading register 0x{register:02x}")

    def put(self, register: int, value: int) -> None:
        if register == SIGNAL_PATH_RESET:
            return  # 4.26: the paths start anew; bits 7 to 3 are reserved
        if register not in WRITABLE:
            raise self.unmodelled(f"writing register 0x{register:02x}")
        if extra := value & ~WRITABLE[register]:
            raise self.unmodelled(f"bits 0x{extra:02x} of register 0x{register:02x}")
        if register == PWR_MGMT_1:
            self._sample()  # asleep it keeps the last sample
            self._registers[register] = value
            if value & DEVICE_RESET:
                self.power_on()
        elif register == USER_CTRL:
            if value & 0x01:  # SIG_COND_RESET also clears the sensor registers (4.27)
                self._data = bytes(len(self._data))
        else:
            self._registers[register] = value

    # -- sampling -----------------------------------------------------------------------------

    @property
    def _accel_range(self) -> int:
        return self._registers[ACCEL_CONFIG] >> 3

    @property
    def _gyro_range(self) -> int:
        return self._registers[GYRO_CONFIG] >> 3

    def _period_s(self) -> float:
        """From one sample to the next (4.2, p. 11; cycle mode: 4.29, p. 42)."""
        if self._registers[PWR_MGMT_1] & CYCLE:
            return 1 / CYCLE_HZ[self._registers[PWR_MGMT_2] >> 6]
        gyro_hz = 8000 if self._registers[CONFIG] & 7 in (0, 7) else 1000
        return (1 + self._registers[SMPLRT_DIV]) / gyro_hz

    def _sample(self) -> None:
        """Take a sample if one was due since the last."""
        power, now = self._registers[PWR_MGMT_1], self.world.now()
        if power & SLEEP or power & 7 == 7 or now - self._sampled_s < self._period_s():
            return  # CLKSEL 7 stops the clock
        self._sampled_s, self._ready = now, True
        accel, gyro = ACCEL_LSB_PER_G[self._accel_range], GYRO_LSB_PER_DPS[self._gyro_range]
        words = [_word(self.world.value(f"acceleration_{axis}_g") * accel) for axis in "xyz"]
        words.append(self._data[6:8] if power & TEMP_DIS else self._temperature())
        if power & CYCLE:  # the gyroscopes are off in cycle mode (4.28)
            words.append(self._data[8:14])
        else:
            words += [_word(self.world.value(f"rotation_{axis}_dps") * gyro) for axis in "xyz"]
        self._data = b"".join(words)

    def _temperature(self) -> bytes:
        low, high = TEMPERATURE_C
        degrees = min(max(self.world.value("temperature_c"), low), high)
        return _word((degrees - ZERO_C) * LSB_PER_C)


def _word(value: float) -> bytes:
    """16 bits, two's complement, high byte first; saturated."""
    return min(max(round(value), -32768), 32767).to_bytes(2, "big", signed=True)


PART = MPU6050
