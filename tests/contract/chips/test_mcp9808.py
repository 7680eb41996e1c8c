"""MCP9808. Tolerance: half a step of the resolution (DS25095A, 5.1.6)."""

from __future__ import annotations

import random

import adafruit_mcp9808
import pytest

from iotlab import sensors
from iotlab.sim.chips.base import UnmodelledError
from iotlab.sim.chips.mcp9808 import MCP9808
from iotlab.testing.chips import ROOM, ChipContract
from iotlab.testing.i2c import ChipBus
from iotlab.testing.world import SteadyWorld

READINGS = 24


class TestMCP9808Contract(ChipContract):
    name, unmodelled = "mcp9808", (b"\x09\x00\x00", 0)  # a reserved register


@pytest.fixture
def world() -> SteadyWorld:
    return SteadyWorld(step_s=0, **ROOM)


@pytest.mark.parametrize(
    ("address", "resolution", "step_c"),
    [(0x18, 3, 0.0625), (0x19, 2, 0.125), (0x1E, 1, 0.25), (0x1F, 0, 0.5)],
)
def test_resolutions(world: SteadyWorld, address: int, resolution: int, step_c: float) -> None:
    chip = MCP9808(world, address=address)
    driver = adafruit_mcp9808.MCP9808(ChipBus(chip).as_blinka(), address)
    assert driver.resolution == 3
    driver.resolution = resolution
    assert (driver.resolution, chip.state()["resolution_c"]) == (resolution, step_c)
    dice = random.Random(address)
    for _ in range(READINGS):
        temperature_c = dice.uniform(-40, 125)
        world.set(temperature_c=temperature_c)
        world.pass_time(0.251)
        assert driver.temperature == pytest.approx(temperature_c, abs=step_c / 2)
        assert driver.temperature % step_c == 0


@pytest.mark.parametrize(("resolution", "seconds"), [(0, 0.030), (1, 0.065), (2, 0.130), (3, 0.250)])
def test_a_conversion_takes_its_time(world: SteadyWorld, resolution: int, seconds: float) -> None:
    driver = adafruit_mcp9808.MCP9808(ChipBus(MCP9808(world)).as_blinka())
    driver.resolution = resolution
    world.pass_time(seconds - 0.001)
    assert driver.temperature == 0, "none has ended since power-on"
    world.pass_time(0.002)
    assert driver.temperature == 21.5
    world.set(temperature_c=30.0)
    assert driver.temperature == 21.5
    world.pass_time(seconds)
    assert driver.temperature == 30


def test_limits_and_flags(world: SteadyWorld) -> None:
    """Positive limits: the driver writes negative ones as sign and magnitude, and the chip takes two's complement."""
    driver = adafruit_mcp9808.MCP9808(ChipBus(MCP9808(world)).as_blinka())
    driver.lower_temperature, driver.upper_temperature, driver.critical_temperature = 10, 20, 30
    assert driver.lower_temperature == 10
    assert driver.upper_temperature == 20
    assert driver.critical_temperature == 30
    told = {}
    for temperature_c in (-20, 9.9375, 10, 20, 20.0625, 29.9375, 30, 125):
        world.set(temperature_c=temperature_c)
        world.pass_time(0.251)
        told[temperature_c] = (driver.below_lower, driver.above_upper, driver.above_critical)
    assert told == {
        -20: (True, False, False),
        9.9375: (True, False, False),
        10: (False, False, False),
        20: (False, False, False),
        20.0625: (False, True, False),
        29.9375: (False, True, False),
        30: (False, True, True),
        125: (False, True, True),
    }


def test_a_negative_limit_is_twos_complement_of_a_quarter_degree(world: SteadyWorld) -> None:
    bus = ChipBus(MCP9808(world))
    bus.write(0x18, b"\x03\xff\x6f")  # -9.0625 °C: the last two bits are not there
    assert bus.read_register(0x18, 0x03, 2) == b"\x1f\x6c"
    for temperature_c, below in ((-9.25, False), (-9.3125, True)):
        world.set(temperature_c=temperature_c)
        world.pass_time(0.251)
        assert bool(bus.read_register(0x18, 0x05)[0] & 0x20) is below


