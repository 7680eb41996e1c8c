"""A NOR flash: the memory that a virtual board's firmware and files live in.

Bits are only cleared by programming and only set by erasing a whole sector, as on the part that is
soldered to an ESP32 or a Pico (W25Q32JV datasheet, rev. I, 8.2). The content is a plain file, so it
survives the process; every operation is counted, and the power can be cut in the middle of one.
"""

from __future__ import annotations

import mmap
from pathlib import Path

SECTOR = 4096


class PowerCutError(Exception):
    """The power went during an operation. The board's process ends what ran."""


class Flash:
    """``size`` bytes of NOR flash, kept in the file at ``path``; new flash is erased (0xff)."""

    def __init__(self, path: Path, size: int) -> None:
        if size % SECTOR:
            raise ValueError(f"a flash has whole sectors of {SECTOR} bytes, not {size} bytes")
        self.path, self.size = path, size
        if not path.exists() or path.stat().st_size != size:
            path.write_bytes(b"\xff" * size)
        self._file = open(path, "r+b")  # noqa: SIM115 - closed in close()
        self._map = mmap.mmap(self._file.fileno(), size)
        self.operations = 0
        self._cut_at: int | None = None
        self._torn = 0.0

    def cut_power(self, after: int, torn: float) -> None:
        """Lose the power in the operation number ``after`` from now (0: the next one).

        ``torn`` is the share of that operation which still happens (0.0 to 1.0).
        """
        self._cut_at, self._torn = self.operations + after, torn

    def keep_power(self) -> None:
        """Forget a cut that was asked for and did not come."""
        self._cut_at = None

    def read(self, offset: int, size: int) -> bytes:
        self._check(offset, size)
        return self._map[offset : offset + size]

    def program(self, offset: int, data: bytes) -> None:
        """Clear the bits that are 0 in ``data``."""
        self._check(offset, len(data))
        kept = self._kept(len(data))
        old = self._map[offset : offset + kept]
        new = int.from_bytes(old, "little") & int.from_bytes(data[:kept], "little")
        self._map[offset : offset + kept] = new.to_bytes(kept, "little")
        self._end(kept == len(data))

    def erase(self, offset: int, size: int = SECTOR) -> None:
        """Set every bit of the sectors from ``offset`` on; both are multiples of a sector."""
        if offset % SECTOR or size % SECTOR:
            raise ValueError(f"erasing goes by whole sectors of {SECTOR} bytes")
        self._check(offset, size)
        for sector in range(offset, offset + size, SECTOR):
            kept = self._kept(SECTOR)
            self._map[sector : sector + kept] = b"\xff" * kept
            self._end(kept == SECTOR)

    def close(self) -> None:
        self._map.close()
        self._file.close()

    def _check(self, offset: int, size: int) -> None:
        if offset < 0 or size < 0 or offset + size > self.size:
            raise ValueError(f"{size} bytes at {offset:#x} are outside a flash of {self.size} bytes")

    def _kept(self, size: int) -> int:
        return int(size * self._torn) if self.operations == self._cut_at else size

    def _end(self, whole: bool) -> None:
        cut = self.operations == self._cut_at
        self.operations += 1
        if cut:
            self._cut_at = None
            raise PowerCutError(f"power lost in flash operation {self.operations - 1}")
