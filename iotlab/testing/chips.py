"""The contract of a simulated I2C chip, as tests. Subclass it for each; ``chip`` yields one."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest

from iotlab.bus.i2c import Operation, Read, Write
from iotlab.errors import ConfigError, NackError, NotFoundError
from iotlab.sim import chips
from iotlab.sim.chips.base import I2CChip, UnmodelledError
from iotlab.testing.i2c import ChipBus
from iotlab.testing.world import SteadyWorld

#: A room for any chip.
ROOM = {
    "temperature_c": 21.5,
    "humidity_percent": 48.0,
    "pressure_hpa": 1009.0,
    "light_lux": 300.0,
    "proximity_share": 0.25,
    "distance_mm": 420.0,
    "co2eq_ppm": 800.0,
    "tvoc_ppb": 150.0,
    **{f"colour_{colour}_share": share for colour, share in (("red", 0.36), ("green", 0.35), ("blue", 0.29))},
    **{f"acceleration_{axis}_g": value for axis, value in zip("xyz", (0.0, 0.1, 0.99), strict=True)},
    **{f"rotation_{axis}_dps": value for axis, value in zip("xyz", (0.0, 1.0, -2.0), strict=True)},
    "bus_voltage_v": 5.0,
    "current_ma": 120.0,
    **{f"voltage_{channel}_v": 0.4 * (channel + 1) for channel in range(4)},
    **{
        f"{angle}_deg": value
        for angle, value in zip(("heading", "roll", "pitch"), (120.0, 5.0, -8.0), strict=True)
    },
    **{f"magnetic_{axis}_ut": value for axis, value in zip("xyz", (18.0, -4.0, -42.0), strict=True)},
}


class ChipContract:
    """What every simulated I2C chip does, whatever it is."""

    #: Its name in a bench file.
    name: ClassVar[str]
    #: What to send to run into a part that is not modelled, and what to read then (0: nothing).
    unmodelled: ClassVar[tuple[bytes, int]]
    #: Whether it has nothing to send before its first command, and then does not acknowledge a read (datasheet).
    silent: ClassVar[bool] = False

    @pytest.fixture
    def world(self) -> SteadyWorld:
        return SteadyWorld(**ROOM)

    @pytest.fixture
    def chip(self, world: SteadyWorld) -> I2CChip:
        chip = chips.create(self.name, world)
        assert isinstance(chip, I2CChip)
        return chip

    @pytest.fixture
    def bus(self, chip: I2CChip) -> ChipBus:
        return ChipBus(chip)

    def test_it_is_known_by_its_name(self) -> None:
        assert self.name in chips.names()

    def test_it_answers_at_its_address_alone(self, chip: I2CChip, bus: ChipBus) -> None:
        assert bus.scan() == [chip.address]

    def test_who_reads_a_byte_to_see_whether_it_is_there_gets_one(self, chip: I2CChip, bus: ChipBus) -> None:
        if self.silent:
            with pytest.raises(NackError):
                bus.read(chip.address, 1)
        else:
            assert len(bus.read(chip.address, 1)) == 1

    def test_its_straps_allow_some_addresses(self, world: SteadyWorld, chip: I2CChip) -> None:
        for address in chip.addresses:
            made: Any = chips.create(self.name, world, address=address)
            assert ChipBus(made).scan() == [address]
        with pytest.raises(ConfigError, match="not 0x08"):
            chips.create(self.name, world, address=0x08)

    def test_an_option_it_lacks_is_refused(self, world: SteadyWorld) -> None:
        with pytest.raises(ConfigError, match=r"'flavour'.*address"):
            chips.create(self.name, world, flavour="vanilla")

    def test_unplugged_it_does_not_answer(self, chip: I2CChip, bus: ChipBus) -> None:
        chip.act("unplug")
        assert chip.state()["plugged"] is False
        with pytest.raises(NackError) as caught:
            bus.read(chip.address, 1)
        assert isinstance(caught.value, OSError)
        chip.act("plug")
        assert bus.scan() == [chip.address]

    def test_an_action_it_lacks_is_refused(self, chip: I2CChip) -> None:
        with pytest.raises(NotFoundError, match="unplug"):
            chip.act("power_on")

    def test_what_it_lacks_fails_loudly(self, chip: I2CChip) -> None:
        data, size = self.unmodelled
        operations: list[Operation] = [Write(data), *([Read(size)] if size else [])]
        with pytest.raises(UnmodelledError, match=r"not modelled.*see ") as caught:
            chip.transaction(operations)
        assert not isinstance(caught.value, OSError), "a driver would take it for a NACK"

    def test_its_state_is_plain_data(self, chip: I2CChip) -> None:
        assert json.loads(json.dumps(chip.state())) == chip.state()
