"""INA219: its contract, what Adafruit's driver reads from it, and what is special to it."""

from __future__ import annotations

import random

import adafruit_ina219
import pytest
from adafruit_ina219 import ADCResolution, BusVoltageRange, Gain, Mode

from iotlab import sensors
from iotlab.errors import ConfigError
from iotlab.sim.chips.base import UnmodelledError
from iotlab.sim.chips.ina219 import INA219
from iotlab.testing.chips import ROOM, ChipContract
from iotlab.testing.i2c import ChipBus
from iotlab.testing.world import SteadyWorld

READINGS = 24


class TestContract(ChipContract):
    name, unmodelled = "ina219", (b"\x06", 2)


@pytest.fixture
def world() -> SteadyWorld:
    return SteadyWorld(step_s=0, **ROOM)


class TestDriver:
    """Tolerances: half a step of 4 mV and of 10 µV (SBOS448G, 7.5), and what is cut off in multiplying (8.5.2)."""

    @pytest.mark.parametrize(
        ("address", "shunt_ohm", "calibration", "most_ma", "most_v", "lsb_ma"),
        [
            (0x40, 0.1, "set_calibration_32V_2A", 3200, 26, 0.1),
            (0x41, 0.1, "set_calibration_32V_1A", 1600, 26, 0.1),
            (0x44, 0.1, "set_calibration_16V_400mA", 400, 16, 0.1),
            (0x45, 0.02, "set_calibration_16V_5A", 8000, 16, 0.5),
            (0x4F, 1.0, "set_calibration_16V_80mA", 80, 16, 0.01),
        ],
    )
    def test_current_voltage_and_power(
        self,
        world: SteadyWorld,
        address: int,
        shunt_ohm: float,
        calibration: str,
        most_ma: float,
        most_v: float,
        lsb_ma: float,
    ) -> None:
        chip = INA219(world, address=address, shunt_ohm=shunt_ohm)
        driver = adafruit_ina219.INA219(ChipBus(chip).as_blinka(), address)
        getattr(driver, calibration)()
        dice = random.Random(address)
        for _ in range(READINGS):
            ma, volts = dice.uniform(0, most_ma), dice.uniform(0, most_v)
            world.set(current_ma=ma, bus_voltage_v=volts)
            world.pass_time(0.01)
            assert driver.bus_voltage == pytest.approx(volts, abs=0.00201)
            assert driver.shunt_voltage == pytest.approx(ma * shunt_ohm / 1000, abs=0.00000501)
            assert driver.current == pytest.approx(ma, abs=0.501 * lsb_ma)
            most_w = 0.0201 * lsb_ma + 0.501e-3 * lsb_ma * volts + 0.00201e-3 * ma
            assert driver.power == pytest.approx(ma * volts / 1000, abs=most_w)
            assert driver.overflow is False
            world.set(current_ma=-ma)
            world.pass_time(0.01)
            assert driver.current == pytest.approx(-ma, abs=0.501 * lsb_ma)

    @pytest.mark.parametrize(
        ("resolution", "step_v"),
        [
            (ADCResolution.ADCRES_9BIT_1S, 0.032),
            (ADCResolution.ADCRES_10BIT_1S, 0.016),
            (ADCResolution.ADCRES_11BIT_1S, 0.008),
            (ADCResolution.ADCRES_12BIT_128S, 0.004),
        ],
    )
    def test_fewer_bits(self, world: SteadyWorld, resolution: int, step_v: float) -> None:
        driver = adafruit_ina219.INA219(ChipBus(INA219(world)).as_blinka())
        driver.bus_adc_resolution = resolution
        dice = random.Random(resolution)
        for _ in range(READINGS):
            volts = dice.uniform(0, 26)
            world.set(bus_voltage_v=volts)
            world.pass_time(0.1)
            assert driver.bus_voltage == pytest.approx(volts, abs=step_v * 0.501)

    def test_a_triggered_conversion_takes_its_time(self, world: SteadyWorld) -> None:
        """8.6.2.1, table 5: 68.10 ms for 128 samples, of the shunt and of the bus."""
        driver = adafruit_ina219.INA219(ChipBus(INA219(world)).as_blinka())
        driver.bus_adc_resolution = driver.shunt_adc_resolution = ADCResolution.ADCRES_12BIT_128S
        driver.mode = Mode.SANDBVOLT_TRIGGERED
        world.pass_time(0.1361)
        assert driver.conversion_ready == 0
        world.pass_time(0.0002)
        assert driver.conversion_ready == 1
        before = driver.bus_voltage
        world.set(bus_voltage_v=9.0)
        world.pass_time(10)
        assert driver.bus_voltage == before
        assert driver.power == pytest.approx(0.6, abs=0.002)
        assert driver.conversion_ready == 0, "reading the power clears it"
        driver.mode = Mode.BVOLT_TRIGGERED
        world.pass_time(0.0682)
        assert driver.bus_voltage == pytest.approx(9.0)

    def test_unplugged_it_raises_an_oserror(self, world: SteadyWorld) -> None:
        chip = INA219(world)
        driver = adafruit_ina219.INA219(ChipBus(chip).as_blinka())
        chip.unplug()
        with pytest.raises(OSError, match="is the chip plugged in"):
            _ = driver.current

    def test_a_reset_gives_the_reset_values(self, world: SteadyWorld) -> None:
        chip = INA219(world)
        bus = ChipBus(chip)
        driver = adafruit_ina219.INA219(bus.as_blinka())
        driver.set_calibration_16V_400mA()
        assert chip.state()["range_mv"] == 40
        assert chip.state()["range_v"] == 16
        driver.reset = True
        assert bus.read_register(0x40, 0x00, 2) == b"\x39\x9f"
        assert bus.read_register(0x40, 0x05, 2) == b"\x00\x00"
        assert bus.read_register(0x40, 0x04, 2) == b"\x00\x00", "no current without a calibration"


