"""The contract of an I2C bus, as a driver sees it.

A driver is handed an open bus; it never opens or closes one. Addresses are 7 bits
(UM10204, I2C-bus specification, rev. 7, 3.1.10).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iotlab.errors import NackError

if TYPE_CHECKING:
    from iotlab.bus.blinka import BlinkaI2C

#: Addresses 0x00-0x07 and 0x78-0x7f are reserved (UM10204, 3.1.12, table 4).
FIRST_ADDRESS, LAST_ADDRESS = 0x08, 0x77


@dataclass(frozen=True)
class Read:
    """Read ``size`` bytes."""

    size: int

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"a read takes at least 1 byte, not {self.size}")


@dataclass(frozen=True)
class Write:
    """Write ``data``; empty means the address alone (a probe)."""

    data: bytes


Operation = Read | Write


class I2CBus(ABC):
    """An I2C bus. Backends supply one hook, ``_transaction``; all else derives from it."""

    def transaction(self, address: int, operations: Sequence[Operation]) -> list[bytes]:
        """Run ``operations`` on ``address`` with one start, repeated starts between, one stop.

        Returns the bytes of each ``Read``, in order. Raises ``NackError`` where nothing
        acknowledges, another ``BusError`` where the bus itself fails, ``ValueError`` for an
        address that is not 7 bits.
        """
        if not 0 <= address <= 0x7F:
            raise ValueError(f"an I2C address has 7 bits (0x00 to 0x7f), not {address:#x}")
        if not operations:
            raise ValueError("a transaction has at least one operation")
        return self._transaction(address, operations)

    @abstractmethod
    def _transaction(self, address: int, operations: Sequence[Operation]) -> list[bytes]: ...

    def read(self, address: int, size: int) -> bytes:
        """``size`` bytes from ``address``."""
        return self.transaction(address, [Read(size)])[0]

    def write(self, address: int, data: bytes) -> None:
        """``data`` to ``address``."""
        self.transaction(address, [Write(bytes(data))])

    def write_read(self, address: int, data: bytes, size: int) -> bytes:
        """Write ``data``, repeated start, read ``size`` bytes."""
        return self.transaction(address, [Write(bytes(data)), Read(size)])[0]

    def read_register(self, address: int, register: int, size: int = 1) -> bytes:
        """``size`` bytes from an 8-bit register pointer onwards."""
        return self.write_read(address, bytes([register]), size)

    def write_register(self, address: int, register: int, data: bytes) -> None:
        """``data`` to an 8-bit register pointer onwards."""
        self.write(address, bytes([register]) + bytes(data))

    def as_blinka(self) -> BlinkaI2C:
        """This bus as CircuitPython drivers want it: any ``adafruit_*`` driver runs on it unmodified.

        The drivers need the extra ``drivers``. One object for each bus, so that its drivers share a lock.
        """
        from iotlab.bus.blinka import BlinkaI2C

        adapter: BlinkaI2C = vars(self).setdefault("_blinka", BlinkaI2C(self))
        return adapter

    def scan(self) -> list[int]:
        """The addresses from 0x08 to 0x77 that acknowledge, ascending."""
        return self._scan()

    def _scan(self) -> list[int]:
        """For backends that can scan in one go."""
        return [a for a in range(FIRST_ADDRESS, LAST_ADDRESS + 1) if self.answers(a)]

    def answers(self, address: int) -> bool:
        """Whether something acknowledges ``address``; no byte is written."""
        try:
            self.transaction(address, [Write(b"")])
        except NackError:
            return False
        return True
