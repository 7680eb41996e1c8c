"""Flashing a virtual ESP32 with esptool as it comes from PyPI, over a PTY, from blank to broken and back."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial
from virtual_chip import VirtualChip

from iotlab.board import Endpoint
from iotlab.errors import ConnectError, FlashError, InUseError, NotFoundError
from iotlab.flash import programmer, read_image
from iotlab.flash.espflash import detect_esp, erase_esp, flash_esp, read_esp
from iotlab.flash.firmware import sample
from iotlab.link.serial import holder
from iotlab.sim.boards.esp32_rom import Esp32Rom
from iotlab.sim.flash import Flash

SIZE = 4 << 20
MAC = bytes.fromhex("240ac4010203")


def make_chip(folder: Path, chip: str = "esp32") -> VirtualChip:
    return VirtualChip(Esp32Rom(Flash(folder / "flash.bin", SIZE), chip=chip, mac=MAC), folder)


@pytest.fixture
def chip(tmp_path: Path) -> Iterator[VirtualChip]:
    with make_chip(tmp_path) as made:
        yield made


@pytest.fixture(scope="session")
def image() -> Path:
    return sample("esp32")


def esptool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line, as a user has it. The chip is in its loader already: a PTY has no modem lines."""
    command = [sys.executable, "-m", "esptool", "--before", "no-reset", "--after", "no-reset", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)


def test_a_new_chip_is_empty_and_says_so_over_and_over(chip: VirtualChip) -> None:
    first = chip.wait_for("reset")
    again = chip.wait_for("reset", count=2)
    assert first.count(b"invalid header: 0xffffffff") == 8
    assert b"rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)" in first
    assert b"rst:0x10 (RTCWDT_RTC_RESET),boot:0x13" in again


def test_genuine_firmware_goes_on_and_boots(chip: VirtualChip, image: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    info = flash_esp(str(chip.port), image, progress=lambda *step: seen.append(step))
    assert (info.chip, info.mac, info.flash_size) == ("esp32", "24:0a:c4:01:02:03", SIZE)
    assert "ESP32-D0WD-V3" in info.description
    stages = list(dict.fromkeys(stage for stage, _, _ in seen))
    assert stages == ["detect", "stub", "write", "verify", "reset"]
    size = image.stat().st_size
    written = [done for stage, done, _ in seen if stage == "write"]
    assert written == sorted(written)
    assert written[-1] == size
    assert b"entry 0x400806b0" in chip.wait_for("firmware")
    assert chip.rom.flash.read(0x1000, size) == image.read_bytes()
    assert chip.rom.filesystem() == (0x200000, 0x200000)


def test_the_command_line_reads_back_what_was_flashed(chip: VirtualChip, image: Path, tmp_path: Path) -> None:
    chip.rom.preinstall()
    chip.hold_boot_button()
    back = tmp_path / "back.bin"
    size = image.stat().st_size
    done = esptool("--port", str(chip.port), "read-flash", "0x1000", str(size), str(back))
    assert done.returncode == 0, done.stdout + done.stderr
    assert back.read_bytes() == image.read_bytes()


def test_the_command_line_writes_with_and_without_stub_and_compression(
    chip: VirtualChip, tmp_path: Path
) -> None:
    data = bytes(range(256)) * 40 + b"odd"
    file = tmp_path / "data.bin"
    file.write_bytes(data)
    ways = [
        ["--no-stub", "write-flash", "--no-compress"],
        ["--no-stub", "write-flash", "--compress"],
        ["write-flash", "--no-compress"],
        ["write-flash", "--compress"],
    ]
    for number, way in enumerate(ways):
        chip.hold_boot_button()
        offset = 0x10000 + number * 0x4000
        done = esptool("--port", str(chip.port), *way, hex(offset), str(file))
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Hash of data verified" in done.stdout
        assert chip.rom.flash.read(offset, len(data)) == data
        assert chip.rom.flash.read(offset - 16, 16) == b"\xff" * 16


def test_no_reset_leaves_the_chip_in_its_loader_for_the_next_command(chip: VirtualChip) -> None:
    chip.hold_boot_button()
    for _ in range(2):
        done = esptool("--port", str(chip.port), "erase-region", "0x20000", "0x1000")
        assert done.returncode == 0, done.stdout + done.stderr


def flipped(image: Path, at: int) -> bytes:
    data = bytearray(image.read_bytes())
    data[at] ^= 0x10
    return bytes(data)


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (0x2000, b"csum err:0x"),  # in the bootloader
        (0x7005, b"flash_parts: Incorrect MD5 checksum"),  # in the partition table
        (0xF100, b"esp_image: Checksum failed. Calculated 0x"),  # in the application
    ],
)
def test_a_flipped_byte_keeps_the_board_from_booting(
    tmp_path: Path, image: Path, at: int, words: bytes
) -> None:
    bad = tmp_path / "bad.bin"
    bad.write_bytes(flipped(image, at))
    (tmp_path / "chip").mkdir()
    with make_chip(tmp_path / "chip") as chip:
        with pytest.raises(FlashError, match=r"damaged.*download it again"):
            flash_esp(str(chip.port), bad)
        assert set(chip.rom.flash.read(0, SIZE)) == {0xFF}
        flash_esp(str(chip.port), bad, force=True)
        resets = sum(outcome == "reset" for outcome, _ in chip.booted)
        for count in (resets, resets + 1):
            assert words in chip.wait_for("reset", count=count)
        assert not any(outcome == "firmware" for outcome, _ in chip.booted)


