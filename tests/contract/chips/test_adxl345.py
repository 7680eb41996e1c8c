"""ADXL345: its contract, what Adafruit's driver reads from it, and what is special to it."""

from __future__ import annotations

import random

import adafruit_adxl34x
import pytest

from iotlab.sim.chips.adxl345 import ADXL345
from iotlab.sim.chips.base import UnmodelledError
from iotlab.testing.chips import ROOM, ChipContract
from iotlab.testing.i2c import ChipBus
from iotlab.testing.world import SteadyWorld

READINGS = 24
#: What the driver makes of one LSB, which is 1/256 g (rev. E, table 1): it counts 4 mg.
DRIVERS_LSB_M_S2 = 0.004 * 9.80665
LSB_G = 1 / 256


class TestContract(ChipContract):
    name, unmodelled = "adxl345", (b"\x39", 1)  # FIFO_STATUS


@pytest.fixture
def world() -> SteadyWorld:
    return SteadyWorld(**ROOM)


def shake(world: SteadyWorld, dice: random.Random, most_g: float) -> list[float]:
    """Another acceleration, and time for the next sample."""
    wanted = [dice.uniform(-most_g, most_g) for _ in "xyz"]
    world.set(**{f"acceleration_{axis}_g": value for axis, value in zip("xyz", wanted, strict=True)})
    world.pass_time(0.1)
    return wanted


class TestDriver:
    """Tolerance: half an LSB of 1/256 g, whatever the range (full resolution, which the driver sets with it)."""

    @pytest.mark.parametrize(("address", "scale"), [(0x53, 0), (0x1D, 1), (0x53, 2), (0x1D, 3)])
    def test_full_resolution(self, world: SteadyWorld, address: int, scale: int) -> None:
        chip = ADXL345(world, address=address)
        driver = adafruit_adxl34x.ADXL345(ChipBus(chip).as_blinka(), address)
        driver.range = scale
        assert driver.range == scale
        assert chip.state()["range_g"] == 2 << scale
        dice = random.Random(scale)
        for _ in range(READINGS):
            wanted = shake(world, dice, (2 << scale) * 0.998)
            read = [a / DRIVERS_LSB_M_S2 * LSB_G for a in driver.acceleration]
            assert read == pytest.approx(wanted, abs=LSB_G * 0.501)
            assert [driver.raw_x * LSB_G, driver.raw_y * LSB_G, driver.raw_z * LSB_G] == pytest.approx(read)

    def test_as_it_is_when_new(self, world: SteadyWorld) -> None:
        """10 bits at ±2 g are the same LSB."""
        driver = adafruit_adxl34x.ADXL345(ChipBus(ADXL345(world)).as_blinka())
        dice = random.Random(9)
        for _ in range(READINGS):
            wanted = shake(world, dice, 1.995)
            read = [a / DRIVERS_LSB_M_S2 * LSB_G for a in driver.acceleration]
            assert read == pytest.approx(wanted, abs=LSB_G * 0.501)

    @pytest.mark.parametrize("scale", [0, 1, 2, 3])
    def test_ten_bits_over_every_range(self, world: SteadyWorld, scale: int) -> None:
        bus = ChipBus(ADXL345(world))
        driver = adafruit_adxl34x.ADXL345(bus.as_blinka())
        bus.write(0x53, bytes([0x31, scale]))
        lsb_g = LSB_G * (1 << scale)
        dice = random.Random(scale)
        for _ in range(READINGS):
            wanted = shake(world, dice, (2 << scale) * 0.995)
            assert driver.raw_y * lsb_g == pytest.approx(wanted[1], abs=lsb_g * 0.501)

    @pytest.mark.parametrize("rate", range(16))
    def test_a_sample_lasts_for_a_period(self, rate: int) -> None:
        """Table 7."""
        world = SteadyWorld(step_s=0, **ROOM)
        driver = adafruit_adxl34x.ADXL345(ChipBus(ADXL345(world)).as_blinka())
        driver.data_rate = rate
        assert driver.data_rate == rate
        period_s = 2 ** (15 - rate) / 3200
        world.pass_time(20.0)
        while driver.raw_z == 0:
            world.pass_time(period_s)
        before = driver.raw_z
        world.set(acceleration_z_g=-1.0)
        world.pass_time(period_s)
        assert driver.raw_z == -256 != before

    def test_offsets_are_added(self, world: SteadyWorld) -> None:
        """Registers 0x1E to 0x20: 15.6 mg/LSB, a quarter of which is an LSB of the data."""
        driver = adafruit_adxl34x.ADXL345(ChipBus(ADXL345(world)).as_blinka())
        world.set(acceleration_x_g=0.0, acceleration_y_g=0.0, acceleration_z_g=1.0)
        driver.offset = (5, -3, -64)
        assert driver.offset == (5, -3, -64)
        world.pass_time(0.1)
        assert (driver.raw_x, driver.raw_y, driver.raw_z) == (20, -12, 0)

    def test_unplugged_it_raises_an_oserror(self, world: SteadyWorld) -> None:
        chip = ADXL345(world)
        driver = adafruit_adxl34x.ADXL345(ChipBus(chip).as_blinka())
        chip.unplug()
        with pytest.raises(OSError, match="is the chip plugged in"):
            _ = driver.acceleration

    def test_detecting_a_tap_fails_loudly(self, world: SteadyWorld) -> None:
        driver = adafruit_adxl34x.ADXL345(ChipBus(ADXL345(world)).as_blinka())
        with pytest.raises(UnmodelledError, match="register 0x2e"):
            driver.enable_tap_detection()


