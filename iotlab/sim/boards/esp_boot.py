"""What an Espressif chip does between reset and the first line of the application.

The ROM loads the second-stage bootloader and checks its checksum; that one reads the partition table and
checks the application: checksum, SHA-256, chip. The words are the ROM's and ESP-IDF's own:
``esp_image_format.c``, ``flash_partitions.c``, ``bootloader_utility.c`` and ``bootloader_common_loader.c`` in
``components/bootloader_support/src``; the ROM's from boot logs (see ``esp_chip``). MicroPython builds its
bootloader with warnings and errors only, so a boot that works says nothing here.

The code in the flash is checked, not executed.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from iotlab.flash import esp_image, esp_partitions
from iotlab.flash.esp_image import EspImage, ImageFormatError
from iotlab.flash.esp_partitions import APP, DATA, Partition, PartitionTableError
from iotlab.sim.boards.esp_chip import EspChip
from iotlab.sim.flash import Flash

_MODES = {0: "QIO", 1: "QOUT", 2: "DIO", 3: "DOUT"}
_CLOCK_DIVIDERS = {0x0: 2, 0x1: 3, 0x2: 4, 0xF: 1}  # 80 MHz by the speed in the image's header
_MAX_BOOTLOADER = 0x10000
_OTA_ENTRY = struct.Struct("<I20sII")  # esp_ota_select_entry_t
_OTA_INVALID, _OTA_ABORTED = 3, 4
_FIRST_LOG_MS, _NEXT_LOG_MS = 64, 6


@dataclass(frozen=True)
class Attempt:
    """How far a boot from flash came. ``failure`` is "", "rom-watchdog" or "bootloader": the next reset's cause."""

    text: str
    failure: str


class Log:
    """Error lines of the second-stage bootloader: red, with milliseconds since reset."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def error(self, tag: str, text: str) -> None:
        at_ms = _FIRST_LOG_MS + _NEXT_LOG_MS * len(self.lines)
        self.lines.append(f"\x1b[0;31mE ({at_ms}) {tag}: {text}\x1b[0m\r\n")


def boot_from_flash(chip: EspChip, flash: Flash) -> Attempt:
    """Try to start what is in ``flash``; the text is what comes after the line with the reset's cause."""
    offset = esp_image.BOOTLOADER_OFFSETS[chip.name]
    raw = flash.read(offset, min(_MAX_BOOTLOADER, flash.size - offset))
    if raw[0] != esp_image.MAGIC:
        word = int.from_bytes(raw[:4], "little")
        return Attempt(f"invalid header: 0x{word:08x}\r\n" * 8, "rom-watchdog")
    text = chip.setup + _clock_line(raw)
    try:
        image = esp_image.parse(raw)
    except ImageFormatError:
        return Attempt(text + chip.load_error, "rom-watchdog")
    for segment in image.segments:
        text += f"load:0x{segment.load_address:08x},len:{segment.size:{chip.length_format}}\r\n"
        if not any(low <= segment.load_address < high for low, high in chip.ram):
            return Attempt(text, "rom-watchdog")  # made for another chip: the ROM hangs in the bus error
    if image.checksum != image.checksum_found:
        error = f"csum err:0x{image.checksum:02x}!=0x{image.checksum_found:02x}\r\n"
        return Attempt(text + error + chip.load_error, "rom-watchdog")
    text += f"entry 0x{image.entry:08x}\r\n"
    log = Log()
    if _second_stage(chip, flash, log):
        return Attempt(text, "")
    return Attempt(text + "".join(log.lines), "bootloader")


def partitions(flash: Flash) -> tuple[Partition, ...]:
    """The partition table in ``flash``; empty where there is no valid one."""
    try:
        return _table(flash)
    except PartitionTableError:
        return ()


def _table(flash: Flash) -> tuple[Partition, ...]:
    data = flash.read(esp_partitions.TABLE_OFFSET, esp_partitions.TABLE_SIZE)
    return esp_partitions.parse_table(data, flash.size)


def _clock_line(raw: bytes) -> str:
    mode = _MODES.get(raw[2], "ukw")  # "unknown", in the ROM's spelling
    return f"mode:{mode}, clock div:{_CLOCK_DIVIDERS.get(raw[3] & 0xF, 2)}\r\n"


def _second_stage(chip: EspChip, flash: Flash, log: Log) -> bool:
    try:
        table = _table(flash)
    except PartitionTableError as error:
        log.error("flash_parts", str(error))
        log.error("boot", "Failed to verify partition table")
        log.error("boot", "load partition table error!")
        return False
    for partition, name in _candidates(table, flash):
        if _is_bootable(chip, flash, partition, log):
            return True
        log.error("boot", f"{name} is not bootable")
    log.error("boot", "No bootable app partitions in the partition table")
    return False


def _candidates(table: tuple[Partition, ...], flash: Flash) -> Iterator[tuple[Partition, str]]:
    """The applications in the order in which the bootloader tries them.

    From the chosen slot down to the factory application, then up from the chosen slot.
    """
    applications = {p.subtype: p for p in table if p.kind == APP}
    factory = applications.get(esp_partitions.SUBTYPE_FACTORY)
    first = esp_partitions.SUBTYPE_OTA_0
    slots = [applications[first + i] for i in range(16) if first + i in applications]
    chosen = _chosen_slot(table, flash, len(slots))
    if chosen is None:
        chosen = -1 if factory else 0
    for index in range(min(chosen, len(slots) - 1), -1, -1):
        yield slots[index], f"OTA app partition slot {index}"
    if factory:
        yield factory, "Factory app partition"
    for index in range(chosen + 1, len(slots)):
        yield slots[index], f"OTA app partition slot {index}"


def _chosen_slot(table: tuple[Partition, ...], flash: Flash, slots: int) -> int | None:
    """The slot that the OTA data name; None where they name none."""
    data = [p for p in table if p.kind == DATA and p.subtype == esp_partitions.SUBTYPE_DATA_OTA]
    if not data or not slots or data[0].size < 0x2000:
        return None
    sequences = []
    for offset in (data[0].offset, data[0].offset + 0x1000):
        sequence, _, state, crc = _OTA_ENTRY.unpack(flash.read(offset, _OTA_ENTRY.size))
        right = crc == zlib.crc32(sequence.to_bytes(4, "little"), 0xFFFFFFFF)
        if right and sequence != 0xFFFFFFFF and state not in (_OTA_INVALID, _OTA_ABORTED):
            sequences.append(sequence)
    return (max(sequences) - 1) % slots if sequences else None


def _is_bootable(chip: EspChip, flash: Flash, partition: Partition, log: Log) -> bool:
    raw = flash.read(partition.offset, partition.size)
    found = int.from_bytes(raw[12:14], "little")
    if raw[:1] == bytes([esp_image.MAGIC]) and found != chip.chip_id:
        log.error("boot_comm", f"mismatch chip ID, expected {chip.chip_id}, found {found}")
        return False
    try:
        image = esp_image.parse(raw)
    except ImageFormatError as error:
        text = str(error)
        log.error(
            "esp_image", text if text.startswith("invalid") else f"image at 0x{partition.offset:x} {text}"
        )
        return False
    return _is_intact(image, log)


def _is_intact(image: EspImage, log: Log) -> bool:
    if image.checksum != image.checksum_found:
        log.error(
            "esp_image",
            f"Checksum failed. Calculated 0x{image.checksum:x} read 0x{image.checksum_found:x}",
        )
        return False
    if image.sha256_found is not None and image.sha256 != image.sha256_found:
        log.error("esp_image", "Image hash failed - image is corrupt")
        return False
    return True
