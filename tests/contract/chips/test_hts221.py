"""HTS221. Tolerance: half of one step, 1/64 °C and 1/256 % (DocID026333 rev. 4, 2, table 3)."""

from __future__ import annotations

import random
import struct

import adafruit_hts221
import pytest
from adafruit_hts221 import Rate

from iotlab import sensors
from iotlab.errors import ConfigError
from iotlab.sim.chips.base import UnmodelledError
from iotlab.sim.chips.hts221 import HTS221
from iotlab.testing.chips import ROOM, ChipContract
from iotlab.testing.i2c import ChipBus
from iotlab.testing.world import SteadyWorld

READINGS = 24
HALF_C, HALF_PERCENT = 0.5001 / 64, 0.5001 / 256


class TestHTS221Contract(ChipContract):
    name, unmodelled = "hts221", (b"\x11", 1)


@pytest.fixture
def world() -> SteadyWorld:
    return SteadyWorld(step_s=0, **ROOM)


@pytest.mark.parametrize(
    ("rate", "period_s"),
    [(Rate.RATE_1_HZ, 1.0), (Rate.RATE_7_HZ, 0.1429), (Rate.RATE_12_5_HZ, 0.0801), (Rate.ONE_SHOT, 0.0)],
)
def test_rates(world: SteadyWorld, rate: int, period_s: float) -> None:
    driver = adafruit_hts221.HTS221(ChipBus(HTS221(world)).as_blinka())
    driver.data_rate = rate
    assert driver.data_rate == rate
    dice = random.Random(rate)
    for _ in range(READINGS):
        temperature_c, humidity_percent = dice.uniform(-40, 120), dice.uniform(0, 100)
        world.set(temperature_c=temperature_c, humidity_percent=humidity_percent)
        world.pass_time(period_s)
        if rate == Rate.ONE_SHOT:
            driver.take_measurements()
        assert (driver.temperature_data_ready, driver.humidity_data_ready) == (True, True)
        assert driver.temperature == pytest.approx(temperature_c, abs=HALF_C)
        assert driver.temperature_data_ready is False
        assert driver.relative_humidity == pytest.approx(humidity_percent, abs=HALF_PERCENT)
        assert driver.humidity_data_ready is False


def measured(bus: ChipBus) -> tuple[float, float]:
    """Temperature and humidity by the datasheet's interpolation (8), with the fractions that the driver drops."""
    calib = bus.read_register(0x5F, 0xB0, 16)
    h0, h1, t0, t1, _, msb = calib[:6]
    h0_out, _, h1_out, t0_out, t1_out = struct.unpack("<5h", calib[6:])
    h_out, t_out = struct.unpack("<hh", bus.read_register(0x5F, 0xA8, 4))
    t0_c, t1_c = ((msb & 3) << 8 | t0) / 8, ((msb & 12) << 6 | t1) / 8
    return (
        t0_c + (t_out - t0_out) * (t1_c - t0_c) / (t1_out - t0_out),
        h0 / 2 + (h_out - h0_out) * (h1 - h0) / 2 / (h1_out - h0_out),
    )


@pytest.mark.parametrize(("calibration", "slope_c", "slope_percent"), [(0, 64, 256), (1, 54.56, 293.4)])
def test_any_part_gives_what_its_calibration_says(
    world: SteadyWorld, calibration: int, slope_c: float, slope_percent: float
) -> None:
    bus = ChipBus(HTS221(world, calibration=calibration))
    bus.write(0x5F, b"\x20\x83")
    dice = random.Random(calibration)
    for _ in range(READINGS):
        temperature_c, humidity_percent = dice.uniform(-40, 120), dice.uniform(0, 100)
        world.set(temperature_c=temperature_c, humidity_percent=humidity_percent)
        world.pass_time(1)
        got_c, got_percent = measured(bus)
        assert got_c == pytest.approx(temperature_c, abs=0.501 / slope_c)
        assert got_percent == pytest.approx(humidity_percent, abs=0.501 / slope_percent)


