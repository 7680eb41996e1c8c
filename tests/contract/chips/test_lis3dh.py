"""LIS3DH: its contract, what Adafruit's driver reads from it, and what is special to it."""

from __future__ import annotations

import random

import adafruit_lis3dh
import pytest

from iotlab.sim.chips.base import UnmodelledError
from iotlab.sim.chips.lis3dh import LIS3DH
from iotlab.testing.chips import ROOM, ChipContract
from iotlab.testing.i2c import ChipBus
from iotlab.testing.world import SteadyWorld

READINGS = 24
G_M_S2 = adafruit_lis3dh.STANDARD_GRAVITY


class TestContract(ChipContract):
    name, unmodelled = "lis3dh", (b"\x0c", 1)  # OUT_ADC3_L


@pytest.fixture
def world() -> SteadyWorld:
    return SteadyWorld(**ROOM)


def shake(world: SteadyWorld, dice: random.Random, most_g: float) -> list[float]:
    """Another acceleration, and time for the next sample."""
    wanted = [dice.uniform(-most_g, most_g) for _ in "xyz"]
    world.set(**{f"acceleration_{axis}_g": value for axis, value in zip("xyz", wanted, strict=True)})
    world.pass_time(1.0)
    return wanted


class TestDriver:
    """Tolerance: a digit (DocID17530 rev. 2, table 4). The driver takes 16380 and 1365 for 16384 and 16384/12."""

    @pytest.mark.parametrize(
        ("address", "scale", "range_g", "digit_g"),
        [(0x18, 0, 2, 1 / 1024), (0x19, 1, 4, 2 / 1024), (0x18, 2, 8, 4 / 1024), (0x19, 3, 16, 12 / 1024)],
    )
    def test_high_resolution(
        self, world: SteadyWorld, address: int, scale: int, range_g: int, digit_g: float
    ) -> None:
        chip = LIS3DH(world, address=address)
        driver = adafruit_lis3dh.LIS3DH_I2C(ChipBus(chip).as_blinka(), address=address)
        driver.range = scale
        assert driver.range == scale
        assert chip.state()["range_g"] == range_g
        dice = random.Random(scale)
        for _ in range(READINGS):
            wanted = shake(world, dice, range_g * 0.999)
            assert [a / G_M_S2 for a in driver.acceleration] == pytest.approx(wanted, abs=digit_g)

    @pytest.mark.parametrize(
        ("register_1", "mode", "digit_g"), [(0x57, "normal", 4 / 1024), (0x8F, "low-power", 16 / 1024)]
    )
    def test_fewer_bits(self, world: SteadyWorld, register_1: int, mode: str, digit_g: float) -> None:
        """Table 4: 4 mg a digit in normal mode, 16 mg in low-power mode."""
        chip = LIS3DH(world)
        bus = ChipBus(chip)
        driver = adafruit_lis3dh.LIS3DH_I2C(bus.as_blinka())
        bus.write(0x18, b"\x23\x80")  # HR off
        bus.write(0x18, bytes([0x20, register_1]))
        assert chip.state()["mode"] == mode
        dice = random.Random(register_1)
        for _ in range(READINGS):
            wanted = shake(world, dice, 1.98)
            read = [a / G_M_S2 for a in driver.acceleration]
            assert read == pytest.approx(wanted, abs=digit_g / 2 + 0.0005)

    @pytest.mark.parametrize("rate", [1, 2, 3, 4, 5, 6, 7, 9])
    def test_a_sample_lasts_for_a_period(self, rate: int) -> None:
        """CTRL_REG1, ODR."""
        world = SteadyWorld(step_s=0, **ROOM)
        driver = adafruit_lis3dh.LIS3DH_I2C(ChipBus(LIS3DH(world)).as_blinka())
        driver.data_rate = rate
        period_s = 1 / {1: 1, 2: 10, 3: 25, 4: 50, 5: 100, 6: 200, 7: 400, 9: 1344}[rate]
        world.pass_time(2.0)
        before = driver.acceleration
        world.set(acceleration_z_g=-1.0)
        world.pass_time(period_s * 0.9)
        assert driver.acceleration == before
        world.pass_time(period_s * 0.2)
        assert driver.acceleration.z == pytest.approx(-G_M_S2, abs=0.01)

    def test_unplugged_it_raises_an_oserror(self, world: SteadyWorld) -> None:
        chip = LIS3DH(world)
        driver = adafruit_lis3dh.LIS3DH_I2C(ChipBus(chip).as_blinka())
        chip.unplug()
        with pytest.raises(OSError, match="is the chip plugged in"):
            _ = driver.acceleration

    def test_a_rate_of_low_power_mode_alone_fails_loudly(self, world: SteadyWorld) -> None:
        driver = adafruit_lis3dh.LIS3DH_I2C(ChipBus(LIS3DH(world)).as_blinka())
        driver.data_rate = adafruit_lis3dh.DATARATE_LOWPOWER_1K6HZ
        with pytest.raises(UnmodelledError, match="ODR 1000 out of low-power mode"):
            _ = driver.acceleration
        driver.data_rate = adafruit_lis3dh.DATARATE_50_HZ
        assert driver.acceleration.z == pytest.approx(0.99 * G_M_S2, abs=0.01)

    def test_low_power_with_high_resolution_fails_loudly(self, world: SteadyWorld) -> None:
        """Table 10: not allowed."""
        bus = ChipBus(LIS3DH(world))
        driver = adafruit_lis3dh.LIS3DH_I2C(bus.as_blinka())
        bus.write(0x18, b"\x20\x5f")
        with pytest.raises(UnmodelledError, match="HR set"):
            _ = driver.acceleration


