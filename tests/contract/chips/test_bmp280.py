"""BMP280. Tolerances: one step of temperature and pressure (BST-BMP280-DS001 rev. 1.23, tables 4 and 5, p. 12)."""

from __future__ import annotations

import random
from typing import Any

import adafruit_bmp280
import pytest

from iotlab.sim.chips.base import UnmodelledError
from iotlab.sim.chips.bmp280 import BMP280
from iotlab.testing.chips import ROOM, ChipContract
from iotlab.testing.i2c import ChipBus
from iotlab.testing.world import SteadyWorld

READINGS = 24


class TestBMP280Contract(ChipContract):
    name, unmodelled = "bmp280", (b"\xfd", 1)  # where a BME280 has humidity


@pytest.fixture
def world() -> SteadyWorld:
    """Faster than this machine's clock: the driver asks every 2 ms, and is not to wait 40."""
    return SteadyWorld(step_s=0.01, **ROOM)


def readings(world: SteadyWorld, driver: Any, seed: int, hpa: float, settle_s: float = 0.0) -> None:
    dice = random.Random(seed)
    for _ in range(READINGS):
        temperature_c, pressure_hpa = dice.uniform(-40, 85), dice.uniform(300, 1100)
        world.set(temperature_c=temperature_c, pressure_hpa=pressure_hpa)
        world.pass_time(settle_s)
        assert driver.temperature == pytest.approx(temperature_c, abs=0.005)
        assert driver.pressure == pytest.approx(pressure_hpa, abs=hpa)


@pytest.mark.parametrize("calibration", [0, 1])
@pytest.mark.parametrize("address", [0x76, 0x77])
def test_forced_measurements(world: SteadyWorld, address: int, calibration: int) -> None:
    bus = ChipBus(BMP280(world, address=address, calibration=calibration))
    driver = adafruit_bmp280.Adafruit_BMP280_I2C(bus.as_blinka(), address)
    readings(world, driver, seed=address + calibration, hpa=0.0018)


def test_least_oversampling(world: SteadyWorld) -> None:
    driver = adafruit_bmp280.Adafruit_BMP280_I2C(ChipBus(BMP280(world)).as_blinka())
    driver.overscan_temperature = driver.overscan_pressure = adafruit_bmp280.OVERSCAN_X1
    readings(world, driver, seed=3, hpa=0.0262)


def test_normal_mode_with_the_filter(world: SteadyWorld) -> None:
    driver = adafruit_bmp280.Adafruit_BMP280_I2C(ChipBus(BMP280(world, calibration=1)).as_blinka())
    driver.overscan_temperature = adafruit_bmp280.OVERSCAN_X16
    driver.iir_filter = adafruit_bmp280.IIR_FILTER_X16
    driver.standby_period = adafruit_bmp280.STANDBY_TC_125
    driver.mode = adafruit_bmp280.MODE_NORMAL
    # 20 bits of temperature: the driver uses the lowest three, the datasheet's integer formula drops them
    readings(world, driver, seed=4, hpa=0.005, settle_s=60)


def test_the_longest_standby_is_four_seconds() -> None:
    """3.6.3, table 11: where a BME280 has 20 ms."""
    world = SteadyWorld(step_s=0, **ROOM)
    bus = ChipBus(BMP280(world))
    bus.write(0x77, b"\xf5\xe0\xf4\x27")
    world.pass_time(0.006)
    before = bus.read_register(0x77, 0xF7, 6)
    assert before != b"\x80\x00\x00" * 2
    world.set(temperature_c=60.0)
    world.pass_time(3.9)
    assert bus.read_register(0x77, 0xF7, 6) == before
    world.pass_time(0.11)
    assert bus.read_register(0x77, 0xF7, 6) != before


def test_it_measures_for_as_long_as_the_datasheet_says() -> None:
    """3.8.1, table 13: ultra high resolution, ×2 and ×16, takes 37.5 ms typically."""
    world = SteadyWorld(step_s=0, **ROOM)
    chip = BMP280(world)
    bus = ChipBus(chip)
    bus.write(0x77, b"\xf4\x55")
    world.pass_time(0.0374)
    assert bus.read_register(0x77, 0xF3)[0] & 0x08
    assert chip.state()["mode"] == "forced"
    world.pass_time(0.0002)
    assert not bus.read_register(0x77, 0xF3)[0] & 0x08
    assert chip.state()["mode"] == "sleep"


def test_it_has_no_humidity(world: SteadyWorld) -> None:
    bus = ChipBus(BMP280(world))
    for register in (0xA1, 0xE1, 0xF2):
        with pytest.raises(UnmodelledError, match="BMP280"):
            bus.read_register(0x77, register)
    with pytest.raises(UnmodelledError, match="BMP280"):
        bus.write(0x77, b"\xf2\x01")


def test_beyond_the_range_it_stays_at_the_limit(world: SteadyWorld) -> None:
    driver = adafruit_bmp280.Adafruit_BMP280_I2C(ChipBus(BMP280(world)).as_blinka())
    world.set(temperature_c=-90.0, pressure_hpa=2000.0)
    assert driver.temperature == pytest.approx(-40, abs=0.005)
    assert driver.pressure == pytest.approx(1100, abs=0.0018)


def test_unplugged_the_driver_raises_an_oserror(world: SteadyWorld) -> None:
    chip = BMP280(world)
    driver = adafruit_bmp280.Adafruit_BMP280_I2C(ChipBus(chip).as_blinka())
    assert driver.temperature == pytest.approx(21.5, abs=0.005)
    chip.unplug()
    with pytest.raises(OSError, match="is the chip plugged in"):
        driver.temperature  # noqa: B018 - reading it is what takes the transfers
