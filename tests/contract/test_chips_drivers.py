"""Every simulated chip, read by the published driver that somebody else wrote."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from math import degrees
from typing import Any

import adafruit_24lc32
import adafruit_ds3231
import adafruit_mpu6050
import adafruit_ssd1306
import pytest
from adafruit_bme280 import advanced, basic

from iotlab.bus.i2c import I2CBus
from iotlab.sim.chips.at24c32 import AT24C32
from iotlab.sim.chips.base import I2CChip
from iotlab.sim.chips.bme280 import BME280
from iotlab.sim.chips.ds3231 import DS3231
from iotlab.sim.chips.mpu6050 import MPU6050
from iotlab.sim.chips.ssd1306 import SSD1306
from iotlab.testing.chips import ROOM
from iotlab.testing.i2c import ChipBus
from iotlab.testing.world import SteadyWorld

READINGS = 24
G_M_S2 = 9.80665


@pytest.fixture
def world() -> SteadyWorld:
    return SteadyWorld(**ROOM)


@pytest.mark.parametrize(
    ("make", "connect", "read"),
    [
        (AT24C32, adafruit_24lc32.EEPROM_I2C, lambda driver: driver[0]),
        (BME280, basic.Adafruit_BME280_I2C, lambda driver: driver.temperature),
        (DS3231, adafruit_ds3231.DS3231, lambda driver: driver.datetime),
        (MPU6050, adafruit_mpu6050.MPU6050, lambda driver: driver.acceleration),
        (SSD1306, partial(adafruit_ssd1306.SSD1306_I2C, 128, 64), lambda driver: driver.show()),
    ],
    ids=["at24c32", "bme280", "ds3231", "mpu6050", "ssd1306"],
)
def test_unplugged_the_driver_raises_an_oserror(
    world: SteadyWorld, make: type[I2CChip], connect: Callable[[Any], Any], read: Callable[[Any], object]
) -> None:
    chip = make(world)
    driver = connect(ChipBus(chip).as_blinka())
    read(driver)
    chip.unplug()
    with pytest.raises(OSError, match="is the chip plugged in"):
        read(driver)


def test_unplugged_in_the_middle_of_a_reading(world: SteadyWorld) -> None:
    class Loose(ChipBus):
        """Its chip falls out after ``left`` transfers."""

        left = 1000

        def _transaction(self, address: int, operations: Any) -> list[bytes]:
            if self.left == 0:
                chip.unplug()
            self.left -= 1
            return super()._transaction(address, operations)

    chip = BME280(world)
    bus = Loose(chip)
    driver = basic.Adafruit_BME280_I2C(bus.as_blinka())
    bus.left = 5
    with pytest.raises(OSError, match="is the chip plugged in"):
        driver.pressure  # noqa: B018 - reading it is what takes the transfers


class TestBME280:
    """Tolerances: BST-BME280-DS002 rev. 1.6, 1.1 to 1.3 (0.01 °C, 0.008 %RH) and one step of the pressure's bits."""

    def readings(self, world: SteadyWorld, driver: Any, seed: int, hpa: float, settle_s: float = 0.0) -> None:
        dice = random.Random(seed)
        for _ in range(READINGS):
            wanted = {
                "temperature_c": dice.uniform(-40, 85),
                "humidity_percent": dice.uniform(0, 100),
                "pressure_hpa": dice.uniform(300, 1100),
            }
            world.set(**wanted)
            world.pass_time(settle_s)
            assert driver.temperature == pytest.approx(wanted["temperature_c"], abs=0.01)
            assert driver.humidity == pytest.approx(wanted["humidity_percent"], abs=0.008)
            assert driver.pressure == pytest.approx(wanted["pressure_hpa"], abs=hpa)

    @pytest.mark.parametrize("calibration", [0, 1])
    @pytest.mark.parametrize("address", [0x76, 0x77])
    def test_forced_measurements(self, world: SteadyWorld, address: int, calibration: int) -> None:
        bus = ChipBus(BME280(world, address=address, calibration=calibration))
        driver = basic.Adafruit_BME280_I2C(bus.as_blinka(), address)
        self.readings(world, driver, seed=address + calibration, hpa=0.0018)

    def test_least_oversampling(self, world: SteadyWorld) -> None:
        driver = advanced.Adafruit_BME280_I2C(ChipBus(BME280(world)).as_blinka())
        driver.overscan_pressure = advanced.OVERSCAN_X1
        self.readings(world, driver, seed=3, hpa=0.0262)

    def test_normal_mode_with_the_filter(self, world: SteadyWorld) -> None:
        driver = advanced.Adafruit_BME280_I2C(ChipBus(BME280(world, calibration=1)).as_blinka())
        driver.overscan_temperature = advanced.OVERSCAN_X16
        driver.iir_filter = advanced.IIR_FILTER_X16
        driver.standby_period = advanced.STANDBY_TC_10
        driver.mode = advanced.MODE_NORMAL
        # 20 bits of temperature: the driver uses the lowest three, the datasheet's integer formula drops them
        self.readings(world, driver, seed=4, hpa=0.005, settle_s=60)

    def test_beyond_the_range_it_stays_at_the_limit(self, world: SteadyWorld) -> None:
        driver = basic.Adafruit_BME280_I2C(ChipBus(BME280(world)).as_blinka())
        world.set(temperature_c=300.0, pressure_hpa=20.0, humidity_percent=150.0)
        assert driver.temperature == pytest.approx(85, abs=0.01)
        assert driver.pressure == pytest.approx(300, abs=0.01)
        assert driver.humidity == pytest.approx(100, abs=0.008)