class TestRegisters:
    def test_it_starts_in_standby(self, world: SteadyWorld) -> None:
        bus = ChipBus(ADXL345(world))
        assert bus.read_register(0x53, 0x2C, 2) == b"\x0a\x00"
        world.pass_time(1.0)
        assert bus.read_register(0x53, 0x32, 6) == bytes(6)

    def test_the_first_sample_takes_its_time(self) -> None:
        """Table 1: 1.1 ms and a period, at 100 Hz 11.1 ms."""
        world = SteadyWorld(step_s=0, **ROOM)
        bus = ChipBus(ADXL345(world))
        bus.write(0x53, b"\x2d\x08")
        world.pass_time(0.011)
        assert bus.read_register(0x53, 0x30) == b"\x02"
        world.pass_time(0.0002)
        assert bus.read_register(0x53, 0x30) == b"\x82"
        bus.read_register(0x53, 0x32, 6)
        assert bus.read_register(0x53, 0x30) == b"\x02"
        world.pass_time(0.0201)
        assert bus.read_register(0x53, 0x30) == b"\x83", "it lost a sample"

    def test_values_beyond_the_range_saturate(self, world: SteadyWorld) -> None:
        bus = ChipBus(ADXL345(world))
        bus.write(0x53, b"\x2d\x08")
        world.set(acceleration_x_g=20.0, acceleration_y_g=-20.0)
        for setting, wanted in (
            (0x00, "ff01 00fe"),
            (0x03, "ff01 00fe"),
            (0x0B, "ff0f 00f0"),  # 13 bits
            (0x04, "c07f 0080"),  # left-justified
            (0x0F, "f87f 0080"),
        ):
            bus.write(0x53, bytes([0x31, setting]))
            world.pass_time(0.1)
            assert bus.read_register(0x53, 0x32, 4) == bytes.fromhex(wanted), setting

    @pytest.mark.parametrize(("register", "value"), [(0x2D, 0x04), (0x31, 0x80), (0x38, 0x80), (0x2E, 0x10)])
    def test_a_bit_that_is_not_modelled_fails_loudly(
        self, world: SteadyWorld, register: int, value: int
    ) -> None:
        with pytest.raises(UnmodelledError, match=f"register 0x{register:02x}.*ADXL345 rev. E"):
            ChipBus(ADXL345(world)).write(0x53, bytes([register, value]))
