"""TSL2591: the contract, the published driver, and what is special to it."""

from __future__ import annotations

import random

import adafruit_tsl2591 as published
import pytest

from iotlab.sim.chips.base import UnmodelledError
from iotlab.sim.chips.tsl2591 import TSL2591
from iotlab.testing.chips import ROOM, ChipContract
from iotlab.testing.i2c import ChipBus
from iotlab.testing.world import SteadyWorld

READINGS = 24
INFRARED_SHARE = 34.9 / 264.1


class TestTSL2591Contract(ChipContract):
    name, unmodelled = "tsl2591", (b"\xa0\x43", 0)  # sleep after interrupt


@pytest.fixture
def world() -> SteadyWorld:
    return SteadyWorld(**ROOM)


@pytest.mark.parametrize(
    ("gain", "times"),
    [
        (published.GAIN_LOW, 1),
        (published.GAIN_MED, 25),
        (published.GAIN_HIGH, 428),
        (published.GAIN_MAX, 9876),
    ],
)
@pytest.mark.parametrize("integration", range(6))
def test_the_driver_reads_the_light_to_a_count(
    world: SteadyWorld, gain: int, times: int, integration: int
) -> None:
    """Half a count of each channel: in the drivers' equation 0.5 (1 + 1.64) counts of channel 0."""
    driver = published.TSL2591(ChipBus(TSL2591(world)).as_blinka())
    driver.gain, driver.integration_time = gain, integration
    counts_per_lx = (integration + 1) * 100 * times / 408
    most_lx = (36862 if integration == 0 else 65534) * (1 - 1.64 * INFRARED_SHARE) / counts_per_lx
    dice = random.Random(gain + integration)
    for _ in range(READINGS):
        lux = dice.uniform(0, most_lx)
        world.set(light_lux=lux)
        world.pass_time(1)
        assert driver.lux == pytest.approx(lux, abs=1.3201 / counts_per_lx)
        full, infrared = driver.raw_luminosity
        assert infrared == pytest.approx(full * INFRARED_SHARE, abs=0.5001 * (1 + INFRARED_SHARE))
        assert driver.visible == full - infrared


def test_unplugged_the_driver_raises_an_oserror(world: SteadyWorld) -> None:
    chip = TSL2591(world)
    driver = published.TSL2591(ChipBus(chip).as_blinka())
    chip.unplug()
    with pytest.raises(OSError, match="is the chip plugged in"):
        driver.lux  # noqa: B018 - reading it takes the transfers


def test_too_much_light_is_an_overflow(world: SteadyWorld) -> None:
    driver = published.TSL2591(ChipBus(TSL2591(world)).as_blinka())
    world.set(light_lux=50_000.0)
    world.pass_time(1)
    assert driver.full_spectrum == 36863
    with pytest.raises(RuntimeError, match="Overflow"):
        driver.lux  # noqa: B018 - reading it is what overflows
    driver.integration_time = published.INTEGRATIONTIME_200MS
    world.pass_time(1)
    assert driver.full_spectrum == 65535


def test_data_are_valid_after_one_integration() -> None:
    world = SteadyWorld(step_s=0, **ROOM)
    bus = ChipBus(TSL2591(world))
    driver = published.TSL2591(bus.as_blinka())
    world.pass_time(0.099)
    assert (bus.read_register(0x29, 0xB3), driver.full_spectrum) == (b"\x00", 0)
    world.pass_time(0.002)
    assert bus.read_register(0x29, 0xB3) == b"\x01"
    assert driver.full_spectrum > 0
    driver.disable()
    before = driver.full_spectrum
    world.set(light_lux=1.0)
    world.pass_time(10)
    assert driver.full_spectrum == before


def test_interrupts_with_and_without_a_filter() -> None:
    world = SteadyWorld(step_s=0, **ROOM)
    bus = ChipBus(TSL2591(world))
    driver = published.TSL2591(bus.as_blinka())
    driver.threshold_low = driver.nopersist_threshold_low = 10
    driver.threshold_high = driver.nopersist_threshold_high = 20
    assert (driver.threshold_low, driver.nopersist_threshold_high) == (10, 20)
    driver.persist = 3
    driver.enable_interrupt(published.ENABLE_NPAIEN)
    world.pass_time(0.11)
    assert bus.read_register(0x29, 0xB3) == b"\x21", "the first cycle, without the filter"
    world.pass_time(0.2)
    assert bus.read_register(0x29, 0xB3) == b"\x31", "the third in a row"
    driver.clear_interrupt(published.CLEAR_PERSIST_INTERRUPT)
    assert bus.read_register(0x29, 0xB3) == b"\x11"
    driver.clear_interrupt(published.CLEAR_ALL_INTERRUPTS)
    assert bus.read_register(0x29, 0xB3) == b"\x01"


@pytest.mark.parametrize("data", [b"\xa1\x80", b"\xa1\x06", b"\xe4", b"\x80\x01", b"\xb2\x00"])
def test_what_is_not_modelled_fails_loudly(world: SteadyWorld, data: bytes) -> None:
    with pytest.raises(UnmodelledError, match="ams TSL2591"):
        ChipBus(TSL2591(world)).write(0x29, data)
