"""SHT4x. Tolerance: half of one of the 16-bit steps of SHT4x version 6, 4.6."""

from __future__ import annotations

import random

import adafruit_sht4x
import pytest
from adafruit_sht4x import Mode

from iotlab.errors import NackError
from iotlab.sim.chips.base import UnmodelledError
from iotlab.sim.chips.sht4x import SHT4X
from iotlab.sim.commands import crc8
from iotlab.testing.chips import ROOM, ChipContract
from iotlab.testing.i2c import ChipBus
from iotlab.testing.world import SteadyWorld

READINGS = 24
HALF_C, HALF_PERCENT = 0.5001 * 175 / 65535, 0.5001 * 125 / 65535


class TestSHT4XContract(ChipContract):
    name, unmodelled, silent = "sht4x", (b"\x88", 0), True


@pytest.fixture
def world() -> SteadyWorld:
    """Of this machine's clock: the driver sleeps for as long as the chip measures."""
    return SteadyWorld(step_s=None, **ROOM)


@pytest.fixture
def stopped() -> SteadyWorld:
    return SteadyWorld(step_s=0, **ROOM)


@pytest.mark.parametrize(
    ("address", "mode"),
    [
        (0x44, Mode.NOHEAT_HIGHPRECISION),
        (0x45, Mode.NOHEAT_MEDPRECISION),
        (0x46, Mode.NOHEAT_LOWPRECISION),
    ],
)
def test_precisions(world: SteadyWorld, address: int, mode: int) -> None:
    driver = adafruit_sht4x.SHT4x(ChipBus(SHT4X(world, address=address)).as_blinka(), address)
    driver.mode = mode
    dice = random.Random(mode)
    for _ in range(READINGS):
        temperature_c, humidity_percent = dice.uniform(-40, 125), dice.uniform(0, 100)
        world.set(temperature_c=temperature_c, humidity_percent=humidity_percent)
        measured_c, measured_percent = driver.measurements
        assert measured_c == pytest.approx(temperature_c, abs=HALF_C)
        assert measured_percent == pytest.approx(humidity_percent, abs=HALF_PERCENT)


@pytest.mark.parametrize("mode", [Mode.HIGHHEAT_100MS, Mode.MEDHEAT_100MS, Mode.LOWHEAT_100MS])
def test_short_pulses_of_the_heater_end_in_a_measurement(world: SteadyWorld, mode: int) -> None:
    driver = adafruit_sht4x.SHT4x(ChipBus(SHT4X(world)).as_blinka())
    driver.mode = mode
    assert driver.measurements == (
        pytest.approx(21.5, abs=HALF_C),
        pytest.approx(48.0, abs=HALF_PERCENT),
    )


@pytest.mark.parametrize("command", [0x39, 0x2F, 0x1E])
def test_long_pulses_of_the_heater_take_a_second(stopped: SteadyWorld, command: int) -> None:
    chip = SHT4X(stopped)
    bus = ChipBus(chip)
    bus.write(0x44, bytes([command]))
    stopped.pass_time(1.006)
    assert chip.state()["heater"] is True
    with pytest.raises(NackError, match="is measuring"):
        bus.read(0x44, 6)
    stopped.pass_time(0.001)
    assert chip.state()["heater"] is False
    data = bus.read(0x44, 6)
    assert (data[2], data[5]) == (crc8(data[:2]), crc8(data[3:5]))


def test_the_serial_number(world: SteadyWorld) -> None:
    driver = adafruit_sht4x.SHT4x(ChipBus(SHT4X(world, serial=0xBEEF1234)).as_blinka())
    assert driver.serial_number == 0xBEEF1234
    assert ChipBus(SHT4X(world, serial=0xBEEF1234)).write_read(0x44, b"\x89", 3) == b"\xbe\xef\x92"
    with pytest.raises(ValueError, match="32 bits"):
        SHT4X(world, serial=-1)


def test_beyond_the_range_it_stays_at_the_limit(world: SteadyWorld) -> None:
    driver = adafruit_sht4x.SHT4x(ChipBus(SHT4X(world)).as_blinka())
    world.set(temperature_c=-80.0, humidity_percent=-5.0)
    assert driver.measurements == (pytest.approx(-40, abs=HALF_C), pytest.approx(0, abs=HALF_PERCENT))


def test_while_it_measures_only_a_reset_is_for_it(stopped: SteadyWorld) -> None:
    bus = ChipBus(SHT4X(stopped))
    bus.write(0x44, b"\xfd")
    with pytest.raises(UnmodelledError, match="while it measures"):
        bus.write(0x44, b"\xfd")
    bus.write(0x44, b"\x94")
    stopped.pass_time(1)
    with pytest.raises(NackError, match="nothing to send"):
        bus.read(0x44, 6)
    with pytest.raises(UnmodelledError, match="one byte, but 2"):
        bus.write(0x44, b"\xfd\x00")


def test_unplugged_the_driver_raises_an_oserror(world: SteadyWorld) -> None:
    chip = SHT4X(world)
    driver = adafruit_sht4x.SHT4x(ChipBus(chip).as_blinka())
    assert driver.temperature == pytest.approx(21.5, abs=HALF_C)
    chip.unplug()
    with pytest.raises(OSError, match="is the chip plugged in"):
        driver.temperature  # noqa: B018 - reading it is what takes the transfers
