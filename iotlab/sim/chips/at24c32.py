"""AT24C32: an EEPROM of 4096 bytes. Atmel 0336, and Atmel 8710 for the AT24C32D's faster writing.

Options: ``address`` (A2..A0: 0x50 to 0x57; modules with a DS3231 have 0x57), ``content`` (text or bytes
from address 0 on when new), ``path`` (a file that keeps the content), ``write_cycle_ms`` (5 ms: AT24C32D,
8710, t_WR; the first AT24C32 takes up to 10 ms, 0336, t_WR).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from iotlab.errors import ConfigError, NackError
from iotlab.sim.chips.base import I2CChip, UnmodelledError
from iotlab.sim.world import Environment

SIZE, PAGE = 4096, 32  # 0336, "Memory organization" and "Page write"
ERASED = 0xFF


class AT24C32(I2CChip):
    """Non-volatile: unplugging and power cycles leave the content. Does not answer while it writes."""

    addresses = tuple(range(0x50, 0x58))

    def __init__(
        self,
        world: Environment,
        *,
        address: int | None = None,
        content: str | bytes = b"",
        path: str | None = None,
        write_cycle_ms: float = 5.0,
    ) -> None:
        super().__init__(world, address=address)
        data = content.encode() if isinstance(content, str) else content
        if len(data) > SIZE:
            raise ConfigError(f"an AT24C32 holds {SIZE} bytes, not {len(data)}: shorten its content")
        self.write_cycle_s = write_cycle_ms / 1000
        self._path = Path(path) if path else None
        self._memory = bytearray([ERASED]) * SIZE
        self._memory[: len(data)] = data
        if self._path and self._path.exists():
            self._memory[:] = self._path.read_bytes()[:SIZE].ljust(SIZE, bytes([ERASED]))
        self.power_on()

    def power_on(self) -> None:
        self._counter: int | None = 0
        self._page: dict[int, int] = {}  # loaded, not yet written
        self._busy_until_s = float("-inf")

    def content(self) -> bytes:
        """All 4096 bytes."""
        return bytes(self._memory)

    def state(self) -> dict[str, Any]:
        used = bytes(self._memory).rstrip(bytes([ERASED]))
        return {**super().state(), "used_bytes": len(used), "start": bytes(self._memory[:64]).hex()}

    # -- the wire -----------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """A word address of two bytes, then up to a page of data (0336, "Write operations")."""
        self._check_ready()
        self._page = {}
        if not data:
            return
        if len(data) == 1:
            self._counter = None  # half an address
            return
        start = int.from_bytes(data[:2], "big") % SIZE  # the upper four bits are don't care
        page, offset = start // PAGE * PAGE, start % PAGE
        for index, value in enumerate(data[2:]):
            self._page[page + (offset + index) % PAGE] = value  # rolls over within the page
        self._counter = page + (offset + len(data) - 2) % PAGE

    def read(self, size: int) -> bytes:
        """From the address counter on; after the last byte comes the first (0336, "Read operations")."""
        self._check_ready()
        self._page = {}
        if self._counter is None:
            raise UnmodelledError(
                "AT24C32: reading after half a word address is not modelled by this simulation: send two "
                "bytes of address; see Atmel 0336, read operations"
            )
        answer = bytes(self._memory[(self._counter + index) % SIZE] for index in range(size))
        self._counter = (self._counter + size) % SIZE
        return answer

    def stop(self) -> None:
        """The stop starts the write cycle of what was loaded."""
        if not self._page:
            return
        for place, value in self._page.items():
            self._memory[place] = value
        self._page = {}
        self._busy_until_s = self.world.now() + self.write_cycle_s
        if self._path:
            part = self._path.with_name(self._path.name + ".part")
            part.write_bytes(self._memory)
            part.replace(self._path)

    def _check_ready(self) -> None:
        """During a write cycle all inputs are disabled: acknowledge polling (0336)."""
        if self.world.now() < self._busy_until_s:
            raise NackError(self.address, f"the EEPROM at 0x{self.address:02x} is writing: ask again shortly")


PART = AT24C32
