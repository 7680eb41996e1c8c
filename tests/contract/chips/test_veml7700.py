"""VEML7700: the contract, the published driver, and what is special to it."""

from __future__ import annotations

import random

import adafruit_veml7700
import pytest

from iotlab.sim.chips.base import UnmodelledError
from iotlab.sim.chips.veml7700 import VEML7700
from iotlab.testing.chips import ROOM, ChipContract
from iotlab.testing.i2c import ChipBus
from iotlab.testing.world import SteadyWorld

READINGS = 24
Driver = adafruit_veml7700.VEML7700


class TestVEML7700Contract(ChipContract):
    name, unmodelled = "veml7700", (b"\x05", 2)  # the white channel


@pytest.fixture
def world() -> SteadyWorld:
    return SteadyWorld(**ROOM)


def word(bus: ChipBus, command: int) -> int:
    return int.from_bytes(bus.read_register(0x10, command, 2), "little")


@pytest.mark.parametrize(
    ("gain", "times"),
    [
        (Driver.ALS_GAIN_1_8, 1 / 8),
        (Driver.ALS_GAIN_1_4, 1 / 4),
        (Driver.ALS_GAIN_1, 1),
        (Driver.ALS_GAIN_2, 2),
    ],
)
@pytest.mark.parametrize(
    ("integration", "ms"),
    [
        (Driver.ALS_25MS, 25),
        (Driver.ALS_50MS, 50),
        (Driver.ALS_100MS, 100),
        (Driver.ALS_200MS, 200),
        (Driver.ALS_400MS, 400),
        (Driver.ALS_800MS, 800),
    ],
)
def test_the_driver_reads_the_light_to_half_a_count(
    world: SteadyWorld, gain: int, times: float, integration: int, ms: int
) -> None:
    """84286: 0.0042 lx at gain 2 and 800 ms, and in proportion at others."""
    driver = Driver(ChipBus(VEML7700(world)).as_blinka())
    driver.light_gain, driver.light_integration_time = gain, integration
    step_lx = 0.0042 * (2 / times) * (800 / ms)
    dice = random.Random(ms + gain)
    for _ in range(READINGS):
        lux = dice.choice([dice.uniform(0, 100), dice.uniform(0, 65535)]) * step_lx
        world.set(light_lux=lux)
        world.pass_time(1)
        assert driver.lux == pytest.approx(lux, abs=0.5001 * step_lx)


def test_unplugged_the_driver_raises_an_oserror(world: SteadyWorld) -> None:
    chip = VEML7700(world)
    driver = Driver(ChipBus(chip).as_blinka())
    chip.unplug()
    with pytest.raises(OSError, match="is the chip plugged in"):
        driver.lux  # noqa: B018 - reading it is the transfer


def test_it_is_shut_down_until_it_is_woken_and_then_takes_its_time() -> None:
    world = SteadyWorld(step_s=0, **ROOM)
    chip = VEML7700(world)
    bus = ChipBus(chip)
    world.pass_time(10)
    assert (word(bus, 0), word(bus, 4), chip.state()["shut_down"]) == (1, 0, True)
    bus.write(0x10, b"\x00\x00\x00")  # gain 1, 100 ms
    world.pass_time(0.1)
    assert word(bus, 4) == 0
    world.pass_time(0.003)
    assert word(bus, 4) == round(300 / (0.0042 * 16))


def test_saving_power_it_measures_less_often(world: SteadyWorld) -> None:
    """84323: with PSM mode 2, 1000 ms are added to the integration time."""
    world = SteadyWorld(step_s=0, **ROOM)
    driver = Driver(ChipBus(VEML7700(world)).as_blinka())
    driver.light_psm, driver.light_psm_en = Driver.PSM_1000, True
    assert driver.psm_value == 1000
    world.pass_time(0.11)
    assert driver.lux == pytest.approx(300, abs=0.27)
    world.set(light_lux=50.0)
    world.pass_time(1.05)
    assert driver.lux == pytest.approx(300, abs=0.27)
    world.pass_time(0.1)
    assert driver.lux == pytest.approx(50, abs=0.27)


def test_beyond_the_range_it_saturates(world: SteadyWorld) -> None:
    driver = Driver(ChipBus(VEML7700(world)).as_blinka())
    driver.light_gain = Driver.ALS_GAIN_2
    world.set(light_lux=100_000.0)
    world.pass_time(1)
    assert driver.light == 65535


def test_thresholds_raise_flags_that_reading_clears(world: SteadyWorld) -> None:
    bus = ChipBus(VEML7700(world))
    driver = Driver(bus.as_blinka())
    driver.light_low_threshold, driver.light_high_threshold = 100, 200
    driver.light_interrupt = True
    for lux, flags in ((300.0, 0x4000), (80.0, 0), (10.0, 0x8000)):  # gain 1/8, 100 ms: 0.5376 lx a count
        world.set(light_lux=lux)
        world.pass_time(1)
        word(bus, 4)
        assert word(bus, 6) == flags
        assert word(bus, 6) == 0


def test_its_device_id(world: SteadyWorld) -> None:
    assert ChipBus(VEML7700(world)).read_register(0x10, 0x07, 2) == b"\x81\xc4"


@pytest.mark.parametrize("data", [b"\x00\x10\x00", b"\x00\x40\x01", b"\x08\x00\x00", b"\x00\x00"])
def test_settings_that_are_not_modelled_fail_loudly(world: SteadyWorld, data: bytes) -> None:
    with pytest.raises(UnmodelledError, match="Vishay 84286"):
        ChipBus(VEML7700(world)).write(0x10, data)
