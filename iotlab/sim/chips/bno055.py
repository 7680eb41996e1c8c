"""BNO055: acceleration, magnetic field, rotation and, from these, orientation. Bosch BST-BNO055-DS000-14, rev. 1.4.

Option: ``address`` (COM3 low 0x28, high 0x29). ``heading_deg``, ``roll_deg`` and ``pitch_deg`` are the Euler angles
that its fusion would find, in the Android format that it has after a reset. Quaternions, linear acceleration, the
gravity vector, the Windows format, axis remapping, interrupts, the self-test and low-power mode are not modelled:
using one of them fails loudly. Offsets and radii are kept but correct nothing, as its sensors have no error.
Plugged in it is there at once; a reset takes its time. Outside of the fusion modes data are of the moment.
"""

from __future__ import annotations

from typing import Any, ClassVar

from iotlab.errors import NackError
from iotlab.sim.registers import RegisterChip
from iotlab.sim.world import Environment

G_M_S2 = 9.80665

# Table 4-2, register map page 0
PAGE_ID = 0x07
ACC, MAG, GYR, EUL, DATA_END = 0x08, 0x0E, 0x14, 0x1A, 0x20
TEMP, CALIB_STAT, SYS_STATUS = 0x34, 0x35, 0x39
UNIT_SEL, OPR_MODE, PWR_MODE, SYS_TRIGGER = 0x3B, 0x3D, 0x3E, 0x3F
TEMP_SOURCE, AXIS_MAP_CONFIG, AXIS_MAP_SIGN = 0x40, 0x41, 0x42
OFFSETS = range(0x55, 0x6B)  # ACC_OFFSET_X_LSB to MAG_RADIUS_MSB
# Table 4-3, register map page 1
ACC_CONFIG, MAG_CONFIG, GYR_CONFIG_0, GYR_CONFIG_1 = 0x08, 0x09, 0x0A, 0x0B

#: CHIP_ID to SW_REV_ID_MSB (p. 53), what is fixed, and what tells of trouble that it never has.
FIXED = {
    0x00: 0xA0,
    0x01: 0xFB,
    0x02: 0x32,
    0x03: 0x0F,
    0x04: 0x08,  # software 0.3.0.8
    0x05: 0x03,
    0x36: 0x0F,  # ST_RESULT: all passed
    0x37: 0x00,  # INT_STA
    0x38: 0x00,  # SYS_CLK_STATUS
    0x3A: 0x00,  # SYS_ERR
}

#: Reset values (tables 4-2 and 4-3; 4.3.60 has 0 for UNIT_SEL), and the bits that are modelled: others raise.
RESET = {UNIT_SEL: 0x80, PWR_MODE: 0, TEMP_SOURCE: 0, AXIS_MAP_CONFIG: 0x24, AXIS_MAP_SIGN: 0}
RESET |= dict.fromkeys(OFFSETS, 0)
WRITABLE = {UNIT_SEL: 0x97, PWR_MODE: 0x02, TEMP_SOURCE: 0x03, AXIS_MAP_CONFIG: 0x24, AXIS_MAP_SIGN: 0}
WRITABLE |= dict.fromkeys(OFFSETS, 0xFF)
RESET_1 = {ACC_CONFIG: 0x0D, MAG_CONFIG: 0x6D, GYR_CONFIG_0: 0x38, GYR_CONFIG_1: 0x00}
WRITABLE_1 = {
    ACC_CONFIG: 0x1F,
    MAG_CONFIG: 0x7F,
    GYR_CONFIG_0: 0x3F,
    GYR_CONFIG_1: 0x00,
}  # sensors stay awake
AS_THEY_ARE = {UNIT_SEL: 0x80, AXIS_MAP_CONFIG: 0x24}  # bits that have to be set

CLK_SEL, RST_INT, RST_SYS = 0x80, 0x40, 0x20  # SYS_TRIGGER
SUSPEND = 0x02  # table 3-1, p. 19
RESET_S = 0.65  # table 0-2: power-on reset time, from reset to CONFIGMODE
TO_CONFIG_S, FROM_CONFIG_S = 0.019, 0.007  # table 3-6, p. 21