def test_unplugged_half_way_it_is_torn_and_can_be_flashed_again(tmp_path: Path, image: Path) -> None:
    chip = make_chip(tmp_path)
    with chip:
        chip.on_feed = lambda count: chip.unplug() if count > 500_000 else None
        with pytest.raises(FlashError, match=r"half-way.*plug it in again") as caught:
            flash_esp(str(chip.port), image)
        assert "BOOT" in str(caught.value)
        assert "\n" not in str(caught.value)
    torn = (tmp_path / "flash.bin").read_bytes()[0x1000:][: image.stat().st_size]
    assert torn[:0x1000] == image.read_bytes()[:0x1000]
    assert torn != image.read_bytes()

    with make_chip(tmp_path) as chip:
        assert b"E (" in chip.wait_for("reset")
        flash_esp(str(chip.port), image)
        chip.wait_for("firmware")


def test_firmware_for_another_chip_is_refused_before_a_byte_is_written(tmp_path: Path, image: Path) -> None:
    with make_chip(tmp_path, "esp32c3") as chip:
        assert detect_esp(str(chip.port)).chip == "esp32c3"
        for force in (False, True):
            with pytest.raises(
                FlashError, match=r"for esp32, the chip on .* is an esp32c3; nothing was written"
            ):
                flash_esp(str(chip.port), image, force=force, erase=True)
        with pytest.raises(FlashError, match=r"is for esp32, the board has an esp32c3"):
            flash_esp(str(chip.port), image, chip="esp32c3")
        assert chip.rom.flash.operations == 0


def test_firmware_for_another_chip_does_not_boot(tmp_path: Path, image: Path) -> None:
    """What a board does whose flash was written all the same, by other means."""
    with contextlib.closing(Flash(tmp_path / "flash.bin", SIZE)) as flash:
        rom = Esp32Rom(flash)
        rom.preinstall()
        raw = bytearray(flash.read(0x10000, 0x1000))
        raw[12] = 5  # the application's chip id: ESP32-C3
        flash.erase(0x10000)
        flash.program(0x10000, bytes(raw))
        boot = rom.boot(download=False, cause="power-on")
    assert boot.outcome == "reset"
    assert b"boot_comm: mismatch chip ID, expected 0, found 5" in boot.text
    assert b"boot: No bootable app partitions in the partition table" in boot.text
    with contextlib.closing(Flash(tmp_path / "c3.bin", SIZE)) as flash:
        flash.program(0x0, image.read_bytes())
        assert Esp32Rom(flash, chip="esp32c3").boot(download=False, cause="power-on").outcome == "reset"


