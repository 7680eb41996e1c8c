"""SHT31-D. Tolerance: half of one of the 16-bit steps of SHT3x-DIS version 5, 4.13, p. 14."""

from __future__ import annotations

import random

import adafruit_sht31d
import pytest
from adafruit_sht31d import MODE_PERIODIC, MODE_SINGLE, REP_HIGH, REP_LOW, REP_MED

from iotlab.errors import NackError
from iotlab.sim.chips.base import UnmodelledError
from iotlab.sim.chips.sht31d import SHT31D
from iotlab.sim.commands import crc8
from iotlab.testing.chips import ROOM, ChipContract
from iotlab.testing.i2c import ChipBus
from iotlab.testing.world import SteadyWorld

READINGS = 24
HALF_C, HALF_PERCENT = 0.5001 * 175 / 65535, 0.5001 * 100 / 65535


class TestSHT31DContract(ChipContract):
    name, unmodelled, silent = "sht31d", (b"\x61\x1d", 0), True  # an alert limit


@pytest.fixture
def world() -> SteadyWorld:
    """Of this machine's clock: the driver sleeps for as long as the chip measures."""
    return SteadyWorld(step_s=None, **ROOM)


@pytest.fixture
def stopped() -> SteadyWorld:
    return SteadyWorld(step_s=0, **ROOM)


def somewhere(dice: random.Random) -> tuple[float, float]:
    return dice.uniform(-40, 125), dice.uniform(0, 100)


@pytest.mark.parametrize(
    ("address", "repeatability", "stretching"),
    [(0x44, REP_HIGH, True), (0x45, REP_MED, True), (0x44, REP_HIGH, False), (0x45, REP_LOW, False)],
)
def test_single_shots(world: SteadyWorld, address: int, repeatability: str, stretching: bool) -> None:
    driver = adafruit_sht31d.SHT31D(ChipBus(SHT31D(world, address=address)).as_blinka(), address)
    driver.repeatability, driver.clock_stretching = repeatability, stretching
    dice = random.Random(address + stretching)
    for _ in range(READINGS):
        temperature_c, humidity_percent = somewhere(dice)
        world.set(temperature_c=temperature_c, humidity_percent=humidity_percent)
        assert driver.temperature == pytest.approx(temperature_c, abs=HALF_C)
        assert driver.relative_humidity == pytest.approx(humidity_percent, abs=HALF_PERCENT)


@pytest.mark.parametrize("frequency", [10, 0.5])
def test_periodic_measurements(stopped: SteadyWorld, frequency: float) -> None:
    chip = SHT31D(stopped)
    driver = adafruit_sht31d.SHT31D(ChipBus(chip).as_blinka())
    driver.frequency = frequency
    dice = random.Random(frequency)
    for _ in range(READINGS):
        driver.mode = MODE_PERIODIC
        assert chip.state()["mode"] == "periodic"
        temperature_c, humidity_percent = somewhere(dice)
        stopped.set(temperature_c=temperature_c, humidity_percent=humidity_percent)
        stopped.pass_time(0.0126)
        assert driver.temperature == pytest.approx(temperature_c, abs=HALF_C)
        assert driver.relative_humidity == pytest.approx(humidity_percent, abs=HALF_PERCENT)
        driver.mode = MODE_SINGLE


def test_accelerated_response_is_four_measurements_a_second(stopped: SteadyWorld) -> None:
    bus = ChipBus(SHT31D(stopped))
    bus.write(0x44, b"\x2b\x32")
    stopped.pass_time(0.013)
    assert len(bus.write_read(0x44, b"\xe0\x00", 6)) == 6
    stopped.pass_time(0.24)
    with pytest.raises(NackError, match="nothing to send"):  # the last one was fetched (4.6)
        bus.write_read(0x44, b"\xe0\x00", 6)
    stopped.pass_time(0.01)
    assert len(bus.write_read(0x44, b"\xe0\x00", 6)) == 6


def test_heater_status_and_serial_number(world: SteadyWorld) -> None:
    chip = SHT31D(world, serial=0xC0FFEE42)
    driver = adafruit_sht31d.SHT31D(ChipBus(chip).as_blinka())
    assert driver.serial_number == 0xC0FFEE42
    assert driver.status == 0x8010
    driver.heater = True
    assert (driver.heater, chip.state()["heater"]) == (True, True)
    ChipBus(chip).write(0x44, b"\x30\x41")  # clear status: the heater stays on
    assert driver.status == 0x2000
    driver.heater = False
    assert driver.heater is False


def test_beyond_the_range_it_stays_at_the_limit(world: SteadyWorld) -> None:
    driver = adafruit_sht31d.SHT31D(ChipBus(SHT31D(world)).as_blinka())
    world.set(temperature_c=300.0, humidity_percent=150.0)
    assert driver.temperature == pytest.approx(125, abs=HALF_C)
    assert driver.relative_humidity == 100


def test_while_it_measures_a_read_is_not_acknowledged(stopped: SteadyWorld) -> None:
    bus = ChipBus(SHT31D(stopped))
    bus.write(0x44, b"\x24\x00")
    stopped.pass_time(0.0124)
    with pytest.raises(NackError, match="is measuring"):
        bus.read(0x44, 6)
    with pytest.raises(UnmodelledError, match="while it measures"):
        bus.write(0x44, b"\x24\x00")
    stopped.pass_time(0.0002)
    data = bus.read(0x44, 8)
    assert (data[2], data[5]) == (crc8(data[:2]), crc8(data[3:5]))
    assert data[6:] == b"\xff\xff", "it has no more to send"
    with pytest.raises(NackError, match="nothing to send"):
        bus.read(0x44, 6)


def test_a_break_stops_any_measurement(stopped: SteadyWorld) -> None:
    bus = ChipBus(SHT31D(stopped))
    bus.write(0x44, b"\x27\x37")
    with pytest.raises(UnmodelledError, match="periodic mode"):
        bus.write(0x44, b"\x30\xa2")
    bus.write(0x44, b"\x30\x93")
    bus.write(0x44, b"\x30\xa2")
    with pytest.raises(NackError):
        bus.write_read(0x44, b"\xe0\x00", 6)


def test_half_a_command_is_not_guessed(stopped: SteadyWorld) -> None:
    with pytest.raises(UnmodelledError, match="two bytes, but 1"):
        ChipBus(SHT31D(stopped)).write(0x44, b"\x24")


def test_a_serial_number_of_more_than_32_bits(stopped: SteadyWorld) -> None:
    with pytest.raises(ValueError, match="32 bits"):
        SHT31D(stopped, serial=1 << 32)


def test_unplugged_the_driver_raises_an_oserror(world: SteadyWorld) -> None:
    chip = SHT31D(world)
    driver = adafruit_sht31d.SHT31D(ChipBus(chip).as_blinka())
    assert driver.temperature == pytest.approx(21.5, abs=HALF_C)
    chip.unplug()
    with pytest.raises(OSError, match="is the chip plugged in"):
        driver.temperature  # noqa: B018 - reading it is what takes the transfers