CONFIGMODE, IMU, COMPASS, M4G, NDOF_FMC_OFF, NDOF = 0x00, 0x08, 0x09, 0x0A, 0x0B, 0x0C  # table 3-5, p. 21
MODES = (
    "CONFIGMODE", "ACCONLY", "MAGONLY", "GYROONLY", "ACCMAG", "ACCGYRO", "MAGGYRO", "AMG",
    "IMU", "COMPASS", "M4G", "NDOF_FMC_OFF", "NDOF",
)  # fmt: skip
#: Table 3-3, p. 20: the modes that have each sensor on.
WITH_ACC = frozenset({1, 4, 5, 7, IMU, COMPASS, M4G, NDOF_FMC_OFF, NDOF})
WITH_MAG = frozenset({2, 4, 6, 7, COMPASS, M4G, NDOF_FMC_OFF, NDOF})
WITH_GYR = frozenset({3, 5, 6, 7, IMU, NDOF_FMC_OFF, NDOF})
#: Table 3-14, p. 31: output data rate of a fusion mode; the magnetometer has 20 Hz, but 50 Hz in M4G.
FUSION_HZ = {IMU: 100, COMPASS: 20, M4G: 50, NDOF_FMC_OFF: 100, NDOF: 100}
MAG_HZ, M4G_MAG_HZ = 20, 50

# 3.6.1, table 3-11, p. 30, and tables 3-17 (p. 31) to 3-29 (p. 35): LSB a unit, by the bit of UNIT_SEL
ACC_LSB = (100.0 * G_M_S2, 1000.0)  # 1 m/s² = 100 LSB, 1 mg = 1 LSB; of a g
GYR_LSB = (16.0, 900.0 * 0.017453292519943295)  # 1 dps = 16 LSB, 1 rps = 900 LSB; of a degree per second
EUL_LSB = (16.0, 900.0 * 0.017453292519943295)
MAG_LSB = 16.0
MAG_UT = (1300.0, 1300.0, 2500.0)  # features: ±1300 µT, and ±2500 µT for z
TEMPERATURE_C = (-40.0, 85.0)  # operating temperature