class TestMPU6050:
    """Tolerance: half a step of the range (RM-MPU-6000A-00 rev. 4.2, 4.17 to 4.19)."""

    @pytest.mark.parametrize(
        ("address", "accelerometer", "gyroscope"), [(0x68, 0, 0), (0x69, 3, 3), (0x68, 1, 1), (0x69, 2, 2)]
    )
    def test_all_axes_over_the_range(
        self, world: SteadyWorld, address: int, accelerometer: int, gyroscope: int
    ) -> None:
        driver = adafruit_mpu6050.MPU6050(ChipBus(MPU6050(world, address=address)).as_blinka(), address)
        driver.accelerometer_range, driver.gyro_range = accelerometer, gyroscope
        most_g, most_dps = 2 << accelerometer, 250 << gyroscope
        dice = random.Random(address + accelerometer)
        for _ in range(READINGS):
            g = [dice.uniform(-most_g, most_g) * 0.9999 for _ in "xyz"]
            dps = [dice.uniform(-most_dps, most_dps) * 0.9999 for _ in "xyz"]
            temperature_c = dice.uniform(-40, 85)
            world.set(
                temperature_c=temperature_c,
                **{f"acceleration_{axis}_g": value for axis, value in zip("xyz", g, strict=True)},
                **{f"rotation_{axis}_dps": value for axis, value in zip("xyz", dps, strict=True)},
            )
            assert [a / G_M_S2 for a in driver.acceleration] == pytest.approx(g, abs=0.5001 * most_g / 32768)
            assert [degrees(r) for r in driver.gyro] == pytest.approx(dps, abs=0.5001 * most_dps / 32750)
            assert driver.temperature == pytest.approx(temperature_c, abs=0.5001 / 340)

    def test_settings_are_read_back(self, world: SteadyWorld) -> None:
        driver = adafruit_mpu6050.MPU6050(ChipBus(MPU6050(world)).as_blinka())
        driver.sample_rate_divisor, driver.filter_bandwidth, driver.cycle_rate = 9, 4, 2
        driver.clock_source = 3
        assert (driver.sample_rate_divisor, driver.filter_bandwidth, driver.cycle_rate) == (9, 4, 2)
        assert (driver.clock_source, driver.sleep) == (3, False)

    def test_in_cycle_mode_it_takes_five_samples_a_second(self, world: SteadyWorld) -> None:
        driver = adafruit_mpu6050.MPU6050(ChipBus(MPU6050(world)).as_blinka())
        driver.cycle_rate, driver.cycle = adafruit_mpu6050.Rate.CYCLE_5_HZ, True
        world.pass_time(0.2)
        assert driver.acceleration[2] / G_M_S2 == pytest.approx(0.99, abs=0.001)
        world.set(acceleration_z_g=-1.0)
        assert driver.acceleration[2] / G_M_S2 == pytest.approx(0.99, abs=0.001)
        world.pass_time(0.2)
        assert driver.acceleration[2] / G_M_S2 == pytest.approx(-1.0, abs=0.001)


