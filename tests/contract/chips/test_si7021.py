"""Si7021. Tolerance: one step of the resolution (Si7021-A20 rev. 1.1, 5.1.1, 5.1.2 and 6.1)."""

from __future__ import annotations

import random

import adafruit_si7021
import pytest

from iotlab.errors import NackError
from iotlab.sim.chips.base import UnmodelledError
from iotlab.sim.chips.si7021 import SI7021
from iotlab.sim.commands import crc8
from iotlab.testing.chips import ROOM, ChipContract
from iotlab.testing.i2c import ChipBus
from iotlab.testing.world import SteadyWorld

READINGS = 24


class TestSI7021Contract(ChipContract):
    name, unmodelled, silent = "si7021", (b"\x99", 0), True


@pytest.fixture
def world() -> SteadyWorld:
    return SteadyWorld(**ROOM)


@pytest.fixture
def stopped() -> SteadyWorld:
    return SteadyWorld(step_s=0, **ROOM)


@pytest.mark.parametrize(
    ("resolution", "humidity_bits", "temperature_bits"),
    [(0x00, 12, 14), (0x01, 8, 12), (0x80, 10, 13), (0x81, 11, 11)],
)
def test_resolutions(world: SteadyWorld, resolution: int, humidity_bits: int, temperature_bits: int) -> None:
    chip = SI7021(world)
    bus = ChipBus(chip)
    driver = adafruit_si7021.SI7021(bus.as_blinka())
    bus.write(0x40, bytes([0xE6, resolution | 0x3A]))  # the driver cannot set it
    assert chip.state()["humidity_bits"] == humidity_bits
    assert chip.state()["temperature_bits"] == temperature_bits
    dice = random.Random(resolution)
    for _ in range(READINGS):
        temperature_c, humidity_percent = dice.uniform(-40, 125), dice.uniform(0, 100)
        world.set(temperature_c=temperature_c, humidity_percent=humidity_percent)
        assert driver.temperature == pytest.approx(temperature_c, abs=175.72 / 2**temperature_bits)
        assert driver.relative_humidity == pytest.approx(humidity_percent, abs=125 / 2**humidity_bits)


def test_the_heater_and_what_it_is(world: SteadyWorld) -> None:
    chip = SI7021(world, serial=0x11223344)
    driver = adafruit_si7021.SI7021(ChipBus(chip).as_blinka())
    assert driver.device_identifier == "Si7021"
    assert driver.serial_number == 0x1122334415FFFFFF
    driver.heater_enable = True
    driver.heater_level = 9
    assert (driver.heater_level, chip.state()["heater"]) == (9, True)
    driver.heater_enable = False
    assert chip.state()["heater"] is False


def test_checksums_of_the_serial_number_go_on(stopped: SteadyWorld) -> None:
    bus = ChipBus(SI7021(stopped, serial=0x11223344))
    first = bus.write_read(0x40, b"\xfa\x0f", 8)
    assert first[::2] == b"\x11\x22\x33\x44"
    assert first[1::2] == bytes(crc8(first[: 2 * n + 1 : 2], 0) for n in range(4))
    second = bus.write_read(0x40, b"\xfc\xc9", 6)
    assert (second[2], second[5]) == (crc8(second[:2], 0), crc8(second[:2] + second[3:5], 0))
    assert bus.write_read(0x40, b"\x84\xb8", 1) == b"\x20"


@pytest.mark.parametrize(("no_hold", "hold", "seconds"), [(0xF5, 0xE5, 0.017), (0xF3, 0xE3, 0.007)])
def test_no_hold_is_not_acknowledged_while_it_measures(
    stopped: SteadyWorld, no_hold: int, hold: int, seconds: float
) -> None:
    bus = ChipBus(SI7021(stopped))
    bus.write(0x40, bytes([no_hold]))
    stopped.pass_time(seconds - 0.0001)
    with pytest.raises(NackError, match="is measuring"):
        bus.read(0x40, 3)
    with pytest.raises(UnmodelledError, match="while it measures"):
        bus.write(0x40, b"\xe7")
    stopped.pass_time(0.0002)
    data = bus.read(0x40, 3)
    assert data[2] == crc8(data[:2], 0)
    assert data[1] & 3 == (2 if no_hold == 0xF5 else 0)
    assert bus.write_read(0x40, bytes([hold]), 3) == data, "held, it is there at once"


def test_the_temperature_of_a_humidity_measurement(stopped: SteadyWorld) -> None:
    bus = ChipBus(SI7021(stopped))
    with pytest.raises(UnmodelledError, match="before the first humidity"):
        bus.write(0x40, b"\xe0")
    bus.write_read(0x40, b"\xe5", 2)
    stopped.set(temperature_c=80.0)
    code = int.from_bytes(bus.write_read(0x40, b"\xe0", 2), "big")
    assert code * 175.72 / 65536 - 46.85 == pytest.approx(21.5, abs=175.72 / 2**14)


def test_after_a_reset_it_starts_anew(stopped: SteadyWorld) -> None:
    bus = ChipBus(SI7021(stopped))
    bus.write(0x40, b"\xe6\xbf")
    assert bus.write_read(0x40, b"\xe7", 1) == b"\xbf"
    bus.write(0x40, b"\xf5")
    bus.write(0x40, b"\xfe")
    with pytest.raises(NackError, match="is starting"):
        bus.write_read(0x40, b"\xe7", 1)
    stopped.pass_time(0.0051)
    assert bus.write_read(0x40, b"\xe7", 1) == b"\x3a"


def test_beyond_the_range_it_stays_at_the_limit(world: SteadyWorld) -> None:
    driver = adafruit_si7021.SI7021(ChipBus(SI7021(world)).as_blinka())
    world.set(temperature_c=-90.0, humidity_percent=-9.0)
    assert driver.temperature == pytest.approx(-40, abs=175.72 / 2**14)
    assert driver.relative_humidity == pytest.approx(0, abs=125 / 2**12)


@pytest.mark.parametrize("data", [b"\xfe\x00", b"\xfa\x00", b"\xe6\x3a\x00"])
def test_what_is_no_command_is_not_guessed(stopped: SteadyWorld, data: bytes) -> None:
    with pytest.raises(UnmodelledError, match="command"):
        ChipBus(SI7021(stopped)).write(0x40, data)
    with pytest.raises(ValueError, match="32 bits"):
        SI7021(stopped, serial=1 << 32)


def test_unplugged_the_driver_raises_an_oserror(world: SteadyWorld) -> None:
    chip = SI7021(world)
    driver = adafruit_si7021.SI7021(ChipBus(chip).as_blinka())
    assert driver.temperature == pytest.approx(21.5, abs=175.72 / 2**14)
    chip.unplug()
    with pytest.raises(OSError, match="is the chip plugged in"):
        driver.temperature  # noqa: B018 - reading it is what takes the transfers
