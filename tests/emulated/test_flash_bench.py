"""Flashing the boards of a bench as a user does: connect, flash, go on."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import iotlab
from iotlab.board import Board, Endpoint
from iotlab.errors import FlashError
from iotlab.flash import uf2
from iotlab.flash.espflash import erase_esp, flash_esp
from iotlab.flash.firmware import sample
from iotlab.micropython.board import MicroPythonBoard
from iotlab.sim import Bench
from iotlab.sim.boards.pico_rom import boot2_block


@pytest.fixture(scope="module")
def image() -> Path:
    return sample("esp32")


@pytest.fixture
def erased(bench: Bench) -> Iterator[Bench]:
    """The bench with an empty ESP32; afterwards it is as it was."""
    erase_esp(bench["esp32"].port)
    yield bench
    flash_esp(bench["esp32"].port, sample("esp32"))


@pytest.fixture
def blank(erased: Bench) -> Iterator[Board]:
    with iotlab.connect("esp32") as board:
        yield board


def test_a_blank_board_connects_and_is_flashed(blank: Board, image: Path) -> None:
    assert blank.info.state == "empty"
    stages: list[str] = []
    blank.flash(image, progress=lambda *step: stages.append(step[0]))
    assert list(dict.fromkeys(stages)) == ["detect", "stub", "write", "verify", "reset"]
    assert blank.info.state == "micropython"
    assert blank.eval("6 * 7") == 42


def test_the_command_line_reads_back_what_was_flashed(erased: Bench, image: Path, tmp_path: Path) -> None:
    """esptool as it is installed, on the board's own port; BOOT and EN pressed by hand."""
    esp32 = erased["esp32"]
    flash_esp(esp32.port, image)
    esp32.hold_boot()
    esp32.reset()
    esp32.hold_boot(False)
    back, size = tmp_path / "back.bin", image.stat().st_size
    command = [
        sys.executable,
        "-m",
        "esptool",
        "--before",
        "no-reset",
        "--after",
        "no-reset",
        "--port",
        esp32.port,
    ]
    done = subprocess.run(
        [*command, "read-flash", "0x1000", str(size), str(back)], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert back.read_bytes() == image.read_bytes()


def test_the_cable_pulled_half_way(erased: Bench, blank: Board, image: Path) -> None:
    esp32 = erased["esp32"]

    def pull(stage: str, done: int, total: int) -> None:
        if stage == "write" and done > total // 3 and Path(esp32.port).exists():
            esp32.unplug_cable()

    with pytest.raises(FlashError, match=r"half-way.*plug it in again and flash again"):
        blank.flash(image, progress=pull)
    esp32.plug_cable()
    with iotlab.connect("esp32") as board:
        assert board.info.state == "other"
        assert "No bootable app partitions" in board.info.notes[0]
        board.flash(image)
        assert board.eval("6 * 7") == 42


def test_a_pico_takes_a_uf2_file_on_its_drive(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "firmware.uf2"
    data = boot2_block() + os.urandom(100_000)
    path.write_bytes(uf2.pack(data, address=0x10000000, family=uf2.RP2040))
    with iotlab.connect("pico") as board:
        board.flash(path)
        assert board.info.state == "micropython"
        assert board.eval("6 * 7") == 42
    assert bench["pico"].flash_read(0, len(data)) == data
    assert bench["pico"].drive is None or not bench["pico"].drive.exists()


def test_the_wrong_file_for_the_board(bench: Bench, image: Path) -> None:
    with iotlab.connect("pico") as board, pytest.raises(FlashError, match="the pico takes a UF2 file"):
        board.flash(image)


def test_a_board_that_shows_only_its_drive(bench: Bench, tmp_path: Path) -> None:
    """As a Pico that was plugged in with BOOTSEL held: no port is known, only where its drive is mounted."""
    with iotlab.connect("pico") as board:
        board.reset("bootloader")
    path = tmp_path / "firmware.uf2"
    path.write_bytes(uf2.pack(boot2_block(), address=0x10000000, family=uf2.RP2040))
    with MicroPythonBoard(Endpoint("RPI-RP2", "", "pico", drive=str(bench["pico"].drive))) as board:
        assert board.info.state == "bootloader"
        board.flash(path)
        assert "connect to its serial port" in board.info.notes[0]
    with iotlab.connect("pico") as board:
        assert board.eval("6 * 7") == 42
