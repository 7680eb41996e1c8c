"""UF2: firmware in blocks of 512 bytes that each say where they go.

Format and family ids: Microsoft, "UF2 file format" and ``utils/uf2families.json`` of the same repository.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

BLOCK_SIZE = 512
MAX_PAYLOAD = 476
_BLOCK = struct.Struct("<8I476sI")
_MAGIC_START_0, _MAGIC_START_1, _MAGIC_END = 0x0A324655, 0x9E5D5157, 0x0AB16F30
FLAG_NOT_MAIN_FLASH = 0x0001
FLAG_FAMILY_PRESENT = 0x2000

RP2040 = 0xE48BFF56
RP2XXX_ABSOLUTE = 0xE48BFF57
#: Where picotool puts the one block that works around erratum RP2350-E10 (RP2350 datasheet, appendix E); it
#: carries nothing for the flash.
_E10_ADDRESS = 0x10FFFF00
#: Family ids of the boards in reach here, of the 80 or so in ``uf2families.json``.
FAMILIES: dict[int, str] = {
    RP2040: "RP2040",
    RP2XXX_ABSOLUTE: "RP2XXX_ABSOLUTE",
    0xE48BFF58: "RP2XXX_DATA",
    0xE48BFF59: "RP2350_ARM_S",
    0xE48BFF5A: "RP2350_RISCV",
    0xE48BFF5B: "RP2350_ARM_NS",
    0x1C5F21B0: "ESP32",
    0xBFDD4EEE: "ESP32S2",
    0xC47E5767: "ESP32S3",
    0xD42BA06C: "ESP32C3",
    0x68ED2B88: "SAMD21",
    0x55114460: "SAMD51",
    0xADA52840: "NRF52840",
    0x621E937A: "NRF52833",
    0x57755A57: "STM32F4",
}


class Uf2FormatError(ValueError):
    """These bytes are no UF2 file, or one that is damaged. The message says where."""


@dataclass(frozen=True)
class Block:
    """``payload`` goes to ``address``; block ``number`` of ``total``. ``family`` None: not given."""

    address: int
    payload: bytes
    number: int
    total: int
    family: int | None
    flags: int = 0


@dataclass(frozen=True)
class Uf2:
    """A whole file: one family, every block there."""

    family: int | None
    blocks: tuple[Block, ...]

    @property
    def address(self) -> int:
        """Where the first byte goes."""
        return min(block.address for block in self.blocks)

    def image(self) -> bytes:
        """The bytes from :attr:`address` on; gaps are erased flash (0xff)."""
        end = max(block.address + len(block.payload) for block in self.blocks)
        data = bytearray(b"\xff" * (end - self.address))
        for block in self.blocks:
            at = block.address - self.address
            data[at : at + len(block.payload)] = block.payload
        return bytes(data)


def is_uf2(data: bytes) -> bool:
    """Whether ``data`` begins as a UF2 file does."""
    return len(data) >= 8 and struct.unpack_from("<II", data) == (_MAGIC_START_0, _MAGIC_START_1)


def parse_block(data: bytes) -> Block | None:
    """The block in these 512 bytes; None where they are none (a reader skips them)."""
    if len(data) != BLOCK_SIZE:
        return None
    start_0, start_1, flags, address, size, number, total, family, payload, end = _BLOCK.unpack(data)
    if (start_0, start_1, end) != (_MAGIC_START_0, _MAGIC_START_1, _MAGIC_END) or size > MAX_PAYLOAD:
        return None
    known = family if flags & FLAG_FAMILY_PRESENT else None
    return Block(address, payload[:size], number, total, known, flags)


def unpack(data: bytes, *, max_size: int = 1 << 25) -> Uf2:
    """The file in ``data``. Blocks that are not for the main flash are left out.

    Raises :class:`Uf2FormatError`: not whole blocks, a block that is none, one that is missing, two
    families, or blocks further apart than ``max_size`` bytes.
    """
    if not is_uf2(data):
        raise Uf2FormatError("it does not begin as a UF2 file does")
    if len(data) % BLOCK_SIZE:
        raise Uf2FormatError(f"it ends inside a block of {BLOCK_SIZE} bytes")
    blocks: list[Block] = []
    for at in range(0, len(data), BLOCK_SIZE):
        block = parse_block(data[at : at + BLOCK_SIZE])
        if block is None:
            raise Uf2FormatError(f"the block at {at:#x} is damaged")
        if not block.flags & FLAG_NOT_MAIN_FLASH and not _is_workaround(block):
            blocks.append(block)
    return _checked(blocks, max_size)


def _is_workaround(block: Block) -> bool:
    return block.family == RP2XXX_ABSOLUTE and block.address == _E10_ADDRESS


def _checked(blocks: Sequence[Block], max_size: int) -> Uf2:
    if not blocks:
        raise Uf2FormatError("it has no block for the flash")
    families = {block.family for block in blocks}
    if len(families) > 1:
        names = " and ".join(sorted(family_name(family) for family in families))
        raise Uf2FormatError(f"it mixes blocks for {names}")
    total = blocks[0].total
    missing = set(range(total)) - {block.number for block in blocks}
    if missing or len(blocks) != total:
        raise Uf2FormatError(f"{len(blocks)} blocks are there instead of {total}")
    spread = max(b.address for b in blocks) - min(b.address for b in blocks)
    if spread > max_size:
        raise Uf2FormatError(f"its blocks are {spread} bytes apart")
    return Uf2(blocks[0].family, tuple(blocks))


def pack(data: bytes, *, address: int, family: int, payload_size: int = 256) -> bytes:
    """``data`` as a UF2 file for ``address``; the last block is filled up with zeros."""
    if not data:
        raise ValueError("there is nothing to pack")
    if not 1 <= payload_size <= MAX_PAYLOAD:
        raise ValueError(f"a block holds 1 to {MAX_PAYLOAD} bytes, not {payload_size}")
    total = -(-len(data) // payload_size)
    out = bytearray()
    for number in range(total):
        at = number * payload_size
        payload = data[at : at + payload_size].ljust(payload_size, b"\0")
        out += _BLOCK.pack(
            _MAGIC_START_0,
            _MAGIC_START_1,
            FLAG_FAMILY_PRESENT,
            address + at,
            payload_size,
            number,
            total,
            family,
            payload,
            _MAGIC_END,
        )
    return bytes(out)


def family_name(family: int | None) -> str:
    """``"RP2040"``; the number in hexadecimal where it is not in the table."""
    if family is None:
        return "no family"
    return FAMILIES.get(family, f"family {family:#010x}")