class TestDS3231:
    @pytest.mark.parametrize("battery", [True, False])
    def test_any_moment_of_its_century(self, battery: bool) -> None:
        world = SteadyWorld(step_s=0, **ROOM)
        rtc = adafruit_ds3231.DS3231(ChipBus(DS3231(world, battery=battery)).as_blinka())
        assert rtc.lost_power is not battery
        dice = random.Random(battery)
        for _ in range(READINGS):
            moment = datetime(2000, 1, 1) + timedelta(seconds=dice.randrange(99 * 365 * 86400))
            rtc.datetime = moment.timetuple()
            assert rtc.lost_power is False
            later_s = dice.randrange(0, 200 * 86400)
            world.pass_time(later_s)
            later = moment + timedelta(seconds=later_s)
            assert rtc.datetime[:7] == later.timetuple()[:7]

    @pytest.mark.parametrize("aging", [0, -128, 127])
    def test_temperatures_to_a_quarter_of_a_degree(self, world: SteadyWorld, aging: int) -> None:
        rtc = adafruit_ds3231.DS3231(ChipBus(DS3231(world)).as_blinka())
        rtc.calibration = aging
        assert rtc.calibration == aging
        dice = random.Random(aging)
        for _ in range(READINGS):
            temperature_c = dice.uniform(-40, 85)
            world.set(temperature_c=temperature_c)
            assert rtc.force_temperature_conversion() == pytest.approx(temperature_c, abs=0.125)

    @pytest.mark.parametrize("frequency", ["secondly", "minutely", "hourly", "daily", "weekly", "monthly"])
    def test_alarms(self, frequency: str) -> None:
        world = SteadyWorld(step_s=0, **ROOM)
        rtc = adafruit_ds3231.DS3231(ChipBus(DS3231(world)).as_blinka())
        start = datetime(2026, 6, 1, 13, 0, 0)
        at = start + timedelta(seconds=1)
        rtc.datetime = start.timetuple()
        rtc.alarm1 = (at.timetuple(), frequency)
        rtc.alarm1_status = False
        assert rtc.alarm1[1] == frequency
        assert rtc.alarm1_status is False
        world.pass_time(1)
        assert rtc.alarm1_status is True


class TestAT24C32:
    @pytest.mark.parametrize("address", [0x50, 0x57])
    def test_what_is_written_is_read_back(self, address: int) -> None:
        world = SteadyWorld(step_s=None)
        chip = AT24C32(world, address=address)
        eeprom = adafruit_24lc32.EEPROM_I2C(ChipBus(chip).as_blinka(), address)
        assert len(eeprom) == 4096
        dice = random.Random(address)
        expected = bytearray(b"\xff" * 4096)
        for _ in range(READINGS):
            size = dice.randrange(1, 6)
            place = dice.randrange(4096 - size)
            data = dice.randbytes(size)
            eeprom[place : place + size] = data
            time.sleep(0.005)  # the driver itself waits only between two bytes
            expected[place : place + size] = data
            assert eeprom[place : place + size] == data
        assert eeprom[0:4096] == expected == chip.content()

    def test_a_chip_slower_than_the_driver_thinks_does_not_answer(self) -> None:
        """The first AT24C32 takes up to 10 ms (0336); the driver was written for 5."""
        chip = AT24C32(SteadyWorld(step_s=None), write_cycle_ms=1000)
        eeprom = adafruit_24lc32.EEPROM_I2C(ChipBus(chip).as_blinka())
        with pytest.raises(OSError, match="is writing"):
            eeprom[0:2] = b"ab"


