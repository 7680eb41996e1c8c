"""BNO055: its contract, what Adafruit's driver reads from it, and what is special to it."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import Any

import adafruit_bno055
import pytest

from iotlab.errors import NackError
from iotlab.sim.chips.base import UnmodelledError
from iotlab.sim.chips.bno055 import BNO055
from iotlab.testing.chips import ROOM, ChipContract
from iotlab.testing.i2c import ChipBus
from iotlab.testing.world import SteadyWorld

READINGS = 24
G_M_S2 = 9.80665
AXES = "xyz"


class TestContract(ChipContract):
    name, unmodelled = "bno055", (b"\x20", 8)  # the quaternion


@pytest.fixture
def still() -> SteadyWorld:
    return SteadyWorld(step_s=0, **ROOM)


@pytest.fixture(scope="module")
def bench() -> tuple[SteadyWorld, BNO055, Any]:
    """One for all: the driver sleeps for most of a second. In this world every transfer is a second later."""
    world = SteadyWorld(step_s=1.0, **ROOM)
    chip = BNO055(world, address=0x29)
    return world, chip, adafruit_bno055.BNO055_I2C(ChipBus(chip).as_blinka(), 0x29)


@pytest.fixture
def opened(bench: tuple[SteadyWorld, BNO055, Any]) -> Iterator[tuple[SteadyWorld, Any]]:
    world, _, driver = bench
    world.set(**ROOM)
    yield world, driver
    driver.mode = adafruit_bno055.NDOF_MODE


def move(world: SteadyWorld, dice: random.Random, most_g: float, most_dps: float) -> dict[str, list[float]]:
    """Another state of everything that it measures."""
    wanted = {
        "acceleration_{}_g": [dice.uniform(-most_g, most_g) for _ in AXES],
        "rotation_{}_dps": [dice.uniform(-most_dps, most_dps) for _ in AXES],
        "magnetic_{}_ut": [dice.uniform(-1300, 1300) for _ in AXES],
    }
    for name, values in wanted.items():
        world.set(**{name.format(axis): value for axis, value in zip(AXES, values, strict=True)})
    return wanted


def check_sensors(driver: Any, wanted: dict[str, list[float]]) -> None:
    """Tolerances: half an LSB of 0.01 m/s², 1/16 dps and 1/16 µT (tables 3-17 to 3-22)."""
    assert [a / G_M_S2 for a in driver.acceleration] == pytest.approx(
        wanted["acceleration_{}_g"], abs=0.00501 / G_M_S2
    )
    assert [math.degrees(r) for r in driver.gyro] == pytest.approx(wanted["rotation_{}_dps"], abs=0.501 / 16)
    assert list(driver.magnetic) == pytest.approx(wanted["magnetic_{}_ut"], abs=0.501 / 16)


class TestDriver:
    def test_fused(self, opened: tuple[SteadyWorld, Any]) -> None:
        """Euler angles: half an LSB of 1/16 degree (table 3-29, p. 35)."""
        world, driver = opened
        assert driver.mode == adafruit_bno055.NDOF_MODE
        dice = random.Random(1)
        for _ in range(READINGS):
            wanted = move(world, dice, 4.0, 2000.0)
            angles = [dice.uniform(0, 359.9), dice.uniform(-90, 90), dice.uniform(-180, 180)]
            temperature_c = dice.uniform(-40, 85)
            names = ("heading_deg", "roll_deg", "pitch_deg", "temperature_c")
            world.set(**dict(zip(names, (*angles, temperature_c), strict=True)))
            check_sensors(driver, wanted)
            assert list(driver.euler) == pytest.approx(angles, abs=0.501 / 16)
            assert driver.temperature == pytest.approx(temperature_c, abs=0.501)
        assert driver.calibrated is True

    @pytest.mark.parametrize(("scale", "range_g", "gyro", "range_dps"), [(0, 2, 4, 125), (3, 16, 1, 1000)])
    def test_single_sensors(
        self,
        bench: tuple[SteadyWorld, BNO055, Any],
        opened: tuple[SteadyWorld, Any],
        scale: int,
        range_g: int,
        gyro: int,
        range_dps: int,
    ) -> None:
        world, driver = opened
        driver.mode = adafruit_bno055.AMG_MODE
        driver.accel_range, driver.gyro_range = scale, gyro
        assert (driver.accel_range, driver.gyro_range) == (scale, gyro)
        state = bench[1].state()
        assert (state["mode"], state["range_g"], state["range_dps"]) == ("AMG", range_g, range_dps)
        dice = random.Random(range_g)
        for _ in range(READINGS):
            check_sensors(driver, move(world, dice, range_g, range_dps))
        world.set(acceleration_x_g=range_g + 1.0, acceleration_y_g=-range_g - 1.0, rotation_z_dps=9999.0)
        assert driver.acceleration[0] == pytest.approx(range_g * G_M_S2, abs=0.0051)
        assert driver.acceleration[1] == pytest.approx(-range_g * G_M_S2, abs=0.0051)
        assert math.degrees(driver.gyro[2]) == pytest.approx(range_dps)
        driver.mode = adafruit_bno055.CONFIG_MODE
        driver.accel_range, driver.gyro_range = adafruit_bno055.ACCEL_4G, adafruit_bno055.GYRO_2000_DPS

    def test_settings_are_read_back(self, opened: tuple[SteadyWorld, Any]) -> None:
        _, driver = opened
        driver.offsets_gyroscope = (1, -2, 300)
        driver.radius_magnetometer = 480
        driver.use_external_crystal = True
        assert driver.offsets_gyroscope == (1, -2, 300)
        assert driver.radius_magnetometer == 480
        assert driver.external_crystal is True
        driver.axis_remap = (0, 1, 2, 0, 0, 0)
        assert driver.axis_remap == (0, 1, 2, 0, 0, 0)
        assert driver.mode == adafruit_bno055.NDOF_MODE

    def test_what_it_lacks_fails_loudly(self, opened: tuple[SteadyWorld, Any]) -> None:
        _, driver = opened
        for name in ("quaternion", "gravity", "linear_acceleration"):
            with pytest.raises(UnmodelledError, match="DS000-14"):
                getattr(driver, name)
        with pytest.raises(UnmodelledError, match="register 0x41"):
            driver.axis_remap = (1, 0, 2, 0, 0, 0)

    def test_unplugged_it_raises_an_oserror(
        self, bench: tuple[SteadyWorld, BNO055, Any], opened: tuple[SteadyWorld, Any]
    ) -> None:
        _, driver = opened
        bench[1].unplug()
        with pytest.raises(OSError, match="is the chip plugged in"):
            _ = driver.euler
        bench[1].plug()
        assert driver.mode == adafruit_bno055.CONFIG_MODE


class TestRegisters:
    def test_its_identities(self, still: SteadyWorld) -> None:
        """Table 4-2, p. 53."""
        assert ChipBus(BNO055(still)).read_register(0x28, 0x00, 6).hex(" ") == "a0 fb 32 0f 08 03"

    def test_a_reset_takes_its_time(self, still: SteadyWorld) -> None:
        chip = BNO055(still)
        bus = ChipBus(chip)
        bus.write(0x28, b"\x3d\x0c")
        bus.write(0x28, b"\x3f\x20")
        still.pass_time(0.649)
        with pytest.raises(NackError, match="is resetting"):
            bus.read_register(0x28, 0x00)
        still.pass_time(0.002)
        assert bus.read_register(0x28, 0x3D) == b"\x10"
        assert chip.state()["mode"] == "CONFIGMODE"

    def test_settings_are_for_configmode(self, still: SteadyWorld) -> None:
        """3.3.1."""
        bus = ChipBus(BNO055(still))
        bus.write(0x28, b"\x3d\x07")
        bus.write(0x28, b"\x07\x01")
        with pytest.raises(UnmodelledError, match="register 0x08 outside CONFIGMODE"):
            bus.write(0x28, b"\x08\x0f")

    def test_changing_the_mode_takes_its_time(self, still: SteadyWorld) -> None:
        """Table 3-6, p. 21, and 3.3.1: in CONFIGMODE all data are 0."""
        bus = ChipBus(BNO055(still))
        bus.write(0x28, b"\x3d\x0c")
        still.pass_time(0.0069)
        assert bus.read_register(0x28, 0x08, 24) == bytes(24)
        still.pass_time(0.0002)
        assert bus.read_register(0x28, 0x1A, 2) == (120 * 16).to_bytes(2, "little")
        assert bus.read_register(0x28, 0x39) == b"\x05"
        bus.write(0x28, b"\x3d\x00")
        assert bus.read_register(0x28, 0x08, 24) == bytes(24)

    def test_fused_data_are_new_every_10_ms_and_the_field_every_50(self, still: SteadyWorld) -> None:
        """Table 3-14, p. 31."""
        bus = ChipBus(BNO055(still))
        bus.write(0x28, b"\x3d\x0c")
        still.pass_time(0.01)
        before = bus.read_register(0x28, 0x08, 24)
        still.set(heading_deg=10.0, magnetic_x_ut=1.0)
        still.pass_time(0.009)
        assert bus.read_register(0x28, 0x08, 24) == before
        still.pass_time(0.002)
        assert bus.read_register(0x28, 0x1A, 2) == b"\xa0\x00"
        assert bus.read_register(0x28, 0x0E, 2) == before[6:8]
        still.pass_time(0.04)
        assert bus.read_register(0x28, 0x0E, 2) == b"\x10\x00"

    def test_other_units(self, still: SteadyWorld) -> None:
        """Table 3-11, p. 30: mg, rps, radians and °F."""
        bus = ChipBus(BNO055(still))
        still.set(
            acceleration_z_g=-1.0,
            rotation_x_dps=math.degrees(2),
            heading_deg=math.degrees(1),
            temperature_c=20.0,
        )
        bus.write(0x28, b"\x3b\x97")
        bus.write(0x28, b"\x3d\x0c")
        still.pass_time(0.01)
        assert int.from_bytes(bus.read_register(0x28, 0x0C, 2), "little", signed=True) == -1000
        assert int.from_bytes(bus.read_register(0x28, 0x14, 2), "little") == 1800
        assert int.from_bytes(bus.read_register(0x28, 0x1A, 2), "little") == 900
        assert bus.read_register(0x28, 0x34) == bytes([34])  # 68 °F

    def test_a_heading_is_less_than_a_whole_turn(self, still: SteadyWorld) -> None:
        bus = ChipBus(BNO055(still))
        bus.write(0x28, b"\x3d\x0c")
        for heading_deg, wanted in ((-90.0, 270), (360.0, 0), (359.99, 0), (725.0, 5)):
            still.set(heading_deg=heading_deg)
            still.pass_time(0.05)
            assert int.from_bytes(bus.read_register(0x28, 0x1A, 2), "little") == wanted * 16

    def test_suspended_it_keeps_what_it_had(self, still: SteadyWorld) -> None:
        chip = BNO055(still)
        bus = ChipBus(chip)
        bus.write(0x28, b"\x3d\x0c")
        still.pass_time(0.1)
        before = bus.read_register(0x28, 0x08, 24)
        bus.write(0x28, b"\x3e\x02")
        still.set(heading_deg=10.0)
        still.pass_time(1)
        assert bus.read_register(0x28, 0x08, 24) == before
        assert chip.state()["suspended"] is True