class BNO055(RegisterChip):
    """In CONFIGMODE after power-on, where all its data are 0."""

    addresses = (0x28, 0x29)
    datasheet: ClassVar[str] = "BST-BNO055-DS000-14 rev. 1.4"
    map_page: ClassVar[str] = "table 4-2"

    def __init__(self, world: Environment, *, address: int | None = None) -> None:
        super().__init__(world, address=address)
        self.power_on()

    def power_on(self) -> None:
        self._pointer = None
        self._page = 0
        self._mode = CONFIGMODE
        self._trigger = self._calibration = 0
        self._pages = (dict(RESET), dict(RESET_1))
        self._data = bytearray(DATA_END)
        self._sampled_s = self._mag_s = float("-inf")
        self._begins_s = 0.0  # when the mode that was chosen is there
        self._ready_s = float("-inf")  # when the reset is over

    def state(self) -> dict[str, Any]:
        return {
            **super().state(),
            "mode": MODES[self._mode],
            "suspended": bool(self._pages[0][PWR_MODE] & SUSPEND),
            "range_g": 2 << (self._pages[1][ACC_CONFIG] & 3),
            "range_dps": self._range_dps(),
        }

    # -- the wire -----------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        self._check_ready()
        self._sample()
        super().write(data)

    def read(self, size: int) -> bytes:
        self._check_ready()
        self._sample()  # between transfers only: a burst reads one sample
        return super().read(size)

    def _check_ready(self) -> None:
        if self.world.now() < self._ready_s:
            raise NackError(
                self.address, f"the BNO055 at 0x{self.address:02x} is resetting: ask again in 650 ms"
            )

    def get(self, register: int) -> int:
        if register == PAGE_ID:
            return self._page
        registers = self._pages[self._page]
        if register in registers:
            return registers[register]
        if self._page == 0:
            if ACC <= register < DATA_END:
                return self._data[register]
            if register in FIXED:
                return FIXED[register]
            if register == OPR_MODE:
                return 0x10 | self._mode  # 4.3.61: bit 4 is reserved, and set
            if register in (TEMP, CALIB_STAT, SYS_STATUS, SYS_TRIGGER):
                return self._told(register)
        raise self.unmodelled(f"reading register 0x{register:02x} of page {self._page}")

    def _told(self, register: int) -> int:
        if register == TEMP:
            low, high = TEMPERATURE_C
            degrees = min(max(self.world.value("temperature_c"), low), high)
            if self._pages[0][UNIT_SEL] & 0x10:  # 1 LSB = 2 °F
                return round((degrees * 9 / 5 + 32) / 2) & 0xFF
            return round(degrees) & 0xFF
        if register == SYS_STATUS:  # 4.3.58: idle, fusion running, running without fusion
            return 0 if self._mode == CONFIGMODE else 5 if self._mode in FUSION_HZ else 6
        return self._calibration if register == CALIB_STAT else self._trigger

    def put(self, register: int, value: int) -> None:
        if register == PAGE_ID:
            if value > 1:
                raise self.unmodelled(f"page {value}")
            self._page = value
        elif self._page == 0 and register == OPR_MODE:
            self._change_mode(value & 0x0F)
        elif self._page == 0 and register == SYS_TRIGGER:
            self._pull_trigger(value)
        else:
            self._set_up(register, value)

    def _set_up(self, register: int, value: int) -> None:
        writable = (WRITABLE, WRITABLE_1)[self._page]
        if register not in writable:
            raise self.unmodelled(f"writing register 0x{register:02x} of page {self._page}")
        needed = AS_THEY_ARE.get(register, 0) if self._page == 0 else 0
        if extra := (value & ~writable[register]) | (needed & ~value):
            raise self.unmodelled(f"this value of bits 0x{extra:02x} of register 0x{register:02x}")
        if self._mode != CONFIGMODE and register != PWR_MODE:
            raise self.unmodelled(f"writing register 0x{register:02x} outside CONFIGMODE", "3.3.1")
        self._pages[self._page][register] = value

    def _pull_trigger(self, value: int) -> None:
        if extra := value & ~(CLK_SEL | RST_INT | RST_SYS):
            raise self.unmodelled(f"bits 0x{extra:02x} of register 0x3f")
        if value & RST_SYS:
            self.power_on()
            self._ready_s = self.world.now() + RESET_S
        else:
            self._trigger = value & CLK_SEL

    def _change_mode(self, mode: int) -> None:
        if mode >= len(MODES):
            raise self.unmodelled(f"operating mode 0x{mode:02x}", "table 3-5, p. 21")
        if mode == self._mode:
            return
        self._begins_s = self.world.now() + (TO_CONFIG_S if mode == CONFIGMODE else FROM_CONFIG_S)
        self._mode = mode
        self._data = bytearray(DATA_END)
        self._sampled_s = self._mag_s = float("-inf")
        if mode in FUSION_HZ:  # it is taken for moved as each sensor's calibration wants it (3.10)
            used = (0x30, mode in WITH_GYR), (0x0C, mode in WITH_ACC), (0x03, mode in WITH_MAG)
            self._calibration = 0xC0 | sum(bits for bits, used_now in used if used_now)

    # -- sampling -----------------------------------------------------------------------------

    def _range_dps(self) -> int:
        """Fusion modes have 2000 dps, whatever is set (3.5.2)."""
        setting = 0 if self._mode in FUSION_HZ else self._pages[1][GYR_CONFIG_0] & 7
        return 2000 >> setting

    def _sample(self) -> None:
        now, mode = self.world.now(), self._mode
        if mode == CONFIGMODE or now < self._begins_s or self._pages[0][PWR_MODE] & SUSPEND:
            return
        rate_hz = FUSION_HZ.get(mode)
        if rate_hz and now - self._sampled_s < 1 / rate_hz:
            return
        self._sampled_s = now
        units = self._pages[0][UNIT_SEL]
        if mode in WITH_ACC:
            most_g = 2.0 * (1 << (self._pages[1][ACC_CONFIG] & 3))
            self._store(ACC, "acceleration_{}_g", ACC_LSB[units & 1], (most_g,) * 3)
        if mode in WITH_GYR:
            self._store(GYR, "rotation_{}_dps", GYR_LSB[units >> 1 & 1], (float(self._range_dps()),) * 3)
        if mode in WITH_MAG and (not rate_hz or now - self._mag_s >= 1 / self._mag_hz()):
            self._mag_s = now
            self._store(MAG, "magnetic_{}_ut", MAG_LSB, MAG_UT)
        if rate_hz:
            self._orient(EUL_LSB[units >> 2 & 1])

    def _mag_hz(self) -> int:
        return M4G_MAG_HZ if self._mode == M4G else MAG_HZ

    def _store(self, register: int, quantity: str, lsb: float, most: tuple[float, ...]) -> None:
        """Three axes, clipped at the sensor's range."""
        for axis, name in enumerate("xyz"):
            value = min(max(self.world.value(quantity.format(name)), -most[axis]), most[axis])
            self._word(register + 2 * axis, value * lsb)

    def _orient(self, lsb: float) -> None:
        """Heading, roll and pitch, in the ranges of table 3-13, p. 30."""
        heading = round(self.world.value("heading_deg") % 360.0 * lsb) % round(360.0 * lsb)
        self._word(EUL, heading)
        self._word(EUL + 2, min(max(self.world.value("roll_deg"), -90.0), 90.0) * lsb)
        self._word(EUL + 4, min(max(self.world.value("pitch_deg"), -180.0), 180.0) * lsb)

    def _word(self, register: int, value: float) -> None:
        """16 bits, two's complement, low byte first."""
        word = min(max(round(value), -32768), 32767)
        self._data[register : register + 2] = word.to_bytes(2, "little", signed=True)


PART = BNO055
