"""SGP30: the contract, the published driver, and what is special to it."""

from __future__ import annotations

import random

import pytest
from adafruit_sgp30 import Adafruit_SGP30

from iotlab.errors import ConfigError, NackError
from iotlab.sim import chips
from iotlab.sim.chips.base import UnmodelledError
from iotlab.sim.chips.sgp30 import SGP30
from iotlab.testing.chips import ROOM, ChipContract
from iotlab.testing.i2c import ChipBus
from iotlab.testing.world import SteadyWorld

READINGS = 24
STEP_S = 0.05  # more than any command takes, with every look at the clock


class TestSGP30Contract(ChipContract):
    name, unmodelled, silent = "sgp30", (b"\x20\x50", 6), True  # raw signals


@pytest.fixture
def world() -> SteadyWorld:
    return SteadyWorld(step_s=STEP_S, **ROOM)


def resolution(value: float, steps: tuple[tuple[int, int], ...]) -> int:
    return next(step for high, step in steps if value <= high)


@pytest.mark.parametrize("humidity_g_m3", [0.0, 11.57])
def test_the_driver_reads_the_air_to_half_a_step(world: SteadyWorld, humidity_g_m3: float) -> None:
    """Version 1.0, table 2: steps of 1, 3, 9 and 31 ppm, and of 1, 6 and 32 ppb."""
    chip = SGP30(world)
    driver = Adafruit_SGP30(ChipBus(chip).as_blinka())
    driver.set_iaq_humidity(humidity_g_m3)
    assert chip.state()["humidity_g_m3"] == pytest.approx(humidity_g_m3, abs=1 / 256)
    world.pass_time(15)
    dice = random.Random(humidity_g_m3)
    for _ in range(READINGS // 2):
        co2eq_ppm = dice.uniform(400, dice.choice([1479, 5144, 17597, 60000]))
        tvoc_ppb = dice.uniform(0, dice.choice([2008, 11110, 60000]))
        world.set(co2eq_ppm=co2eq_ppm, tvoc_ppb=tvoc_ppb)
        co2eq, tvoc = driver.iaq_measure()
        step_ppm = resolution(co2eq_ppm, ((1479, 1), (5144, 3), (17597, 9), (60000, 31)))
        assert co2eq == pytest.approx(co2eq_ppm, abs=0.5001 * step_ppm)
        step_ppb = resolution(tvoc_ppb, ((2008, 1), (11110, 6), (60000, 32)))
        assert tvoc == pytest.approx(tvoc_ppb, abs=0.5001 * step_ppb)


def test_beyond_the_range_it_stays_at_the_limit(world: SteadyWorld) -> None:
    driver = Adafruit_SGP30(ChipBus(SGP30(world)).as_blinka())
    world.pass_time(15)
    world.set(co2eq_ppm=100_000.0, tvoc_ppb=1e6)
    assert driver.iaq_measure() == [60000, 60000]
    world.set(co2eq_ppm=300.0, tvoc_ppb=-5.0)
    assert driver.iaq_measure() == [400, 0]


def test_for_15_seconds_it_gives_fixed_values(world: SteadyWorld) -> None:
    chip = SGP30(world)
    driver = Adafruit_SGP30(ChipBus(chip).as_blinka())
    assert chip.state()["warming_up"] is True
    world.pass_time(14)
    assert (driver.eCO2, driver.TVOC) == (400, 0)
    world.pass_time(1)
    assert (driver.eCO2, driver.TVOC) == (800, 150)
    driver.iaq_init()
    assert driver.eCO2 == 400


def test_its_serial_number(world: SteadyWorld) -> None:
    driver = Adafruit_SGP30(ChipBus(SGP30(world, serial=0x0000_1234_ABCD)).as_blinka())
    assert driver.serial == [0x0000, 0x1234, 0xABCD]
    with pytest.raises(ConfigError, match="48 bits"):
        chips.create("sgp30", world, serial=1 << 48)


def test_a_baseline_that_was_set_is_read_back(world: SteadyWorld) -> None:
    bus = ChipBus(SGP30(world))
    driver = Adafruit_SGP30(bus.as_blinka())
    with pytest.raises(UnmodelledError, match="a baseline that was not set"):
        driver.get_iaq_baseline()
    driver.set_iaq_baseline(0x8973, 0x8AAE)
    assert (driver.baseline_eCO2, driver.baseline_TVOC) == (0x8973, 0x8AAE)


def test_while_it_works_it_does_not_answer() -> None:
    world = SteadyWorld(step_s=0, **ROOM)
    bus = ChipBus(SGP30(world))
    bus.write(0x58, b"\x20\x32")
    world.pass_time(0.199)
    with pytest.raises(NackError, match="measuring"):
        bus.read(0x58, 3)
    with pytest.raises(NackError, match="busy"):
        bus.write(0x58, b"\x20\x08")
    world.pass_time(0.002)
    assert bus.read(0x58, 3) == b"\xd4\x00\xc6"
    with pytest.raises(NackError, match="nothing to send"):
        bus.read(0x58, 3)


def test_a_word_with_a_wrong_checksum_is_not_taken(world: SteadyWorld) -> None:
    bus = ChipBus(SGP30(world))
    with pytest.raises(NackError, match="CRC"):
        bus.write(0x58, b"\x20\x61\x0b\x92\x00")
    bus.write(0x58, b"\x20\x2f")
    assert bus.read(0x58, 3)[:2] == b"\x00\x22"


def test_unplugged_the_driver_raises_an_oserror(world: SteadyWorld) -> None:
    chip = SGP30(world)
    driver = Adafruit_SGP30(ChipBus(chip).as_blinka())
    chip.unplug()
    with pytest.raises(OSError, match="is the chip plugged in"):
        driver.iaq_measure()
