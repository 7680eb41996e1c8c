"""UF2 files: packed, taken apart, refused; and which board takes which."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotlab.errors import FlashError, NotFoundError
from iotlab.flash import programmer, read_image, uf2
from iotlab.flash.drive import check_family, find_drives, read_drive, wait_for_drive

BASE = 0x10000000
RP2350 = 0xE48BFF59
INFO = "UF2 Bootloader v3.0\r\nModel: {model}\r\nBoard-ID: {board}\r\n"


@given(
    data=st.binary(min_size=1, max_size=5000),
    size=st.integers(1, uf2.MAX_PAYLOAD),
    family=st.sampled_from(sorted(uf2.FAMILIES)),
)
def test_what_was_packed_comes_out_again(data: bytes, size: int, family: int) -> None:
    file = uf2.unpack(uf2.pack(data, address=BASE, family=family, payload_size=size))
    assert file.family == family
    assert file.address == BASE
    assert file.image().rstrip(b"\0") == data.rstrip(b"\0")
    assert len(file.image()) == len(file.blocks) * size


def test_the_layout_is_microsofts() -> None:
    """Offsets and magic numbers as in the specification's table."""
    packed = uf2.pack(b"\xaa" * 300, address=BASE, family=uf2.RP2040)
    assert len(packed) == 1024
    second = packed[512:]
    assert second[:8] == b"UF2\n\x57\x51\x5d\x9e"
    assert struct.unpack_from("<6I", second, 8) == (0x2000, BASE + 256, 256, 1, 2, 0xE48BFF56)
    assert second[32:76] == b"\xaa" * 44
    assert second[76:508] == bytes(432)
    assert second[508:] == b"\x30\x6f\xb1\x0a"


def test_a_gap_is_erased_flash() -> None:
    first = uf2.pack(b"\x01" * 256, address=BASE, family=uf2.RP2040)
    second = uf2.pack(b"\x02" * 256, address=BASE + 0x1000, family=uf2.RP2040)
    blocks = bytearray(first + second)
    for at, number in ((0, 0), (512, 1)):
        struct.pack_into("<II", blocks, at + 20, number, 2)
    image = uf2.unpack(bytes(blocks)).image()
    assert image == b"\x01" * 256 + b"\xff" * 0xF00 + b"\x02" * 256


def test_the_block_that_works_around_an_erratum_is_left_out() -> None:
    extra = bytearray(uf2.pack(b"\xef" * 256, address=0x10FFFF00, family=uf2.RP2XXX_ABSOLUTE))
    struct.pack_into("<I", extra, 24, 2)  # picotool says "1 of 2"
    file = uf2.unpack(bytes(extra) + uf2.pack(b"code", address=BASE, family=RP2350))
    assert (file.family, file.address) == (RP2350, BASE)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda data: data[:-1], "ends inside a block"),
        (lambda data: data[512:], "instead of 3"),
        (lambda data: data[:512] + b"\0" * 512 + data[1024:], "block at 0x200 is damaged"),
        (lambda data: b"\0" + data[1:], "does not begin"),
        (
            lambda data: data[:1024] + uf2.pack(b"x", address=BASE, family=RP2350),
            "mixes blocks for RP2040 and",
        ),
    ],
)
def test_damage_is_named(spoil, reason: str) -> None:
    whole = uf2.pack(bytes(700), address=BASE, family=uf2.RP2040)
    assert len(uf2.unpack(whole).blocks) == 3
    with pytest.raises(uf2.Uf2FormatError, match=reason):
        uf2.unpack(spoil(whole))


@given(st.binary(max_size=2048))
def test_noise_is_refused_and_nothing_else(data: bytes) -> None:
    with pytest.raises(uf2.Uf2FormatError):
        uf2.unpack(b"UF2\n" + data)


def make_drive(folder: Path, board: str) -> Path:
    folder.mkdir()
    (folder / "INFO_UF2.TXT").write_text(INFO.format(model="a board", board=board), newline="")
    return folder


def make_file(folder: Path, family: int) -> Path:
    path = folder / f"firmware-{family:x}.uf2"
    path.write_bytes(uf2.pack(bytes(1000), address=BASE, family=family))
    return path


def test_a_file_is_understood(tmp_path: Path) -> None:
    data = b"\0" * 500 + b"MicroPython v1.27.0 on 2025-12-09; Raspberry Pi Pico with RP2040\r\n"
    path = tmp_path / "firmware.uf2"
    path.write_bytes(uf2.pack(data, address=BASE, family=uf2.RP2040))
    image = read_image(path)
    assert (image.kind, image.chip, image.offset, image.size) == ("uf2", "rp2040", 0, 768)
    assert image.version == "MicroPython 1.27.0"
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(FlashError, match="no whole UF2 file: it ends inside a block"):
        read_image(path)


@pytest.mark.parametrize(
    ("board", "fits", "other"),
    [
        ("RPI-RP2", uf2.RP2040, RP2350),
        ("RP2350", RP2350, uf2.RP2040),
        ("SAMD51J19A-Feather-v0", 0x55114460, uf2.RP2040),
        ("nRF52840-Feather-revD", 0xADA52840, 0x55114460),
    ],
)
def test_the_family_is_held_against_the_drive(tmp_path: Path, board: str, fits: int, other: int) -> None:
    drive = read_drive(make_drive(tmp_path / "drive", board))
    assert drive is not None
    assert drive.board_id == board
    check_family(drive, read_image(make_file(tmp_path, fits)))
    with pytest.raises(FlashError, match="get the image for that chip") as caught:
        check_family(drive, read_image(make_file(tmp_path, other)))
    assert uf2.family_name(other) in str(caught.value)
    assert uf2.family_name(fits) in str(caught.value)


def test_a_board_that_is_not_known_is_left_alone(tmp_path: Path) -> None:
    drive = read_drive(make_drive(tmp_path / "drive", "Quux-9"))
    assert drive is not None
    with pytest.raises(FlashError, match=r"Quux-9.*not known here"):
        check_family(drive, read_image(make_file(tmp_path, uf2.RP2040)))


def test_drives_are_found_and_waited_for(tmp_path: Path) -> None:
    assert read_drive(tmp_path) is None
    with pytest.raises(NotFoundError, match="hold its BOOTSEL button"):
        wait_for_drive([tmp_path / "one"], timeout_s=0.0)
    one = make_drive(tmp_path / "one", "RPI-RP2")
    assert one in [drive.path for drive in find_drives([one, tmp_path / "nothing"])]
    assert wait_for_drive([one, tmp_path / "two"], timeout_s=0.0).path == one
    two = make_drive(tmp_path / "two", "RPI-RP2")
    with pytest.raises(FlashError, match="unplug all but one"):
        wait_for_drive([one, two], timeout_s=0.0)


def test_the_programmer_follows_the_file(tmp_path: Path) -> None:
    path = make_file(tmp_path, uf2.RP2040)
    chosen = programmer("pico", path)
    assert chosen.needs_bootloader
    with pytest.raises(FlashError, match="leave the offset out"):
        chosen.check(path, 0x1000)
    with pytest.raises(FlashError, match=r"is for rp2040; the esp32 takes an image for an ESP32 \(.bin\)"):
        programmer("esp32", path)
