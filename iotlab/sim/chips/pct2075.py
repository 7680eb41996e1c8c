"""PCT2075: temperature, as an LM75 has it. NXP, product data sheet rev. 3.

Option: ``address`` (A2 to A0 low, high or floating: 27 of them; 0x37 with all of them floating, 0x48 all low). The
OS output is wired to nothing: its thresholds, fault queue and mode are kept, what it would do is not modelled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from iotlab.sim.chips._words import WordChip
from iotlab.sim.world import Environment

TEMP, CONF, THYST, TOS, TIDLE = range(5)  # section 7.4, "Register list"

SHUTDOWN = 0x01  # section 7.4.2, "Configuration register"
RESET = {CONF: 0x00, THYST: 0x4B00, TOS: 0x5000, TIDLE: 0x00}  # 75 °C and 80 °C
WRITABLE = {CONF: 0x1F, THYST: 0xFF80, TOS: 0xFF80, TIDLE: 0x1F}  # nine bits of half a degree

STEP_C = 0.125  # section 7.4.3, "Temperature register": 11 bits, left-justified
TEMPERATURE_C = (-55.0, 125.0)  # section 1: what it is specified for
CONVERSION_S = 0.028  # dynamic characteristics, conversion time, typical
IDLE_UNIT_S = 0.1  # Tidle register: 100 ms to 3.1 s; 0 is taken for the 100 ms of a chip that is new


class PCT2075(WordChip):
    """Converts by itself every T_idle unless it is shut down, when it keeps what it measured last."""

    addresses = (0x37, 0x35, 0x36, *range(0x28, 0x30), *range(0x48, 0x50), *range(0x70, 0x78))
    datasheet: ClassVar[str] = "NXP PCT2075 rev. 3"
    map_page: ClassVar[str] = "section 7.4"
    sizes: ClassVar[Mapping[int, int]] = {TEMP: 2, CONF: 1, THYST: 2, TOS: 2, TIDLE: 1}
    pointer_bits = 3
    first = TEMP

    def __init__(self, world: Environment, *, address: int | None = None) -> None:
        super().__init__(world, address=address)
        self.power_on()

    def power_on(self) -> None:
        self._pointer = None
        self._registers = dict(RESET)
        self._temp = 0
        self._due_s = self.world.now() + CONVERSION_S

    def state(self) -> dict[str, Any]:
        return {**super().state(), "shut_down": self._shut_down}

    def get(self, register: int) -> int:
        return self._temp if register == TEMP else self._registers[register]

    def put(self, register: int, value: int) -> None:
        if register == TEMP:
            return  # read-only
        if extra := value & ~WRITABLE[register]:
            raise self.unmodelled(f"bits 0x{extra:02x} of register 0x{register:02x}")
        was_down = self._shut_down
        self._registers[register] = value
        if self._shut_down:
            self._due_s = float("inf")
        elif was_down:
            self._due_s = self.world.now() + CONVERSION_S
        elif register == TIDLE:
            self._due_s = self.world.now() + self._idle_s()

    @property
    def _shut_down(self) -> bool:
        return bool(self._registers[CONF] & SHUTDOWN)

    def _idle_s(self) -> float:
        return max(self._registers[TIDLE], 1) * IDLE_UNIT_S

    def settle(self) -> None:
        """Take over the last conversion that ended."""
        now = self.world.now()
        if now < self._due_s:
            return
        self._due_s += (1 + int((now - self._due_s) / self._idle_s())) * self._idle_s()
        low, high = TEMPERATURE_C
        steps = round(min(max(self.world.value("temperature_c"), low), high) / STEP_C)
        self._temp = (steps << 5) & 0xFFFF


PART = PCT2075