class TestSSD1306:
    def drawn(self, driver: Any) -> list[str]:
        """What the driver's buffer shows."""
        size = range(driver.width)
        return ["".join("#" if driver.pixel(x, y) else "." for x in size) for y in range(driver.height)]

    def draw(self, driver: Any, seed: int) -> list[str]:
        dice = random.Random(seed)
        driver.fill(0)
        for _ in range(200):
            driver.pixel(dice.randrange(driver.width), dice.randrange(driver.height), 1)
        driver.rect(3, 2, 30, 20, 1)
        driver.show()
        return self.drawn(driver)

    @pytest.mark.parametrize("paged", [False, True])
    @pytest.mark.parametrize(("address", "height"), [(0x3C, 64), (0x3D, 32)])
    def test_pictures(self, world: SteadyWorld, address: int, height: int, paged: bool) -> None:
        chip = SSD1306(world, address=address, height=height)
        driver = adafruit_ssd1306.SSD1306_I2C(
            128, height, ChipBus(chip).as_blinka(), addr=address, page_addressing=paged
        )
        assert chip.lines() == ["." * 128] * height
        if paged:
            driver.page_column_start = b"\x00\x10"  # the driver's own (0, 4 * 32) is column 64 here
        for seed in range(READINGS):
            assert self.draw(driver, seed) == chip.lines()
        packed = bytes.fromhex(chip.state()["pixels_hex"])
        assert f"{int.from_bytes(packed, 'big'):0{128 * height}b}" == "".join(chip.lines()).translate(
            str.maketrans("#.", "10")
        )

    def test_what_the_driver_sets_is_to_be_seen(self, world: SteadyWorld) -> None:
        chip = SSD1306(world)
        driver = adafruit_ssd1306.SSD1306_I2C(128, 64, ChipBus(chip).as_blinka())
        picture = self.draw(driver, 1)
        driver.contrast(0x20)
        assert (chip.state()["on"], chip.state()["contrast"], chip.state()["inverted"]) == (True, 0x20, False)
        driver.invert(True)
        negative = ["".join(".#"[c == "."] for c in line) for line in picture]
        assert chip.lines() == negative
        driver.invert(False)
        driver.poweroff()
        assert chip.lines() == ["." * 128] * 64
        driver.poweron()
        assert chip.lines() == picture

    def test_turned_by_half(self, world: SteadyWorld) -> None:
        chip = SSD1306(world)
        driver = adafruit_ssd1306.SSD1306_I2C(128, 64, ChipBus(chip).as_blinka())
        picture = self.draw(driver, 2)
        driver.rotate(False)
        driver.show()
        assert chip.lines() == [line[::-1] for line in picture[::-1]]

    def test_a_small_picture_on_a_big_panel(self, world: SteadyWorld) -> None:
        """Set up for 32 rows, in sequence, a panel of 64 rows wired alternately shows it wrong, as a real one."""
        chip = SSD1306(world)
        driver = adafruit_ssd1306.SSD1306_I2C(128, 32, ChipBus(chip).as_blinka())
        picture = self.draw(driver, 3)
        assert chip.lines() != picture
        lit = [line for line in chip.lines() if "#" in line]
        assert sorted(lit) == sorted(line for line in picture if "#" in line), "every row is there, elsewhere"

    def test_the_status_says_whether_it_is_on(self, world: SteadyWorld) -> None:
        bus: I2CBus = ChipBus(SSD1306(world))
        assert bus.read(0x3C, 1) == b"\x40"
        bus.write(0x3C, b"\x80\xaf")
        assert bus.read(0x3C, 1) == b"\x00"

    def test_without_its_charge_pump_it_stays_dark(self, world: SteadyWorld) -> None:
        chip = SSD1306(world)
        bus = ChipBus(chip)
        bus.write(0x3C, b"\x00\xaf\xa5")
        assert "#" not in "".join(chip.lines())
        bus.write(0x3C, b"\x00\x8d\x14")
        assert "." not in "".join(chip.lines())

    def test_vertical_addressing_in_a_window(self, world: SteadyWorld) -> None:
        chip = SSD1306(world)
        bus = ChipBus(chip)
        bus.write(0x3C, bytes.fromhex("00 ae 20 01 21 02 03 22 01 02 a1 c8 8d 14 af"))
        bus.write(0x3C, b"\x40" + bytes([0x01, 0x02, 0x04, 0x08, 0x10]))
        lit = {(x, y) for y, line in enumerate(chip.lines()) for x, c in enumerate(line) if c == "#"}
        assert lit == {(2, 12), (2, 17), (3, 10), (3, 19)}, "the fifth byte came where the first had been"

    def test_scrolling_by_start_line_and_offset(self, world: SteadyWorld) -> None:
        chip = SSD1306(world)
        driver = adafruit_ssd1306.SSD1306_I2C(128, 64, ChipBus(chip).as_blinka())
        picture = self.draw(driver, 4)
        driver.write_cmd(0x40 | 5)
        assert chip.lines() == picture[5:] + picture[:5]
        driver.write_cmd(0x40)
        driver.write_cmd(0xD3)
        driver.write_cmd(7)
        assert chip.lines() != picture
        assert sorted(chip.lines()) == sorted(picture)
