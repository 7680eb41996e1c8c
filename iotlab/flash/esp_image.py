"""The image format of Espressif's chips: what is in a ``.bin`` for an ESP32.

Format: ESP-IDF, ``esp_app_format.h`` (``esp_image_header_t``, ``esp_image_segment_header_t``) and
``esp_app_desc.h``; esptool documentation, "Firmware Image Format". The virtual ESP32 reads its flash with
the same parser, so it does not depend on the port or on esptool.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

MAGIC = 0xE9
HEADER_SIZE = 24
HASH_SIZE = 32
MAX_SEGMENTS = 16  # ESP_IMAGE_MAX_SEGMENTS
MAX_SEGMENT_SIZE = 0x1000000
CHECKSUM_SEED = 0xEF  # ESP_ROM_CHECKSUM_INITIAL

_HEADER = struct.Struct("<BBBBI4xHBHH4xB")
_SEGMENT = struct.Struct("<II")
_APP = struct.Struct("<II8x32s32s16s16s32s32s")
_APP_MAGIC = 0xABCD5432

#: Chips by the id in an image's header (``esp_chip_id_t`` in ESP-IDF's ``esp_app_format.h``).
CHIP_IDS: dict[int, str] = {
    0: "esp32",
    2: "esp32s2",
    5: "esp32c3",
    9: "esp32s3",
    12: "esp32c2",
    13: "esp32c6",
    16: "esp32h2",
    18: "esp32p4",
    20: "esp32c61",
    23: "esp32c5",
}
#: Where each chip's ROM looks for the second-stage bootloader (ESP-IDF, CONFIG_BOOTLOADER_OFFSET_IN_FLASH).
BOOTLOADER_OFFSETS: dict[str, int] = {
    "esp32": 0x1000,
    "esp32s2": 0x1000,
    "esp32c3": 0x0,
    "esp32s3": 0x0,
    "esp32c2": 0x0,
    "esp32c6": 0x0,
    "esp32h2": 0x0,
    "esp32p4": 0x2000,
    "esp32c61": 0x0,
    "esp32c5": 0x2000,
}


class ImageFormatError(ValueError):
    """These bytes are no image, or one that is cut off. The message is what ESP-IDF's bootloader would say."""


@dataclass(frozen=True)
class Segment:
    """``size`` bytes at ``offset`` (from the image's first byte) that go to ``load_address``."""

    load_address: int
    offset: int
    size: int


@dataclass(frozen=True)
class AppDescription:
    """What an application says of itself (``esp_app_desc_t``). Empty where it says nothing."""

    project: str
    version: str
    idf: str
    built: str


@dataclass(frozen=True)
class EspImage:
    """One image: a bootloader or an application. Sizes and offsets in bytes."""

    chip_id: int
    entry: int
    flash_mode: int
    flash_speed: int
    segments: tuple[Segment, ...]
    size: int
    checksum: int
    checksum_found: int
    sha256: bytes
    sha256_found: bytes | None
    app: AppDescription | None

    @property
    def chip(self) -> str:
        """The chip's name as esptool writes it, ``"esp32c3"``; ``"chip 77"`` for an id not in the table."""
        return CHIP_IDS.get(self.chip_id, f"chip {self.chip_id}")

    @property
    def fault(self) -> str:
        """What is wrong with the bytes, "" where checksum and hash are right."""
        if self.checksum != self.checksum_found:
            return f"checksum 0x{self.checksum_found:02x} instead of 0x{self.checksum:02x}"
        if self.sha256_found is not None and self.sha256 != self.sha256_found:
            return "SHA-256 does not match"
        return ""


def parse(data: bytes, start: int = 0) -> EspImage:
    """The image that begins at ``start`` of ``data``; what comes behind it does not matter.

    Raises :class:`ImageFormatError` where there is none or a part is missing. Checksum and hash are
    computed, not judged: see :attr:`EspImage.fault`.
    """
    header = data[start : start + HEADER_SIZE]
    if not header or header[0] != MAGIC:
        raise ImageFormatError("has invalid magic byte (nothing flashed here?)")
    if len(header) < HEADER_SIZE:
        raise ImageFormatError("ends inside its header")
    _, count, mode, size_speed, entry, chip_id, _, _, _, hashed = _HEADER.unpack(header)
    if not 1 <= count <= MAX_SEGMENTS:
        raise ImageFormatError(f"segment count {count} exceeds max {MAX_SEGMENTS}")
    segments = _segments(data, start, count)
    end = segments[-1].offset + segments[-1].size
    body = (end + 1 + 15) & ~15  # the checksum is the last byte of a block of 16
    total = body + (HASH_SIZE if hashed else 0)
    if start + total > len(data):
        raise ImageFormatError("ends before its checksum and hash")
    return EspImage(
        chip_id=chip_id,
        entry=entry,
        flash_mode=mode,
        flash_speed=size_speed & 0xF,
        segments=segments,
        size=total,
        checksum=_checksum(data, start, segments),
        checksum_found=data[start + body - 1],
        sha256=hashlib.sha256(memoryview(data)[start : start + body]).digest(),
        sha256_found=data[start + body : start + total] if hashed else None,
        app=_app_description(data, start + segments[0].offset),
    )


def _segments(data: bytes, start: int, count: int) -> tuple[Segment, ...]:
    segments = []
    offset = HEADER_SIZE
    for _ in range(count):
        header = data[start + offset : start + offset + _SEGMENT.size]
        if len(header) < _SEGMENT.size:
            raise ImageFormatError("ends inside a segment header")
        load_address, size = _SEGMENT.unpack(header)
        offset += _SEGMENT.size
        if size % 4 or size >= MAX_SEGMENT_SIZE:
            raise ImageFormatError(f"invalid segment length 0x{size:x}")
        if start + offset + size > len(data):
            raise ImageFormatError("ends inside a segment")
        segments.append(Segment(load_address, offset, size))
        offset += size
    return tuple(segments)


def _checksum(data: bytes, start: int, segments: tuple[Segment, ...]) -> int:
    """XOR of every byte of every segment."""
    result = CHECKSUM_SEED
    for segment in segments:
        result ^= xor_bytes(data[start + segment.offset : start + segment.offset + segment.size])
    return result


def xor_bytes(data: bytes) -> int:
    """The XOR of all bytes. Folding big integers does a megabyte in a few milliseconds."""
    value, size = int.from_bytes(data, "little"), len(data)
    while size > 1:
        half = (size + 1) // 2
        value = (value >> (half * 8)) ^ (value & ((1 << (half * 8)) - 1))
        size = half
    return value


def _app_description(data: bytes, offset: int) -> AppDescription | None:
    raw = data[offset : offset + _APP.size]
    if len(raw) < _APP.size or int.from_bytes(raw[:4], "little") != _APP_MAGIC:
        return None
    _, _, version, project, time, date, idf, _ = _APP.unpack(raw)
    return AppDescription(_text(project), _text(version), _text(idf), f"{_text(date)} {_text(time)}".strip())


def _text(raw: bytes) -> str:
    return raw.split(b"\0", 1)[0].decode("ascii", "replace")
