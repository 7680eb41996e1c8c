"""VL53L0X: the contract, the published driver, and what is special to it."""

from __future__ import annotations

import random

import adafruit_vl53l0x
import pytest

from iotlab import sensors
from iotlab.bus.i2c import Write
from iotlab.sim import chips
from iotlab.sim.chips.base import I2CChip, UnmodelledError
from iotlab.sim.chips.vl53l0x import VL53L0X
from iotlab.testing.chips import ROOM, ChipContract
from iotlab.testing.i2c import ChipBus
from iotlab.testing.world import SteadyWorld

READINGS = 24


class TestVL53L0XContract(ChipContract):
    name, unmodelled = "vl53l0x", (b"\x8a\x30", 0)  # another address


@pytest.fixture
def world() -> SteadyWorld:
    return SteadyWorld(step_s=0.002, **ROOM)


@pytest.fixture
def chip(world: SteadyWorld) -> VL53L0X:
    return VL53L0X(world)


@pytest.fixture
def driver(chip: VL53L0X) -> adafruit_vl53l0x.VL53L0X:
    return adafruit_vl53l0x.VL53L0X(ChipBus(chip).as_blinka(), io_timeout_s=5)


@pytest.mark.parametrize("budget_us", [20_000, 33_000, 200_000])
def test_the_driver_reads_distances_to_half_a_millimetre(
    world: SteadyWorld, driver: adafruit_vl53l0x.VL53L0X, budget_us: int
) -> None:
    driver.measurement_timing_budget = budget_us
    # reading it counts 590 µs more than setting it; the time-out has a mantissa of 8 bits
    assert driver.measurement_timing_budget == pytest.approx(budget_us + 590, rel=1 / 128)
    dice = random.Random(budget_us)
    for _ in range(READINGS):
        distance_mm = dice.uniform(0, 2000)
        world.set(distance_mm=distance_mm)
        assert driver.range == pytest.approx(distance_mm, abs=0.5001)


def test_again_and_again(world: SteadyWorld, chip: VL53L0X, driver: adafruit_vl53l0x.VL53L0X) -> None:
    with driver.continuous_mode():
        for distance_mm in (100, 900, 350):
            world.set(distance_mm=distance_mm)
            assert driver.range == distance_mm
            assert chip.state()["mode"] == "continuous"
    assert driver.is_continuous_mode is False
    assert driver.range == 350
    assert chip.state()["mode"] == "idle"


def test_where_it_sees_nothing(world: SteadyWorld, driver: adafruit_vl53l0x.VL53L0X) -> None:
    world.set(distance_mm=3500.0)
    assert driver.range == 8190


def test_a_measurement_takes_its_timing_budget(chip: VL53L0X, driver: adafruit_vl53l0x.VL53L0X) -> None:
    driver.measurement_timing_budget = 50_000
    still = SteadyWorld(step_s=0, **ROOM)
    chip.world = still
    driver.do_range_measurement()
    still.pass_time(0.048)
    assert driver.data_ready is False
    still.pass_time(0.003)
    assert driver.data_ready is True
    assert driver.read_range() == 420
    assert driver.data_ready is False


def test_unplugged_the_driver_raises_an_oserror(chip: VL53L0X, driver: adafruit_vl53l0x.VL53L0X) -> None:
    chip.unplug()
    with pytest.raises(OSError, match="is the chip plugged in"):
        driver.range  # noqa: B018 - reading it takes the transfers


@pytest.mark.parametrize("name", ["vl53l0x", "tcs34725", "tsl2591"])
def test_those_at_its_address_are_told_apart(world: SteadyWorld, name: str) -> None:
    chip = chips.create(name, world)
    assert isinstance(chip, I2CChip)
    (candidate,) = sensors.identify(ChipBus(chip), 0x29, sensors.profiles()).candidates
    assert (candidate.name, candidate.confidence) == (name, "certain")


@pytest.mark.parametrize("data", [b"\x00\x04", b"\x0a\x01", b"\x01\xff\x01"])
def test_what_is_not_modelled_fails_loudly(chip: VL53L0X, data: bytes) -> None:
    with pytest.raises(UnmodelledError, match="DocID029104"):
        ChipBus(chip).transaction(0x29, [Write(data), Write(b"\x00\x01")])
