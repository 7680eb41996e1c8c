"""HT16K33: the contract, the published driver, and what is special to it."""

from __future__ import annotations

import random
from typing import Any

import pytest
from adafruit_ht16k33.matrix import Matrix8x8, MatrixBackpack16x8
from adafruit_ht16k33.segments import Seg7x4, Seg14x4

from iotlab.errors import ConfigError
from iotlab.sim.chips.base import UnmodelledError
from iotlab.sim.chips.ht16k33 import HT16K33
from iotlab.testing.chips import ROOM, ChipContract
from iotlab.testing.i2c import ChipBus
from iotlab.testing.world import SteadyWorld

PICTURES = 24
#: What people see in a 7-segment digit, row by row.
SEEN = {
    "0": (" _ ", "| |", "|_|"),
    "1": ("   ", "  |", "  |"),
    "2": (" _ ", " _|", "|_ "),
    "3": (" _ ", " _|", " _|"),
    "4": ("   ", "|_|", "  |"),
    "5": (" _ ", "|_ ", " _|"),
    "6": (" _ ", "|_ ", "|_|"),
    "7": (" _ ", "  |", "  |"),
    "8": (" _ ", "|_|", "|_|"),
    "9": (" _ ", "|_|", " _|"),
}


class TestHT16K33Contract(ChipContract):
    name, unmodelled = "ht16k33", (b"\x40", 0)  # key data


@pytest.fixture
def world() -> SteadyWorld:
    return SteadyWorld(**ROOM)


@pytest.mark.parametrize(("panel", "driver_class"), [("8x8", Matrix8x8), ("16x8", MatrixBackpack16x8)])
@pytest.mark.parametrize("address", [0x70, 0x77])
def test_dots(world: SteadyWorld, address: int, panel: str, driver_class: Any) -> None:
    chip = HT16K33(world, address=address, panel=panel)
    driver = driver_class(ChipBus(chip).as_blinka(), address, auto_write=False)
    width = driver.columns
    dice = random.Random(address)
    for _ in range(PICTURES):
        picture = ["".join(dice.choice("#.") for _ in range(width)) for _ in range(8)]
        for y, line in enumerate(picture):
            for x, dot in enumerate(line):
                driver[x, y] = dot == "#"
        driver.show()
        assert chip.lines() == picture


@pytest.mark.parametrize("address", [0x70, 0x73])
def test_digits(world: SteadyWorld, address: int) -> None:
    chip = HT16K33(world, address=address)
    driver = Seg7x4(ChipBus(chip).as_blinka(), address)
    dice = random.Random(address)
    for _ in range(PICTURES):
        digits, colon, point = f"{dice.randrange(10000):04}", dice.random() < 0.5, dice.randrange(4)
        driver.fill(0)
        driver.print(digits[: point + 1] + "." + digits[point + 1 :])
        driver.colon = colon
        for row, line in enumerate(chip.lines()):
            dots = (":" if colon else " ") if row == 1 else " "
            cells = [SEEN[d][row] + ("." if row == 2 and i == point else " ") for i, d in enumerate(digits)]
            assert line == "".join(cells[:2]) + dots + "".join(cells[2:])


def test_characters(world: SteadyWorld) -> None:
    chip = HT16K33(world, panel="14-segment")
    driver = Seg14x4(ChipBus(chip).as_blinka())
    driver.print("AX0.+")
    assert chip.lines() == [
        " ---       ---      ",
        "|   | \\ / |  /|  |  ",
        " - -            - - ",
        "|   | / \\ |/  |  |  ",
        "           ---.     ",
    ]


def test_what_the_driver_sets_is_to_be_seen(world: SteadyWorld) -> None:
    chip = HT16K33(world)
    assert chip.state()["on"] is False
    driver = Seg7x4(ChipBus(chip).as_blinka())
    state = chip.state()
    assert (state["on"], state["blink_hz"], state["dimming"]) == (True, 0.0, 16)
    for rate, blink_hz in enumerate((0.0, 2.0, 1.0, 0.5)):
        driver.blink_rate = rate
        assert chip.state()["blink_hz"] == blink_hz
    driver.brightness = 0.0
    assert chip.state()["dimming"] == 1


def test_it_is_dark_without_its_oscillator_or_its_display(world: SteadyWorld) -> None:
    chip = HT16K33(world, panel="16x8")
    bus = ChipBus(chip)
    bus.write(0x70, b"\x00" + b"\xff" * 16)
    assert "#" not in "".join(chip.lines())
    bus.write(0x70, b"\x81")
    assert "#" not in "".join(chip.lines())
    bus.write(0x70, b"\x21")
    assert "." not in "".join(chip.lines())
    bus.write(0x70, b"\x80")
    assert "#" not in "".join(chip.lines())


def test_its_memory_is_read_back_and_the_address_goes_round(world: SteadyWorld) -> None:
    bus = ChipBus(HT16K33(world))
    bus.write(0x70, b"\x0e\x01\x02\x03")
    assert bus.read_register(0x70, 0x0E, 4) == b"\x01\x02\x03\x00"


def test_unplugged_the_driver_raises_an_oserror(world: SteadyWorld) -> None:
    chip = HT16K33(world)
    driver = Seg7x4(ChipBus(chip).as_blinka())
    driver.print("8888")
    chip.unplug()
    with pytest.raises(OSError, match="is the chip plugged in"):
        driver.print("1234")
    chip.plug()
    assert chip.state()["on"] is False
    assert chip.state()["ram_hex"] == "00" * 16


@pytest.mark.parametrize("data", [b"\x60", b"\xa1", b"\xd9", b"\x21\x81"])
def test_what_is_not_modelled_fails_loudly(world: SteadyWorld, data: bytes) -> None:
    with pytest.raises(UnmodelledError, match="Holtek HT16K33"):
        ChipBus(HT16K33(world)).write(0x70, data)


def test_a_panel_that_nobody_makes(world: SteadyWorld) -> None:
    with pytest.raises(ConfigError, match="7-segment, 14-segment"):
        HT16K33(world, panel="9-segment")
