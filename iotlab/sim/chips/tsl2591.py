"""TSL2591: light, with and without its infrared part. ams TSL2591 datasheet, v2-04 (2018-Jun-05).

The address is 0x29, always. The datasheet knows irradiance only: counts for one lux are those of the lux
equation that the published drivers have (``DF``, ``COEF_B`` below), for the light of a white LED, whose
ratio of the two channels the datasheet gives. Not modelled: sleep after interrupt (SAI), SRESET, setting an
interrupt by hand.
"""

from __future__ import annotations

from typing import Any, ClassVar

from iotlab.sim.chips._ams import AILT, AINT, ENABLE, FULL_SCALE, ID, PERS, PON, CommandChip

# "Register Description"; this chip has its control register where others have ATIME
CONTROL, NPAILT, NPAIHT, PID = 0x01, 0x08, 0x0A, 0x11
NPIEN, NPINTR = 0x80, 0x20

# AGAIN: the figures of the published drivers. Typical, says the datasheet: 24.5, 400, 9200 (channel 1: 9900).
GAIN = (1.0, 25.0, 428.0, 9876.0)
INTEGRATION_S = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)  # ATIME
MOST_100_MS = 36863  # "Operating Characteristics": ADC count value at 100 ms
INFRARED_SHARE = 34.9 / 264.1  # the same, irradiance responsivity for white light: channel 1 to channel 0
DF, COEF_B = 408.0, 1.64  # lux = (C0 - 1.64 C1) DF / (ms x gain)


class TSL2591(CommandChip):
    """Channel 0 sees visible light and infrared, channel 1 infrared alone. Off after power-on."""

    addresses = (0x29,)
    datasheet: ClassVar[str] = "ams TSL2591 v2-04"
    map_page: ClassVar[str] = "Register Description"
    types = (1,)
    functions: ClassVar[dict[int, int]] = {0x06: AINT, 0x07: AINT | NPINTR, 0x0A: NPINTR}
    writable: ClassVar[dict[int, int]] = {
        ENABLE: 0x93,  # NPIEN, AIEN, AEN, PON
        CONTROL: 0x37,
        **dict.fromkeys(range(AILT, NPAIHT + 2), 0xFF),
        PERS: 0x0F,
    }
    fixed: ClassVar[dict[int, int]] = {PID: 0x00, ID: 0x50}
    settings = frozenset({CONTROL})
    words = 2

    def state(self) -> dict[str, Any]:
        return {
            **super().state(),
            "on": bool(self._registers[ENABLE] & PON),
            "gain": self._gain,
            "integration_ms": round(self._integration_s() * 1000),
        }

    def put(self, register: int, value: int) -> None:
        if register == CONTROL and value & 7 >= len(INTEGRATION_S):
            raise self.unmodelled(f"integration time {value & 7}", "control register")
        super().put(register, value)

    @property
    def _gain(self) -> float:
        return GAIN[self._registers[CONTROL] >> 4]

    def _integration_s(self) -> float:
        return INTEGRATION_S[self._registers[CONTROL] & 7]

    def _most(self) -> int:
        return FULL_SCALE if self._registers[CONTROL] & 7 else MOST_100_MS

    def _channels(self) -> list[int]:
        per_lux = self._integration_s() * 1000 * self._gain / DF
        full = self.world.value("light_lux") * per_lux / (1 - COEF_B * INFRARED_SHARE)
        return [round(full), round(full * INFRARED_SHARE)]

    def _compare(self, count: int, cycles: int) -> None:
        super()._compare(count, cycles)
        within = self._word(NPAILT) <= count <= self._word(NPAIHT)
        if self._registers[ENABLE] & NPIEN and not within:
            self._status |= NPINTR


PART = TSL2591
