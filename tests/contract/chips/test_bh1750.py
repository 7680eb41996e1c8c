"""BH1750: the contract, the published driver, and what is special to it."""

from __future__ import annotations

import random
from typing import Any

import adafruit_bh1750
import pytest
from adafruit_bh1750 import Mode, Resolution

from iotlab.sim.chips.base import UnmodelledError
from iotlab.sim.chips.bh1750 import BH1750
from iotlab.testing.chips import ROOM, ChipContract
from iotlab.testing.i2c import ChipBus
from iotlab.testing.world import SteadyWorld

READINGS = 24
COUNTS_PER_LX = 1.2


class TestBH1750Contract(ChipContract):
    name, unmodelled = "bh1750", (b"\x03", 0)


@pytest.fixture
def world() -> SteadyWorld:
    return SteadyWorld(**ROOM)


def connect(world: SteadyWorld, address: int = 0x23) -> tuple[BH1750, Any]:
    chip = BH1750(world, address=address)
    return chip, adafruit_bh1750.BH1750(ChipBus(chip).as_blinka(), address)


@pytest.mark.parametrize(
    ("address", "resolution", "most_lx", "step_lx"),
    [
        (0x23, Resolution.HIGH, 27306, 0.5 / COUNTS_PER_LX),
        (0x5C, Resolution.MID, 54612, 1 / COUNTS_PER_LX),
        (0x23, Resolution.LOW, 54612, 4.0 + 1 / COUNTS_PER_LX),
    ],
    ids=["high 2", "high", "low"],
)
def test_the_driver_reads_the_light_to_half_a_step(
    world: SteadyWorld, address: int, resolution: int, most_lx: float, step_lx: float
) -> None:
    chip, driver = connect(world, address)
    if resolution != Resolution.HIGH:
        driver.resolution = resolution
    dice = random.Random(resolution)
    for _ in range(READINGS):
        lux = dice.choice([dice.uniform(0, 100), dice.uniform(0, most_lx)])
        world.set(light_lux=lux)
        world.pass_time(0.2)
        assert driver.lux == pytest.approx(lux, abs=0.5001 * step_lx)
    assert chip.state()["mode"] == "measuring"


def test_one_measurement_and_it_powers_down(world: SteadyWorld) -> None:
    chip, driver = connect(world)
    driver.mode = Mode.ONE_SHOT
    world.set(light_lux=1234.0)
    world.pass_time(0.2)
    assert driver.lux == pytest.approx(1234, abs=0.21)
    assert chip.state()["mode"] == "power down"
    world.set(light_lux=5.0)
    world.pass_time(10)
    assert driver.lux == pytest.approx(1234, abs=0.21)


def test_unplugged_the_driver_raises_an_oserror(world: SteadyWorld) -> None:
    chip, driver = connect(world)
    chip.unplug()
    with pytest.raises(OSError, match="is the chip plugged in"):
        driver.lux  # noqa: B018 - reading it is the transfer
    chip.plug()
    assert driver.lux == 0, "powered down, its data register reset"


@pytest.mark.parametrize("register", [31, 69, 138, 254])
def test_the_measurement_time_register_scales_counts_and_time(register: int) -> None:
    world = SteadyWorld(step_s=0, light_lux=200.0)
    bus = ChipBus(BH1750(world))
    bus.write(0x23, bytes([0x40 | register >> 5]))
    bus.write(0x23, bytes([0x60 | register & 0x1F]))
    bus.write(0x23, b"\x10")
    world.pass_time(0.120 * register / 69 - 0.001)
    assert bus.read(0x23, 2) == b"\x00\x00"
    world.pass_time(0.002)
    assert int.from_bytes(bus.read(0x23, 2), "big") == round(200 * 1.2 * register / 69)


def test_beyond_the_range_it_saturates(world: SteadyWorld) -> None:
    bus = ChipBus(BH1750(world))
    bus.write(0x23, b"\x11")
    world.set(light_lux=100_000.0)
    world.pass_time(1)
    assert bus.read(0x23, 2) == b"\xff\xff"


def test_a_reset_clears_the_data_only_while_it_is_powered(world: SteadyWorld) -> None:
    bus = ChipBus(BH1750(world))
    bus.write(0x23, b"\x20")
    world.pass_time(1)
    measured = bus.read(0x23, 2)
    assert int.from_bytes(measured, "big") == 360
    bus.write(0x23, b"\x07")
    assert bus.read(0x23, 2) == measured, "it had powered down by itself"
    bus.write(0x23, b"\x01")
    bus.write(0x23, b"\x07")
    assert bus.read(0x23, 2) == b"\x00\x00"


def test_a_measurement_time_that_is_not_allowed_fails_loudly(world: SteadyWorld) -> None:
    bus = ChipBus(BH1750(world))
    bus.write(0x23, b"\x40")
    with pytest.raises(UnmodelledError, match="31 to 254"):
        bus.write(0x23, b"\x10")
    with pytest.raises(UnmodelledError, match="more than one opcode"):
        bus.write(0x23, b"\x01\x10")
