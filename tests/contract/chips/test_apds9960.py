"""APDS-9960: the contract, the published driver, and what is special to it."""

from __future__ import annotations

import random

import pytest
from adafruit_apds9960.apds9960 import APDS9960 as Driver

from iotlab.bus.i2c import Read, Write
from iotlab.sim.chips.apds9960 import APDS9960
from iotlab.sim.chips.base import UnmodelledError
from iotlab.testing.chips import ROOM, ChipContract
from iotlab.testing.i2c import ChipBus
from iotlab.testing.world import SteadyWorld

READINGS = 24
COUNTS_PER_LX = 23.6 * (100 / 683) / 160  # at a gain of 1, for one step of 2.78 ms


class TestAPDS9960Contract(ChipContract):
    name, unmodelled = "apds9960", (b"\x80\x41", 0)  # gestures


@pytest.fixture
def world() -> SteadyWorld:
    return SteadyWorld(**ROOM)


@pytest.fixture
def chip(world: SteadyWorld) -> APDS9960:
    return APDS9960(world)


@pytest.fixture
def bus(chip: APDS9960) -> ChipBus:
    return ChipBus(chip)


@pytest.fixture
def driver(bus: ChipBus) -> Driver:
    return Driver(bus.as_blinka())


@pytest.mark.parametrize(("gain", "times"), [(0, 1), (1, 4), (2, 16), (3, 64)])
@pytest.mark.parametrize("steps", [1, 37, 256])
def test_the_driver_reads_light_and_colour_to_half_a_count(
    world: SteadyWorld, driver: Driver, gain: int, times: int, steps: int
) -> None:
    driver.color_gain, driver.color_integration_time, driver.enable_color = gain, steps, True
    counts_per_lx = COUNTS_PER_LX * times * steps
    dice = random.Random(gain + steps)
    for _ in range(READINGS):
        shares = [dice.uniform(0.1, 1.0) for _ in "rgb"]
        clear = dice.uniform(0, min(1025 * steps, 65535))
        names = ("colour_red_share", "colour_green_share", "colour_blue_share")
        world.set(light_lux=clear / counts_per_lx, **dict(zip(names, shares, strict=True)))
        world.pass_time(1)
        wanted = [clear * share / sum(shares) for share in shares]
        assert driver.color_data == pytest.approx((*wanted, clear), abs=0.5001)


@pytest.mark.parametrize(("gain", "times"), [(0, 1), (1, 2), (2, 4), (3, 8)])
def test_the_driver_reads_proximity_to_half_a_count(
    world: SteadyWorld, driver: Driver, gain: int, times: int
) -> None:
    """The driver leaves the pulse as it is after power-on: one of 8 µs, 100 mA."""
    driver.proximity_gain, driver.enable_proximity = gain, True
    dice = random.Random(gain)
    for _ in range(READINGS):
        share = dice.uniform(0, 1)
        world.set(proximity_share=share)
        world.pass_time(1)
        assert driver.proximity == pytest.approx(min(255 * share * times, 255), abs=0.5001)


def test_more_and_longer_pulses_bring_more_back(world: SteadyWorld, bus: ChipBus, driver: Driver) -> None:
    world.set(proximity_share=0.02)
    bus.write(0x39, b"\x8e\x83")  # four pulses of 16 µs
    bus.write(0x39, b"\x8f\x40")  # 50 mA
    driver.enable_proximity = True
    world.pass_time(1)
    assert driver.proximity == round(255 * 0.02 * 4 * 2 / 2)


def test_unplugged_the_driver_raises_an_oserror(chip: APDS9960, driver: Driver) -> None:
    chip.unplug()
    with pytest.raises(OSError, match="is the chip plugged in"):
        driver.proximity  # noqa: B018 - reading it is the transfer


def test_too_much_light_saturates(world: SteadyWorld, driver: Driver) -> None:
    driver.enable_color = True
    world.set(light_lux=1e6)
    for steps, most in ((1, 1025), (10, 10250), (256, 65535)):
        driver.color_integration_time = steps
        world.pass_time(1)
        assert driver.color_data[3] == most


def test_data_are_ready_after_one_integration() -> None:
    world = SteadyWorld(step_s=0, **ROOM)
    driver = Driver(ChipBus(APDS9960(world)).as_blinka())
    assert driver.color_integration_time == 256
    driver.enable_color = True
    world.pass_time(0.711)
    assert (driver.color_data_ready, driver.color_data) == (False, (0, 0, 0, 0))
    world.pass_time(0.002)
    assert driver.color_data_ready is True
    assert driver.color_data[3] > 0


def test_an_interrupt_of_proximity() -> None:
    world = SteadyWorld(step_s=0, **ROOM)
    bus = ChipBus(APDS9960(world))
    driver = Driver(bus.as_blinka())
    driver.proximity_interrupt_threshold = (0, 100, 4)
    assert driver.proximity_interrupt_threshold == (0, 100, 4)
    driver.enable_proximity_interrupt = driver.enable_proximity = True
    world.pass_time(1)
    assert bus.read_register(0x39, 0x93)[0] & 0x20 == 0
    world.set(proximity_share=0.9)
    world.pass_time(0.0015)
    assert driver.proximity == 230
    assert bus.read_register(0x39, 0x93)[0] & 0x20 == 0, "not four in a row yet"
    world.pass_time(0.0015)
    assert bus.read_register(0x39, 0x93)[0] & 0x20
    driver.clear_interrupt()
    assert bus.read_register(0x39, 0x93)[0] & 0x20 == 0


@pytest.mark.parametrize("data", [b"\xab\x01", b"\x9d\x01", b"\x90\x11", b"\xe4", b"\x10\x00"])
def test_what_is_not_modelled_fails_loudly(bus: ChipBus, data: bytes) -> None:
    with pytest.raises(UnmodelledError, match="AV02-4191EN"):
        bus.transaction(0x39, [Write(data), Read(1)])
