"""Chip profiles, and telling chips apart."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from iotlab import sensors
from iotlab.bus.i2c import I2CBus, Operation, Read, Write
from iotlab.errors import ConfigError, NackError, NotFoundError, UnavailableError
from iotlab.registry import Registry
from iotlab.sensors._identify import HELD_BACK, held_back
from iotlab.sensors.base import IdRegister, Profile
from iotlab.sim import chips
from iotlab.sim.chips.base import I2CChip
from iotlab.sim.chips.bme280 import BME280
from iotlab.sim.chips.ds3231 import DS3231
from iotlab.sim.chips.mpu6050 import MPU6050
from iotlab.sim.chips.ssd1306 import SSD1306
from iotlab.testing.chips import ROOM
from iotlab.testing.i2c import ChipBus
from iotlab.testing.world import SteadyWorld


@pytest.fixture
def world() -> SteadyWorld:
    return SteadyWorld(**ROOM)


class WatchedBus(ChipBus):
    """Remembers what was written where."""

    def __init__(self, *chips: I2CChip) -> None:
        super().__init__(*chips)
        self.written: list[tuple[int, bytes]] = []

    def _transaction(self, address: int, operations: Sequence[Operation]) -> list[bytes]:
        self.written += [(address, o.data) for o in operations if isinstance(o, Write) and o.data]
        return super()._transaction(address, operations)


class Registers(I2CBus):
    """One chip that is nothing but its registers: {pointer: bytes}."""

    def __init__(self, address: int, registers: dict[int, bytes]) -> None:
        self.address, self.registers = address, registers
        self._pointer = 0

    def _transaction(self, address: int, operations: Sequence[Operation]) -> list[bytes]:
        if address != self.address:
            raise NackError(address)
        answers = []
        for operation in operations:
            if isinstance(operation, Read):
                answers.append(
                    self.registers.get(self._pointer, b"").ljust(operation.size, b"\0")[: operation.size]
                )
            elif operation.data:
                self._pointer = operation.data[0]
        return answers


class Multiplexer(I2CBus):
    """A TCA9548A: the byte that is written is the byte that is read (SCPS207, 8.6)."""

    channels = 0x04

    def _transaction(self, address: int, operations: Sequence[Operation]) -> list[bytes]:
        answers = []
        for operation in operations:
            if isinstance(operation, Read):
                answers.append(bytes([self.channels]) * operation.size)
            elif operation.data:
                self.channels = operation.data[-1]
        return answers


class TestProfiles:
    def test_every_profile_is_whole(self) -> None:
        for key in sensors.names():
            profile = sensors.load(key)
            assert profile.key == key
            assert profile.addresses, key
            assert all(0x08 <= address <= 0x77 for address in profile.addresses), key
            assert bool(profile.driver) == bool(profile.package), key
            assert all(check.source for check in profile.checks), key
            assert len({quantity.name for quantity in profile.quantities}) == len(profile.quantities), key
            assert not profile.quantities or profile.driver, key

    def test_every_simulated_chip_has_a_profile_with_its_addresses(self) -> None:
        for name in chips.names():
            part = chips.load(name)
            if issubclass(part, I2CChip):
                assert set(sensors.load(name).addresses) == set(part.addresses), name

    def test_no_two_profiles_are_proven_by_the_same(self) -> None:
        seen: dict[object, str] = {}
        for profile in sensors.profiles():
            for address in profile.addresses:
                checks = [c for c in profile.checks if isinstance(c, IdRegister)]
                for value in [v for c in checks[-1:] for v in c.values]:
                    assert seen.setdefault((address, checks[-1].pointer, value), profile.key) == profile.key

    def test_an_unknown_profile_names_the_known_ones(self) -> None:
        with pytest.raises(NotFoundError, match=r"'bme820'.*bme280"):
            sensors.load("bme820")

    def test_listing_them_imports_no_driver(self) -> None:
        code = (
            "import sys; from iotlab import sensors; sensors.profiles(); "
            "print([name for name in sys.modules if name.startswith('adafruit') or name == 'busio'])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
        )
        assert done.stdout == "[]\n"

    def test_a_module_without_its_export_says_so(self) -> None:
        broken: Registry[Profile] = Registry("iotlab.sensors", "ELSE", "iotlab.none", "chip profile")
        with pytest.raises(ConfigError, match="exports no ELSE"):
            broken.load("bme280")


class TestOpen:
    def test_a_reading_is_what_the_world_is_like(self, world: SteadyWorld) -> None:
        sensor = sensors.open(ChipBus(BME280(world)), "bme280")
        assert [q.name for q in sensor.quantities] == ["temperature_c", "humidity_percent", "pressure_hpa"]
        reading = sensor.read()
        assert reading == {name: pytest.approx(ROOM[name], abs=0.01) for name in reading}

    def test_axes_are_in_the_units_of_the_world(self, world: SteadyWorld) -> None:
        reading = sensors.open(ChipBus(MPU6050(world)), "mpu6050").read()
        assert reading == {name: pytest.approx(ROOM[name], abs=0.01) for name in reading}
        assert len(reading) == 7

    def test_a_clock_tells_the_time(self) -> None:
        world = SteadyWorld(step_s=0, **ROOM)
        sensor = sensors.open(ChipBus(DS3231(world)), "ds3231")
        world.pass_time(1)
        assert sensor.read() == {"temperature_c": 21.5, "clock_s": world.now()}

    @pytest.mark.parametrize("name", [n for n in chips.names() if issubclass(chips.load(n), I2CChip)])
    def test_every_simulated_chip_is_opened_and_read(self, name: str) -> None:
        chip = chips.create(name, SteadyWorld(step_s=None, **ROOM))  # drivers sleep as long as a chip needs
        assert isinstance(chip, I2CChip)
        sensor = sensors.open(ChipBus(chip), name)
        assert set(sensor.read()) == {q.name for q in sensor.quantities}
        assert f"0x{chip.address:02x}" in repr(sensor)

    def test_the_other_address_is_found(self, world: SteadyWorld) -> None:
        assert sensors.open(ChipBus(BME280(world, address=0x76)), "bme280").address == 0x76

    def test_nothing_there(self) -> None:
        with pytest.raises(NackError, match="0x77"):
            sensors.open(ChipBus(), "bme280")

    def test_an_address_that_the_chip_cannot_have(self, world: SteadyWorld) -> None:
        with pytest.raises(ValueError, match=r"0x77, 0x76, not 0x42"):
            sensors.open(ChipBus(BME280(world)), "bme280", 0x42)

    def test_unplugged_the_reading_fails(self, world: SteadyWorld) -> None:
        chip = BME280(world)
        sensor = sensors.open(ChipBus(chip), "bme280")
        chip.unplug()
        with pytest.raises(NackError, match="plugged in"):
            sensor.read()

    def test_a_driver_that_is_not_installed_is_named(self, world: SteadyWorld) -> None:
        profile = Profile("x", "X1", "x", (0x77,), "adafruit_no_such_chip:X", "adafruit-circuitpython-x")
        with pytest.raises(UnavailableError, match=r"iotlab\[drivers\]' adafruit-circuitpython-x"):
            profile.open(ChipBus(BME280(world)))

    def test_a_chip_without_a_driver(self, world: SteadyWorld) -> None:
        with pytest.raises(UnavailableError, match="no driver"):
            sensors.open(ChipBus(MPU6050(world)), "mpu6500")

    def test_find_opens_what_it_is_sure_of(self, world: SteadyWorld) -> None:
        bus = ChipBus(BME280(world), MPU6050(world, address=0x69), DS3231(world), SSD1306(world))
        assert [repr(sensor) for sensor in sensors.find(bus)] == [
            "<DS3231 at 0x68>",
            "<MPU-6050 at 0x69>",
            "<BME280 at 0x77>",
        ]


class TestIdentify:
    def identify(self, bus: I2CBus, address: int, **options: object) -> sensors.Found:
        return sensors.identify(bus, address, sensors.profiles(), **options)  # type: ignore[arg-type]

    @pytest.mark.parametrize("address", [0x76, 0x77])
    def test_an_id_register_proves_it(self, world: SteadyWorld, address: int) -> None:
        found = self.identify(ChipBus(BME280(world, address=address)), address)
        (candidate,) = found.candidates
        assert (candidate.name, candidate.confidence) == ("bme280", "certain")
        assert candidate.evidence.startswith("register 0xD0 reads 0x60: BME280 (BST-BME280-DS002")

    @pytest.mark.parametrize(
        ("address", "registers", "name"),
        [
            (0x77, {0xD0: b"\x58"}, "bmp280"),
            (0x76, {0xD0: b"\x61"}, "bme680"),
            (0x77, {0x0D: b"\x10"}, "dps310"),
            (0x68, {0x75: b"\x71"}, "mpu9250"),
            (0x68, {0x75: b"\x70"}, "mpu6500"),
            (0x69, {0x00: b"\xea"}, "icm20948"),
            (0x19, {0x0F: b"\x33"}, "lis3dh"),
            (0x6A, {0x0F: b"\x6c"}, "lsm6dsox"),
            (0x1D, {0x00: b"\xe5"}, "adxl345"),
            (0x28, {0x00: b"\xa0"}, "bno055"),
            (0x29, {0x92: b"\x44"}, "tcs34725"),
            (0x29, {0xC0: b"\xee"}, "vl53l0x"),
            (0x18, {0x06: b"\x00\x54", 0x07: b"\x04\x00"}, "mcp9808"),
            (0x48, {0x0F: b"\x01\x17"}, "tmp117"),
        ],
    )
    def test_others_are_told_apart(self, address: int, registers: dict[int, bytes], name: str) -> None:
        (candidate,) = self.identify(Registers(address, registers), address).candidates
        assert (candidate.name, candidate.confidence) == (name, "certain")

    @pytest.mark.parametrize("name", [n for n in chips.names() if issubclass(chips.load(n), I2CChip)])
    def test_a_simulated_chip_may_be_looked_at_wherever_it_can_be(
        self, world: SteadyWorld, name: str
    ) -> None:
        """Asked for the identity of each other chip that shares its address, it does not end the search."""
        part: Any = chips.load(name)
        for address in part.addresses:
            found = self.identify(ChipBus(part(world, address=address)), address)
            assert name in [candidate.name for candidate in found.candidates]

    def test_a_clock_is_known_by_its_form(self, world: SteadyWorld) -> None:
        (candidate,) = self.identify(ChipBus(DS3231(world)), 0x68).candidates
        assert (candidate.name, candidate.confidence) == ("ds3231", "likely")
        assert "hold a calendar" in candidate.evidence

    @pytest.mark.parametrize("byte", [b"\x00", b"\xff", b"\x68"])
    def test_what_is_no_clock_is_not_taken_for_one(self, byte: bytes) -> None:
        found = self.identify(Registers(0x68, {0: byte * 19}), 0x68)
        assert found.candidates == ()
        assert "none of the chips known here: register 0x75 reads 0x00" in found.note

    def test_an_address_that_no_profile_has(self) -> None:
        found = self.identify(Registers(0x16, {}), 0x16)
        assert (found.candidates, found.note) == ((), "no chip is known at this address")

    def test_where_a_byte_could_do_harm_none_is_written(self, world: SteadyWorld) -> None:
        bus = WatchedBus(SSD1306(world))
        (candidate,) = self.identify(bus, 0x3C).candidates
        assert (candidate.name, candidate.confidence) == ("ssd1306", "possible")
        assert "an SSD1306 usually is: no register was read, as an I/O expander" in candidate.evidence
        assert bus.written == []

    @pytest.mark.parametrize("address", [a for a in range(0x08, 0x78) if held_back(a)])
    def test_none_of_these_addresses_is_written_to(self, address: int) -> None:
        class Fragile(I2CBus):
            def _transaction(self, at: int, operations: Sequence[Operation]) -> list[bytes]:
                assert list(operations) == [Write(b"")]
                return []

        self.identify(Fragile(), address)

    def test_who_knows_better_may_ask_for_it(self) -> None:
        bus = Registers(0x39, {0x92: b"\xab"})
        assert self.identify(bus, 0x39).candidates[0].confidence == "possible"
        assert self.identify(bus, 0x39, also=[0x39]).candidates[0].confidence == "certain"

    def test_nothing_but_pointers_is_written(self, world: SteadyWorld) -> None:
        bus = WatchedBus(BME280(world), MPU6050(world, address=0x69), DS3231(world))
        for address in bus.scan():
            self.identify(bus, address)
        assert {len(data) for _, data in bus.written} == {1}
        assert bus.written == [
            (0x68, b"\x75"),
            (0x68, b"\x00"),
            (0x68, b"\x00"),
            (0x69, b"\x75"),
            (0x77, b"\xd0"),
        ]

    def test_a_multiplexer_gets_its_byte_back(self) -> None:
        bus = Multiplexer()
        (candidate,) = self.identify(bus, 0x77).candidates
        assert (candidate.name, candidate.confidence) == ("tca9548a", "likely")
        assert "its channels are off now" in candidate.evidence
        assert bus.channels == 0

    def test_a_chip_that_is_gone_is_a_nack(self, world: SteadyWorld) -> None:
        chip = BME280(world)
        chip.unplug()
        with pytest.raises(NackError):
            self.identify(ChipBus(chip), 0x77)

    def test_held_back_addresses_do_not_overlap(self) -> None:
        addresses = [a for held in HELD_BACK for a in range(held.first, held.last + 1)]
        assert len(addresses) == len(set(addresses))
