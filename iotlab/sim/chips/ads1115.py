"""ADS1115: four voltages, or differences of them, in 16 bits. Texas Instruments SBAS444D.

Options: ``address`` (ADDR to GND, VDD, SDA or SCL: 0x48 to 0x4B), ``vdd_v`` (the supply: no input can be above it).
``voltage_0_v`` to ``voltage_3_v`` are on AIN0 to AIN3. The comparator and the conversion-ready pin are not
modelled: switching them on fails loudly. The general call's reset is not modelled either.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from iotlab.sim.chips._words import WordChip
from iotlab.sim.world import Environment

CONVERSION, CONFIG, LO_THRESH, HI_THRESH = range(4)  # 9.6.1, table 5

# 9.6.3, "Config Register"
RESET = 0x8583
OS, MODE, COMP_QUE = 0x8000, 0x0100, 0x0003
DISABLED = 0x0003  # COMP_QUE after power-on: no comparator
#: MUX[2:0]: positive and negative input; None is GND.
INPUTS: tuple[tuple[int, int | None], ...] = (
    (0, 1), (0, 3), (1, 3), (2, 3), (0, None), (1, None), (2, None), (3, None),
)  # fmt: skip
FULL_SCALE_V = (6.144, 4.096, 2.048, 1.024, 0.512, 0.256, 0.256, 0.256)  # PGA[2:0]
RATE_HZ = (8, 16, 32, 64, 128, 250, 475, 860)  # DR[2:0]
THRESHOLDS = {LO_THRESH: 0x8000, HI_THRESH: 0x7FFF}  # 9.6.4

WAKE_UP_S = 25e-6  # 9.4.2.1: out of power-down, before a conversion of 1/DR
BEYOND_SUPPLY_V = 0.3  # 7.1: what an input stands, beyond GND and VDD


class ADS1115(WordChip):
    """In power-down until it is told to convert, once (single-shot) or over and over (continuous)."""

    addresses = (0x48, 0x49, 0x4A, 0x4B)
    datasheet: ClassVar[str] = "TI SBAS444D"
    map_page: ClassVar[str] = "9.6"
    sizes: ClassVar[Mapping[int, int]] = dict.fromkeys(range(4), 2)
    pointer_bits = 2

    def __init__(self, world: Environment, *, address: int | None = None, vdd_v: float = 3.3) -> None:
        super().__init__(world, address=address)
        self.vdd_v = vdd_v
        self.power_on()

    def power_on(self) -> None:
        self._pointer = None
        #: As written, and what the conversion under way began with.
        self._config = self._active = RESET & ~OS
        self._thresholds = dict(THRESHOLDS)
        self._conversion = 0
        self._due_s = float("inf")

    def state(self) -> dict[str, Any]:
        positive, negative = INPUTS[self._config >> 12 & 7]
        return {
            **super().state(),
            "mode": "single-shot" if self._config & MODE else "continuous",
            "input": f"AIN{positive}" if negative is None else f"AIN{positive} - AIN{negative}",
            "full_scale_v": FULL_SCALE_V[self._config >> 9 & 7],
        }

    # -- registers ----------------------------------------------------------------------------

    def get(self, register: int) -> int:
        if register == CONVERSION:
            return self._conversion
        if register == CONFIG:  # OS reads 0 while a conversion is under way (9.6.3)
            return self._config | (0 if self._converting else OS)
        return self._thresholds[register]

    def put(self, register: int, value: int) -> None:
        if register == CONFIG:
            self._configure(value)
        elif register in self._thresholds:
            self._thresholds[register] = value
        # the conversion register is read-only

    def _configure(self, config: int) -> None:
        """What is under way ends with the settings that it began with (9.4.2.2); then the new ones count.

        In power-down, single-shot mode converts where OS is written, continuous mode at once (9.4.2).
        """
        if config & COMP_QUE != DISABLED:
            raise self.unmodelled("the comparator (COMP_QUE other than 11)", "9.3.7")
        self._config = config & ~OS
        if self._converting or (config & MODE and not config & OS):
            return
        self._active = self._config
        self._due_s = self.world.now() + WAKE_UP_S + self._period_s()

    # -- converting ---------------------------------------------------------------------------

    @property
    def _converting(self) -> bool:
        return self._due_s != float("inf")

    def _period_s(self) -> float:
        return 1 / RATE_HZ[self._active >> 5 & 7]

    def settle(self) -> None:
        """Take over the last conversion that ended."""
        now = self.world.now()
        while now >= self._due_s:
            self._convert()
            self._active = self._config
            if self._config & MODE:
                self._due_s = float("inf")  # back to power-down (9.4.2.1)
            else:
                missed = max(0, int((now - self._due_s) / self._period_s()) - 1)
                self._due_s += (1 + missed) * self._period_s()

    def _convert(self) -> None:
        """FS/2^15 a step, clipped (9.5.4)."""
        positive, negative = INPUTS[self._active >> 12 & 7]
        volts = self._volts(positive) - (0.0 if negative is None else self._volts(negative))
        code = round(volts / FULL_SCALE_V[self._active >> 9 & 7] * 32768)
        self._conversion = min(max(code, -0x8000), 0x7FFF) & 0xFFFF

    def _volts(self, channel: int) -> float:
        """What is on an input: its protection diodes keep it near the supply (9.3.2)."""
        volts = self.world.value(f"voltage_{channel}_v")
        return min(max(volts, -BEYOND_SUPPLY_V), self.vdd_v + BEYOND_SUPPLY_V)


PART = ADS1115
