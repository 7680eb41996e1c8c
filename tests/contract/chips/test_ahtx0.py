"""AHT20. Tolerance: half of one of the 20-bit steps of its product manual, version 1.0, 6."""

from __future__ import annotations

import random

import adafruit_ahtx0
import pytest

from iotlab.errors import NackError
from iotlab.sim.chips.ahtx0 import AHT20
from iotlab.sim.chips.base import UnmodelledError
from iotlab.sim.commands import crc8
from iotlab.testing.chips import ROOM, ChipContract
from iotlab.testing.i2c import ChipBus
from iotlab.testing.world import SteadyWorld

READINGS = 24
HALF_C, HALF_PERCENT = 0.5001 * 200 / 2**20, 0.5001 * 100 / 2**20


class TestAHT20Contract(ChipContract):
    name, unmodelled = "ahtx0", (b"\x1b\x00\x00", 0)  # a calibration register


@pytest.fixture
def world() -> SteadyWorld:
    """Faster than this machine's clock: the measurement is over when the driver asks first, and nobody waits."""
    return SteadyWorld(step_s=0.081, **ROOM)


@pytest.fixture
def stopped() -> SteadyWorld:
    return SteadyWorld(step_s=0, **ROOM)


@pytest.mark.parametrize("calibrated", [True, False])
def test_readings(world: SteadyWorld, calibrated: bool) -> None:
    chip = AHT20(world, calibrated=calibrated)
    assert chip.state()["calibrated"] is calibrated
    driver = adafruit_ahtx0.AHTx0(ChipBus(chip).as_blinka())
    assert chip.state()["calibrated"] is True
    dice = random.Random(calibrated)
    for _ in range(READINGS):
        temperature_c, humidity_percent = dice.uniform(-40, 85), dice.uniform(0, 99.9999)
        world.set(temperature_c=temperature_c, humidity_percent=humidity_percent)
        assert driver.temperature == pytest.approx(temperature_c, abs=HALF_C)
        assert driver.relative_humidity == pytest.approx(humidity_percent, abs=HALF_PERCENT)


def test_a_measurement_takes_80_ms(stopped: SteadyWorld) -> None:
    chip = AHT20(stopped)
    bus = ChipBus(chip)
    assert bus.read(0x38, 1) == b"\x18"
    bus.write(0x38, b"\xac\x33\x00")
    stopped.set(temperature_c=80.0)  # too late for this one
    stopped.pass_time(0.0799)
    assert bus.read(0x38, 6) == b"\x98" + bytes(5)
    assert chip.state()["busy"] is True
    with pytest.raises(UnmodelledError, match="while it is busy"):
        bus.write(0x38, b"\xac\x33\x00")
    stopped.pass_time(0.0002)
    data = bus.read(0x38, 7)
    assert (data[0], data[6]) == (0x18, crc8(data[:6]))
    assert (int.from_bytes(data[3:6], "big") & 0xFFFFF) * 200 / 2**20 - 50 == pytest.approx(21.5, abs=HALF_C)
    assert bus.read(0x38, 7) == data, "it can be read again"


def test_uncalibrated_it_takes_an_initialisation_of_10_ms(stopped: SteadyWorld) -> None:
    bus = ChipBus(AHT20(stopped, calibrated=False))
    assert bus.write_read(0x38, b"\x71", 1) == b"\x10"
    with pytest.raises(UnmodelledError, match="before it is calibrated"):
        bus.write(0x38, b"\xac\x33\x00")
    with pytest.raises(NackError, match="AHT10"):
        bus.write(0x38, b"\xe1\x08\x00")
    bus.write(0x38, b"\xbe\x08\x00")
    assert bus.read(0x38, 1) == b"\x98"
    stopped.pass_time(0.011)
    assert bus.read(0x38, 1) == b"\x18"


def test_a_soft_reset_ends_a_measurement(stopped: SteadyWorld) -> None:
    bus = ChipBus(AHT20(stopped))
    bus.write(0x38, b"\xac\x33\x00")
    bus.write(0x38, b"\xba")
    assert bus.read(0x38, 6) == b"\x18" + bytes(5)


@pytest.mark.parametrize("data", [b"\xac\x00\x00", b"\xbe\x00\x00", b"\xac", b"\xba\x00"])
def test_other_arguments_are_not_guessed(stopped: SteadyWorld, data: bytes) -> None:
    with pytest.raises(UnmodelledError, match="command"):
        ChipBus(AHT20(stopped)).write(0x38, data)


def test_it_has_seven_bytes(stopped: SteadyWorld) -> None:
    with pytest.raises(UnmodelledError, match="8 bytes"):
        ChipBus(AHT20(stopped)).read(0x38, 8)


def test_beyond_the_range_it_stays_at_the_limit(world: SteadyWorld) -> None:
    driver = adafruit_ahtx0.AHTx0(ChipBus(AHT20(world)).as_blinka())
    world.set(temperature_c=300.0, humidity_percent=150.0)
    assert driver.temperature == pytest.approx(85, abs=HALF_C)
    assert driver.relative_humidity == 100 * (2**20 - 1) / 2**20, "20 bits have no more"


def test_unplugged_the_driver_raises_an_oserror(world: SteadyWorld) -> None:
    chip = AHT20(world)
    driver = adafruit_ahtx0.AHTx0(ChipBus(chip).as_blinka())
    assert driver.temperature == pytest.approx(21.5, abs=HALF_C)
    chip.unplug()
    with pytest.raises(OSError, match="is the chip plugged in"):
        driver.temperature  # noqa: B018 - reading it is what takes the transfers
