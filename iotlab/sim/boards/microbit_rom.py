"""What is in an nRF51822 when it comes out of reset: no boot ROM, so a vector table that makes sense, or none.

nRF51 Series Reference Manual 3.0: the core takes its stack pointer and where it starts from the first two words of
the flash; behind the flash's 256 KiB (chapter 5) this file has the chip's configuration, UICR (chapter 8).

On the board, a second chip takes firmware files from its drive. It is not modelled: a file is put into the flash
when the board is new, or with a programmer.
"""

from __future__ import annotations

import importlib.util
import io
import struct

from iotlab.errors import UnavailableError
from iotlab.sim.boards.rom import Boot, BootRom
from iotlab.sim.flash import SECTOR, Flash

CODE_SIZE = 256 * 1024
UICR_ADDRESS, UICR_SIZE = 0x10001000, 1024
RAM_START, RAM_SIZE = 0x20000000, 16 * 1024
_DEAD_S = 1.0
#: A universal hex file holds firmware for several boards, each after a record of its own with the board's number
#: (micro:bit Universal Hex Format Specification 0.4.0): these are the V1's.
_BLOCK_START, _V1 = 0x0A, (0x9900, 0x9901)
_INTEL_HEX = range(6)


def firmware_of(text: str) -> dict[int, bytes]:
    """What a hex file, universal or not, has for a micro:bit V1: address -> bytes. ``ValueError``: it has nothing."""
    if importlib.util.find_spec("intelhex") is None:
        raise UnavailableError.extra("a hex file for the micro:bit", "emulators")
    from intelhex import IntelHex, IntelHexError

    try:
        found = IntelHex(io.StringIO("\n".join([*_lines_for_v1(text), ":00000001FF"])))
    except IntelHexError as error:
        raise ValueError(f"this is no hex file: {error}") from error
    segments = {start: bytes(found.tobinarray(start=start, end=end - 1)) for start, end in found.segments()}
    if 0 not in segments:
        raise ValueError("this hex file holds nothing for the flash of a micro:bit V1")
    return segments


def _lines_for_v1(text: str) -> list[str]:
    kept, here = [], True
    for line in text.split():
        try:
            kind, board = int(line[7:9], 16), int(line[9:13] or "0", 16)
        except ValueError:
            raise ValueError(f"this is no hex file: {line[:20]!r} is in it") from None
        if kind == _BLOCK_START:
            here = board in _V1
        elif here and kind in _INTEL_HEX and kind != 1:
            kept.append(line)
    return kept


class MicrobitRom(BootRom):
    """An nRF51822 with its flash and, behind it, its configuration."""

    def boot(self, *, download: bool, cause: str) -> Boot:
        del download, cause  # there is no boot strap, and nothing is printed
        stack, start = struct.unpack("<II", self.flash.read(0, 8))
        stacked = RAM_START < stack <= RAM_START + RAM_SIZE
        return (
            Boot("firmware")
            if stacked and start & 1 and start < CODE_SIZE
            else Boot("reset", again_s=_DEAD_S)
        )

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        del data
        return b"", False

    def preinstall(self) -> None:
        """The MicroPython that the package ``uflash`` carries."""
        if importlib.util.find_spec("uflash") is None:
            raise UnavailableError.extra("the firmware of the virtual micro:bit", "emulators")
        import uflash

        self._program(firmware_of(uflash._RUNTIME))

    def install(self, image: bytes) -> None:
        self._program(firmware_of(image.decode("ascii")))

    def _program(self, segments: dict[int, bytes]) -> None:
        for address, data in segments.items():
            offset = _place(address, len(data))
            if offset is not None:
                self.flash.program(offset, data)


def _place(address: int, size: int) -> int | None:
    """Where ``address`` is in the file of the flash; None for what is not kept."""
    if 0 <= address <= CODE_SIZE - size:
        return address
    if UICR_ADDRESS <= address <= UICR_ADDRESS + UICR_SIZE - size:
        return CODE_SIZE + address - UICR_ADDRESS
    return None


def parts_of(flash: Flash) -> dict[int, bytes]:
    """What is where in the chip's memory: address -> bytes."""
    return {0: flash.read(0, CODE_SIZE), UICR_ADDRESS: flash.read(CODE_SIZE, UICR_SIZE)}


def keep(flash: Flash, code: bytes) -> None:
    """The flash holds ``code`` now: write what is different."""
    for offset in range(0, CODE_SIZE, SECTOR):
        sector = code[offset : offset + SECTOR]
        if sector != flash.read(offset, SECTOR):
            flash.erase(offset)
            flash.program(offset, sector)
