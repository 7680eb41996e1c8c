"""A firmware file: what it is, which chip it is for, where it goes."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from iotlab.errors import FlashError, NotFoundError
from iotlab.flash import esp_image, esp_partitions, uf2

Kind = Literal["esp", "uf2"]
Content = Literal["full", "bootloader", "application"]

#: What a MicroPython image holds for its greeting, ``ports/*/main.c``: version, build date, board.
_BANNER = re.compile(rb"MicroPython (v?[0-9][\w.\-]{1,60}) on \d{4}-\d\d-\d\d; ([ -~]{3,60})")
#: Entry points in the ESP8266's instruction RAM; its images share the ESP32's first byte, not its header.
_ESP8266_ENTRIES = range(0x40100000, 0x40110000)
#: Beginnings of files that people take for firmware, and what they are.
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"\x7fELF", "a program with debug information (ELF); flash the .bin or .uf2 made of it"),
    (b"PK\x03\x04", "a ZIP archive: unpack it and flash the .bin or .uf2 inside"),
    (b"\x1f\x8b", "packed with gzip: unpack it first"),
    (b"<!DOCTYPE", "a web page: download the firmware itself, not the page about it"),
    (b"<!doctype", "a web page: download the firmware itself, not the page about it"),
    (b"<html", "a web page: download the firmware itself, not the page about it"),
    (b":02000004", "an Intel HEX file; this needs a .bin or .uf2"),
)


@dataclass(frozen=True)
class FirmwareImage:
    """A firmware file that was read and understood.

    ``chip`` is "esp32", "esp32c3", "rp2040" ...; ``offset`` where its first byte goes, in bytes from the
    start of the flash, or None where that is for the user to say (an application alone). ``size`` in bytes:
    of what goes into the flash. ``fault`` says what is damaged, "" where every checksum is right.
    """

    path: Path
    kind: Kind
    chip: str
    content: Content
    offset: int | None
    size: int
    version: str
    sha256: str
    fault: str
    data: bytes = field(repr=False)
    family: int | None = None

    def __str__(self) -> str:
        place = "" if self.offset is None else f" for offset {self.offset:#x}"
        return f"{self.path.name}: {self.version or 'firmware'}, {self.chip}, {self.size} bytes{place}"


def read_image(path: str | Path) -> FirmwareImage:
    """What the firmware file ``path`` is.

    Raises ``NotFoundError`` where there is no such file and ``FlashError`` where it is no firmware, each in
    one sentence. A damaged image is returned, with :attr:`FirmwareImage.fault` set.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file {path}: check the name") from error
    except OSError as error:
        raise NotFoundError(f"{path} cannot be read ({error.strerror}): is it a file?") from error
    return parse_image(data, path)


def parse_image(data: bytes, path: str | Path) -> FirmwareImage:
    """What ``data`` is, the content of ``path``. As :func:`read_image`, without the file."""
    path = Path(path)
    if uf2.is_uf2(data):
        return _read_uf2(path, data)
    start = _esp_start(data)
    if start is None:
        raise FlashError(f"{path.name} is no firmware: it is {_guess(data)}")
    return _read_esp(path, data, start)


def check_offset(image: FirmwareImage, offset: int | None) -> int:
    """The offset at which to write ``image``: its own, or ``offset`` where that one can work.

    Raises ``FlashError`` where the ROM would not find the image there, or where one has to be given.
    """
    if image.offset is None:
        if offset is None:
            raise FlashError(
                f"{image.path.name} is an application without bootloader and partition table: flash a full "
                "image, or give the offset of its partition (usually offset=0x10000)"
            )
        if offset % 0x10000 or offset < 0x10000:
            raise FlashError(
                f"{offset:#x} is no place for an application: partitions for one begin at a multiple of 0x10000"
            )
        return offset
    if offset not in (None, image.offset):
        raise FlashError(
            f"{image.path.name} belongs at {image.offset:#x} on an {image.chip}, not at {offset:#x}: "
            "leave the offset out"
        )
    return image.offset


def _esp_start(data: bytes) -> int | None:
    """Where the first image begins: at 0, or behind the erased bytes of a merged image made for 0x0."""
    for start in sorted({0, *esp_image.BOOTLOADER_OFFSETS.values()}):
        if data[start : start + 1] == bytes([esp_image.MAGIC]) and not data[:start].strip(b"\xff"):
            return start
    return None