def test_shut_down_it_holds_the_last_temperature(world: SteadyWorld) -> None:
    chip = MCP9808(world)
    bus = ChipBus(chip)
    driver = adafruit_mcp9808.MCP9808(bus.as_blinka())
    world.pass_time(0.3)
    bus.write(0x18, b"\x01\x01\x00")
    assert chip.state()["shut_down"] is True
    world.set(temperature_c=80.0)
    world.pass_time(10)
    assert driver.temperature == 21.5
    bus.write(0x18, b"\x01\x00\x00")
    assert driver.temperature == 21.5
    world.pass_time(0.251)
    assert driver.temperature == 80


def test_locks_hold_until_power_on(world: SteadyWorld) -> None:
    chip = MCP9808(world)
    bus = ChipBus(chip)
    bus.write(0x18, b"\x02\x01\x40")
    bus.write(0x18, b"\x01\x01\x62")  # Int. Clear reads as 0
    assert bus.read_register(0x18, 0x01, 2) == b"\x01\x42"
    bus.write(0x18, b"\x02\x00\x00")  # T_UPPER is locked, T_CRIT is not
    bus.write(0x18, b"\x04\x01\xe0")
    assert bus.read_register(0x18, 0x02, 2) == b"\x01\x40"
    assert bus.read_register(0x18, 0x04, 2) == b"\x01\xe0"
    bus.write(0x18, b"\x01\x00\x85")  # out of shutdown, and the other lock
    bus.write(0x18, b"\x01\x01\x00")  # not back
    bus.write(0x18, b"\x04\x00\x00")
    assert bus.read_register(0x18, 0x01, 2) == b"\x00\xc2"
    assert bus.read_register(0x18, 0x04, 2) == b"\x01\xe0"
    chip.unplug()
    chip.plug()
    assert bus.read_register(0x18, 0x01, 2) == b"\x00\x00"


def test_what_is_read_only_stays(world: SteadyWorld) -> None:
    bus = ChipBus(MCP9808(world))
    for register, value in ((0x00, b"\x00\x1f"), (0x06, b"\x00\x54"), (0x07, b"\x04\x00")):
        bus.write(0x18, bytes([register, 0xAA, 0xAA]))
        assert bus.read_register(0x18, register, 2) == value


@pytest.mark.parametrize(
    ("data", "size"),
    [(b"\x01\x02\x00", 0), (b"\x01\x00\x08", 0), (b"\x02\x01", 0), (b"\x05", 3), (b"\x10", 1)],
)
def test_what_is_not_guessed(world: SteadyWorld, data: bytes, size: int) -> None:
    bus = ChipBus(MCP9808(world))
    with pytest.raises(UnmodelledError):
        bus.write_read(0x18, data, size) if size else bus.write(0x18, data)


@pytest.mark.parametrize("address", MCP9808.addresses)
def test_it_is_told_from_others_at_its_addresses(world: SteadyWorld, address: int) -> None:
    found = sensors.identify(
        ChipBus(MCP9808(world, address=address)), address, sensors.profiles(), also=[address]
    )
    assert [(c.name, c.confidence) for c in found.candidates] == [("mcp9808", "certain")]


def test_beyond_the_range_it_stays_at_the_limit(world: SteadyWorld) -> None:
    driver = adafruit_mcp9808.MCP9808(ChipBus(MCP9808(world)).as_blinka())
    for there, shown in ((-90.0, -40), (300.0, 125)):
        world.set(temperature_c=there)
        world.pass_time(0.251)
        assert driver.temperature == shown


def test_unplugged_the_driver_raises_an_oserror(world: SteadyWorld) -> None:
    chip = MCP9808(world)
    driver = adafruit_mcp9808.MCP9808(ChipBus(chip).as_blinka())
    assert driver.temperature == 0
    chip.unplug()
    with pytest.raises(OSError, match="is the chip plugged in"):
        driver.temperature  # noqa: B018 - reading it is what takes the transfers
