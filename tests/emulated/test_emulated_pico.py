"""A virtual Pico that executes what is in its flash, as far as that needs no MicroPython (see ``tests/firmware``)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from raw_port import wait_for

import iotlab
from iotlab.flash import uf2
from iotlab.sim import Bench
from iotlab.sim.boards.pico_rom import FLASH_BASE, boot2_block
from iotlab.sim.client import BenchBoard
from iotlab.sim.engine import process

#: Thumb: switch the LED's pin to the processor, to an output, and on; then wait for ever. SIO and IO_BANK0 are at
#: 0xd0000000 and 0x40014000 (RP2040 datasheet, build 2023-03-02, 2.3.1.7 and 2.19.6.1); the ROM starts it at 0.
LIGHT = bytes.fromhex(
    "0548"  # ldr r0, [pc, #20]: GPIO25_CTRL
    "0521"  # movs r1, #5: SIO
    "0160"  # str r1, [r0]
    "0548"  # ldr r0, [pc, #20]: SIO
    "0549"  # ldr r1, [pc, #20]: 1 << 25
    "4162"  # str r1, [r0, #0x24]: GPIO_OE_SET
    "4161"  # str r1, [r0, #0x14]: GPIO_OUT_SET
    "fee7"  # b .
    "00000000"
    "00000000"
    "cc400140"
    "000000d0"
    "00000002"
)


@pytest.fixture
def pico(lab_environment: dict[str, str]) -> Iterator[BenchBoard]:
    """A new one, whose flash is empty."""
    shutil.rmtree(lab_environment["IOTLAB_STATE_DIR"], ignore_errors=True)
    layout = {"engine": "rp2040py", "firmware": "none", "parts": {"led": {"pin": 25}}}
    with Bench.start({"boards": {"pico": layout}}) as bench:
        yield bench["pico"]


@pytest.fixture
def light(tmp_path: Path) -> Path:
    """A program that switches the LED on and has no USB port."""
    path = tmp_path / "light.uf2"
    path.write_bytes(uf2.pack(boot2_block(LIGHT), address=FLASH_BASE, family=uf2.RP2040))
    return path


def test_an_empty_flash_shows_the_drive(pico: BenchBoard) -> None:
    assert pico.status()["state"] == "download"
    with iotlab.connect("pico") as board:
        assert board.info.state == "bootloader"


def test_what_is_flashed_is_executed(pico: BenchBoard, light: Path) -> None:
    assert pico.drive
    assert not pico.chip("led").on
    shutil.copy(light, pico.drive)
    wait_for(lambda: pico.chip("led").on)
    told = pico.status()
    assert (told["state"], told["port"]) == ("firmware", "")  # it does nothing with its USB


def test_it_ends_with_its_supply_and_starts_again(pico: BenchBoard, light: Path) -> None:
    assert pico.drive
    shutil.copy(light, pico.drive)
    wait_for(lambda: pico.chip("led").on)
    pid = pico.status()["pid"]
    since = process.started(pid)
    pico.power_off()
    assert not pico.chip("led").on
    assert (pico.status()["pid"], process.started(pid) == since) == (None, False)
    pico.power_on()
    wait_for(lambda: pico.chip("led").on)


def test_bootsel(pico: BenchBoard, light: Path) -> None:
    assert pico.drive
    shutil.copy(light, pico.drive)
    wait_for(lambda: pico.chip("led").on)
    pico.hold_boot()
    pico.reset()
    assert pico.status()["state"] == "download"
    assert not pico.chip("led").on