class TestRegisters:
    def test_values_beyond_the_word_saturate(self, world: SteadyWorld) -> None:
        bus = ChipBus(LIS3DH(world))
        world.set(acceleration_x_g=3.0, acceleration_y_g=-3.0)
        bus.write(0x18, b"\x20\x57")
        assert bus.read_register(0x18, 0xA8, 4) == b"\xc0\x7f\x00\x80"

    def test_the_application_notes_example(self, world: SteadyWorld) -> None:
        """AN3308, 4.2.3: 1 g is 4000h."""
        bus = ChipBus(LIS3DH(world))
        world.set(acceleration_x_g=1.0, acceleration_y_g=-1.0)
        bus.write(0x18, b"\xa0\x57\x00\x00\x08")
        assert bus.read_register(0x18, 0xA8, 4) == b"\x00\x40\x00\xc0"

    def test_without_the_top_bit_the_pointer_stays(self, world: SteadyWorld) -> None:
        assert ChipBus(LIS3DH(world)).read_register(0x18, 0x0F, 3) == b"\x33\x33\x33"

    def test_it_starts_in_power_down(self, world: SteadyWorld) -> None:
        bus = ChipBus(LIS3DH(world))
        assert bus.read_register(0x18, 0xA0, 6) == b"\x07\x00\x00\x00\x00\x00"
        assert bus.read_register(0x18, 0xA8, 6) == bytes(6)

    def test_booting_takes_its_time(self) -> None:
        world = SteadyWorld(step_s=0, **ROOM)
        bus = ChipBus(LIS3DH(world))
        bus.write(0x18, b"\x24\x80")
        assert bus.read_register(0x18, 0x24) == b"\x80"
        world.pass_time(0.0051)
        assert bus.read_register(0x18, 0x24) == b"\x00"

    def test_the_status_tells_new_data_and_overruns(self) -> None:
        world = SteadyWorld(step_s=0, **ROOM)
        bus = ChipBus(LIS3DH(world))
        bus.write(0x18, b"\x20\x57")  # 100 Hz
        assert bus.read_register(0x18, 0x27) == b"\x0f"
        bus.read_register(0x18, 0xA8, 6)
        assert bus.read_register(0x18, 0x27) == b"\x00"
        world.pass_time(0.0101)
        assert bus.read_register(0x18, 0x27) == b"\x0f"
        world.pass_time(0.0101)
        assert bus.read_register(0x18, 0x27) == b"\xff"

    def test_block_data_update_holds_a_word_that_is_half_read(self) -> None:
        """CTRL_REG4, BDU."""
        world = SteadyWorld(step_s=0, **ROOM)
        bus = ChipBus(LIS3DH(world))
        bus.write(0x18, b"\x23\x80")
        bus.write(0x18, b"\x20\x57")
        world.set(acceleration_x_g=1.0)
        bus.read_register(0x18, 0x28)
        world.set(acceleration_x_g=-1.0)
        world.pass_time(1.0)
        assert bus.read_register(0x18, 0x29) == b"\x40"
        assert bus.read_register(0x18, 0x29) == b"\xc0"

    @pytest.mark.parametrize(("register", "value"), [(0x21, 0x08), (0x22, 0x80), (0x23, 0x02), (0x24, 0x40)])
    def test_a_bit_that_is_not_modelled_fails_loudly(
        self, world: SteadyWorld, register: int, value: int
    ) -> None:
        with pytest.raises(UnmodelledError, match=f"register 0x{register:02x}.*DocID17530"):
            ChipBus(LIS3DH(world)).write(0x18, bytes([register, value]))
