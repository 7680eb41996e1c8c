"""A simulated chip whose registers hang behind an 8-bit pointer, as most sensors' do."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from iotlab.sim.chips.base import I2CChip, UnmodelledError
from iotlab.sim.world import Environment


class RegisterChip(I2CChip):
    """The first byte of a write sets the pointer; reads and further bytes move it on.

    Subclasses supply ``get`` and ``put`` for one register each, and ``after`` where the pointer does
    not simply count up. Whatever they do not know, they answer with ``raise self.unmodelled(...)``.
    """

    #: Document and revision, as messages cite it.
    datasheet: ClassVar[str]
    #: Where the document prints its register map.
    map_page: ClassVar[str]

    def __init__(self, world: Environment, *, address: int | None = None) -> None:
        super().__init__(world, address=address)
        self._pointer: int | None = None

    @abstractmethod
    def get(self, register: int) -> int:
        """The byte in ``register``."""

    @abstractmethod
    def put(self, register: int, value: int) -> None:
        """``value`` is written to ``register``."""

    def after(self, register: int) -> int:
        """Where the pointer goes after ``register``."""
        return (register + 1) & 0xFF

    def write(self, data: bytes) -> None:
        if not data:
            return
        register = data[0]
        for value in data[1:]:
            self.put(register, value)
            register = self.after(register)
        self._pointer = register

    def read(self, size: int) -> bytes:
        """From the pointer on. Before one was written, datasheets promise nothing: zeros, for who only
        wants to know whether the chip is there."""
        if self._pointer is None:
            return bytes(size)
        answer, register = bytearray(), self._pointer
        for _ in range(size):
            answer.append(self.get(register))
            register = self.after(register)
        self._pointer = register
        return bytes(answer)

    def unmodelled(self, what: str, page: str = "") -> UnmodelledError:
        """The error for ``what``, with the place in the datasheet to look it up."""
        name = type(self).__name__
        return UnmodelledError(
            f"{name}: {what} is not modelled by this simulation; see {self.datasheet}, {page or self.map_page}"
        )
