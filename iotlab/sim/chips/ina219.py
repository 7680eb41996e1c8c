"""INA219: current through a shunt, and the voltage of the bus. Texas Instruments SBOS448G.

Options: ``address`` (A1, A0 to GND, V_S+, SDA or SCL: 0x40 to 0x4F), ``shunt_ohm`` (the resistor that ``current_ma``
flows through: 0.1 on most modules). ``bus_voltage_v`` is what IN- has against ground. What the power register has
while the current flows backwards is not modelled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from iotlab.errors import ConfigError
from iotlab.sim.chips._words import WordChip
from iotlab.sim.world import Environment

# 8.6.1, table 2
CONFIGURATION, SHUNT_VOLTAGE, BUS_VOLTAGE, POWER, CURRENT, CALIBRATION = range(6)

RESET = 0x399F  # 8.6.2.1
RST, UNUSED, BRNG = 0x8000, 0x4000, 0x2000
SHUNT_LSB_MV, BUS_LSB_V = 0.01, 0.004  # 7.5: 1 LSB step size
SHUNT_FULL = 4000  # 8.6.2.1, table 4: ±40 mV, twice as much with each step of PG
BUS_FULL = (4000, 8000)  # 8.6.3.2: 16 V and 32 V
CNVR, OVF = 0x02, 0x01  # 8.6.3.2

#: 8.6.2.1, table 5: bits and conversion time by BADC or SADC; the averaging ones have 12 bits.
SINGLE_S = ((9, 84e-6), (10, 148e-6), (11, 276e-6), (12, 532e-6))
AVERAGING_S = (532e-6, 1.06e-3, 2.13e-3, 4.26e-3, 8.51e-3, 17.02e-3, 34.05e-3, 68.10e-3)

SHUNT, BUS, CONTINUOUS = 0x1, 0x2, 0x4  # 8.6.2.1, table 6: MODE1, MODE2 and MODE3
MODES = ("power-down", "triggered", "ADC off", "continuous")


class INA219(WordChip):
    """Converts in turn what its mode says, over and over or once for each write of the mode."""

    addresses = tuple(range(0x40, 0x50))
    datasheet: ClassVar[str] = "TI SBOS448G"
    map_page: ClassVar[str] = "8.6"
    sizes: ClassVar[Mapping[int, int]] = dict.fromkeys(range(6), 2)
    pointer_bits = 3

    def __init__(self, world: Environment, *, address: int | None = None, shunt_ohm: float = 0.1) -> None:
        super().__init__(world, address=address)
        if not shunt_ohm > 0:
            raise ConfigError(f"a shunt has more than 0 ohms, not {shunt_ohm!r}")
        self.shunt_ohm = shunt_ohm
        self.power_on()

    def power_on(self) -> None:
        self._pointer = None
        self._calibration = 0
        self._shunt = self._bus = 0  # in LSB
        self._ready = False
        self._configure(RESET)

    def state(self) -> dict[str, Any]:
        mode = self._config & 7
        return {
            **super().state(),
            "mode": MODES[(mode & CONTINUOUS) // 2 + bool(mode & (SHUNT | BUS))],
            "range_mv": 40 << (self._config >> 11 & 3),
            "range_v": 32 if self._config & BRNG else 16,
        }

    # -- registers ----------------------------------------------------------------------------

    def get(self, register: int) -> int:
        if register == CONFIGURATION:
            return self._config
        if register == CALIBRATION:
            return self._calibration
        if register == SHUNT_VOLTAGE:
            return self._shunt & 0xFFFF
        current, power = self._results()
        if register == BUS_VOLTAGE:
            overflow = abs(current) > 0x7FFF or power > 0xFFFF
            return self._bus << 3 | (CNVR if self._ready else 0) | (OVF if overflow else 0)
        if register == CURRENT:
            return min(max(current, -0x8000), 0x7FFF) & 0xFFFF
        self._ready = False  # reading the power register clears CNVR (8.6.3.2)
        if current < 0:
            raise self.unmodelled("the power of a current that flows backwards", "8.6.3.3")
        return min(power, 0xFFFF)

    def put(self, register: int, value: int) -> None:
        if register == CONFIGURATION:
            if value & UNUSED:
                raise self.unmodelled("bit 14 of the configuration register")
            if value & RST:
                self.power_on()  # clears itself (8.6.2.1)
            else:
                self._configure(value)
        elif register == CALIBRATION:
            self._calibration = value & 0xFFFE  # 8.6.4.1: FS0 is always 0
        # the others are read-only

    def _results(self) -> tuple[int, int]:
        """Current and power, by 8.5.2, equations 4 and 5."""
        current = int(self._shunt * self._calibration / 4096)
        return current, int(abs(current) * self._bus / 5000)

    # -- converting ---------------------------------------------------------------------------

    def _configure(self, config: int) -> None:
        """A write of the mode starts anew, and clears CNVR unless it stops the conversions (8.6.3.2)."""
        self._config = config
        converting = bool(config & (SHUNT | BUS))
        self._ready = self._ready and not converting
        self._due_s = self.world.now() + self._period_s() if converting else float("inf")

    def _resolution(self, shift: int) -> tuple[int, float]:
        """Bits and time of a conversion, by the four bits of BADC or SADC."""
        setting = self._config >> shift & 0x0F
        return (12, AVERAGING_S[setting & 7]) if setting & 8 else SINGLE_S[setting & 3]

    def _period_s(self) -> float:
        """The conversions that the mode has, one after the other (8.1)."""
        shunt_s = self._resolution(3)[1] if self._config & SHUNT else 0.0
        return shunt_s + (self._resolution(7)[1] if self._config & BUS else 0.0)

    def settle(self) -> None:
        """Take over the conversions that ended."""
        now = self.world.now()
        if now < self._due_s:
            return
        self._ready = True
        if self._config & SHUNT:
            shunt_mv = self.world.value("current_ma") * self.shunt_ohm
            full = SHUNT_FULL << (self._config >> 11 & 3)
            self._shunt = min(max(_steps(shunt_mv / SHUNT_LSB_MV, self._resolution(3)[0]), -full), full)
        if self._config & BUS:
            full = BUS_FULL[bool(self._config & BRNG)]
            volts = self.world.value("bus_voltage_v")
            self._bus = min(max(_steps(volts / BUS_LSB_V, self._resolution(7)[0]), 0), full)
        if self._config & CONTINUOUS:
            self._due_s += (1 + int((now - self._due_s) / self._period_s())) * self._period_s()
        else:
            self._due_s = float("inf")


def _steps(lsb: float, bits: int) -> int:
    """With fewer than 12 bits the last ones are 0."""
    step = 1 << 12 - bits
    return round(lsb / step) * step


PART = INA219
