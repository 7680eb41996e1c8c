"""ADS1115: its contract, what Adafruit's driver reads from it, and what is special to it."""

from __future__ import annotations

import random

import pytest
from adafruit_ads1x15.ads1x15 import Mode
from adafruit_ads1x15.ads1115 import ADS1115 as Driver
from adafruit_ads1x15.analog_in import AnalogIn

from iotlab import sensors
from iotlab.sim.chips.ads1115 import ADS1115
from iotlab.sim.chips.base import UnmodelledError
from iotlab.testing.chips import ROOM, ChipContract
from iotlab.testing.i2c import ChipBus
from iotlab.testing.world import SteadyWorld

READINGS = 24
FULL_SCALE_V = {2 / 3: 6.144, 1: 4.096, 2: 2.048, 4: 1.024, 8: 0.512, 16: 0.256}


class TestContract(ChipContract):
    name, unmodelled = "ads1115", (b"\x01\x85\x80", 0)  # the comparator


@pytest.fixture
def world() -> SteadyWorld:
    return SteadyWorld(**ROOM)


@pytest.fixture
def still() -> SteadyWorld:
    return SteadyWorld(step_s=0, **ROOM)


def apply(world: SteadyWorld, volts: list[float]) -> None:
    world.set(**{f"voltage_{channel}_v": value for channel, value in enumerate(volts)})


class TestDriver:
    """Tolerance: half a step, which is the full scale over 32768 (SBAS444D, 9.5.4)."""

    @pytest.mark.parametrize("gain", FULL_SCALE_V)
    @pytest.mark.parametrize(("address", "data_rate"), [(0x48, 860), (0x4B, 128)])
    def test_single_ended(self, world: SteadyWorld, address: int, data_rate: int, gain: float) -> None:
        chip = ADS1115(world, address=address, vdd_v=5.0)
        driver = Driver(ChipBus(chip).as_blinka(), gain=gain, data_rate=data_rate, address=address)
        inputs = [AnalogIn(driver, channel) for channel in range(4)]
        full_v = FULL_SCALE_V[gain]
        dice = random.Random(full_v)
        for _ in range(READINGS):
            wanted = [dice.uniform(0, min(full_v * 0.9999, 5.0)) for _ in inputs]
            apply(world, wanted)
            assert [each.voltage for each in inputs] == pytest.approx(wanted, abs=full_v / 32768 * 0.501)
        assert chip.state()["full_scale_v"] == full_v
        assert chip.state()["input"] == "AIN3"

    @pytest.mark.parametrize("pair", [(0, 1), (0, 3), (1, 3), (2, 3)])
    def test_differences(self, world: SteadyWorld, pair: tuple[int, int]) -> None:
        driver = Driver(ChipBus(ADS1115(world)).as_blinka(), data_rate=860)
        difference = AnalogIn(driver, *pair)
        dice = random.Random(pair[0])
        for _ in range(READINGS):
            volts = [dice.uniform(0, 3.3) for _ in range(4)]
            apply(world, volts)
            assert difference.voltage == pytest.approx(
                volts[pair[0]] - volts[pair[1]], abs=4.096 / 32768 * 0.501
            )

    def test_continuously(self, still: SteadyWorld) -> None:
        bus = ChipBus(ADS1115(still))
        driver = Driver(bus.as_blinka(), gain=2, data_rate=8, mode=Mode.CONTINUOUS)
        bus.write(0x48, b"\x01\x64\x03")  # AIN2, which the driver leaves as it is
        still.pass_time(1)
        dice = random.Random(8)
        for _ in range(READINGS):
            wanted = dice.uniform(0, 2.0)
            still.set(voltage_2_v=wanted)
            still.pass_time(0.1251)
            assert driver.get_last_result() / 32768 * 2.048 == pytest.approx(
                wanted, abs=2.048 / 32768 * 0.501
            )
            still.set(voltage_2_v=0.0)

    def test_unplugged_it_raises_an_oserror(self, world: SteadyWorld) -> None:
        chip = ADS1115(world)
        pin = AnalogIn(Driver(ChipBus(chip).as_blinka()), 0)
        chip.unplug()
        with pytest.raises(OSError, match="is the chip plugged in"):
            _ = pin.voltage

    def test_using_the_comparator_fails_loudly(self, world: SteadyWorld) -> None:
        driver = Driver(ChipBus(ADS1115(world)).as_blinka())
        driver.comparator_high_threshold = 1000
        with pytest.raises(UnmodelledError, match=r"comparator.*SBAS444D, 9\.3\.7"):
            driver.comparator_queue_length = 1


