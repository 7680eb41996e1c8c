"""What the light sensors of ams (once TAOS) have in common, and the APDS-9960, which has the same engine.

The power bit and the ALS bit of the enable register start integration cycles; each ends in data registers,
low byte first, and is held against a low and a high threshold, with a filter for the interrupt.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from iotlab.sim.registers import RegisterChip
from iotlab.sim.world import Environment

ENABLE, ATIME, WTIME, AILT, AIHT, PERS = 0x00, 0x01, 0x03, 0x04, 0x06, 0x0C
CONFIG, CONTROL, ID, STATUS, DATA = 0x0D, 0x0F, 0x12, 0x13, 0x14
PON, AEN, WEN, AIEN = 0x01, 0x02, 0x08, 0x10
AVALID, AINT = 0x01, 0x10
FULL_SCALE = 0xFFFF


def persistence(setting: int) -> int:
    """Cycles out of range in a row until an interrupt: 1, 2, 3, then 5 to 60 by fives."""
    return setting if setting <= 3 else 5 * (setting - 3)


class LightChip(RegisterChip):
    """Cycles of integration. What a changed setting does to a running cycle, no datasheet says: it begins anew."""

    #: The bits that are modelled in each register that can be written. Setting another raises.
    writable: ClassVar[dict[int, int]]
    #: What they hold after power-on, where that is not 0.
    reset: ClassVar[dict[int, int]] = {}
    #: What is always there.
    fixed: ClassVar[dict[int, int]]
    #: Registers whose change makes the running cycle begin anew.
    settings: ClassVar[frozenset[int]] = frozenset({ATIME, CONTROL})
    #: What its datasheet adds to the addresses of registers here.
    base: ClassVar[int] = 0
    #: How many words of data there are.
    words: ClassVar[int]

    def __init__(self, world: Environment, *, address: int | None = None) -> None:
        super().__init__(world, address=address)
        self.power_on()

    def power_on(self) -> None:
        self._pointer = None
        self._registers = dict.fromkeys(self.writable, 0) | self.reset
        self._data = bytes(2 * self.words)
        self._status = 0
        self._outside = 0  # cycles out of range in a row
        self._ready_s: float | None = None

    @abstractmethod
    def _integration_s(self) -> float:
        """How long one integration takes."""

    @abstractmethod
    def _channels(self) -> list[int]:
        """The counts of one integration, the channel that the thresholds look at first."""

    def _wait_s(self) -> float:
        """From the end of one integration to the start of the next."""
        return 0.0

    # -- registers ----------------------------------------------------------------------------

    def read(self, size: int) -> bytes:
        self._settle()  # between transfers only: words are double-buffered
        return super().read(size)

    def get(self, register: int) -> int:
        if register in self._registers:
            return self._registers[register]
        if register in self.fixed:
            return self.fixed[register]
        if register == STATUS:
            return self._status
        if DATA <= register < DATA + len(self._data):
            return self._data[register - DATA]
        raise self.unmodelled(f"reading register 0x{self.base | register:02x}")

    def put(self, register: int, value: int) -> None:
        self._settle()
        if register not in self.writable:
            raise self.unmodelled(f"writing register 0x{self.base | register:02x}")
        if extra := value & ~self.writable[register]:
            raise self.unmodelled(f"bits 0x{extra:02x} of register 0x{self.base | register:02x}")
        before, self._registers[register] = self._registers[register], value
        if register == ENABLE:
            self._enable(before, value)
        elif register in self.settings and value != before and self._ready_s is not None:
            self._ready_s = self.world.now() + self._integration_s()

    def _enable(self, before: int, value: int) -> None:
        """Cycles run while both bits are set; AVALID tells of cycles since then."""
        both = PON | AEN
        if value & both != both:
            self._ready_s = None
        elif before & both != both:
            self._status &= ~AVALID
            self._ready_s = self.world.now() + self._integration_s()

    def _word(self, register: int) -> int:
        return self._registers[register] | self._registers[register + 1] << 8

    # -- measuring ----------------------------------------------------------------------------

    def _settle(self) -> None:
        """What happened since the last look; of cycles that nobody looked at, the last one counts."""
        now = self.world.now()
        if self._ready_s is None or now < self._ready_s:
            return
        period_s = self._integration_s() + self._wait_s()
        cycles = 1 + int((now - self._ready_s) / period_s)
        self._ready_s += period_s * cycles
        counts = [min(max(count, 0), self._most()) for count in self._channels()]
        self._data = b"".join(count.to_bytes(2, "little") for count in counts)
        self._status |= AVALID
        self._compare(counts[0], cycles)

    def _most(self) -> int:
        """The count at which a channel is saturated."""
        return FULL_SCALE

    def _compare(self, count: int, cycles: int) -> None:
        """The filter: so many cycles in a row beyond a threshold; 0 is every cycle, whatever its count."""
        outside = not self._word(AILT) <= count <= self._word(AIHT)
        self._outside = self._outside + cycles if outside else 0
        if self._registers[ENABLE] & AIEN and self._outside >= persistence(self._registers[PERS] & 0x0F):
            self._status |= AINT


class CommandChip(LightChip):
    """Its pointer is a command byte: bit 7, a type in two bits, and a register or a special function."""

    #: Types that address registers.
    types: ClassVar[tuple[int, ...]]
    #: Special functions, and the bits of the status that each clears.
    functions: ClassVar[dict[int, int]]

    def write(self, data: bytes) -> None:
        if not data:
            return
        self._settle()
        command = data[0]
        kind, place = command >> 5 & 3, command & 0x1F
        if command & 0x80 and kind in self.types:
            super().write(bytes([place]) + data[1:])
        elif command & 0x80 and kind == 3:
            if place not in self.functions or len(data) > 1:
                raise self.unmodelled(f"special function {place}", "command register")
            self._status &= ~self.functions[place]
            self._outside = 0
        elif not command & 0x80:
            self._write_on(data)
        elif len(data) > 1:  # a type that is reserved; alone, it is somebody who looks for another chip
            raise self.unmodelled(f"command 0x{command:02x}", "command register")

    def _write_on(self, data: bytes) -> None:
        """Bytes without a command go where the last one pointed to ("I2C Protocol"); none did after power-on."""
        if self._pointer is None:
            return
        for value in data:
            if self._pointer in self.writable:
                self.put(self._pointer, value)
            self._pointer = self.after(self._pointer)

    def after(self, register: int) -> int:
        return (register + 1) & 0x1F


def colour_shares(world: Environment) -> tuple[float, float, float]:
    """Red, green and blue of the world's light, as shares of what the three are together."""
    red, green, blue = (max(world.value(f"colour_{name}_share"), 0.0) for name in ("red", "green", "blue"))
    whole = red + green + blue
    return (red / whole, green / whole, blue / whole) if whole else (1 / 3, 1 / 3, 1 / 3)
