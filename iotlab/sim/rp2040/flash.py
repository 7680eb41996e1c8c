"""The flash beside the chip: what a program erases and programs is told to the board, which keeps it.

The chip's own copy, which it executes from, is the emulator's. The board's answer comes before the chip goes on,
so that a cut of the power in the middle of an operation leaves what it leaves on a real one.
"""

from __future__ import annotations

from collections.abc import Callable

from rp2040py.gpio_pin import GPIOPinState
from rp2040py.peripherals.ssi import (
    CMD_BLOCK_ERASE,
    CMD_PAGE_PROGRAM,
    CMD_SECTOR_ERASE,
    FLASH_BLOCK_SIZE,
    FLASH_PAGE_SIZE,
    FLASH_SECTOR_SIZE,
    RPSSI,
    SSI_DR0,
)
from rp2040py.rp2040 import RP2040

#: "Read Unique ID Number", and after how many bytes it comes (W25Q16JV datasheet, instruction 4Bh).
CMD_UNIQUE_ID, UNIQUE_ID_AT = 0x4B, 5
CHIP_SELECT = 1  # of the six pins to the flash
BUS = 0x18000  # where the SSI stands among the peripherals


class FlashBus(RPSSI):
    """The bus to the flash, and the flash. ``erased(offset, size)`` and ``programmed(offset, data)`` are told."""

    def __init__(
        self,
        mcu: RP2040,
        unique_id: bytes,
        erased: Callable[[int, int], None],
        programmed: Callable[[int, bytes], None],
    ) -> None:
        super().__init__(mcu, "SSI")
        self._unique_id, self._erased, self._programmed = unique_id, erased, programmed
        self._command = bytearray()  # since the flash was selected
        self._answered = 0  # bytes of the answer that were read
        mcu.qspi[CHIP_SELECT].add_listener(self._selected)
        mcu.ssi = mcu.peripherals[BUS] = self

    def write_uint32(self, offset: int, value: int) -> None:
        if offset == SSI_DR0:
            self._command.append(value & 0xFF)
        super().write_uint32(offset, value)

    def read_uint32(self, offset: int) -> int:
        value = int(super().read_uint32(offset))
        if offset == SSI_DR0:
            place = self._answered - UNIQUE_ID_AT
            self._answered += 1
            if self._command[:1] == bytes([CMD_UNIQUE_ID]) and 0 <= place < len(self._unique_id):
                return self._unique_id[place]
        return value

    def _selected(self, level: GPIOPinState, _before: GPIOPinState) -> None:
        if level != GPIOPinState.LOW:
            self._done()
        self._command.clear()
        self._answered = 0

    def _done(self) -> None:
        """A command is whole when the flash is let go."""
        if len(self._command) < 4:
            return
        operation, address = self._command[0], int.from_bytes(self._command[1:4], "big")
        sizes = {CMD_SECTOR_ERASE: FLASH_SECTOR_SIZE, CMD_BLOCK_ERASE: FLASH_BLOCK_SIZE}
        if operation in sizes:
            self._erased(address & ~(sizes[operation] - 1), sizes[operation])
        elif operation == CMD_PAGE_PROGRAM:
            self._programmed(address, bytes(self._command[4 : 4 + FLASH_PAGE_SIZE]))
