"""The partition table of an ESP32 and its relatives.

Format: ESP-IDF Programming Guide, "Partition Tables"; ``esp_flash_partitions.h``. Entries of 32 bytes from
0x8000 on, an MD5 of the entries before it, then erased flash.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

TABLE_OFFSET = 0x8000
TABLE_SIZE = 0xC00
_ENTRY = struct.Struct("<HBBII16sI")
_MAGIC = 0x50AA
_MAGIC_MD5 = 0xEBEB
APP, DATA = 0, 1
SUBTYPE_FACTORY, SUBTYPE_OTA_0, SUBTYPE_DATA_OTA, SUBTYPE_DATA_FAT = 0x00, 0x10, 0x00, 0x81


class PartitionTableError(ValueError):
    """No valid table. The message is what ESP-IDF's bootloader says."""


@dataclass(frozen=True)
class Partition:
    """``size`` bytes of flash at ``offset``; ``kind`` is :data:`APP` or :data:`DATA`."""

    label: str
    kind: int
    subtype: int
    offset: int
    size: int


def parse_table(data: bytes, flash_size: int) -> tuple[Partition, ...]:
    """The partitions in ``data``, the bytes at :data:`TABLE_OFFSET` of a flash of ``flash_size`` bytes.

    Raises :class:`PartitionTableError` on a wrong magic number or MD5, a partition outside the flash, or a
    table without an end, as ``esp_partition_table_verify`` in ESP-IDF does.
    """
    found: list[Partition] = []
    checked = False
    for number, at in enumerate(range(0, min(len(data), TABLE_SIZE) - _ENTRY.size + 1, _ENTRY.size)):
        entry = data[at : at + _ENTRY.size]
        magic, kind, subtype, offset, size, label, _ = _ENTRY.unpack(entry)
        if magic == _MAGIC:
            if offset > flash_size or offset + size > flash_size:
                raise PartitionTableError(
                    f"partition {number} invalid - offset 0x{offset:x} size 0x{size:x} "
                    f"exceeds flash chip size 0x{flash_size:x}"
                )
            name = label.split(b"\0", 1)[0].decode("ascii", "replace")
            found.append(Partition(name, kind, subtype, offset, size))
        elif magic == _MAGIC_MD5:
            if checked:
                raise PartitionTableError("Only one MD5 checksum is allowed")
            if entry[16:] != hashlib.md5(data[:at], usedforsecurity=False).digest():
                raise PartitionTableError("Incorrect MD5 checksum")
            checked = True
        elif magic == 0xFFFF and kind == 0xFF and subtype == 0xFF:
            return tuple(found)
        else:
            raise PartitionTableError(f"partition {number} invalid magic number 0x{magic:x}")
    raise PartitionTableError("partition table has no terminating entry, not valid")
