"""MCP23017: an I/O expander with 16 pins. Microchip DS20001952C.

Option: ``address`` (A2..A0: 0x20 to 0x27). Pins 0 to 7 are GPA0 to GPA7, 8 to 15 GPB0 to GPB7; at the bench,
``drive(pin, level)`` and ``release(pin)`` are what is wired to them. An input that nothing drives and no
pull-up holds reads low; an output wins over what drives it from outside. Not modelled: the other layout of
the registers (IOCON.BANK).
"""

from __future__ import annotations

from typing import Any, ClassVar

from iotlab.sim.chips._expander import Wires
from iotlab.sim.registers import RegisterChip
from iotlab.sim.world import Environment

# table 3-5, "Summary of registers associated with the GPIO ports (I2C), BANK = 0": port A; port B is the next
IODIR, IPOL, GPINTEN, DEFVAL, INTCON, IOCON = 0x00, 0x02, 0x04, 0x06, 0x08, 0x0A
GPPU, INTF, INTCAP, GPIO, OLAT, END = 0x0C, 0x0E, 0x10, 0x12, 0x14, 0x16
BANK, MIRROR, SEQOP, ODR, INTPOL = 0x80, 0x40, 0x20, 0x04, 0x02  # register 3-6
KEPT = (IODIR, IPOL, GPINTEN, DEFVAL, INTCON, GPPU, OLAT)


class MCP23017(RegisterChip):
    """All pins are inputs after power-on, without pull-ups."""

    addresses = tuple(range(0x20, 0x28))
    actions = ("plug", "unplug", "drive", "release")
    datasheet: ClassVar[str] = "Microchip DS20001952C"
    map_page: ClassVar[str] = "table 3-5"

    def __init__(self, world: Environment, *, address: int | None = None) -> None:
        super().__init__(world, address=address)
        self._wires = Wires(16)
        self.power_on()

    def power_on(self) -> None:
        self._pointer = None
        # words: port A is the low byte
        self._words = dict.fromkeys(KEPT, 0) | {IODIR: 0xFFFF}
        self._iocon = 0
        self._flags = self._captured = 0
        self._before = self._levels()

    def state(self) -> dict[str, Any]:
        """``pins`` and ``outputs`` have pin 0 first; ``int_a`` and ``int_b`` are the levels of those pins."""
        idle = not self._iocon & INTPOL or bool(self._iocon & ODR)  # ODR overrides INTPOL
        pending_a, pending_b = bool(self._flags & 0x00FF), bool(self._flags & 0xFF00)
        if self._iocon & MIRROR:
            pending_a = pending_b = pending_a or pending_b
        return {
            **super().state(),
            "pins": self._wires.text(self._levels()),
            "outputs": self._wires.text(~self._words[IODIR] & 0xFFFF),
            "int_a": idle != pending_a,
            "int_b": idle != pending_b,
        }

    # -- at the bench -------------------------------------------------------------------------

    def drive(self, pin: int, level: bool) -> None:
        """Something outside holds ``pin`` (0 to 15) high or low."""
        self._wires.drive(pin, level)
        self._look()

    def release(self, pin: int) -> None:
        """Nothing outside drives ``pin`` any more."""
        self._wires.release(pin)
        self._look()

    def _levels(self) -> int:
        """What is on the pins: outputs, else what drives them, else the pull-ups."""
        inputs = self._words[IODIR]
        outside = self._wires.levels | self._words[GPPU] & ~self._wires.driven
        return self._words[OLAT] & ~inputs | outside & inputs

    # -- registers ----------------------------------------------------------------------------

    def after(self, register: int) -> int:
        """In byte mode the pointer toggles within a pair of registers (3.2.1)."""
        return register ^ 1 if self._iocon & SEQOP else (register + 1) % END

    def get(self, register: int) -> int:
        place, shift = register & ~1, 8 * (register & 1)
        if place in self._words:
            return self._words[place] >> shift & 0xFF
        if place == IOCON:
            return self._iocon  # one register at two addresses
        if place == INTF:
            return self._flags >> shift & 0xFF
        if place == INTCAP:
            captured = self._captured >> shift & 0xFF
            self._clear(shift)
            return captured
        if place == GPIO:
            port = (self._levels() ^ self._words[IPOL]) >> shift & 0xFF
            self._clear(shift)
            return port
        raise self.unmodelled(f"reading register 0x{register:02x}")

    def put(self, register: int, value: int) -> None:
        place, shift = register & ~1, 8 * (register & 1)
        if place == GPIO:
            place = OLAT  # writing the port writes its latch (3.5.10)
        if place in self._words:
            self._words[place] = self._words[place] & ~(0xFF << shift) | value << shift
            self._look()
        elif place == IOCON:
            if value & BANK:
                raise self.unmodelled("IOCON.BANK", "register 3-6")
            self._iocon = value & 0x7E
        elif place not in (INTF, INTCAP):  # read-only (3.5.8, 3.5.9)
            raise self.unmodelled(f"writing register 0x{register:02x}")

    # -- interrupts ---------------------------------------------------------------------------

    def _look(self) -> None:
        """Interrupt-on-change (3.6.4, 3.6.5): the first event of a port flags it and captures its pins."""
        levels, compared = self._levels(), self._words[INTCON]
        differing = (levels ^ self._words[DEFVAL]) & compared | (levels ^ self._before) & ~compared
        events = differing & self._words[GPINTEN] & self._words[IODIR]
        for port in (0x00FF, 0xFF00):
            if self._flags & port:
                continue  # until this one is cleared there is no other
            self._before = self._before & ~port | levels & port
            if events & port:
                self._flags |= events & port
                self._captured = self._captured & ~port | (levels ^ self._words[IPOL]) & port

    def _clear(self, shift: int) -> None:
        """Reading GPIO or INTCAP of a port; a pin that still differs from DEFVAL interrupts on (3.6.5)."""
        port = 0xFF << shift
        self._flags &= ~port
        self._before = self._before & ~port | self._levels() & port
        self._look()


PART = MCP23017
