"""Hex files for a micro:bit: plain ones, and those that hold firmware for several boards."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from iotlab.sim.boards.microbit import BOARD
from iotlab.sim.boards.microbit_rom import CODE_SIZE, UICR_ADDRESS, MicrobitRom, firmware_of, keep, parts_of
from iotlab.sim.flash import SECTOR, Flash

END = ":00000001FF"
#: A stack pointer at the end of the RAM, and a start at 0x101.
TABLE = struct.pack("<II", 0x20004000, 0x101)


def record(kind: int, address: int, data: bytes) -> str:
    """A line of a hex file (Intel, "Hexadecimal Object File Format Specification", revision A)."""
    body = bytes((len(data), address >> 8, address & 0xFF, kind)) + data
    return f":{body.hex().upper()}{-sum(body) & 0xFF:02X}"


def block(board: int, *lines: str) -> list[str]:
    """The lines of one board in a universal hex file."""
    return [record(0x0A, 0, board.to_bytes(2, "big") + b"\xc0\xde"), *lines]


@pytest.fixture
def flash(tmp_path: Path) -> Iterator[Flash]:
    flash = Flash(tmp_path / "flash", BOARD.flash_size)
    yield flash
    flash.close()


def test_a_plain_file() -> None:
    assert firmware_of("\n".join([record(0, 0, TABLE), END])) == {0: TABLE}


def test_only_the_lines_of_this_board_count() -> None:
    other = block(0x9903, record(0x0D, 0, b"other"), record(4, 0, b"\x00\x02"))
    lines = [*block(0x9900, record(4, 0, b"\0\0"), record(0, 0, TABLE)), *other, END]
    assert firmware_of("\n".join(lines)) == {0: TABLE}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds nothing for the flash of a micro:bit V1"),
        ("MicroPython", "is no hex file: 'MicroPython' is in it"),
        (":0000000100", "holds nothing"),
        (record(0, 0, TABLE)[:-1] + "0", "is no hex file"),
        ("\n".join([*block(0x9903, record(0, 0, TABLE)), END]), "holds nothing"),
    ],
)
def test_what_is_none(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        firmware_of(text)


def test_an_erased_chip_starts_nothing_and_a_programmed_one_does(flash: Flash) -> None:
    rom = MicrobitRom(flash)
    assert rom.boot(download=False, cause="power-on").outcome == "reset"
    uicr = [record(4, 0, (UICR_ADDRESS >> 16).to_bytes(2, "big")), record(0, UICR_ADDRESS & 0xFFFF, b"uicr")]
    rom.install("\n".join([record(0, 0, TABLE), *uicr, END]).encode())
    assert rom.boot(download=False, cause="power-on").outcome == "firmware"
    parts = parts_of(flash)
    assert parts[0][:8] == TABLE
    assert parts[UICR_ADDRESS][:4] == b"uicr"


def test_what_changed_is_written_and_nothing_else(flash: Flash) -> None:
    code = bytearray(b"\xff" * CODE_SIZE)
    code[SECTOR + 5] = 7
    keep(flash, bytes(code))
    assert flash.operations == 2  # one sector: erased, programmed
    assert parts_of(flash)[0] == code
