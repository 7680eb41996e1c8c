"""BH1750FVI: ambient light. ROHM BH1750FVI, 2011.11, Rev. D.

Option: ``address`` (ADDR low 0x23, high 0x5C). Opcodes that the instruction set does not list, several of
them in one write, and the asynchronous reset by the DVI pin are not modelled.
"""

from __future__ import annotations

from typing import Any, ClassVar

from iotlab.sim.chips.base import I2CChip, UnmodelledError
from iotlab.sim.world import Environment

# "Instruction Set Architecture"
POWER_DOWN, POWER_ON, RESET = 0x00, 0x01, 0x07
CONTINUOUS, ONE_TIME = 0x10, 0x20
HIGH, HIGH_2, LOW = 0x0, 0x1, 0x3  # the lowest four bits of a measurement's opcode
MT_HIGH, MT_LOW = 0x40, 0x60  # 01000_MT[7,6,5] and 011_MT[4,3,2,1,0]

NAMES = {HIGH: "high", HIGH_2: "high 2", LOW: "low"}
MEASURE_S = {HIGH: 0.120, HIGH_2: 0.120, LOW: 0.016}  # "Electrical Characteristics": typical, at MT_DEFAULT
STEP_LX = {HIGH: 1.0, HIGH_2: 0.5, LOW: 4.0}  # "Measurement Mode Explanation", at MT_DEFAULT
COUNTS_PER_LX = 1.2  # "Electrical Characteristics", measurement accuracy, typical; twice that in mode 2
MT_DEFAULT, MT_MIN, MT_MAX = 69, 31, 254  # "Adjust measurement result for influence of optical window"
FULL_SCALE = 0xFFFF


class BH1750(I2CChip):
    """Powered down until told to measure: again and again, or once, after which it powers down by itself."""

    addresses: ClassVar[tuple[int, ...]] = (0x23, 0x5C)

    def __init__(self, world: Environment, *, address: int | None = None) -> None:
        super().__init__(world, address=address)
        self.power_on()

    def power_on(self) -> None:
        """Power down mode, a data register of 0 and a measurement time register of 69."""
        self._powered = False
        self._mode: int | None = None  # the opcode of the measurement that runs
        self._data = 0
        self._mt = self._mt_measuring = MT_DEFAULT
        self._ready_s = 0.0

    def state(self) -> dict[str, Any]:
        self._settle()
        running = self._mode is not None
        return {
            **super().state(),
            "mode": "power down" if not self._powered else "measuring" if running else "power on",
            "resolution": NAMES[self._mode & 0x0F] if self._mode is not None else "",
            "measurement_time_register": self._mt,
        }

    # -- the wire -----------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """One opcode: "not able to accept plural command without stop condition"."""
        self._settle()
        if len(data) > 1:
            raise self._unmodelled("more than one opcode in a write", "I2C Bus Access")
        for opcode in data:
            self._take(opcode)

    def read(self, size: int) -> bytes:
        """The data register, high byte first ("Read Format")."""
        self._settle()
        if size > 2:
            raise self._unmodelled("reading beyond two bytes", "I2C Bus Access, Read Format")
        return self._data.to_bytes(2, "big")[:size]

    def _take(self, opcode: int) -> None:
        if opcode == POWER_DOWN:
            self._powered, self._mode = False, None
        elif opcode == POWER_ON:
            self._powered, self._mode = True, None
        elif opcode == RESET:
            if self._powered:  # "not acceptable in Power Down mode"
                self._data = 0
        elif opcode & 0xF8 == MT_HIGH:
            self._mt = self._mt & 0x1F | (opcode & 0x07) << 5
        elif opcode & 0xE0 == MT_LOW:
            self._mt = self._mt & 0xE0 | opcode & 0x1F
        elif opcode & 0xF0 in (CONTINUOUS, ONE_TIME) and opcode & 0x0F in MEASURE_S:
            self._start(opcode)
        else:
            raise self._unmodelled(f"opcode 0x{opcode:02x}", "Instruction Set Architecture")

    # -- measuring ----------------------------------------------------------------------------

    def _start(self, opcode: int) -> None:
        """A measurement begins; it takes what the measurement time register holds now."""
        if not MT_MIN <= self._mt <= MT_MAX:
            raise self._unmodelled(
                f"a measurement time register of {self._mt}, outside {MT_MIN} to {MT_MAX},",
                "Adjust measurement result for influence of optical window",
            )
        self._powered, self._mode, self._mt_measuring = True, opcode, self._mt
        self._ready_s = self.world.now() + self._measure_s(opcode)

    def _measure_s(self, opcode: int) -> float:
        return MEASURE_S[opcode & 0x0F] * self._mt_measuring / MT_DEFAULT

    def _settle(self) -> None:
        """What happened since the last look."""
        now = self.world.now()
        if self._mode is None or now < self._ready_s:
            return
        self._data = self._convert(self._mode & 0x0F)
        if self._mode & 0xF0 == ONE_TIME:
            self._powered, self._mode = False, None
            return
        period_s = self._measure_s(self._mode)
        self._ready_s += period_s * (1 + int((now - self._ready_s) / period_s))

    def _convert(self, resolution: int) -> int:
        """Counts, in steps of the mode's resolution; a longer measurement has as many more for one lux."""
        lux = self.world.value("light_lux") * self._mt_measuring / MT_DEFAULT
        if resolution == LOW:  # the datasheet gives the step in lux, not how it falls on counts
            lux = round(lux / STEP_LX[LOW]) * STEP_LX[LOW]
        per_lux = COUNTS_PER_LX * (2 if resolution == HIGH_2 else 1)
        return min(max(round(lux * per_lux), 0), FULL_SCALE)

    def _unmodelled(self, what: str, place: str) -> UnmodelledError:
        return UnmodelledError(
            f"BH1750: {what} is not modelled by this simulation; see ROHM BH1750FVI Rev. D, {place}"
        )


PART = BH1750
