"""TCS34725: the contract, the published driver, and what is special to it."""

from __future__ import annotations

import random
from typing import Any

import adafruit_tcs34725
import pytest

from iotlab.sim.chips.base import UnmodelledError
from iotlab.sim.chips.tcs34725 import TCS34725
from iotlab.testing.chips import ROOM, ChipContract
from iotlab.testing.i2c import ChipBus
from iotlab.testing.world import SteadyWorld

READINGS = 24


class TestTCS34725Contract(ChipContract):
    name, unmodelled = "tcs34725", (b"\x82", 1)


@pytest.fixture
def world() -> SteadyWorld:
    return SteadyWorld(**ROOM)


def connect(world: SteadyWorld) -> tuple[TCS34725, Any]:
    chip = TCS34725(world)
    return chip, adafruit_tcs34725.TCS34725(ChipBus(chip).as_blinka())


@pytest.mark.parametrize("gain", [1, 4, 16, 60])
@pytest.mark.parametrize("ms", [2.4, 24.0, 153.6, 614.4])
def test_the_driver_reads_light_and_colour_to_a_count(world: SteadyWorld, gain: int, ms: float) -> None:
    """Half a count of each channel; in DN40's equation, with what it takes for infrared, 1.5 counts at most."""
    _, driver = connect(world)
    driver.gain, driver.integration_time, driver.active = gain, ms, True
    cycles = round(ms / 2.4)
    most_counts = min(1024 * cycles, 65535) * (0.75 if ms < 150 else 1) - 1
    counts_per_lx = 2.4 * cycles * gain / 310
    dice = random.Random(ms + gain)
    for _ in range(READINGS):
        shares = dice.uniform(0.3, 0.5), dice.uniform(0.3, 0.5), dice.uniform(0.1, 0.4)
        red, green, blue = (share / sum(shares) for share in shares)
        lux = dice.uniform(0.01, 1) * most_counts * (0.136 * red + green - 0.444 * blue) / counts_per_lx
        world.set(light_lux=lux, colour_red_share=red, colour_green_share=green, colour_blue_share=blue)
        world.pass_time(2)
        r, g, b, clear = driver.color_raw
        assert (r, g, b) == pytest.approx((clear * red, clear * green, clear * blue), abs=1.0001)
        assert driver.lux == pytest.approx(lux, abs=1.5 / counts_per_lx)


def test_the_driver_waits_for_the_first_integration(world: SteadyWorld) -> None:
    chip, driver = connect(world)
    assert chip.state()["on"] is False
    r, g, b, clear = driver.color_raw
    assert clear == pytest.approx(r + g + b, abs=2)
    assert clear > 0
    assert chip.state()["on"] is False, "the driver turned it off again"


def test_the_colours_of_things(world: SteadyWorld) -> None:
    _, driver = connect(world)
    driver.integration_time, driver.gain, driver.active = 24, 16, True
    for index, name in enumerate(("red", "green", "blue")):
        world.set(**{f"colour_{n}_share": 0.8 if n == name else 0.1 for n in ("red", "green", "blue")})
        world.pass_time(1)
        assert max(range(3), key=driver.color_rgb_bytes.__getitem__) == index


@pytest.mark.parametrize(("ms", "most"), [(2.4, 1024), (153.6, 65535), (240.0, 65535)])
def test_too_much_light_saturates(world: SteadyWorld, ms: float, most: int) -> None:
    _, driver = connect(world)
    driver.integration_time, driver.gain, driver.active = ms, 60, True
    world.set(light_lux=50_000.0)
    world.pass_time(1)
    assert driver.color_raw[3] == most
    assert driver.lux is None


def test_an_interrupt_after_so_many_cycles_and_its_clearing() -> None:
    world = SteadyWorld(step_s=0, **ROOM)
    _, driver = connect(world)
    driver.integration_time, driver.min_value, driver.max_value = 24, 0, 10
    driver.cycles = 5
    assert (driver.cycles, driver.max_value) == (5, 10)
    driver.active = True
    world.pass_time(0.0265 * 4)
    assert driver.interrupt is False
    world.pass_time(0.0265)
    assert driver.interrupt is True
    driver.interrupt = False
    assert driver.interrupt is False


def test_it_waits_between_integrations_when_told_to() -> None:
    world = SteadyWorld(step_s=0, **ROOM)
    bus = ChipBus(TCS34725(world))
    bus.write(0x29, b"\x83\x00")  # 256 steps of 2.4 ms
    bus.write(0x29, b"\x8d\x02")  # twelve times as long
    bus.write(0x29, b"\x80\x0b")
    world.pass_time(0.006)
    first = bus.read_register(0x29, 0xB4, 8)
    world.set(light_lux=900.0)
    world.pass_time(7.3)
    assert bus.read_register(0x29, 0xB4, 8) == first
    world.pass_time(0.1)
    assert bus.read_register(0x29, 0xB4, 8) != first


def test_bytes_without_a_command_go_where_the_last_one_pointed_to(world: SteadyWorld) -> None:
    """v1-02, p. 19: who looks for a chip whose register 0 tells it apart writes to this one."""
    bus = ChipBus(TCS34725(world))
    bus.write(0x29, b"\x00")
    bus.write(0x29, b"\x81")
    bus.write(0x29, b"\x55")
    assert bus.read_register(0x29, 0x81) == b"\x55"
    bus.write(0x29, b"\x92")
    bus.write(0x29, b"\x00")
    assert bus.read_register(0x29, 0x92) == b"\x44", "read-only"


def test_unplugged_the_driver_raises_an_oserror(world: SteadyWorld) -> None:
    chip, driver = connect(world)
    chip.unplug()
    with pytest.raises(OSError, match="is the chip plugged in"):
        driver.lux  # noqa: B018 - reading it takes the transfers


@pytest.mark.parametrize("data", [b"\x8d\x01", b"\x80\x40", b"\x92\x00", b"\xc0\x01", b"\xe0"])
def test_what_is_not_modelled_fails_loudly(world: SteadyWorld, data: bytes) -> None:
    with pytest.raises(UnmodelledError, match="ams TCS3472"):
        ChipBus(TCS34725(world)).write(0x29, data)
