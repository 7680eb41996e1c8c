"""The serial bootloader in an Espressif chip's ROM, and esptool's flasher stub as seen from the port.

Protocol: esptool documentation, "Serial Protocol" and "Flasher Stub". The ROM takes commands in SLIP frames;
esptool uploads a program, the stub, into RAM and starts it, and the stub goes on with the same commands and a
few of its own. The uploaded code is not executed here: whatever is uploaded and started inside the uploaded
range answers as esptool's stub does.

Everything that comes from the port is untrusted: a frame that makes no sense is answered with the ROM's error
code or ignored, never more.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from iotlab.flash.esp_image import CHECKSUM_SEED, xor_bytes
from iotlab.sim.boards.esp_chip import EspChip, crc8
from iotlab.sim.boards.esp_slip import SlipReader, slip
from iotlab.sim.flash import SECTOR, Flash

_MAX_REGISTERS = 1024
_READ_AHEAD = 16  # blocks in flight of a flash read, at most: the stub's is the host's window

# status codes: "Serial Protocol", tables "ROM loader errors" and "Stub loader errors"
_INVALID, _FAILED, _BAD_CRC, _DEFLATE = 0x05, 0x06, 0x07, 0x0B
_STUB_CHECKSUM, _STUB_SIZE, _STUB_COMMAND = 0xC1, 0xC2, 0xC3
_STUB_MODE, _STUB_INFLATE, _STUB_TOO_MUCH, _STUB_UNKNOWN = 0xC6, 0xC7, 0xC9, 0xFF

_SYNC_VALUE = 0x20120707  # anything but 0: the stub answers 0
_SPI_CMD_USR = 1 << 18
_JEDEC_WINBOND = 0xEF  # W25Q32JV datasheet rev. I, 8.1.1: EFh 40h 16h
_SFDP_SIGNATURE = 0x50444653


class LoaderError(Exception):
    """A command that is refused: the code for the ROM's answer and for the stub's."""

    def __init__(self, rom: int, stub: int) -> None:
        super().__init__(rom, stub)
        self.rom, self.stub = rom, stub


class After(Enum):
    """What the chip does when it has answered."""

    NOTHING = 0
    RUN = 1  # start from flash
    ROM = 2  # the stub ended: reset, the boot strap still set, so the ROM's loader is back


def checksum(data: bytes) -> int:
    """The protocol's checksum: 0xef and every byte XORed."""
    return CHECKSUM_SEED ^ xor_bytes(data)


@dataclass
class _Upload:
    """A write to flash that was begun: where the next byte goes and how many may still come."""

    at: int
    left: int
    erased_to: int
    unpacker: zlib._Decompress | None = None


@dataclass
class _Reading:
    at: int
    size: int
    block_size: int
    window: int
    sent: int = 0


@dataclass
class _Session:
    """What a reset forgets."""

    stub: bool = False
    slip: SlipReader = field(default_factory=SlipReader)
    registers: dict[int, int] = field(default_factory=dict)
    memory: list[tuple[int, int]] = field(default_factory=list)
    upload: _Upload | None = None
    reading: _Reading | None = None