def test_between_two_samples_the_value_stays(world: SteadyWorld) -> None:
    driver = adafruit_hts221.HTS221(ChipBus(HTS221(world)).as_blinka())
    driver.data_rate = Rate.RATE_1_HZ
    assert driver.temperature == pytest.approx(21.5, abs=HALF_C)
    world.set(temperature_c=60.0)
    world.pass_time(0.99)
    assert driver.temperature == pytest.approx(21.5, abs=HALF_C)
    world.pass_time(0.02)
    assert driver.temperature == pytest.approx(60, abs=HALF_C)


def test_powered_down_it_holds_the_last_values(world: SteadyWorld) -> None:
    chip = HTS221(world)
    bus = ChipBus(chip)
    assert chip.state()["powered_down"] is True
    with pytest.raises(UnmodelledError, match="power-down"):
        bus.write(0x5F, b"\x21\x01")
    driver = adafruit_hts221.HTS221(bus.as_blinka())
    assert driver.temperature == pytest.approx(21.5, abs=HALF_C)
    driver.enabled = False
    world.set(temperature_c=60.0)
    world.pass_time(10)
    assert driver.temperature == pytest.approx(21.5, abs=HALF_C)


def test_with_block_data_update_both_bytes_are_of_one_sample(world: SteadyWorld) -> None:
    bus = ChipBus(HTS221(world))
    bus.write(0x5F, b"\x20\x87")
    world.set(temperature_c=16.0)  # T0: -10
    assert bus.read_register(0x5F, 0x2A) == b"\xf6"
    world.set(temperature_c=36.0)
    world.pass_time(1)
    assert bus.read_register(0x5F, 0x2B) == b"\xff"
    world.pass_time(1)
    assert bus.read_register(0x5F, 0xAA, 2) == (1270).to_bytes(2, "little")


def test_only_with_its_highest_bit_a_sub_address_goes_on(world: SteadyWorld) -> None:
    bus = ChipBus(HTS221(world))
    assert bus.read_register(0x5F, 0x30, 3) == bytes([60, 60, 60])
    assert bus.read_register(0x5F, 0xB0, 3) == bytes([60, 140, 128])


def test_settings_are_read_back_and_rebooting_ends(world: SteadyWorld) -> None:
    bus = ChipBus(HTS221(world))
    assert bus.read_register(0x5F, 0x10) == b"\x1b"
    bus.write(0x5F, b"\x90\x3f")
    bus.write(0x5F, b"\xa1\x82\xc4")
    assert bus.read_register(0x5F, 0x10) == b"\x3f"
    assert bus.read_register(0x5F, 0xA1, 2) == b"\x02\xc4"
    for data in (b"\x20\x08", b"\x30\x00"):
        with pytest.raises(UnmodelledError, match="HTS221"):
            bus.write(0x5F, data)


def test_beyond_the_range_it_stays_at_the_limit(world: SteadyWorld) -> None:
    driver = adafruit_hts221.HTS221(ChipBus(HTS221(world)).as_blinka())
    world.set(temperature_c=300.0, humidity_percent=150.0)
    world.pass_time(1)
    assert driver.temperature == pytest.approx(120, abs=HALF_C)
    assert driver.relative_humidity == pytest.approx(100, abs=HALF_PERCENT)


def test_it_is_told_by_its_id(world: SteadyWorld) -> None:
    found = sensors.identify(ChipBus(HTS221(world)), 0x5F, sensors.profiles())
    assert [(c.name, c.confidence) for c in found.candidates] == [("hts221", "certain")]
    with pytest.raises(ConfigError, match="0 to 1"):
        HTS221(world, calibration=2)


def test_unplugged_the_driver_raises_an_oserror(world: SteadyWorld) -> None:
    chip = HTS221(world)
    driver = adafruit_hts221.HTS221(ChipBus(chip).as_blinka())
    assert driver.temperature == pytest.approx(21.5, abs=HALF_C)
    chip.unplug()
    with pytest.raises(OSError, match="is the chip plugged in"):
        driver.temperature  # noqa: B018 - reading it is what takes the transfers