def test_what_is_no_firmware_is_refused(chip: VirtualChip, tmp_path: Path, image: Path) -> None:
    contents = {
        "page.bin": b"<!DOCTYPE html><html>404</html>",
        "main.py": b"print('hello')\n",
        "empty.bin": b"",
        "noise.bin": bytes(range(1, 200)),
        "half.bin": image.read_bytes()[:5000],
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FlashError, match=name) as caught:
            flash_esp(str(chip.port), tmp_path / name)
        assert "\n" not in str(caught.value)
    with pytest.raises(NotFoundError, match="check the name"):
        flash_esp(str(chip.port), tmp_path / "nothing.bin")
    with pytest.raises(FlashError, match="belongs at 0x1000"):
        flash_esp(str(chip.port), image, offset=0)
    assert chip.rom.flash.operations == 0


def test_erase_and_read(chip: VirtualChip) -> None:
    chip.rom.flash.program(0x3000, b"something")
    assert read_esp(str(chip.port), 0x3000, 9) == b"something"
    erase_esp(str(chip.port))
    assert read_esp(str(chip.port), 0x3000, 0x2000) == b"\xff" * 0x2000


def test_ports_that_do_not_work(tmp_path: Path, chip: VirtualChip) -> None:
    with pytest.raises(NotFoundError, match="there is no port"):
        detect_esp(str(tmp_path / "nothing"))
    with serial.Serial(str(chip.port), exclusive=True), pytest.raises(InUseError, match="is held by"):
        detect_esp(str(chip.port))


def test_nobody_answers(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    try:
        with pytest.raises(ConnectError, match="BOOT"):
            detect_esp(os.ttyname(slave))
    finally:
        os.close(master)
        os.close(slave)


def test_a_flash_that_takes_too_long_is_ended(chip: VirtualChip, image: Path) -> None:
    with pytest.raises(FlashError, match=r"not done in 1 s"):
        flash_esp(str(chip.port), image, timeout_s=1.0)
    assert detect_esp(str(chip.port)).chip == "esp32"  # the port is free again


def test_ctrl_c_ends_the_worker_and_frees_the_port(chip: VirtualChip, image: Path) -> None:
    def interrupt(stage: str, done: int, total: int) -> None:
        if stage == "write" and done:
            raise KeyboardInterrupt

    resets = len(chip.booted)
    with pytest.raises(KeyboardInterrupt):
        flash_esp(str(chip.port), image, progress=interrupt)
    assert chip.booted[resets:][-1][0] == "reset"  # torn, and started all the same
    flash_esp(str(chip.port), image)
    chip.wait_for("firmware")


def test_the_worker_does_not_outlive_whoever_started_it(chip: VirtualChip, image: Path) -> None:
    port = str(chip.port)
    code = "import sys; from iotlab.flash.espflash import flash_esp; flash_esp(*sys.argv[1:])"
    with subprocess.Popen([sys.executable, "-c", code, port, str(image)], stderr=subprocess.DEVNULL) as child:
        chip.wait_until(lambda: chip.received > 200_000, timeout_s=30)
        assert holder(port)
        child.kill()
    chip.wait_until(lambda: not holder(port), timeout_s=20)
    flash_esp(port, image)


def test_the_programmer_for_a_board(chip: VirtualChip, image: Path) -> None:
    chosen = programmer("esp32", image)
    assert not chosen.needs_bootloader
    assert chosen.check(image) == read_image(image)
    chosen.flash(Endpoint("esp32", str(chip.port), "esp32", virtual=True), image)
    chip.wait_for("firmware")
    with pytest.raises(FlashError, match=r"is for esp32; the pico takes a UF2 file"):
        programmer("pico", image)
