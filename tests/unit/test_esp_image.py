"""Images for Espressif chips: read, judged, placed. Genuine ones, ones made here, and damaged ones."""

from __future__ import annotations

import contextlib
import hashlib
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iotlab.errors import FlashError
from iotlab.flash import esp_image, esp_partitions, read_image
from iotlab.flash.firmware import sample
from iotlab.flash.image import check_offset, parse_image

GENUINE = {  # `esptool image-info` of the bootloader in the sample
    "entry": 0x400806B0,
    "segments": [(0x3FFF0030, 0x4), (0x3FFF0034, 0x15E8), (0x40078000, 0x3198), (0x40080400, 0x10C4)],
    "sha256": "f6e4577a5376334dc3a1b661ab944209dd540ee04a13e098afe6f25c964d9ba3",
}


def make_image(chip_id: int, *segments: tuple[int, bytes], hashed: bool = True) -> bytes:
    """An image, after the description of the format in ESP-IDF's ``esp_app_format.h``."""
    header = struct.pack("<BBBBI", 0xE9, len(segments), 2, 0x20, 0x40380000)
    header += struct.pack("<B3xHBHH4xB", 0xEE, chip_id, 0, 0, 0xFFFF, int(hashed))
    body, check = header, 0xEF
    for address, data in segments:
        body += struct.pack("<II", address, len(data)) + data
        for byte in data:
            check ^= byte
    body += bytes(15 - len(body) % 16) + bytes([check])
    return body + (hashlib.sha256(body).digest() if hashed else b"")


def make_app(chip_id: int, version: str = "v1.2.3", size: int = 1000) -> bytes:
    described = struct.pack(
        "<II8x32s32s16s16s32s32s", 0xABCD5432, 0, version.encode(), b"project", b"", b"", b"", b""
    )
    return make_image(chip_id, (0x3C000020, described.ljust(size, b"\0")))


def make_table(*entries: tuple[str, int, int, int, int]) -> bytes:
    table = b"".join(
        struct.pack("<HBBII16sI", 0x50AA, kind, subtype, offset, size, label.encode(), 0)
        for label, kind, subtype, offset, size in entries
    )
    table += b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(table).digest()
    return table.ljust(0xC00, b"\xff")


def make_full(chip_id: int, app_chip_id: int | None = None, *, base: int = 0) -> bytes:
    """A whole flash from ``base`` on: bootloader, partition table, application at 0x10000."""
    boot = make_image(chip_id, (0x3FCD5820, b"boot" * 64))
    app = make_app(chip_id if app_chip_id is None else app_chip_id)
    image = boot.ljust(0x8000 - base, b"\xff") + make_table(("factory", 0, 0, 0x10000, 0x100000))
    return image.ljust(0x10000 - base, b"\xff") + app


def test_the_genuine_bootloader_is_read_as_esptool_reads_it() -> None:
    image = esp_image.parse(sample().read_bytes())
    assert image.chip == "esp32"
    assert image.entry == GENUINE["entry"]
    assert [(s.load_address, s.size) for s in image.segments] == GENUINE["segments"]
    assert (image.checksum, image.fault) == (0x65, "")
    assert image.sha256.hex() == GENUINE["sha256"]


def test_the_genuine_image_is_understood() -> None:
    image = read_image(sample())
    assert (image.kind, image.chip, image.content, image.offset) == ("esp", "esp32", "full", 0x1000)
    assert (image.size, image.fault) == (1556784, "")
    assert image.version == "MicroPython 1.16-237-g1613dc8a1-dirty"
    raw = sample().read_bytes()[0x7000:0x7C00]
    labels = {p.label: (p.offset, p.size) for p in esp_partitions.parse_table(raw, 4 << 20)}
    assert labels["factory"] == (0x10000, 0x180000)
    assert labels["vfs"] == (0x200000, 0x200000)


def test_esptool_accepts_what_the_tests_make(tmp_path: Path) -> None:
    path = tmp_path / "made.bin"
    path.write_bytes(make_app(5))
    command = [sys.executable, "-m", "esptool", "--chip", "esp32c3", "image-info", str(path)]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert "Chip ID: 5 (ESP32-C3)" in said
    assert said.count("(valid)") == 2
    assert "v1.2.3" in said


@pytest.mark.parametrize("chip_id", sorted(esp_image.CHIP_IDS))
def test_each_chips_full_image_has_one_place(chip_id: int) -> None:
    chip = esp_image.CHIP_IDS[chip_id]
    base = esp_image.BOOTLOADER_OFFSETS[chip]
    image = parse_image(make_full(chip_id, base=base), "full.bin")
    assert (image.chip, image.content, image.offset, image.fault) == (chip, "full", base, "")
    assert check_offset(image, None) == base
    assert check_offset(image, base) == base
    with pytest.raises(FlashError, match=f"belongs at {base:#x} on an {chip}"):
        check_offset(image, base + 0x1000)


