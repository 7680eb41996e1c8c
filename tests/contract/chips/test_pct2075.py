"""PCT2075: its contract, what Adafruit's driver reads from it, and what is special to it."""

from __future__ import annotations

import random

import adafruit_pct2075
import pytest

from iotlab import sensors
from iotlab.sim.chips.base import UnmodelledError
from iotlab.sim.chips.pct2075 import PCT2075
from iotlab.testing.chips import ROOM, ChipContract
from iotlab.testing.i2c import ChipBus
from iotlab.testing.world import SteadyWorld

READINGS = 24


class TestContract(ChipContract):
    name, unmodelled = "pct2075", (b"\x05", 0)


@pytest.fixture
def world() -> SteadyWorld:
    return SteadyWorld(step_s=0, **ROOM)


class TestDriver:
    """Tolerance: half a step of 0.125 °C (rev. 3, section 7.4.3)."""

    @pytest.mark.parametrize(("address", "idle_ms"), [(0x37, None), (0x48, 100), (0x77, 1500), (0x28, 3100)])
    def test_temperatures_over_the_range(self, world: SteadyWorld, address: int, idle_ms: int | None) -> None:
        driver = adafruit_pct2075.PCT2075(ChipBus(PCT2075(world, address=address)).as_blinka(), address)
        if idle_ms:
            driver.delay_between_measurements = idle_ms
            assert driver.delay_between_measurements == idle_ms
        dice = random.Random(address)
        for _ in range(READINGS):
            wanted = dice.uniform(-55, 125)
            world.set(temperature_c=wanted)
            world.pass_time((idle_ms or 100) / 1000 + 0.001)
            assert driver.temperature == pytest.approx(wanted, abs=0.0626)

    def test_it_converts_every_idle_time(self, world: SteadyWorld) -> None:
        driver = adafruit_pct2075.PCT2075(ChipBus(PCT2075(world)).as_blinka())
        driver.delay_between_measurements = 1000
        world.pass_time(1.001)
        assert driver.temperature == 21.5
        world.set(temperature_c=30.0)
        world.pass_time(0.99)
        assert driver.temperature == 21.5
        world.pass_time(0.01)
        assert driver.temperature == 30.0

    def test_shut_down_it_keeps_what_it_measured(self, world: SteadyWorld) -> None:
        chip = PCT2075(world)
        driver = adafruit_pct2075.PCT2075(ChipBus(chip).as_blinka())
        world.pass_time(1)
        driver.shutdown = True
        assert chip.state()["shut_down"] is True
        world.set(temperature_c=-10.0)
        world.pass_time(10)
        assert driver.temperature == 21.5
        driver.shutdown = False
        world.pass_time(0.029)
        assert driver.temperature == -10.0

    def test_settings_are_read_back(self, world: SteadyWorld) -> None:
        driver = adafruit_pct2075.PCT2075(ChipBus(PCT2075(world)).as_blinka())
        assert (driver.high_temperature_threshold, driver.temperature_hysteresis) == (80.0, 75.0)
        driver.high_temperature_threshold, driver.temperature_hysteresis = 35.5, -10.5
        assert (driver.high_temperature_threshold, driver.temperature_hysteresis) == (35.5, -10.5)
        driver.mode, driver.high_temp_active_high, driver.faults_to_alert = 1, True, 3
        assert (driver.mode, driver.high_temp_active_high, driver.faults_to_alert) == (1, True, 3)

    def test_unplugged_it_raises_an_oserror(self, world: SteadyWorld) -> None:
        chip = PCT2075(world)
        driver = adafruit_pct2075.PCT2075(ChipBus(chip).as_blinka())
        chip.unplug()
        with pytest.raises(OSError, match="is the chip plugged in"):
            _ = driver.temperature


class TestRegisters:
    def test_the_datasheets_codes(self, world: SteadyWorld) -> None:
        """Section 7.4.3: 11 bits, left-justified."""
        bus = ChipBus(PCT2075(world))
        for temperature_c, code in ((125, 0x3E8), (25, 0x0C8), (0.125, 0x001), (-0.125, 0x7FF), (-55, 0x648)):
            world.set(temperature_c=temperature_c)
            world.pass_time(1)
            assert int.from_bytes(bus.read_register(0x37, 0x00, 2), "big") >> 5 == code

    def test_beyond_the_range_it_stays_at_the_limit(self, world: SteadyWorld) -> None:
        bus = ChipBus(PCT2075(world))
        for temperature_c, data in ((300.0, b"\x7d\x00"), (-80.0, b"\xc9\x00")):
            world.set(temperature_c=temperature_c)
            world.pass_time(1)
            assert bus.read(0x37, 2) == data

    def test_the_first_conversion_takes_its_time(self, world: SteadyWorld) -> None:
        bus = ChipBus(PCT2075(world))
        world.pass_time(0.0279)
        assert bus.read(0x37, 2) == b"\x00\x00"
        world.pass_time(0.0002)
        assert bus.read(0x37, 2) == b"\x15\x80"

    def test_the_pointer_stays(self, world: SteadyWorld) -> None:
        bus = ChipBus(PCT2075(world))
        bus.write(0x37, b"\x03")
        assert [bus.read(0x37, 2), bus.read(0x37, 1), bus.read(0x37, 2)] == [
            b"\x50\x00",
            b"\x50",
            b"\x50\x00",
        ]

    def test_half_a_word_fails_loudly(self, world: SteadyWorld) -> None:
        bus = ChipBus(PCT2075(world))
        with pytest.raises(UnmodelledError, match="writing 1 bytes to register 0x03"):
            bus.write(0x37, b"\x03\x50")
        with pytest.raises(UnmodelledError, match="reading 3 bytes of register 0x00"):
            bus.read(0x37, 3)


@pytest.mark.parametrize("address", [0x28, 0x48, 0x4F, 0x76])
def test_it_is_told_by_its_thresholds(world: SteadyWorld, address: int) -> None:
    bus = ChipBus(PCT2075(world, address=address))
    candidate = sensors.identify(bus, address, sensors.profiles()).candidates[0]
    assert (candidate.name, candidate.confidence) == ("pct2075", "likely")
