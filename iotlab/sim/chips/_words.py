"""Chips whose pointer names a register of one or two bytes and does not move on: TI's, and LM75-like ones."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from iotlab.sim.registers import RegisterChip


class WordChip(RegisterChip):
    """The first byte of a write sets the pointer; a whole register may follow it, high byte first.

    ``get`` and ``put`` have the value of the whole register. The pointer stays where it is until the next write,
    so a register is read again without sending it.
    """

    #: The registers there are, and how many bytes each has.
    sizes: ClassVar[Mapping[int, int]]
    #: How many bits of the pointer name a register; datasheets want the others to be 0.
    pointer_bits: ClassVar[int]
    #: Where the pointer is after power-on.
    first: ClassVar[int] = 0

    @abstractmethod
    def settle(self) -> None:
        """What happened since the last transfer."""

    def write(self, data: bytes) -> None:
        self.settle()
        if not data:
            return
        register, value = data[0], data[1:]
        known = register in self.sizes
        if not known and (value or not self._beyond(register)):
            raise self.unmodelled(f"register 0x{register:02x}")
        if value and len(value) != self.sizes[register]:
            raise self.unmodelled(f"writing {len(value)} bytes to register 0x{register:02x}")
        self._pointer = register
        if value:
            self.put(register, int.from_bytes(value, "big"))

    def read(self, size: int) -> bytes:
        """The register that the pointer names. Of a pointer that no register can have, datasheets promise nothing:
        ones, as where nobody drives the wire, for who only wants to know whether another chip is here."""
        self.settle()
        register = self.first if self._pointer is None else self._pointer
        if self._beyond(register):
            return b"\xff" * size
        if size > self.sizes[register]:
            raise self.unmodelled(f"reading {size} bytes of register 0x{register:02x}")
        return self.get(register).to_bytes(self.sizes[register], "big")[:size]

    def _beyond(self, register: int) -> bool:
        return bool(register >> self.pointer_bits)
