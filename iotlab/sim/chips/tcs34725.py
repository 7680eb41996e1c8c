"""TCS34725: colour and brightness of light. ams TCS3472, v1-02 (2016-Feb-08); ams DN40 rev. 1.0 for lux.

The address is 0x29, always. The light has no infrared part (the chip has a filter against it), so clear is
red, green and blue together, in the world's shares; as many counts as DN40's equation makes one lux of. Blue
light of which that equation makes (nearly) no lux has the counts of ``LEAST_LUX_SHARE``.
Type 00 of a command should read one register again and again, says the datasheet (p. 21); chips count up, and the
published drivers rely on it: so does this one.
"""

from __future__ import annotations

from typing import Any, ClassVar

from iotlab.sim.chips._ams import (
    AIHT,
    AILT,
    AINT,
    ATIME,
    CONFIG,
    CONTROL,
    ENABLE,
    FULL_SCALE,
    ID,
    PERS,
    PON,
    WEN,
    WTIME,
    CommandChip,
    colour_shares,
)

WLONG = 0x02  # configuration register (0x0D)
GAIN = (1.0, 4.0, 16.0, 60.0)  # control register (0x0F)
CYCLE_S = 0.0024  # RGBC timing register (0x01), and one step of the wait time register (0x03)
COUNTS_PER_CYCLE = 1024  # RGBC timing register (0x01): max count
START_S = 0.0024  # "Detailed State Machine": RGBC init, before the ADC integrates

# DN40, appendix I, table 1: lux = (R R_COEF + G G_COEF + B B_COEF) DF / (ms x gain)
DF, R_COEF, G_COEF, B_COEF = 310.0, 0.136, 1.0, -0.444
LEAST_LUX_SHARE = 0.05


class TCS34725(CommandChip):
    """Four channels: clear, red, green, blue. Off after power-on."""

    addresses = (0x29,)
    datasheet: ClassVar[str] = "ams TCS3472 v1-02"
    map_page: ClassVar[str] = "figure 24, p. 20"
    types = (0, 1)
    functions: ClassVar[dict[int, int]] = {0x06: AINT}
    writable: ClassVar[dict[int, int]] = {
        ENABLE: 0x1B,
        ATIME: 0xFF,
        WTIME: 0xFF,
        **dict.fromkeys(range(AILT, AIHT + 2), 0xFF),
        PERS: 0x0F,
        CONFIG: WLONG,
        CONTROL: 0x03,
    }
    reset: ClassVar[dict[int, int]] = {ATIME: 0xFF, WTIME: 0xFF}
    fixed: ClassVar[dict[int, int]] = {ID: 0x44}  # TCS34721 and TCS34725
    words = 4

    def state(self) -> dict[str, Any]:
        return {
            **super().state(),
            "on": bool(self._registers[ENABLE] & PON),
            "gain": self._gain,
            "integration_ms": round(self._cycles * CYCLE_S * 1000, 1),
        }

    @property
    def _gain(self) -> float:
        return GAIN[self._registers[CONTROL]]

    @property
    def _cycles(self) -> int:
        return 256 - self._registers[ATIME]

    def _integration_s(self) -> float:
        return START_S + self._cycles * CYCLE_S

    def _wait_s(self) -> float:
        if not self._registers[ENABLE] & WEN:
            return 0.0
        return (256 - self._registers[WTIME]) * CYCLE_S * (12 if self._registers[CONFIG] & WLONG else 1)

    def _most(self) -> int:
        return min(self._cycles * COUNTS_PER_CYCLE, FULL_SCALE)

    def _channels(self) -> list[int]:
        red, green, blue = colour_shares(self.world)
        lux_share = max(R_COEF * red + G_COEF * green + B_COEF * blue, LEAST_LUX_SHARE)
        per_lux = self._cycles * CYCLE_S * 1000 * self._gain / DF
        clear = self.world.value("light_lux") * per_lux / lux_share
        return [round(clear * share) for share in (1.0, red, green, blue)]


PART = TCS34725
