"""MCP4725: its contract, what Adafruit's driver makes it put out, and what is special to it."""

from __future__ import annotations

import random

import adafruit_mcp4725
import pytest

from iotlab.errors import ConfigError
from iotlab.sim.chips.mcp4725 import MCP4725
from iotlab.testing.chips import ROOM, ChipContract
from iotlab.testing.i2c import ChipBus
from iotlab.testing.world import SteadyWorld

SETTINGS = 24


class TestContract(ChipContract):
    name, unmodelled = "mcp4725", (b"\x60\x80", 0)  # half a command


@pytest.fixture
def world() -> SteadyWorld:
    return SteadyWorld(step_s=0, **ROOM)


class TestDriver:
    """DS22039D, 4.1: V_DD over 4096 a step."""

    @pytest.mark.parametrize(("address", "vdd_v"), [(0x62, 3.3), (0x60, 5.0), (0x67, 2.7)])
    def test_every_value_is_put_out(self, world: SteadyWorld, address: int, vdd_v: float) -> None:
        chip = MCP4725(world, address=address, vdd_v=vdd_v)
        driver = adafruit_mcp4725.MCP4725(ChipBus(chip).as_blinka(), address=address)
        dice = random.Random(address)
        for wanted in (0, 4095, *(dice.randrange(4096) for _ in range(SETTINGS))):
            driver.raw_value = wanted
            assert driver.raw_value == wanted
            assert chip.state()["code"] == wanted
            assert chip.state()["voltage_v"] == pytest.approx(vdd_v * wanted / 4096)
            assert chip.state()["eeprom"] == 0x800

    def test_shares_of_the_supply(self, world: SteadyWorld) -> None:
        chip = MCP4725(world)
        driver = adafruit_mcp4725.MCP4725(ChipBus(chip).as_blinka())
        dice = random.Random(1)
        for _ in range(SETTINGS):
            share = dice.random()
            driver.normalized_value = share
            assert chip.state()["voltage_v"] == pytest.approx(share * 3.3, abs=3.3 / 2048)
            driver.value = int(share * 65535)
            assert driver.value == int(share * 65535) & 0xFFF0
            assert chip.state()["voltage_v"] == pytest.approx(share * 3.3, abs=3.3 / 2048)

    def test_what_is_saved_is_there_after_a_power_cycle(self) -> None:
        chip = MCP4725(SteadyWorld(step_s=None, **ROOM))
        driver = adafruit_mcp4725.MCP4725(ChipBus(chip).as_blinka())
        assert driver.raw_value == 0x800, "as it comes from the factory"
        driver.raw_value = 1234
        driver.save_to_eeprom()
        driver.raw_value = 99
        chip.unplug()
        chip.plug()
        assert driver.raw_value == 1234

    def test_unplugged_it_raises_an_oserror(self, world: SteadyWorld) -> None:
        chip = MCP4725(world)
        driver = adafruit_mcp4725.MCP4725(ChipBus(chip).as_blinka())
        chip.unplug()
        with pytest.raises(OSError, match="is the chip plugged in"):
            driver.raw_value = 1


class TestCommands:
    def test_while_it_writes_its_eeprom_commands_are_ignored(self, world: SteadyWorld) -> None:
        """DS22039D, figure 6-2, note 1, p. 25."""
        bus = ChipBus(MCP4725(world))
        bus.write(0x62, b"\x60\xab\xc0")
        assert bus.read(0x62, 5).hex(" ") == "40 ab c0 0a bc"
        bus.write(0x62, b"\x01\x23")
        assert bus.read(0x62, 5).hex(" ") == "40 ab c0 0a bc"
        world.pass_time(0.0251)
        assert bus.read(0x62, 5).hex(" ") == "c0 ab c0 0a bc"
        bus.write(0x62, b"\x01\x23")
        assert bus.read(0x62, 7).hex(" ") == "c0 12 30 0a bc c0 12", "five bytes, over and over"

    def test_powered_down_a_resistor_pulls_it_down(self, world: SteadyWorld) -> None:
        """Table 5-2."""
        chip = MCP4725(world)
        bus = ChipBus(chip)
        for command, kohm in ((b"\x18\x00", 1), (b"\x44\x80\x00", 100), (b"\x38\x00", 500)):
            bus.write(0x62, command)
            assert (chip.state()["voltage_v"], chip.state()["pull_down_kohm"]) == (None, kohm)
        bus.write(0x62, b"\x08\x00")
        assert (chip.state()["voltage_v"], chip.state()["pull_down_kohm"]) == (1.65, None)

    def test_a_command_may_be_repeated_and_a_reserved_one_is_ignored(self, world: SteadyWorld) -> None:
        chip = MCP4725(world)
        bus = ChipBus(chip)
        bus.write(0x62, b"\x00\x01\x00\x02\x00\x03")
        assert chip.state()["code"] == 3
        bus.write(0x62, b"\x80\xff\xf0")
        assert chip.state()["code"] == 3

    def test_its_content_has_twelve_bits(self, world: SteadyWorld) -> None:
        assert MCP4725(world, content=77).state()["code"] == 77
        with pytest.raises(ConfigError, match="0 to 4095"):
            MCP4725(world, content=4096)
