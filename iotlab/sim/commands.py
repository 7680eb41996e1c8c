"""A simulated chip that takes commands and answers them later, as most humidity sensors do."""

from __future__ import annotations

from typing import ClassVar

from iotlab.errors import NackError
from iotlab.sim.chips.base import I2CChip, UnmodelledError
from iotlab.sim.world import Environment


def crc8(data: bytes, start: int = 0xFF) -> int:
    """The checksum of Sensirion, Silicon Labs and ASAIR: x⁸ + x⁵ + x⁴ + 1, highest bit first.

    The example of Sensirion's datasheets (SHT3x-DIS version 5, table 20, p. 14):

    >>> crc8(b"\\xbe\\xef") == 0x92
    True
    """
    crc = start
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x31) & 0xFF if crc & 0x80 else crc << 1
    return crc


class CommandChip(I2CChip):
    """What is read is the answer to the last command, once, and not before it is ready.

    Subclasses supply ``write``, in which they prepare an answer with ``reply``. Until it is ready, and
    where there is none, a read is not acknowledged. Whoever reads on after the answer's end reads what the
    pull-ups make of a released bus: ones.
    """

    #: Document and revision, as messages cite it.
    datasheet: ClassVar[str]
    #: Where the document lists its commands.
    commands_page: ClassVar[str]

    def __init__(self, world: Environment, *, address: int | None = None) -> None:
        super().__init__(world, address=address)
        self._forget()

    def _forget(self) -> None:
        self._answer: bytes | None = None
        self._ready_s = float("-inf")

    def reply(self, data: bytes, after_s: float = 0.0) -> None:
        """``data`` can be read in ``after_s``."""
        self._answer = data
        self._ready_s = self.world.now() + after_s if after_s else float("-inf")

    def busy(self) -> bool:
        """Whether an answer is still in the making."""
        return self.world.now() < self._ready_s

    def read(self, size: int) -> bytes:
        name = type(self).__name__
        if self.busy():
            raise NackError(
                self.address, f"the {name} at 0x{self.address:02x} is measuring: ask again shortly"
            )
        if self._answer is None:
            raise NackError(
                self.address,
                f"the {name} at 0x{self.address:02x} has nothing to send: give it a command first",
            )
        answer = self._answer
        self._forget()
        return answer.ljust(size, b"\xff")[:size]

    def unmodelled(self, what: str, page: str = "") -> UnmodelledError:
        """The error for ``what``, with the place in the datasheet to look it up."""
        return UnmodelledError(
            f"{type(self).__name__}: {what} is not modelled by this simulation; "
            f"see {self.datasheet}, {page or self.commands_page}"
        )
