"""APDS-9960: colour, brightness and proximity. Broadcom (Avago) AV02-4191EN.

The address is 0x39, always. Counts for light are those of the clear channel's irradiance responsivity for
neutral white light, a lux being taken at 555 nm; clear is red, green and blue together, in the world's
shares. ``proximity_share`` of the world is how much of full scale comes back with one pulse of 8 µs, 100 mA
and a gain of 1; other settings are in proportion. Not modelled: gestures, proximity offsets and masks, LED
boost, saturation interrupts, sleep after interrupt, forced interrupts.
"""

from __future__ import annotations

from typing import Any, ClassVar

from iotlab.sim.chips._ams import (
    AEN,
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
    LightChip,
    colour_shares,
)

# "Register Set": 0x80 and what follows; here without bit 7, as the other chips with this engine have them
PILT, PIHT, CONFIG1, PPULSE, CONFIG2, STATUS, PDATA = 0x09, 0x0B, 0x0D, 0x0E, 0x10, 0x13, 0x1C
GPENTH, GEXTH, GCONF1, GCONF2, GPULSE, GCONF4 = 0x20, 0x21, 0x22, 0x23, 0x26, 0x2B
PICLEAR, CICLEAR, AICLEAR = 0x65, 0x66, 0x67
PEN, PIEN = 0x04, 0x20
PVALID, PINT = 0x02, 0x20
GFIFO_CLR = 0x04

AGAIN = (1.0, 4.0, 16.0, 64.0)  # control register one (0x8F)
PGAIN = (1, 2, 4, 8)
LED_SHARE = (1.0, 0.5, 0.25, 0.125)  # LDRIVE: of 100 mA
PULSE_US = (4, 8, 16, 32)  # PPLEN, proximity pulse count register (0x8E)
CYCLE_S = 0.00278  # "RGBC Characteristics": ADC integration time step size
COUNTS_PER_CYCLE = 1025  # the same: full scale ADC counts per step
PROXIMITY_S = 0.0006966  # "Proximity Characteristics": ADC conversion time step size
WLONG, CONFIG1_RESERVED = 0x02, 0x60

#: "RGBC Characteristics": clear channel, neutral white, at a gain of 16. For which integration time, the table
#: does not say: ten steps, as a later chip with this engine is measured with (ams TMD4903 v1-12, figure 8).
COUNTS_PER_UW_CM2, AT_GAIN, AT_CYCLES = 23.60, 16.0, 10
UW_CM2_PER_LX = 100 / 683  # 1 lx is 1/683 W/m² at 555 nm
COUNTS_PER_LX = COUNTS_PER_UW_CM2 * UW_CM2_PER_LX / (AT_GAIN * AT_CYCLES)  # at a gain of 1, for one step


