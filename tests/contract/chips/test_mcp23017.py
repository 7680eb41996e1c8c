"""MCP23017: the contract, the published driver, and what is special to it."""

from __future__ import annotations

import random

import digitalio
import pytest
from adafruit_mcp230xx.mcp23017 import MCP23017 as Driver

from iotlab.errors import ConfigError
from iotlab.sim.chips.base import UnmodelledError
from iotlab.sim.chips.mcp23017 import MCP23017
from iotlab.testing.chips import ROOM, ChipContract
from iotlab.testing.i2c import ChipBus
from iotlab.testing.world import SteadyWorld

ROUNDS = 24


class TestMCP23017Contract(ChipContract):
    name, unmodelled = "mcp23017", (b"\x0a\x80", 0)  # IOCON.BANK


@pytest.fixture
def chip() -> MCP23017:
    return MCP23017(SteadyWorld(**ROOM))


@pytest.fixture
def driver(chip: MCP23017) -> Driver:
    return Driver(ChipBus(chip).as_blinka())


def bits(word: int) -> str:
    return f"{word:016b}"[::-1]


@pytest.mark.parametrize("address", [0x20, 0x27])
def test_what_the_driver_puts_out_is_on_the_pins(address: int) -> None:
    chip = MCP23017(SteadyWorld(**ROOM), address=address)
    driver = Driver(ChipBus(chip).as_blinka(), address)
    assert chip.state()["outputs"] == bits(0)
    driver.iodir = 0
    dice = random.Random(address)
    for _ in range(ROUNDS):
        word = dice.randrange(0x10000)
        driver.gpio = word
        assert chip.state()["pins"] == bits(word)
        assert driver.gpio == word
        driver.gpiob = word & 0xFF
        assert chip.state()["pins"] == bits(word & 0xFF | (word & 0xFF) << 8)


def test_what_is_wired_to_the_pins_is_what_the_driver_reads(chip: MCP23017, driver: Driver) -> None:
    dice = random.Random(1)
    for _ in range(ROUNDS):
        pin, level, pulled, inverted = dice.randrange(16), dice.random() < 0.5, dice.random(), dice.random()
        line = driver.get_pin(pin)
        pull = digitalio.Pull.UP if pulled < 0.5 else None
        line.switch_to_input(pull=pull, invert_polarity=inverted < 0.5)
        assert (line.pull, line.invert_polarity) == (pull, inverted < 0.5)
        chip.act("drive", pin, level)
        assert line.value is (level != (inverted < 0.5))
        chip.act("release", pin)
        assert line.value is ((pull is not None) != (inverted < 0.5))


def test_single_pins_as_outputs(chip: MCP23017, driver: Driver) -> None:
    for pin in range(16):
        line = driver.get_pin(pin)
        line.switch_to_output(value=True)
        assert line.direction is digitalio.Direction.OUTPUT
        chip.drive(pin, False)
        assert chip.state()["pins"][pin] == "1", "the output wins"
    driver.get_pin(3).value = False
    assert chip.state()["pins"] == "1110111111111111"


def test_unplugged_the_driver_raises_an_oserror(chip: MCP23017, driver: Driver) -> None:
    driver.iodir = 0
    chip.unplug()
    with pytest.raises(OSError, match="is the chip plugged in"):
        driver.gpio = 0xFFFF
    chip.plug()
    assert driver.iodir == 0xFFFF, "power-on reset"


def test_an_interrupt_on_change(chip: MCP23017, driver: Driver) -> None:
    driver.gppu = 0xFFFF
    driver.interrupt_enable, driver.interrupt_configuration = 0xFFFF, 0
    assert chip.state()["int_a"] is True, "idle: open drain, pulled up"
    chip.drive(2, False)
    chip.drive(4, False)
    chip.drive(11, False)
    assert (driver.int_flag, chip.state()["int_a"], chip.state()["int_b"]) == ([2, 11], False, False)
    assert driver.int_capa == [1, 1, 0, 1, 1, 1, 1, 1], "as it was at the first change"
    assert (driver.int_flaga, driver.int_flagb, chip.state()["int_a"]) == ([], [11], True)
    assert driver.gpiob == 0b11110111
    assert driver.int_flag == []
    chip.release(2)
    assert driver.int_flag == [2], "back is a change too"


def test_an_interrupt_against_a_default_comes_again_until_it_is_over(chip: MCP23017, driver: Driver) -> None:
    driver.default_value, driver.interrupt_configuration, driver.interrupt_enable = 0x0100, 0xFFFF, 0x0100
    assert driver.int_flag == [8], "low, where high is the default"
    driver.clear_ints()
    assert driver.int_flag == [8]
    chip.drive(8, True)
    driver.clear_intb()
    assert driver.int_flag == []


def test_mirrored_active_high_interrupts(chip: MCP23017, driver: Driver) -> None:
    driver.io_control = 0x42
    driver.interrupt_enable = 0x0001
    assert (chip.state()["int_a"], chip.state()["int_b"]) == (False, False)
    chip.drive(0, True)
    assert (chip.state()["int_a"], chip.state()["int_b"]) == (True, True)


def test_in_byte_mode_the_pointer_stays_within_a_pair(chip: MCP23017, driver: Driver) -> None:
    bus = ChipBus(chip)
    assert bus.read_register(0x20, 0x14, 4) == b"\x00\x00\xff\xff", "after the last comes the first"
    driver.io_control = 0x24
    assert bus.read_register(0x20, 0x00, 4) == b"\xff\xff\xff\xff"
    bus.write(0x20, b"\x12\x01\x02\x03")
    assert bus.read_register(0x20, 0x14, 2) == b"\x03\x02"


def test_what_it_lacks_fails_loudly(chip: MCP23017) -> None:
    with pytest.raises(UnmodelledError, match="DS20001952C"):
        ChipBus(chip).read_register(0x20, 0x16)
    with pytest.raises(ConfigError, match="0 to 15"):
        chip.drive(16, True)
