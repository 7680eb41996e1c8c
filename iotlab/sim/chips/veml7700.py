"""VEML7700: ambient light. Vishay document 84286 (datasheet, rev. 1.8) and 84323 (application note).

The address is 0x10, always. Not modelled: the white channel (its response depends on the kind of light),
interrupts after more than one value beyond a threshold (ALS_PERS), and that above some 1000 lx the counts
fall short of the light (84323, "lux correction"): here they are in proportion to it up to the full scale.
"""

from __future__ import annotations

from typing import Any, ClassVar

from iotlab.sim.chips.base import I2CChip, UnmodelledError
from iotlab.sim.world import Environment

# 84286, "Command Register Format"
ALS_CONF, ALS_WH, ALS_WL, PSM, ALS, WHITE, ALS_INT, ID = range(8)
ALS_SD, ALS_INT_EN, ALS_PERS = 0x0001, 0x0002, 0x0030
ALS_INT_LOW, ALS_INT_HIGH = 0x8000, 0x4000
PSM_EN = 0x0001

IDENTITY = 0xC481  # "Device ID": 0x81, and 0xC4 for the address 0x10
GAIN = (1.0, 2.0, 0.125, 0.25)  # ALS_GAIN, bits 12 and 11
INTEGRATION_S = {0xC: 0.025, 0x8: 0.05, 0x0: 0.1, 0x1: 0.2, 0x2: 0.4, 0x3: 0.8}  # ALS_IT, bits 9 to 6
PSM_WAIT_S = (0.5, 1.0, 2.0, 4.0)  # 84323, "Power-saving mode": added to the integration time
STARTUP_S = 0.0025  # 84323: wait 2.5 ms after power on
RESOLUTION_LX = 0.0042  # "Basic Characteristics": one count at gain 2 and 800 ms
FULL_SCALE = 0xFFFF

#: What each register keeps: the bits that are modelled. Setting another raises.
WRITABLE = {ALS_CONF: 0x1BC3, ALS_WH: 0xFFFF, ALS_WL: 0xFFFF, PSM: 0x0007}


class VEML7700(I2CChip):
    """Shut down after power-on. Awake it integrates again and again, at its own pace."""

    addresses: ClassVar[tuple[int, ...]] = (0x10,)

    def __init__(self, world: Environment, *, address: int | None = None) -> None:
        super().__init__(world, address=address)
        self.power_on()

    def power_on(self) -> None:
        self._registers = {ALS_CONF: ALS_SD, ALS_WH: 0, ALS_WL: 0, PSM: 0}
        self._command = 0
        self._data = self._flags = 0
        self._ready_s: float | None = None

    def state(self) -> dict[str, Any]:
        self._settle()
        return {
            **super().state(),
            "shut_down": bool(self._registers[ALS_CONF] & ALS_SD),
            "gain": self._gain,
            "integration_ms": round(self._integration_s * 1000),
        }

    # -- the wire -----------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """A command code, and a word for it, low byte first (84286, "I2C Protocol")."""
        self._settle()
        if not data:
            return
        self._command = data[0]
        if len(data) == 3:
            self._put(data[0], int.from_bytes(data[1:], "little"))
        elif len(data) > 1:
            raise self._unmodelled(f"writing {len(data) - 1} bytes instead of a word", "I2C Protocol")

    def read(self, size: int) -> bytes:
        """The word of the command code that was written last."""
        self._settle()
        if size > 2:
            raise self._unmodelled("reading beyond a word", "I2C Protocol")
        return self._get(self._command).to_bytes(2, "little")[:size]

    def _get(self, command: int) -> int:
        if command in self._registers:
            return self._registers[command]
        if command == ALS:
            return self._data
        if command == ALS_INT:
            flags, self._flags = self._flags, 0  # cleared by reading
            return flags
        if command == ID:
            return IDENTITY
        raise self._unmodelled(f"reading command code 0x{command:02x}", "Command Register Format")

    def _put(self, command: int, value: int) -> None:
        if command not in WRITABLE:
            raise self._unmodelled(f"writing command code 0x{command:02x}", "Command Register Format")
        if extra := value & ~WRITABLE[command]:
            raise self._unmodelled(f"bits 0x{extra:04x} of command code 0x{command:02x}", "table 1")
        if command == ALS_CONF and value >> 6 & 0x0F not in INTEGRATION_S:
            raise self._unmodelled(f"integration time 0x{value >> 6 & 0x0F:x}", "table 1")
        was_down, changed = bool(self._registers[ALS_CONF] & ALS_SD), self._registers[command] != value
        self._registers[command] = value
        if self._registers[ALS_CONF] & ALS_SD:
            self._ready_s = None
        elif was_down:
            self._ready_s = self.world.now() + STARTUP_S + self._integration_s
        elif command == ALS_CONF and changed:
            self._ready_s = self.world.now() + self._integration_s

    # -- measuring ----------------------------------------------------------------------------

    @property
    def _gain(self) -> float:
        return GAIN[self._registers[ALS_CONF] >> 11 & 3]

    @property
    def _integration_s(self) -> float:
        return INTEGRATION_S[self._registers[ALS_CONF] >> 6 & 0x0F]

    def _settle(self) -> None:
        """What happened since the last look."""
        now = self.world.now()
        if self._ready_s is None or now < self._ready_s:
            return
        saving = self._registers[PSM]
        period_s = self._integration_s + (PSM_WAIT_S[saving >> 1] if saving & PSM_EN else 0.0)
        self._ready_s += period_s * (1 + int((now - self._ready_s) / period_s))
        lx_per_count = RESOLUTION_LX * (2 / self._gain) * (0.8 / self._integration_s)
        self._data = min(max(round(self.world.value("light_lux") / lx_per_count), 0), FULL_SCALE)
        if self._registers[ALS_CONF] & ALS_INT_EN:
            self._flags |= ALS_INT_HIGH if self._data > self._registers[ALS_WH] else 0
            self._flags |= ALS_INT_LOW if self._data < self._registers[ALS_WL] else 0

    def _unmodelled(self, what: str, place: str) -> UnmodelledError:
        return UnmodelledError(
            f"VEML7700: {what} is not modelled by this simulation; see Vishay 84286, {place}"
        )


PART = VEML7700
