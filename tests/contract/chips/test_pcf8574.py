"""PCF8574: the contract, the published driver, and what is special to it."""

from __future__ import annotations

import random

import digitalio
import pytest
from adafruit_pcf8574 import PCF8574 as Driver

from iotlab.errors import ConfigError
from iotlab.sim.chips.pcf8574 import PCF8574
from iotlab.testing.chips import ROOM, ChipContract
from iotlab.testing.i2c import ChipBus
from iotlab.testing.world import SteadyWorld

ROUNDS = 24


class TestPCF8574Contract(ChipContract):
    name, unmodelled = "pcf8574", (b"\x04\x00", 0)  # a pulse


@pytest.fixture
def chip() -> PCF8574:
    return PCF8574(SteadyWorld(**ROOM))


@pytest.fixture
def driver(chip: PCF8574) -> Driver:
    return Driver(ChipBus(chip).as_blinka())


def bits(byte: int) -> str:
    return f"{byte:08b}"[::-1]


@pytest.mark.parametrize("address", [0x20, 0x27])
def test_what_the_driver_writes_is_on_the_pins(address: int) -> None:
    chip = PCF8574(SteadyWorld(**ROOM), address=address)
    driver = Driver(ChipBus(chip).as_blinka(), address)
    assert driver.read_gpio() == 0xFF, "power-on reset"
    dice = random.Random(address)
    for _ in range(ROUNDS):
        byte = dice.randrange(0x100)
        driver.write_gpio(byte)
        assert chip.state()["pins"] == bits(byte)
        assert driver.read_gpio() == byte


def test_what_is_wired_to_the_pins_is_what_the_driver_reads(chip: PCF8574, driver: Driver) -> None:
    dice = random.Random(1)
    for _ in range(ROUNDS):
        pin, level = dice.randrange(8), dice.random() < 0.5
        line = driver.get_pin(pin)
        line.switch_to_input(pull=digitalio.Pull.UP)
        chip.act("drive", pin, level)
        assert line.value is level
        chip.act("release", pin)
        assert line.value is True, "the weak pull-up"


def test_a_pin_held_low_stays_low_whatever_drives_it(chip: PCF8574, driver: Driver) -> None:
    driver.get_pin(5).switch_to_output(value=False)
    chip.drive(5, True)
    assert driver.get_pin(5).value is False


def test_the_interrupt_ends_with_a_transfer_or_when_the_pin_is_back(chip: PCF8574, driver: Driver) -> None:
    driver.write_gpio(0xFF)
    chip.drive(0, False)
    assert chip.state()["int"] is False
    assert driver.read_gpio() == 0xFE
    assert chip.state()["int"] is True
    chip.drive(1, False)
    assert chip.state()["int"] is False
    chip.release(1)
    assert chip.state()["int"] is True


def test_unplugged_the_driver_raises_an_oserror(chip: PCF8574, driver: Driver) -> None:
    driver.write_gpio(0x00)
    chip.unplug()
    with pytest.raises(OSError, match="is the chip plugged in"):
        driver.read_gpio()
    chip.plug()
    assert driver.read_gpio() == 0xFF


def test_a_pin_that_it_lacks(chip: PCF8574) -> None:
    with pytest.raises(ConfigError, match="0 to 7"):
        chip.drive(8, True)