class TestRegisters:
    def test_its_reset_values(self, world: SteadyWorld) -> None:
        bus = ChipBus(ADS1115(world))
        words = [bus.read_register(0x48, register, 2).hex() for register in range(4)]
        assert words == ["0000", "8583", "8000", "7fff"]

    @pytest.mark.parametrize(("setting", "rate_hz"), list(enumerate((8, 16, 32, 64, 128, 250, 475, 860))))
    def test_a_conversion_takes_its_time(self, still: SteadyWorld, setting: int, rate_hz: int) -> None:
        """9.4.2.1: 25 µs to wake up, and 1/DR."""
        bus = ChipBus(ADS1115(still))
        bus.write(0x48, bytes([0x01, 0xC3, setting << 5 | 3]))
        still.pass_time(1 / rate_hz)
        assert not bus.read_register(0x48, 0x01, 2)[0] & 0x80
        assert bus.read_register(0x48, 0x00, 2) == b"\x00\x00"
        still.pass_time(30e-6)
        assert bus.read_register(0x48, 0x01, 2) == bytes([0xC3, setting << 5 | 3])
        assert bus.read_register(0x48, 0x00, 2) == round(0.4 / 4.096 * 32768).to_bytes(2, "big")

    def test_what_is_under_way_ends_with_its_old_settings(self, still: SteadyWorld) -> None:
        """9.4.2.2, which is why the driver waits for two conversions."""
        apply(still, [1.0, 2.0, 0.0, 0.0])
        bus = ChipBus(ADS1115(still))
        bus.write(0x48, b"\x01\x42\x83")  # AIN0, continuously, 128 SPS
        still.pass_time(0.005)
        bus.write(0x48, b"\x01\x52\x83")  # AIN1
        still.pass_time(0.003)
        assert bus.read_register(0x48, 0x00, 2) == (8000).to_bytes(2, "big")
        still.pass_time(0.008)
        assert bus.read_register(0x48, 0x00, 2) == (16000).to_bytes(2, "big")

    def test_it_is_clipped_at_full_scale(self, still: SteadyWorld) -> None:
        bus = ChipBus(ADS1115(still))
        for volts, wanted in (([2.0, 0.0], b"\x7f\xff"), ([0.0, 2.0], b"\x80\x00")):
            apply(still, volts)
            bus.write(0x48, b"\x01\x8b\xe3")  # AIN0 - AIN1, 0.256 V
            still.pass_time(0.01)
            assert bus.read_register(0x48, 0x00, 2) == wanted

    def test_no_input_is_above_the_supply(self, still: SteadyWorld) -> None:
        bus = ChipBus(ADS1115(still))
        apply(still, [12.0])
        bus.write(0x48, b"\x01\xc1\xe3")  # AIN0, 6.144 V
        still.pass_time(0.01)
        volts = int.from_bytes(bus.read_register(0x48, 0x00, 2), "big") / 32768 * 6.144
        assert volts == pytest.approx(3.6, abs=0.0002)


def test_its_profile_reads_every_input(world: SteadyWorld) -> None:
    sensor = sensors.open(ChipBus(ADS1115(world)), "ads1115")
    assert sensor.read() == {f"voltage_{n}_v": pytest.approx(0.4 * (n + 1), abs=0.0001) for n in range(4)}
    assert isinstance(sensor.driver, Driver)


def test_it_is_told_by_its_thresholds(world: SteadyWorld) -> None:
    candidate = sensors.identify(ChipBus(ADS1115(world)), 0x48, sensors.profiles()).candidates[0]
    assert (candidate.name, candidate.confidence) == ("ads1115", "likely")