def _read_esp(path: Path, data: bytes, start: int) -> FirmwareImage:
    if int.from_bytes(data[start + 4 : start + 8], "little") in _ESP8266_ENTRIES:
        raise FlashError(f"{path.name} is for an ESP8266, which cannot be flashed from here: use esptool")
    try:
        first = esp_image.parse(data, start)
    except esp_image.ImageFormatError as error:
        raise FlashError(f"{path.name} is no whole firmware: the image {error}; download it again") from error
    boot_offset = esp_image.BOOTLOADER_OFFSETS.get(first.chip)
    if boot_offset is None:
        raise FlashError(f"{path.name} is for {first.chip}, which this version does not know: use esptool")
    content: Content = "application" if first.app else "bootloader"
    fault = first.fault and f"the {content} has {first.fault}"
    table_at = start + esp_partitions.TABLE_OFFSET - boot_offset
    if not first.app and len(data) > table_at:
        content = "full"
        fault = fault or _fault_behind(data, start - boot_offset, first.chip)
    elif start:
        raise FlashError(f"{path.name} is no firmware: nothing but erased bytes and one image at {start:#x}")
    return FirmwareImage(
        path=path,
        kind="esp",
        chip=first.chip,
        content=content,
        offset=None if content == "application" else boot_offset - start,
        size=len(data),
        version=_version(data, first),
        sha256=hashlib.sha256(data).hexdigest(),
        fault=fault,
        data=data,
    )


def _fault_behind(data: bytes, base: int, chip: str) -> str:
    """What is wrong with partition table and applications; ``base`` is where flash address 0 is in ``data``."""
    at = base + esp_partitions.TABLE_OFFSET
    try:
        table = esp_partitions.parse_table(data[at : at + esp_partitions.TABLE_SIZE], 1 << 28)
    except esp_partitions.PartitionTableError as error:
        return f"the partition table is damaged ({error})"
    applications = [p for p in table if p.kind == esp_partitions.APP and base + p.offset < len(data)]
    if not applications:
        return "no application is in it"
    for partition in applications:
        if not data[base + partition.offset :].strip(b"\xff"):
            continue
        try:
            app = esp_image.parse(data, base + partition.offset)
        except esp_image.ImageFormatError as error:
            return f"the application in {partition.label!r} {error}"
        if app.chip != chip:
            return f"the application in {partition.label!r} is for {app.chip}, the bootloader for {chip}"
        if app.fault:
            return f"the application in {partition.label!r} has {app.fault}"
    return ""


def _version(data: bytes, image: esp_image.EspImage) -> str:
    banner = _BANNER.search(data)
    if banner:
        return f"MicroPython {banner[1].decode('ascii', 'replace').removeprefix('v')}"
    if image.app and image.app.version:
        return f"{image.app.project} {image.app.version}".strip()
    return ""


def _read_uf2(path: Path, data: bytes) -> FirmwareImage:
    try:
        file = uf2.unpack(data)
    except uf2.Uf2FormatError as error:
        raise FlashError(f"{path.name} is no whole UF2 file: {error}; download it again") from error
    image = file.image()
    banner = _BANNER.search(image)
    return FirmwareImage(
        path=path,
        kind="uf2",
        chip=uf2.family_name(file.family).lower(),
        content="full",
        offset=file.address & 0x0FFFFFFF,
        size=len(image),
        version=f"MicroPython {banner[1].decode('ascii', 'replace').removeprefix('v')}" if banner else "",
        sha256=hashlib.sha256(data).hexdigest(),
        fault="",
        data=data,
        family=file.family,
    )


def _guess(data: bytes) -> str:
    if not data:
        return "empty"
    for start, name in _OTHERS:
        if data.lstrip().startswith(start):
            return name
    if not data.strip(b"\xff"):
        return "nothing but erased flash (0xff)"
    try:
        data[:4096].decode("utf-8")
    except UnicodeDecodeError:
        return "neither an image for an ESP32 (.bin) nor a UF2 file"
    return "a text file; copy programs to a running board instead of flashing them"
