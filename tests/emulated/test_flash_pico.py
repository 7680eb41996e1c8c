"""A virtual Pico: its BOOTSEL drive takes UF2 files as the ROM of an RP2040 does."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from virtual_chip import VirtualChip

from iotlab.board import Endpoint
from iotlab.errors import FlashError, NotFoundError
from iotlab.flash import programmer, uf2
from iotlab.flash.drive import flash_uf2, read_drive
from iotlab.sim.boards.pico_rom import INFO, PicoRom, boot2_block, crc32_boot2
from iotlab.sim.flash import Flash

SIZE = 2 << 20
BASE = 0x10000000
RP2350 = 0xE48BFF59


def make_chip(folder: Path) -> VirtualChip:
    return VirtualChip(PicoRom(Flash(folder / "flash.bin", SIZE), drive=folder / "RPI-RP2"), folder)


@pytest.fixture
def chip(tmp_path: Path) -> Iterator[VirtualChip]:
    with make_chip(tmp_path) as made:
        yield made


@pytest.fixture
def firmware() -> bytes:
    """A second stage that the ROM accepts and 200 KB of something."""
    return boot2_block() + random.Random(7).randbytes(200_000)


def packed(data: bytes, folder: Path, *, family: int = uf2.RP2040) -> Path:
    path = folder / "firmware.uf2"
    path.write_bytes(uf2.pack(data, address=BASE, family=family))
    return path


def drive_of(chip: VirtualChip) -> Path:
    assert chip.rom.drive is not None
    return chip.rom.drive


def test_the_checksum_is_the_datasheets() -> None:
    """CRC-32/MPEG-2, whose check value is published: the parameters of RP2040 datasheet 2.8.1.3.1."""
    assert crc32_boot2(b"123456789") == 0x0376E6E7


def test_an_empty_pico_shows_its_drive(chip: VirtualChip) -> None:
    assert chip.booted == [("download", b"")]
    drive = read_drive(drive_of(chip))
    assert drive is not None
    assert (drive.board_id, drive.model) == ("RPI-RP2", "Raspberry Pi RP2")
    assert sorted(path.name for path in drive.path.iterdir()) == ["INDEX.HTM", "INFO_UF2.TXT"]


def test_a_copy_is_flashed_and_the_drive_vanishes(chip: VirtualChip, tmp_path: Path, firmware: bytes) -> None:
    chip.rom.flash.program(0x40000, b"from before")
    seen: list[tuple[str, int, int]] = []
    path = packed(firmware, tmp_path)
    flash_uf2(drive_of(chip), path, progress=lambda *step: seen.append(step))
    chip.wait_for("firmware")
    assert chip.rom.flash.read(0, len(firmware)) == firmware
    assert chip.rom.flash.read(0x40000, 11) == b"from before"  # no more is erased than is written
    assert not drive_of(chip).exists()
    size = path.stat().st_size
    assert seen[-2:] == [("write", size, size), ("reset", 0, 0)]


def test_any_program_may_copy(chip: VirtualChip, tmp_path: Path, firmware: bytes) -> None:
    (drive_of(chip) / "notes.txt").write_text("not firmware")
    shutil.copy(packed(firmware, tmp_path), drive_of(chip))
    chip.wait_for("firmware")
    assert chip.rom.flash.read(0, len(firmware)) == firmware


def test_bootsel_held_shows_the_drive_over_good_firmware(chip: VirtualChip, tmp_path: Path) -> None:
    flash_uf2(drive_of(chip), packed(boot2_block(), tmp_path))
    chip.wait_for("firmware")
    chip.hold_boot_button()
    assert read_drive(drive_of(chip)) is not None


def test_another_chips_file_is_refused_here_and_ignored_there(
    chip: VirtualChip, tmp_path: Path, firmware: bytes
) -> None:
    path = packed(firmware, tmp_path, family=RP2350)
    with pytest.raises(FlashError, match=r"for RP2350_ARM_S, the board on .* takes RP2040"):
        flash_uf2(drive_of(chip), path)
    assert sorted(each.name for each in drive_of(chip).iterdir()) == ["INDEX.HTM", "INFO_UF2.TXT"]
    shutil.copy(path, drive_of(chip))
    chip.rom.poll()
    assert chip.rom.flash.operations == 0
    assert [outcome for outcome, _ in chip.booted] == ["download"]


def test_what_is_no_uf2_is_refused(chip: VirtualChip, tmp_path: Path) -> None:
    path = tmp_path / "main.py"
    path.write_text("print(1)")
    with pytest.raises(FlashError, match=r"main.py is no firmware: it is a text file"):
        flash_uf2(drive_of(chip), path)
    with pytest.raises(NotFoundError, match="there is no UF2 drive at"):
        flash_uf2(tmp_path, path)


def test_unplugged_half_way_it_is_torn_and_can_be_flashed_again(tmp_path: Path, firmware: bytes) -> None:
    path = packed(firmware, tmp_path)
    with make_chip(tmp_path) as chip:
        drive = drive_of(chip)

        def pull(stage: str, done: int, total: int) -> None:
            if done > total // 2:
                chip.wait_until(lambda: chip.rom.flash.operations > 0)
                chip.stop()  # what was copied is in the flash; now cable and power are gone

        with pytest.raises(FlashError, match=r"went away .* bytes: hold its BOOTSEL button"):
            flash_uf2(drive, path, progress=pull)
        assert not drive.exists()
    torn = (tmp_path / "flash.bin").read_bytes()
    assert torn[:256] == firmware[:256]
    assert torn[: len(firmware)] != firmware

    with make_chip(tmp_path) as chip:
        chip.wait_for("reset", count=2)  # its second stage is good, the rest is not: it crashes
        chip.hold_boot_button()
        flash_uf2(drive_of(chip), path)
        chip.wait_for("firmware")
        assert chip.rom.flash.read(0, len(firmware)) == firmware


def test_a_board_that_takes_nothing_is_not_waited_for_for_ever(tmp_path: Path, firmware: bytes) -> None:
    stuck = tmp_path / "stuck"
    stuck.mkdir()
    (stuck / "INFO_UF2.TXT").write_text(INFO)
    with pytest.raises(FlashError, match=r"did not take firmware.uf2 in 0.2 s: hold its BOOTSEL button"):
        flash_uf2(stuck, packed(firmware, tmp_path), timeout_s=0.2)


def test_blocks_in_any_order_in_pieces(tmp_path: Path, firmware: bytes) -> None:
    """The ROM sees sectors: a copy may fill its file from the end, or hand over half a block."""
    flash = Flash(tmp_path / "flash.bin", SIZE)
    rom = PicoRom(flash, drive=tmp_path / "drive")
    assert rom.boot(download=False, cause="power-on").outcome == "download"
    data = uf2.pack(firmware, address=BASE, family=uf2.RP2040)
    target = tmp_path / "drive" / "late.uf2"
    middle = len(data) // 2 + 100
    target.write_bytes(bytes(middle) + data[middle:])
    assert not rom.poll()
    assert flash.read(0, 256) == b"\xff" * 256
    target.write_bytes(data)
    assert rom.poll()
    assert flash.read(0, len(firmware)) == firmware
    rom.leave()
    assert rom.boot(download=False, cause="soft").outcome == "firmware"
    flash.close()


def test_a_programmer_puts_a_whole_file_into_the_flash(tmp_path: Path, firmware: bytes) -> None:
    flash = Flash(tmp_path / "flash.bin", SIZE)
    rom = PicoRom(flash)
    rom.install(uf2.pack(firmware, address=BASE, family=uf2.RP2040))
    assert flash.read(0, len(firmware)) == firmware
    flash.close()


def test_a_new_pico_has_a_second_stage(tmp_path: Path) -> None:
    flash = Flash(tmp_path / "flash.bin", SIZE)
    rom = PicoRom(flash)
    rom.preinstall()
    assert rom.boot(download=False, cause="power-on").outcome == "firmware"
    assert rom.filesystem() == (0xA0000, 0x160000)
    assert sum(rom.filesystem()) == SIZE
    rom.install(uf2.pack(boot2_block(b"new"), address=BASE, family=uf2.RP2040))
    assert flash.read(0, 256) == boot2_block(b"new")
    with pytest.raises(ValueError, match="for an RP2040"):
        rom.install(uf2.pack(b"x", address=BASE, family=RP2350))
    flash.close()


def test_the_programmer_for_a_board(chip: VirtualChip, tmp_path: Path, firmware: bytes) -> None:
    path = packed(firmware, tmp_path)
    endpoint = Endpoint("pico", str(chip.port), "pico", virtual=True, drive=str(drive_of(chip)))
    programmer("pico", path).flash(endpoint, path)
    chip.wait_for("firmware")