class EspLoader:
    """The loader of ``chip`` over ``flash``; ``mac`` is the chip's (6 bytes)."""

    def __init__(self, chip: EspChip, flash: Flash, mac: bytes) -> None:
        self._chip, self._flash, self._mac = chip, flash, mac
        self._session = _Session()
        self.reset()
        self._commands: dict[int, Callable[[bytes], bytes]] = {
            0x02: self._flash_begin,
            0x03: self._flash_data,
            0x05: self._memory_begin,
            0x07: self._memory_data,
            0x09: self._write_registers,
            0x0B: lambda _: b"",  # SPI_SET_PARAMS: the flash has the size it has
            0x0D: lambda _: b"",  # SPI_ATTACH: it is attached
            0x0F: lambda _: b"",  # CHANGE_BAUDRATE: a PTY has none
            0x10: self._deflate_begin,
            0x11: self._deflate_data,
            0x13: self._md5,
        }
        self._rom_commands: dict[int, Callable[[bytes], bytes]] = {0x0E: self._read_slow}
        if chip.tells_chip_id:
            self._rom_commands[0x14] = self._security_info
        self._stub_commands: dict[int, Callable[[bytes], bytes]] = {
            0xD0: lambda _: self._erase(0, self._flash.size),
            0xD1: lambda data: self._erase(*_words(data, 2)),
        }

    def reset(self) -> None:
        """The chip came out of reset into the ROM's loader."""
        words = {**self._chip.registers}
        low, high = self._chip.mac_registers
        words[low] = int.from_bytes(self._mac[2:], "big")
        words[high] = int.from_bytes(self._mac[:2], "big") | crc8(self._mac) << 16
        self._session = _Session(registers=words)

    def feed(self, data: bytes) -> tuple[bytes, After]:
        """The answer to ``data``. What comes behind a command that ends the loader is lost."""
        out = bytearray()
        for frame in self._session.slip.feed(data):
            answer, after = self._frame(frame)
            out += answer
            if after is not After.NOTHING:
                return bytes(out), after
        return bytes(out), After.NOTHING

    # -- frames -------------------------------------------------------------------------------

    def _frame(self, frame: bytes) -> tuple[bytes, After]:
        session = self._session
        if session.reading is not None:
            if len(frame) == 4:
                return self._continue_reading(int.from_bytes(frame, "little")), After.NOTHING
            session.reading = None  # the stub gives up on anything but an acknowledgement
        if len(frame) < 8 or frame[0] != 0:
            return b"", After.NOTHING
        code, size = frame[1], int.from_bytes(frame[2:4], "little")
        data = frame[8:]
        try:
            if size != len(data):
                raise LoaderError(_INVALID, _STUB_SIZE)
            return self._command(code, data, int.from_bytes(frame[4:8], "little"))
        except LoaderError as error:
            status = bytes([error.stub, 0]) if session.stub else bytes([1, error.rom])
            return self._answer(code, status=status), After.NOTHING

    def _command(self, code: int, data: bytes, check: int) -> tuple[bytes, After]:
        session = self._session
        if code == 0x08:  # SYNC is answered eight times
            return self._answer(code, 0 if session.stub else _SYNC_VALUE) * 8, After.NOTHING
        if code == 0x0A:  # READ_REG
            return self._answer(code, session.registers.get(_words(data, 1)[0], 0)), After.NOTHING
        if code == 0x06:
            return self._memory_end(data)
        if code in (0x04, 0x12):
            return self._flash_end(code, data)
        if code == 0xD2 and session.stub:
            return self._start_reading(data), After.NOTHING
        if code in (0x03, 0x07, 0x11) and checksum(data[16:]) != check & 0xFF:
            raise LoaderError(_BAD_CRC, _STUB_CHECKSUM)
        special = self._stub_commands if session.stub else self._rom_commands
        command = self._commands.get(code) or special.get(code)
        if command is None:
            raise LoaderError(_INVALID, _STUB_UNKNOWN)
        try:
            return self._answer(code, data=command(data)), After.NOTHING
        except ValueError as error:  # outside the flash, or not on a sector
            raise LoaderError(_FAILED, _STUB_COMMAND) from error

    def _answer(self, code: int, value: int = 0, data: bytes = b"", status: bytes = b"\0\0") -> bytes:
        if not self._session.stub:
            status += b"\0\0"  # the ROM's status has two more bytes, reserved
        body = data + status
        return slip(struct.pack("<BBHI", 1, code, len(body), value) + body)

    # -- registers and RAM ----------------------------------------------------------------------

    def _write_registers(self, data: bytes) -> bytes:
        registers = self._session.registers
        if len(data) < 16:
            raise LoaderError(_INVALID, _STUB_SIZE)
        for at in range(0, len(data) - 15, 16):
            address, value, mask, _ = struct.unpack_from("<IIII", data, at)
            if address not in registers and len(registers) >= _MAX_REGISTERS:
                raise LoaderError(_FAILED, _STUB_COMMAND)
            registers[address] = registers.get(address, 0) & ~mask | value & mask
            if address == self._chip.spi.base and value & _SPI_CMD_USR:
                self._spi_command()
        return b""

    def _spi_command(self) -> None:
        """A command that the host has put together for the flash chip itself."""
        registers, spi = self._session.registers, self._chip.spi
        command = registers.get(spi.base + spi.user2, 0) & 0xFF
        address = registers.get(spi.base + spi.address, 0) >> 8
        result = 0
        if command == 0x9F:
            result = _JEDEC_WINBOND | 0x40 << 8 | (self._flash.size.bit_length() - 1) << 16
        elif command == 0x5A:
            result = {0x00: _SFDP_SIGNATURE, 0x10: _JEDEC_WINBOND}.get(address, 0)
        registers[spi.base + spi.word0] = result
        registers[spi.base] = 0

    def _memory_begin(self, data: bytes) -> bytes:
        size, _, _, offset = _words(data, 4)
        if not any(low <= offset and offset + size <= high for low, high in self._chip.ram):
            raise LoaderError(_FAILED, _STUB_COMMAND)
        self._session.memory = [*self._session.memory[-15:], (offset, offset + size)]
        return b""

    def _memory_data(self, data: bytes) -> bytes:
        if not self._session.memory or _words(data, 4)[0] != len(data) - 16:
            raise LoaderError(_FAILED, _STUB_SIZE)
        return b""

    def _memory_end(self, data: bytes) -> tuple[bytes, After]:
        _, entry = _words(data, 2)
        answer = self._answer(0x06)
        if not entry:
            return answer, After.NOTHING
        if any(low <= entry < high for low, high in self._session.memory):
            self._session.stub = True
            return answer + slip(b"OHAI"), After.NOTHING
        raise LoaderError(_FAILED, _STUB_COMMAND)

    def _security_info(self, _: bytes) -> bytes:
        return struct.pack("<IB7sII", 0, 0, bytes(7), self._chip.chip_id, 0)

    # -- writing --------------------------------------------------------------------------------

    def _flash_begin(self, data: bytes) -> bytes:
        size, blocks, block_size, offset = _words(data, 4)
        if offset + size > self._flash.size or block_size > 0x4000:
            raise LoaderError(_FAILED, _STUB_SIZE)
        # the ROM programs whole blocks, the stub leaves the filling behind the announced size alone
        left = size if self._session.stub else min(max(size, blocks * block_size), self._flash.size - offset)
        self._begin(offset, size, left)
        return b""

    def _deflate_begin(self, data: bytes) -> bytes:
        size, _, _, offset = _words(data, 4)
        if offset + size > self._flash.size and self._session.stub:
            raise LoaderError(_FAILED, _STUB_SIZE)
        size = min(size, max(0, self._flash.size - offset))  # the ROM is told whole blocks
        self._begin(offset, size, size)
        if self._session.upload is not None:
            self._session.upload.unpacker = zlib.decompressobj()
        return b""

    def _begin(self, offset: int, size: int, left: int) -> None:
        if offset >= self._flash.size:
            raise LoaderError(_FAILED, _STUB_SIZE)
        start = offset // SECTOR * SECTOR
        self._session.upload = _Upload(offset, left, erased_to=start)
        if size and not self._session.stub:  # the ROM erases at once, the stub as it goes
            self._erase_to(offset + size)

    def _flash_data(self, data: bytes) -> bytes:
        upload = self._session.upload
        if upload is None or upload.unpacker is not None:
            raise LoaderError(_FAILED, _STUB_MODE)
        size = _words(data, 4)[0]
        if size != len(data) - 16:
            raise LoaderError(_INVALID, _STUB_SIZE)
        self._program(upload, data[16:][: upload.left])
        return b""

    def _deflate_data(self, data: bytes) -> bytes:
        upload = self._session.upload
        if upload is None or upload.unpacker is None:
            raise LoaderError(_FAILED, _STUB_MODE)
        if _words(data, 4)[0] != len(data) - 16:
            raise LoaderError(_INVALID, _STUB_SIZE)
        try:
            plain = upload.unpacker.decompress(data[16:], upload.left + 1)
        except zlib.error as error:
            raise LoaderError(_DEFLATE, _STUB_INFLATE) from error
        if len(plain) > upload.left:
            raise LoaderError(_FAILED, _STUB_TOO_MUCH)
        self._program(upload, plain)
        return b""

    def _program(self, upload: _Upload, data: bytes) -> None:
        self._erase_to(upload.at + len(data))
        self._flash.program(upload.at, data)
        upload.at += len(data)
        upload.left -= len(data)

    def _erase_to(self, end: int) -> None:
        upload = self._session.upload
        if upload is None:
            return
        end = min(-(-end // SECTOR) * SECTOR, self._flash.size)
        if end > upload.erased_to:
            self._flash.erase(upload.erased_to, end - upload.erased_to)
            upload.erased_to = end

    def _flash_end(self, code: int, data: bytes) -> tuple[bytes, After]:
        stay = _words(data, 1)[0]
        answer = self._answer(code)
        stub, self._session.upload = self._session.stub, None
        if stay:
            return answer, After.NOTHING
        return answer, After.ROM if stub else After.RUN

    def _erase(self, offset: int, size: int) -> bytes:
        self._flash.erase(offset, size)
        return b""

    # -- reading --------------------------------------------------------------------------------

    def _md5(self, data: bytes) -> bytes:
        offset, size = _words(data, 2)
        digest = hashlib.md5(self._flash.read(offset, size), usedforsecurity=False)
        return digest.digest() if self._session.stub else digest.hexdigest().encode()

    def _read_slow(self, data: bytes) -> bytes:
        offset, size = _words(data, 2)
        if size > 64:
            raise LoaderError(_FAILED, _STUB_SIZE)
        return self._flash.read(offset, size).ljust(64, b"\0")

    def _start_reading(self, data: bytes) -> bytes:
        offset, size, block_size, window = _words(data, 4)
        if not 1 <= block_size <= SECTOR or offset + size > self._flash.size:
            raise LoaderError(_FAILED, _STUB_SIZE)
        self._session.reading = _Reading(offset, size, block_size, max(1, min(window, _READ_AHEAD)))
        return self._answer(0xD2) + self._continue_reading(0)

    def _continue_reading(self, acknowledged: int) -> bytes:
        reading = self._session.reading
        if reading is None or acknowledged > reading.sent:
            self._session.reading = None
            return b""
        out = bytearray()
        while (
            reading.sent < reading.size and reading.sent - acknowledged < reading.window * reading.block_size
        ):
            size = min(reading.block_size, reading.size - reading.sent)
            out += slip(self._flash.read(reading.at + reading.sent, size))
            reading.sent += size
        if acknowledged >= reading.size:
            whole = self._flash.read(reading.at, reading.size)
            out += slip(hashlib.md5(whole, usedforsecurity=False).digest())
            self._session.reading = None
        return bytes(out)


def _words(data: bytes, count: int) -> tuple[int, ...]:
    """The first ``count`` 32-bit words of a command's data."""
    if len(data) < 4 * count:
        raise LoaderError(_INVALID, _STUB_SIZE)
    return struct.unpack_from(f"<{count}I", data)
