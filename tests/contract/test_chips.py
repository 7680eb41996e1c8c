"""Every simulated chip passes the same contract, and what is special to each."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

import pytest

from iotlab.bus.i2c import Read, Write
from iotlab.errors import ConfigError, NackError, NotFoundError
from iotlab.sim import chips
from iotlab.sim.chips._bosch import CALIBRATIONS, Calibration
from iotlab.sim.chips.at24c32 import AT24C32
from iotlab.sim.chips.base import I2CChip, LinePart, UnmodelledError
from iotlab.sim.chips.bme280 import BME280
from iotlab.sim.chips.ds3231 import DS3231
from iotlab.sim.chips.mpu6050 import MPU6050
from iotlab.testing.chips import ROOM, ChipContract
from iotlab.testing.i2c import ChipBus
from iotlab.testing.world import SteadyWorld


class TestBME280Contract(ChipContract):
    name, unmodelled = "bme280", (b"\xf6", 1)


class TestMPU6050Contract(ChipContract):
    name, unmodelled = "mpu6050", (b"\x72", 2)  # FIFO_COUNT


class TestDS3231Contract(ChipContract):
    name, unmodelled = "ds3231", (b"\x2c", 0)


class TestAT24C32Contract(ChipContract):
    name, unmodelled = "at24c32", (b"\x00", 1)  # half a word address


class TestSSD1306Contract(ChipContract):
    name, unmodelled = "ssd1306", (b"\x00\x2f", 0)  # activate scroll


def test_every_chip_has_its_contract() -> None:
    """Here, or in a file of its own, ``chips/test_<name>.py``, beside what the published driver reads from it."""
    parts = {name for name in chips.names() if issubclass(chips.load(name), I2CChip)}
    here = {kind.name for kind in ChipContract.__subclasses__() if kind.__module__ == __name__}
    beside = {path.stem.removeprefix("test_") for path in (Path(__file__).parent / "chips").glob("test_*.py")}
    assert parts == here | beside


def test_an_unknown_part_names_the_known_ones() -> None:
    with pytest.raises(NotFoundError, match=r"'bme820'.*bme280"):
        chips.create("bme820", SteadyWorld())


@pytest.fixture
def world() -> SteadyWorld:
    return SteadyWorld(**ROOM)


class TestBME280:
    def test_the_formulas_give_the_datasheets_worked_example(self) -> None:
        """BST-BMP280-DS001 rev. 1.23, 3.12, p. 23: 519888 and 415148 are 25.08 °C and 100653.27 Pa."""
        calibration = CALIBRATIONS[0]
        assert calibration.t_fine(519888) == 128422
        assert calibration.pressure(415148, 128422) / 256 == pytest.approx(100653.27, abs=0.05)

    def test_the_calibration_is_read_as_the_datasheet_lays_it_out(self, world: SteadyWorld) -> None:
        """DS002, table 16, p. 24."""
        chip = BME280(world, calibration=1)
        wanted: Calibration = CALIBRATIONS[1]
        bus = ChipBus(chip)
        assert int.from_bytes(bus.read_register(0x77, 0x88, 2), "little") == wanted.t[0]
        assert int.from_bytes(bus.read_register(0x77, 0x9E, 2), "little", signed=True) == wanted.p[8]
        e4, e5, e6 = bus.read_register(0x77, 0xE4, 3)
        assert (e4 << 4 | e5 & 0x0F, e6 << 4 | e5 >> 4) == (wanted.h[3], wanted.h[4])

    def test_before_a_measurement_the_data_are_the_reset_values(self, world: SteadyWorld) -> None:
        assert ChipBus(BME280(world)).read_register(0x77, 0xF7, 8) == bytes.fromhex("8000008000008000")

    def test_what_is_skipped_reads_as_the_datasheet_says(self, world: SteadyWorld) -> None:
        bus = ChipBus(BME280(world))
        bus.write_register(0x77, 0xF4, b"\x21")  # temperature x1, pressure skipped, forced
        world.pass_time(1)
        data = bus.read_register(0x77, 0xF7, 8)
        assert data[:3] == b"\x80\x00\x00"
        assert data[3:6] != b"\x80\x00\x00"
        assert data[6:] == b"\x80\x00"

    def test_it_measures_for_as_long_as_the_datasheet_says_and_sleeps_again(self) -> None:
        """9.1: 1 + 2 x16 + (2 x16 + 0.5) + (2 x16 + 0.5) = 98 ms."""
        world = SteadyWorld(step_s=0, **ROOM)
        bus = ChipBus(BME280(world))
        bus.write(0x77, b"\xf2\x05\xf4\xb5")  # pairs of register and value
        world.pass_time(0.0979)
        assert bus.read_register(0x77, 0xF3)[0] & 0x08
        world.pass_time(0.0002)
        assert not bus.read_register(0x77, 0xF3)[0] & 0x08
        assert bus.read_register(0x77, 0xF4) == b"\xb4"

    def test_humidity_settings_wait_for_ctrl_meas(self, world: SteadyWorld) -> None:
        """5.4.3."""
        bus = ChipBus(BME280(world))
        bus.write_register(0x77, 0xF4, b"\x27")
        bus.write_register(0x77, 0xF2, b"\x01")
        world.pass_time(2)
        assert bus.read_register(0x77, 0xFD, 2) == b"\x80\x00"

    def test_the_filter_follows_slowly(self, world: SteadyWorld) -> None:
        """3.4.4: each sample goes 1/16 of the way."""
        world.set(temperature_c=20.0)
        chip = BME280(world)
        bus = ChipBus(chip)
        bus.write_register(0x77, 0xF5, b"\x10")
        readings = []
        for temperature_c in (20.0, 36.0, 36.0):
            world.set(temperature_c=temperature_c)
            bus.write_register(0x77, 0xF4, b"\x25")
            world.pass_time(1)
            raw = int.from_bytes(bus.read_register(0x77, 0xFA, 3), "big") >> 4
            readings.append(chip.calibration.t_fine(raw) / 5120)
        assert readings == pytest.approx([20.0, 21.0, 21.94], abs=0.02)

    def test_a_soft_reset_puts_it_to_sleep(self, world: SteadyWorld) -> None:
        chip = BME280(world)
        bus = ChipBus(chip)
        bus.write_register(0x77, 0xF4, b"\x27")
        assert chip.state()["mode"] == "normal"
        bus.write_register(0x77, 0xE0, b"\x00")
        assert chip.state()["mode"] == "normal"
        bus.write_register(0x77, 0xE0, b"\xb6")
        assert chip.state()["mode"] == "sleep"

    def test_a_change_of_mode_waits_for_the_measurement(self) -> None:
        """3.3.1."""
        world = SteadyWorld(step_s=0, **ROOM)
        bus = ChipBus(BME280(world))
        bus.write_register(0x77, 0xF4, b"\xb5")
        bus.write_register(0x77, 0xF4, b"\x24")
        assert bus.read_register(0x77, 0xF4) == b"\xb5"
        world.pass_time(0.1)
        assert bus.read_register(0x77, 0xF4) == b"\x24"

    def test_there_are_two_calibrations(self, world: SteadyWorld) -> None:
        with pytest.raises(ConfigError, match="0 to 1"):
            BME280(world, calibration=2)


class TestMPU6050:
    def test_it_sleeps_until_it_is_woken(self, world: SteadyWorld) -> None:
        bus = ChipBus(MPU6050(world))
        assert bus.read_register(0x68, 0x3B, 14) == bytes(14)
        bus.write_register(0x68, 0x6B, b"\x00")
        awake = bus.read_register(0x68, 0x3B, 14)
        assert awake != bytes(14)
        bus.write_register(0x68, 0x6B, b"\x40")
        world.set(acceleration_z_g=-1.0)
        assert bus.read_register(0x68, 0x3B, 14) == awake

    def test_values_beyond_the_range_saturate(self, world: SteadyWorld) -> None:
        bus = ChipBus(MPU6050(world))
        bus.write_register(0x68, 0x6B, b"\x00")
        world.set(acceleration_x_g=9.0, acceleration_y_g=-9.0)
        assert bus.read_register(0x68, 0x3B, 4) == b"\x7f\xff\x80\x00"

    def test_data_ready_is_cleared_by_reading(self) -> None:
        world = SteadyWorld(step_s=0, **ROOM)
        bus = ChipBus(MPU6050(world))
        bus.write_register(0x68, 0x19, b"\xff")  # 8 kHz / 256
        bus.write_register(0x68, 0x6B, b"\x00")
        assert bus.read_register(0x68, 0x3A) == b"\x01"
        assert bus.read_register(0x68, 0x3A) == b"\x00"
        world.pass_time(0.033)
        assert bus.read_register(0x68, 0x3A) == b"\x01"

    @pytest.mark.parametrize(
        ("register", "value"), [(0x6A, 0x40), (0x23, 0x08), (0x1B, 0xE0), (0x1C, 0x80), (0x6C, 0x07)]
    )
    def test_a_bit_that_is_not_modelled_fails_loudly(
        self, world: SteadyWorld, register: int, value: int
    ) -> None:
        with pytest.raises(UnmodelledError, match=f"register 0x{register:02x}.*RM-MPU-6000A-00"):
            ChipBus(MPU6050(world)).write_register(0x68, register, bytes([value]))

    def test_a_reset_gives_the_datasheets_reset_values(self, world: SteadyWorld) -> None:
        bus = ChipBus(MPU6050(world))
        bus.write_register(0x68, 0x19, b"\x07\x03\x18\x18")
        bus.write_register(0x68, 0x6B, b"\x80")
        assert bus.read_register(0x68, 0x19, 4) == bytes(4)
        assert bus.read_register(0x68, 0x6B) == b"\x40"


class TestDS3231:
    def clock(self, chip: DS3231) -> bytes:
        return ChipBus(chip).read_register(0x68, 0x00, 7)

    def test_it_runs_on_the_worlds_clock_in_utc(self) -> None:
        start = datetime(2026, 3, 1, 23, 59, 58, tzinfo=timezone.utc)
        world = SteadyWorld(start_s=start.timestamp(), step_s=0, **ROOM)
        chip = DS3231(world)
        assert self.clock(chip).hex(" ") == "58 59 23 07 01 03 26"  # a Sunday
        world.pass_time(2)
        assert self.clock(chip).hex(" ") == "00 00 00 01 02 03 26"

    def test_without_a_battery_it_has_lost_the_time(self, world: SteadyWorld) -> None:
        chip = DS3231(world, battery=False)
        assert self.clock(chip).hex(" ") == "00 00 00 01 01 01 00"
        assert ChipBus(chip).read_register(0x68, 0x0E, 2) == b"\x1c\x8c", "OSF, and the first conversion"
        assert chip.state()["lost_power"] is True

    def test_twelve_hours(self, world: SteadyWorld) -> None:
        chip = DS3231(SteadyWorld(step_s=0, **ROOM))
        bus = ChipBus(chip)
        for written, day in ((0x52, 0), (0x72, 12), (0x61, 13), (0x51, 11)):
            bus.write(0x68, bytes([0x02, written]))
            assert self.clock(chip)[2] == written
            assert f" {day:02}:" in chip.state()["time"]

    def test_the_century_bit_toggles_when_the_year_overflows(self) -> None:
        world = SteadyWorld(step_s=0, **ROOM)
        chip = DS3231(world)
        ChipBus(chip).write(0x68, bytes.fromhex("00 59 59 23 07 31 12 99"))
        world.pass_time(1)
        assert self.clock(chip).hex(" ") == "00 00 00 01 01 81 00"

    def test_pointers_wrap_at_the_last_register(self) -> None:
        chip = DS3231(SteadyWorld(step_s=0, **ROOM))
        data = ChipBus(chip).read_register(0x68, 0x12, 3)
        assert data[1:] == self.clock(chip)[:2]

    def test_it_does_not_acknowledge_registers_it_lacks(self, world: SteadyWorld) -> None:
        bus = ChipBus(DS3231(world))
        with pytest.raises(NackError, match="ends at 0x12"):
            bus.read_register(0x68, 0x75)
        assert bus.scan() == [0x68]

    def test_a_date_that_does_not_exist_may_be_mended_but_not_read(self, world: SteadyWorld) -> None:
        chip = DS3231(world)
        bus = ChipBus(chip)
        bus.write(0x68, bytes.fromhex("00 00 00 12 01 31 01 26"))
        bus.write(0x68, b"\x05\x02")  # 31 February
        with pytest.raises(UnmodelledError, match="does not exist"):
            self.clock(chip)
        bus.write(0x68, b"\x04\x28")
        assert self.clock(chip).hex(" ") == "00 00 12 01 28 02 26"

    @pytest.mark.parametrize(
        ("registers", "fires_after_s"),
        [
            ("80 80 80 80", 1),  # every second
            ("05 80 80 80", 5),  # when the seconds match
            ("00 01 80 80", 60),
            ("00 00 14 80", 3600),
            ("00 00 13 02", 86400),
            ("00 00 13 42", 86400),  # by day of the week
            ("00 00 62 80", 3600),  # 2 PM on a 12-hour clock
        ],
    )
    def test_alarm_1(self, registers: str, fires_after_s: int) -> None:
        world = SteadyWorld(step_s=0, **ROOM)
        bus = ChipBus(DS3231(world))
        bus.write(0x68, bytes.fromhex("00 00 00 13 01 01 06 26") + bytes.fromhex(registers))
        bus.write(0x68, b"\x0f\x00")
        world.pass_time(fires_after_s - 0.5)
        assert bus.read_register(0x68, 0x0F)[0] & 1 == 0
        world.pass_time(0.5)
        assert bus.read_register(0x68, 0x0F)[0] & 1 == 1
        bus.write(0x68, b"\x0f\x00")
        assert bus.read_register(0x68, 0x0F)[0] & 1 == 0

    def test_alarm_2_matches_at_the_full_minute(self) -> None:
        world = SteadyWorld(step_s=0, **ROOM)
        bus = ChipBus(DS3231(world))
        bus.write(0x68, bytes.fromhex("00 30 00 13 01 01 06 26"))
        bus.write(0x68, bytes.fromhex("0b 80 80 80"))
        world.pass_time(29)
        assert bus.read_register(0x68, 0x0F)[0] & 2 == 0
        world.pass_time(1)
        assert bus.read_register(0x68, 0x0F)[0] & 2 == 2

    def test_flags_cannot_be_written_to_one(self, world: SteadyWorld) -> None:
        bus = ChipBus(DS3231(world))
        bus.write(0x68, b"\x0f\x83")
        assert bus.read_register(0x68, 0x0F)[0] & 0x83 == 0

    def test_temperature_is_new_every_64_seconds(self) -> None:
        world = SteadyWorld(step_s=0, **ROOM)
        world.set(temperature_c=-10.25)
        bus = ChipBus(DS3231(world))
        world.pass_time(1)
        assert bus.read_register(0x68, 0x11, 2) == b"\xf5\xc0"
        world.set(temperature_c=30.0)
        world.pass_time(62)
        assert bus.read_register(0x68, 0x11, 2) == b"\xf5\xc0"
        world.pass_time(2)
        assert bus.read_register(0x68, 0x11, 2) == b"\x1e\x00"

    def test_a_positive_aging_offset_makes_it_slower(self) -> None:
        world = SteadyWorld(step_s=0, **ROOM)
        chip = DS3231(world)
        bus = ChipBus(chip)
        bus.write(0x68, b"\x10\x7f")  # 12.7 ppm
        world.pass_time(64)
        bus.write(0x68, bytes.fromhex("00 00 00 00 01 01 06 26"))
        world.pass_time(1_000_000)
        assert chip.state()["time"] == "2026-06-12 13:46:27"  # 12.7 s short of 13:46:40

    def test_on_its_battery_it_keeps_the_time_while_unplugged(self) -> None:
        world = SteadyWorld(step_s=0, **ROOM)
        chip = DS3231(world)
        before = chip.state()["time"]
        chip.unplug()
        world.pass_time(86400)
        chip.plug()
        assert chip.state()["time"][:10] > before[:10]
        assert chip.state()["time"][10:] == before[10:]

    def test_with_its_oscillator_off_it_stands_still_on_the_battery(self) -> None:
        world = SteadyWorld(step_s=0, **ROOM)
        chip = DS3231(world)
        ChipBus(chip).write(0x68, b"\x0e\x9c")
        before = chip.state()["time"]
        chip.unplug()
        world.pass_time(3600)
        chip.plug()
        assert chip.state()["time"] == before
        assert chip.state()["lost_power"] is True


class TestAT24C32:
    def test_a_page_rolls_over(self, world: SteadyWorld) -> None:
        """0336, page write: the 33rd byte comes to the start of the same page."""
        chip = AT24C32(world)
        bus = ChipBus(chip)
        bus.write(0x50, b"\x00\x3e" + b"abcd")
        assert chip.content()[0x3E:0x40] == b"ab"
        assert chip.content()[0x20:0x22] == b"cd"
        assert chip.content()[0x40:0x42] == b"\xff\xff"

    def test_it_does_not_answer_while_it_writes(self) -> None:
        world = SteadyWorld(step_s=0, **ROOM)
        bus = ChipBus(AT24C32(world, write_cycle_ms=10))
        bus.write(0x50, b"\x00\x00x")
        world.pass_time(0.0099)
        assert bus.scan() == []
        with pytest.raises(NackError, match="is writing"):
            bus.read(0x50, 1)
        world.pass_time(0.0002)
        assert bus.write_read(0x50, b"\x00\x00", 1) == b"x"

    def test_reading_goes_on_at_the_start_after_the_end(self, world: SteadyWorld) -> None:
        chip = AT24C32(world, content="start")
        bus = ChipBus(chip)
        assert bus.write_read(0x50, b"\x0f\xfe", 5) == b"\xff\xffsta"
        assert bus.read(0x50, 2) == b"rt"

    def test_the_upper_address_bits_do_not_matter(self, world: SteadyWorld) -> None:
        bus = ChipBus(AT24C32(world, content="start"))
        assert bus.write_read(0x50, b"\xf0\x00", 5) == b"start"

    def test_setting_the_address_writes_nothing(self, world: SteadyWorld) -> None:
        bus = ChipBus(AT24C32(world))
        bus.write(0x50, b"\x00\x10")
        assert bus.scan() == [0x50]

    def test_data_before_a_repeated_start_are_not_written(self, world: SteadyWorld) -> None:
        chip = AT24C32(world)
        chip.transaction([Write(b"\x00\x00lost"), Read(1)])
        assert chip.content()[:4] == b"\xff" * 4

    def test_content_outlives_the_power(self, world: SteadyWorld) -> None:
        chip = AT24C32(world)
        ChipBus(chip).write(0x50, b"\x00\x00kept")
        chip.unplug()
        chip.plug()
        assert ChipBus(chip).write_read(0x50, b"\x00\x00", 4) == b"kept"

    def test_content_in_a_file_outlives_the_process(self, world: SteadyWorld, tmp_path: Path) -> None:
        path = str(tmp_path / "eeprom.bin")
        ChipBus(AT24C32(world, content="new", path=path)).write(0x50, b"\x00\x10kept")
        again = AT24C32(world, content="new", path=path)
        assert again.content()[:3] == b"new"
        assert again.content()[16:20] == b"kept"

    def test_content_that_does_not_fit_is_refused(self, world: SteadyWorld) -> None:
        with pytest.raises(ConfigError, match="4096 bytes, not 4097"):
            AT24C32(world, content="x" * 4097)


class TestLines:
    """Parts on single pins."""

    def part(self, name: str, **options: object) -> LinePart:
        part = chips.create(name, SteadyWorld(), **options)
        assert isinstance(part, LinePart)
        assert json.loads(json.dumps(part.state())) == part.state()
        return part

    def test_a_led_shines_with_the_level_or_the_duty(self) -> None:
        led = self.part("led", colour="green")
        assert led.state() == {"on": False, "brightness": 0.0, "colour": "green"}
        led.driven(True)
        assert led.state()["on"] is True
        led.driven(True, duty=0.25)
        assert led.state()["brightness"] == 0.25

    def test_a_led_to_the_supply_is_lit_by_a_low_level(self) -> None:
        led = self.part("led", active_low=True)
        assert led.state()["on"] is False
        led.driven(False)
        assert led.state()["brightness"] == 1.0
        led.driven(False, duty=0.75)
        assert led.state()["brightness"] == 0.25

    def test_a_button_pulls_to_ground_and_says_so(self) -> None:
        button = self.part("button")
        seen: list[bool | None] = []
        button.changed = lambda: seen.append(button.level())
        assert button.level() is None
        button.act("press")
        button.act("press")
        button.act("release")
        assert seen == [False, None]

    @pytest.mark.parametrize(
        ("options", "released", "pressed"),
        [
            ({"active_low": False}, None, True),
            ({"pulled": True}, True, False),
            ({"active_low": False, "pulled": True}, False, True),
        ],
    )
    def test_the_ways_to_wire_a_button(
        self, options: dict[str, bool], released: bool | None, pressed: bool
    ) -> None:
        button = self.part("button", **options)
        assert button.level() is released
        button.act("press")
        assert button.level() is pressed

    def test_a_click_lets_go_by_itself(self) -> None:
        import threading

        button = self.part("button")
        released = threading.Event()
        levels: list[bool | None] = []

        def changed() -> None:
            levels.append(button.level())
            if len(levels) == 2:
                released.set()

        button.changed = changed
        button.act("click", 0.01)
        assert released.wait(10)
        assert levels == [False, None]

    def test_a_potentiometer_turns(self) -> None:
        knob = self.part("potentiometer")
        seen: list[float | None] = []
        knob.changed = lambda: seen.append(knob.voltage())
        knob.act("turn", 1)
        knob.act("turn", 0.2)
        assert seen == [1.0, 0.2]
        with pytest.raises(ValueError, match=r"0\.0 to 1\.0"):
            knob.act("turn", 1.1)
        assert knob.state() == {"position": 0.2}

    def test_a_knob_beyond_its_end_is_refused_in_a_bench_file(self) -> None:
        with pytest.raises(ConfigError, match="potentiometer"):
            self.part("potentiometer", position=2)