class TestRegisters:
    def test_the_datasheets_worked_example(self, world: SteadyWorld) -> None:
        """9.2.2.1: 10 A through 2 mΩ at 11.98 V."""
        bus = ChipBus(INA219(world, shunt_ohm=0.002))
        world.set(current_ma=10_000.0, bus_voltage_v=11.98)
        bus.write(0x40, b"\x05\x50\x00")
        world.pass_time(0.01)
        words = [bus.read_register(0x40, register, 2).hex() for register in range(1, 5)]
        assert words == ["07d0", "5d9a", "1766", "2710"]

    @pytest.mark.parametrize(
        ("gain", "full"),
        [
            (Gain.DIV_1_40MV, 4000),
            (Gain.DIV_2_80MV, 8000),
            (Gain.DIV_4_160MV, 16000),
            (Gain.DIV_8_320MV, 32000),
        ],
    )
    def test_the_shunt_voltage_is_clipped(self, world: SteadyWorld, gain: int, full: int) -> None:
        """8.6.3.1."""
        driver = adafruit_ina219.INA219(ChipBus(INA219(world)).as_blinka())
        driver.gain = gain
        for ma in (5000.0, -5000.0):
            world.set(current_ma=ma)
            world.pass_time(0.01)
            assert driver.raw_shunt_voltage == (full if ma > 0 else -full)

    def test_the_bus_voltage_is_clipped(self, world: SteadyWorld) -> None:
        driver = adafruit_ina219.INA219(ChipBus(INA219(world)).as_blinka())
        driver.bus_voltage_range = BusVoltageRange.RANGE_16V
        for volts, wanted in ((20.0, 16.0), (-1.0, 0.0)):
            world.set(bus_voltage_v=volts)
            world.pass_time(0.01)
            assert driver.bus_voltage == wanted

    def test_too_high_a_calibration_overflows(self, world: SteadyWorld) -> None:
        driver = adafruit_ina219.INA219(ChipBus(INA219(world)).as_blinka())
        world.set(current_ma=3000.0)
        driver.calibration = 0xFFFE
        world.pass_time(0.01)
        assert driver.overflow is True

    def test_powered_down_it_keeps_what_it_had(self, world: SteadyWorld) -> None:
        chip = INA219(world)
        driver = adafruit_ina219.INA219(ChipBus(chip).as_blinka())
        world.pass_time(0.01)
        assert chip.state()["mode"] == "continuous"
        before = driver.bus_voltage
        for mode, name in ((Mode.POWERDOWN, "power-down"), (Mode.ADCOFF, "ADC off")):
            driver.mode = mode
            assert chip.state()["mode"] == name
            world.set(bus_voltage_v=12.0)
            world.pass_time(1)
            assert driver.bus_voltage == before

    def test_the_power_of_a_current_that_flows_backwards_fails_loudly(self, world: SteadyWorld) -> None:
        driver = adafruit_ina219.INA219(ChipBus(INA219(world)).as_blinka())
        world.set(current_ma=-100.0)
        world.pass_time(0.01)
        with pytest.raises(UnmodelledError, match="flows backwards"):
            _ = driver.power

    def test_a_shunt_is_a_resistor(self, world: SteadyWorld) -> None:
        with pytest.raises(ConfigError, match="more than 0 ohms"):
            INA219(world, shunt_ohm=0)


@pytest.mark.parametrize("address", [0x40, 0x48, 0x4F])
def test_it_is_possible_where_nothing_else_is_proven(world: SteadyWorld, address: int) -> None:
    found = sensors.identify(ChipBus(INA219(world, address=address)), address, sensors.profiles())
    assert {"ina219": "possible"}.items() <= {c.name: c.confidence for c in found.candidates}.items()
