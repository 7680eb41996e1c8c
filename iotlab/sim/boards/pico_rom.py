"""The boot ROM of an RP2040: a valid second stage starts the firmware, anything else shows the BOOTSEL drive.

RP2040 datasheet (build 2023-03-02), 2.8.1 "Processor Controlled Boot Sequence", 2.8.1.3.1 "Checksum" and
2.8.4 "USB Mass Storage Interface"; the drive's two files as the ROM of revision B2 shows them.

The code in the flash is checked, not executed. One thing follows from that: a chip crashes when it runs half
an image whose second stage is good, and this one would not. So the ROM keeps a note beside the flash while a
copy is unfinished, and a board with that note stays dead until BOOTSEL is held.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from iotlab.flash import uf2
from iotlab.flash.image import parse_image
from iotlab.sim.boards.rom import Boot, BootRom
from iotlab.sim.flash import SECTOR, Flash

FLASH_BASE = 0x10000000
_BOOT2_SIZE = 252
_PAGE = 256
_DEAD_S = 1.0
#: MicroPython's default for 2 MiB, ``ports/rp2/boards/RPI_PICO``: the last 1408 KiB.
_FILESYSTEM = (0xA0000, 1408 * 1024)

INFO = "UF2 Bootloader v3.0\r\nModel: Raspberry Pi RP2\r\nBoard-ID: RPI-RP2\r\n"
_LINK = "https://raspberrypi.com/device/RP2?version=E0C9125B0D9B"
INDEX = (
    f'<html><head><meta http-equiv="refresh" content="0;URL=\'{_LINK}\'"/></head>'
    f"<body>Redirecting to <a href='{_LINK}'>raspberrypi.com</a></body></html>\n"
)
_OWN_FILES = {"INFO_UF2.TXT": INFO, "INDEX.HTM": INDEX}


def crc32_boot2(data: bytes) -> int:
    """The second stage's checksum: CRC-32 with polynomial 0x04c11db7, from 0xffffffff, nothing reflected."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc & 0x80000000 else 0)) & 0xFFFFFFFF
    return crc


def boot2_block(code: bytes = b"\x00\xbe") -> bytes:
    """256 bytes that the ROM accepts as a second stage: ``code`` (a breakpoint), filled up, and its checksum."""
    if len(code) > _BOOT2_SIZE:
        raise ValueError(f"a second stage has {_BOOT2_SIZE} bytes at most, not {len(code)}")
    body = code.ljust(_BOOT2_SIZE, b"\0")
    return body + crc32_boot2(body).to_bytes(4, "little")


class PicoRom(BootRom):
    """An RP2040 with its flash. ``drive`` is where the BOOTSEL drive appears."""

    def __init__(self, flash: Flash, *, drive: Path | None = None) -> None:
        super().__init__(flash)
        self.drive = drive
        self._copies: dict[str, _Copy] = {}
        self._unfinished = flash.path.with_name(flash.path.name + ".unfinished")

    def boot(self, *, download: bool, cause: str) -> Boot:
        del cause  # nothing is printed: the port is USB, and the ROM shows a drive on it
        if download or not self._has_second_stage():
            self._show_drive()
            return Boot("download")
        if self._unfinished.exists():
            return Boot("reset", again_s=_DEAD_S)
        return Boot("firmware")

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        del data  # no serial port in this mode
        return b"", False

    def poll(self) -> bool:
        """Take what was copied to the drive since; True when a whole file is in the flash."""
        if self.drive is None or not self.drive.is_dir():
            return False
        for path in sorted(self.drive.iterdir()):
            if path.name not in _OWN_FILES and path.is_file():
                copy = self._copies.setdefault(path.name, _Copy(path))
                if copy.take(self):
                    return True
        return False

    def leave(self) -> None:
        self._copies.clear()
        if self.drive is not None:
            shutil.rmtree(self.drive, ignore_errors=True)

    def preinstall(self) -> None:
        """A second stage and nothing else.

        No package holds a genuine MicroPython for the Pico, so the flash of a new virtual Pico is not what a
        shop sells: 256 bytes that the ROM accepts. MicroPython runs on the board all the same, as its engine's.
        """
        self.flash.erase(0)
        self.flash.program(0, boot2_block())

    def install(self, image: bytes) -> None:
        parsed = parse_image(image, "the image")
        if parsed.family != uf2.RP2040:
            raise ValueError(f"this board takes a UF2 file for an RP2040, not firmware for {parsed.chip}")
        erased: set[int] = set()
        for block in uf2.unpack(image).blocks:
            self._program(block, erased)

    #: A page of the flash, as in MicroPython's ports/rp2/modules/_boot.py.
    prog_size = 256

    def filesystem(self) -> tuple[int, int]:
        return _FILESYSTEM

    def program(self, block: uf2.Block, erased: set[int]) -> bool:
        """Program a block from the drive; False where the ROM ignores it. ``erased``: sectors done already."""
        if block.family != uf2.RP2040 or block.flags & uf2.FLAG_NOT_MAIN_FLASH:
            return False
        offset = block.address - FLASH_BASE
        if len(block.payload) != _PAGE or offset % _PAGE or not 0 <= offset <= self.flash.size - _PAGE:
            return False
        self._unfinished.touch()
        self._program(block, erased)
        return True

    def finished(self) -> None:
        """Every block of a file is in the flash."""
        self._unfinished.unlink(missing_ok=True)

    def _program(self, block: uf2.Block, erased: set[int]) -> None:
        offset = block.address - FLASH_BASE
        sector = offset // SECTOR * SECTOR
        if sector not in erased:
            self.flash.erase(sector)
            erased.add(sector)
        self.flash.program(offset, block.payload)

    def _has_second_stage(self) -> bool:
        body, stored = self.flash.read(0, _BOOT2_SIZE), self.flash.read(_BOOT2_SIZE, 4)
        return crc32_boot2(body) == int.from_bytes(stored, "little")

    def _show_drive(self) -> None:
        self._copies.clear()
        if self.drive is None:
            return
        shutil.rmtree(self.drive, ignore_errors=True)
        self.drive.mkdir(parents=True)
        for name, text in _OWN_FILES.items():
            (self.drive / name).write_text(text, newline="")


class _Copy:
    """A file on the drive: its blocks go into the flash as they come, in any order.

    The ROM sees sectors, not files; a block that is not there yet, or not whole, is looked at again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] = (0, 0)
        self._done: set[int] = set()
        self._erased: set[int] = set()
        self._numbers: set[int] = set()

    def take(self, rom: PicoRom) -> bool:
        """Program what is new; whether all blocks of the file have been."""
        try:
            stat = self._path.stat()
            if self._seen == (stat.st_size, stat.st_mtime_ns):
                return False
            data = self._path.read_bytes()
        except OSError:
            return False  # it went away, or is being written by somebody with other rights
        self._seen = (stat.st_size, stat.st_mtime_ns)
        for index in range(len(data) // uf2.BLOCK_SIZE):
            if index not in self._done and self._take_block(rom, data, index):
                return True
        return False

    def _take_block(self, rom: PicoRom, data: bytes, index: int) -> bool:
        block = uf2.parse_block(data[index * uf2.BLOCK_SIZE : (index + 1) * uf2.BLOCK_SIZE])
        if block is None:
            return False
        self._done.add(index)
        if not rom.program(block, self._erased):
            return False
        self._numbers.add(block.number)
        if len(self._numbers) < block.total:
            return False
        rom.finished()
        return True
