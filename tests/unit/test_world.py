"""The world around a bench: one file, the same value for everybody who looks."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from iotlab.errors import ConfigError, NotFoundError
from iotlab.sim.world import ROOM, Drift, World, WorldState


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World.create(tmp_path / "world.json", WorldState(seed=3))


def test_a_quantity_strays_around_its_middle_and_never_further() -> None:
    state = WorldState(seed=5, epoch_s=0.0)
    for name, drift in ROOM.items():
        values = [state.value(name, 0.37 * k) for k in range(3000)]
        assert all(abs(value - drift.middle) <= drift.swing for value in values)
        assert max(values) - min(values) > drift.swing, f"{name} hardly moves"


def test_it_changes_slowly() -> None:
    """A sensor that is read twice at once tells the same."""
    state = WorldState(epoch_s=0.0)
    for name, drift in ROOM.items():
        for at_s in (0.0, 12.5, 300.0):
            change = state.value(name, at_s + 0.001) - state.value(name, at_s)
            assert (
                abs(change) <= drift.swing * 0.001 * math.tau * (0.75 + 0.25 * 4.7) / drift.period_s * 1.001
            )


def test_everybody_sees_the_same(tmp_path: Path, world: World) -> None:
    state, other = WorldState.from_json(world_file(tmp_path)), WorldState.from_json(world_file(tmp_path))
    assert [state.value(name, 1e9) for name in ROOM] == [other.value(name, 1e9) for name in ROOM]


def world_file(tmp_path: Path) -> str:
    return (tmp_path / "world.json").read_text()


def test_another_seed_is_another_weather() -> None:
    one, two = WorldState(seed=1, epoch_s=0.0), WorldState(seed=2, epoch_s=0.0)
    assert all(one.value(name, 100.0) != two.value(name, 100.0) for name in ROOM)


def test_a_quantity_is_held_until_it_is_released(tmp_path: Path, world: World) -> None:
    elsewhere = World(tmp_path / "world.json")
    assert elsewhere.temperature_c != 41.3
    world.temperature_c = 41.3
    assert elsewhere.temperature_c == world.values()["temperature_c"] == 41.3
    world.set(humidity_percent=1.0, light_lux=2.0)
    world.release("temperature_c")
    assert elsewhere.temperature_c != 41.3
    assert elsewhere.light_lux == 2.0
    world.release()
    assert elsewhere.light_lux != 2.0


def test_reseeding_changes_what_is_not_held(tmp_path: Path, world: World) -> None:
    world.light_lux = 5.0
    before = WorldState.from_json(world_file(tmp_path)).value("temperature_c", 1e9)
    world.reseed(99)
    assert WorldState.from_json(world_file(tmp_path)).value("temperature_c", 1e9) != before
    assert world.light_lux == 5.0


def test_a_name_that_is_no_quantity(world: World) -> None:
    with pytest.raises(NotFoundError, match=r"no 'tea_c'; it has .*temperature_c"):
        world.value("tea_c")
    with pytest.raises(AttributeError, match="no 'tea_c'"):
        world.tea_c  # noqa: B018
    with pytest.raises(NotFoundError):
        world.tea_c = 80.0
    assert "temperature_c" in dir(world)
    assert "temperature_c=" in repr(world)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_value_that_is_no_number(world: World, value: float) -> None:
    with pytest.raises(ConfigError, match="temperature_c must be a number"):
        world.temperature_c = value


def test_drifts_may_be_ones_own() -> None:
    state = WorldState(drifts={"noise_db": Drift(40.0, 10.0, 3.0)}, epoch_s=0.0)
    assert 30.0 <= state.value("noise_db", 1.0) <= 50.0
    assert WorldState.from_json(state.to_json()) == state