def test_a_merged_image_for_the_start_of_the_flash() -> None:
    merged = b"\xff" * 0x1000 + make_full(0, base=0x1000)
    image = parse_image(merged, "merged.bin")
    assert (image.chip, image.content, image.offset) == ("esp32", "full", 0)


def test_an_application_alone_needs_a_place() -> None:
    image = parse_image(make_app(0), "app.bin")
    assert (image.content, image.offset, image.version) == ("application", None, "project v1.2.3")
    with pytest.raises(FlashError, match="give the offset of its partition"):
        check_offset(image, None)
    with pytest.raises(FlashError, match="multiple of 0x10000"):
        check_offset(image, 0x1000)
    assert check_offset(image, 0x10000) == 0x10000


def test_an_application_for_another_chip_inside() -> None:
    image = parse_image(make_full(0, 5, base=0x1000), "mixed.bin")
    assert image.fault == "the application in 'factory' is for esp32c3, the bootloader for esp32"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_flipped_bit_in_what_is_used_goes_unseen(data: st.DataObject) -> None:
    whole = make_full(0, base=0x1000)
    boot, app = esp_image.parse(whole), esp_image.parse(whole, 0xF000)
    table = [*range(0x7000, 0x7022), *range(0x7030, 0x7040)]  # between the magic and the MD5 nothing is used
    used = [*range(boot.size), *table, *range(0xF000, 0xF000 + app.size)]
    # the byte that says whether a hash follows is guarded by nothing, on the chip neither
    at = data.draw(st.sampled_from([at for at in used if at not in (23, 0xF000 + 23)]))
    spoiled = bytearray(whole)
    spoiled[at] ^= 1 << data.draw(st.integers(0, 7))
    with contextlib.suppress(FlashError):
        assert parse_image(bytes(spoiled), "spoiled.bin").fault


@given(st.integers(1, 2000))
def test_a_cut_off_image_is_refused(size: int) -> None:
    whole = make_app(0)
    with pytest.raises(FlashError, match=r"download it again|no firmware"):
        parse_image(whole[: len(whole) - min(size, len(whole) - 1)], "cut.bin")


@given(st.binary(max_size=400))
def test_noise_after_the_magic_byte(data: bytes) -> None:
    with pytest.raises(FlashError) as caught:
        parse_image(b"\xe9" + data, "noise.bin")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is empty"),
        (b"\xff" * 100, "nothing but erased flash"),
        (b"\x7fELF\x01", "ELF"),
        (b"PK\x03\x04rest", "ZIP archive: unpack it"),
        (b"\n<!DOCTYPE html>", "web page"),
        (b"import machine\n", "text file"),
        (b"\x00\x01\xfe\xfd", "neither an image for an ESP32"),
        (struct.pack("<BBBBI", 0xE9, 3, 2, 0x40, 0x40100004) + bytes(64), "ESP8266"),
    ],
)
def test_what_it_is_instead_is_said(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(content)
    with pytest.raises(FlashError, match=said):
        read_image(path)


@given(st.binary(max_size=3000))
def test_xor_of_all_bytes(data: bytes) -> None:
    expected = 0
    for byte in data:
        expected ^= byte
    assert esp_image.xor_bytes(data) == expected


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda t: b"\0" + t[1:], "partition 0 invalid magic number 0x5000"),
        (lambda t: t[:11] + b"\x77" + t[12:], "exceeds flash chip size 0x400000"),
        (lambda t: t[:12] + b"\1" + t[13:], "Incorrect MD5 checksum"),
        (lambda t: t[:64] + t[32:64] + t[96:], "Only one MD5 checksum is allowed"),
        (lambda t: t[:32] * 96, "no terminating entry"),
    ],
)
def test_a_spoiled_table_is_refused_in_esp_idfs_words(spoil, reason: str) -> None:
    table = make_table(("factory", 0, 0, 0x10000, 0x100000))
    assert len(esp_partitions.parse_table(table, 4 << 20)) == 1
    with pytest.raises(esp_partitions.PartitionTableError, match=reason):
        esp_partitions.parse_table(spoil(table), 4 << 20)


def test_an_erased_table_is_an_empty_one() -> None:
    assert esp_partitions.parse_table(b"\xff" * 0xC00, 4 << 20) == ()