class APDS9960(LightChip):
    """Proximity first, then a wait, then the four channels of light. Off after power-on."""

    addresses = (0x39,)
    datasheet: ClassVar[str] = "Broadcom AV02-4191EN"
    map_page: ClassVar[str] = "Register Set"
    writable: ClassVar[dict[int, int]] = {
        ENABLE: 0x3F,  # GEN (0x40) is not
        ATIME: 0xFF,
        WTIME: 0xFF,
        **dict.fromkeys(range(AILT, AIHT + 2), 0xFF),
        PILT: 0xFF,
        PIHT: 0xFF,
        PERS: 0xFF,
        CONFIG1: CONFIG1_RESERVED | WLONG,
        PPULSE: 0xFF,
        CONTROL: 0xCF,
        CONFIG2: 0x01,
        **dict.fromkeys((GPENTH, GEXTH, GCONF1, GCONF2, GPULSE), 0xFF),  # kept for gestures, which are not
        GCONF4: GFIFO_CLR,
    }
    reset: ClassVar[dict[int, int]] = {
        ATIME: 0xFF,
        WTIME: 0xFF,
        CONFIG1: 0x40,
        PPULSE: 0x40,
        CONFIG2: 0x01,
        GPULSE: 0x40,
    }
    fixed: ClassVar[dict[int, int]] = {ID: 0xAB}
    base = 0x80
    words = 4
    clears: ClassVar[dict[int, int]] = {PICLEAR: PINT, CICLEAR: AINT, AICLEAR: PINT | AINT}

    def power_on(self) -> None:
        super().power_on()
        self._proximity = 0
        self._near_s: float | None = None  # when the running proximity cycle ends
        self._beyond = 0

    def state(self) -> dict[str, Any]:
        return {
            **super().state(),
            "on": bool(self._registers[ENABLE] & PON),
            "gain": self._gain,
            "integration_ms": round(self._cycles * CYCLE_S * 1000, 1),
        }

    # -- registers ----------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        self._settle()
        if data and not data[0] & 0x80:
            if len(data) > 1:
                raise self.unmodelled(f"writing register 0x{data[0]:02x}")
            return  # RAM, of which nothing is documented; somebody looks for other chips
        if data[1:] == b"" and data and data[0] & 0x7F in self.clears:
            self._clear(data[0] & 0x7F)
        else:
            super().write(bytes(b & 0x7F if index == 0 else b for index, b in enumerate(data)))

    def after(self, register: int) -> int:
        return (register + 1) & 0x7F

    def get(self, register: int) -> int:
        return self._proximity if register == PDATA else super().get(register)

    def put(self, register: int, value: int) -> None:
        if register in self.clears:  # the byte is without meaning
            self._clear(register)
            return
        if register == GCONF4:
            value &= ~GFIFO_CLR  # the FIFO, always empty here, is cleared
        super().put(register, value)

    def _clear(self, register: int) -> None:
        self._status &= ~self.clears[register]
        self._outside = self._beyond = 0

    def _enable(self, before: int, value: int) -> None:
        super()._enable(before, value)
        both = PON | PEN
        if value & both != both:
            self._near_s = None
        elif before & both != both:
            self._status &= ~PVALID
            self._near_s = self.world.now() + PROXIMITY_S

    # -- light --------------------------------------------------------------------------------

    @property
    def _gain(self) -> float:
        return AGAIN[self._registers[CONTROL] & 3]

    @property
    def _cycles(self) -> int:
        return 256 - self._registers[ATIME]

    def _integration_s(self) -> float:
        return self._cycles * CYCLE_S

    def _wait_s(self) -> float:
        if not self._registers[ENABLE] & WEN:
            return 0.0
        return (256 - self._registers[WTIME]) * CYCLE_S * (12 if self._registers[CONFIG] & WLONG else 1)

    def _most(self) -> int:
        return min(self._cycles * COUNTS_PER_CYCLE, FULL_SCALE)

    def _channels(self) -> list[int]:
        clear = self.world.value("light_lux") * COUNTS_PER_LX * self._gain * self._cycles
        return [round(clear * share) for share in (1.0, *colour_shares(self.world))]

    # -- proximity ----------------------------------------------------------------------------

    def _settle(self) -> None:
        super()._settle()
        now = self.world.now()
        if self._near_s is None or now < self._near_s:
            return
        light_s = self._integration_s() if self._registers[ENABLE] & AEN else 0.0
        period_s = PROXIMITY_S + self._wait_s() + light_s
        cycles = 1 + int((now - self._near_s) / period_s)
        self._near_s += period_s * cycles
        control, pulse = self._registers[CONTROL], self._registers[PPULSE]
        times = PGAIN[control >> 2 & 3] * LED_SHARE[control >> 6]
        times *= ((pulse & 0x3F) + 1) * PULSE_US[pulse >> 6] / 8
        self._proximity = min(max(round(255 * self.world.value("proximity_share") * times), 0), 255)
        self._status |= PVALID
        outside = not self._registers[PILT] <= self._proximity <= self._registers[PIHT]
        self._beyond = self._beyond + cycles if outside else 0
        if self._registers[ENABLE] & PIEN and self._beyond >= self._registers[PERS] >> 4:
            self._status |= PINT  # PPERS: so many in a row; 0 is every cycle


PART = APDS9960
