"""The world around a bench: quantities that change with time.

The world is one small JSON file. Everybody who looks at it (each board's process, the notebook that
steers it) computes the same value for the same moment, so no process has to own it: a quantity is a
slow drift around a middle value, a function of the seed and of the time since the bench came up,
unless somebody holds it at a value.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import random
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from iotlab.errors import ConfigError, NotFoundError


class Environment(Protocol):
    """What a simulated chip may know of the world."""

    def value(self, quantity: str) -> float:
        """The value of ``quantity`` now; the unit is in its name."""
        ...

    def now(self) -> float:
        """Seconds since the epoch."""
        ...


@dataclass(frozen=True)
class Drift:
    """A middle value, how far a quantity strays from it, and how long one round takes."""

    middle: float
    swing: float
    period_s: float


#: A room with a board on the table. Units are in the names.
ROOM: Mapping[str, Drift] = {
    "temperature_c": Drift(22.5, 2.5, 90.0),
    "humidity_percent": Drift(45.0, 8.0, 130.0),
    "pressure_hpa": Drift(1009.0, 6.0, 400.0),
    "light_lux": Drift(320.0, 120.0, 60.0),
    "acceleration_x_g": Drift(0.0, 0.05, 7.0),
    "acceleration_y_g": Drift(0.0, 0.05, 11.0),
    "acceleration_z_g": Drift(1.0, 0.03, 5.0),
    "rotation_x_dps": Drift(0.0, 1.5, 6.0),
    "rotation_y_dps": Drift(0.0, 1.5, 9.0),
    "rotation_z_dps": Drift(0.0, 1.5, 13.0),
    "colour_red_share": Drift(0.36, 0.04, 70.0),
    "colour_green_share": Drift(0.35, 0.03, 80.0),
    "colour_blue_share": Drift(0.29, 0.04, 110.0),
    "proximity_share": Drift(0.1, 0.1, 25.0),
    "distance_mm": Drift(450.0, 300.0, 35.0),
    "co2eq_ppm": Drift(650.0, 200.0, 150.0),
    "tvoc_ppb": Drift(120.0, 90.0, 170.0),
    "bus_voltage_v": Drift(5.0, 0.1, 45.0),
    "current_ma": Drift(120.0, 40.0, 20.0),
    "voltage_0_v": Drift(1.65, 1.2, 17.0),
    "voltage_1_v": Drift(1.2, 0.6, 23.0),
    "voltage_2_v": Drift(0.8, 0.4, 31.0),
    "voltage_3_v": Drift(2.5, 0.2, 37.0),
    "heading_deg": Drift(120.0, 40.0, 25.0),
    "roll_deg": Drift(0.0, 15.0, 15.0),
    "pitch_deg": Drift(0.0, 15.0, 19.0),
    "magnetic_x_ut": Drift(18.0, 6.0, 25.0),
    "magnetic_y_ut": Drift(-4.0, 6.0, 29.0),
    "magnetic_z_ut": Drift(-42.0, 4.0, 33.0),
}


@dataclass
class WorldState:
    """What the file holds."""

    seed: int = 1
    epoch_s: float = field(default_factory=time.time)
    drifts: dict[str, Drift] = field(default_factory=lambda: dict(ROOM))
    held: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_json(cls, text: str) -> WorldState:
        data: dict[str, Any] = json.loads(text)
        drifts = {name: Drift(**drift) for name, drift in data.pop("drifts").items()}
        return cls(drifts=drifts, **data)

    def value(self, quantity: str, at_s: float) -> float:
        """The value at the moment ``at_s`` (seconds since the epoch)."""
        if quantity in self.held:
            return self.held[quantity]
        try:
            drift = self.drifts[quantity]
        except KeyError:
            known = ", ".join(sorted(self.drifts))
            raise NotFoundError(f"the world has no {quantity!r}; it has {known}") from None
        dice = random.Random(f"{self.seed}/{quantity}")
        slow, fast = dice.random(), dice.random()
        turn = (at_s - self.epoch_s) / drift.period_s
        wave = 0.75 * math.sin(math.tau * (turn + slow)) + 0.25 * math.sin(math.tau * (turn * 4.7 + fast))
        return drift.middle + drift.swing * wave


class World:
    """The world of a bench, read and steered by attribute.

    ``world.temperature_c`` is the value now; ``world.temperature_c = 41.3`` holds it there until
    ``world.release("temperature_c")`` lets it drift on.
    """

    def __init__(self, path: Path) -> None:
        vars(self).update(_path=path, _stamp=None, _state=None)

    @classmethod
    def create(cls, path: Path, state: WorldState | None = None) -> World:
        """A new world at ``path``."""
        _replace(path, (state or WorldState()).to_json())
        return cls(path)

    def value(self, quantity: str) -> float:
        """The value of ``quantity`` now. ``NotFoundError`` lists the ones there are."""
        return self._load().value(quantity, time.time())

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def values(self) -> dict[str, float]:
        """Every quantity now."""
        state, now = self._load(), time.time()
        return {name: state.value(name, now) for name in sorted({*state.drifts, *state.held})}

    def set(self, **quantities: float) -> None:
        """Hold quantities at values, all at one moment."""
        for name, value in quantities.items():
            if not math.isfinite(value):
                raise ConfigError(f"{name} must be a number, not {value}")
        with self._change() as state:
            for name in quantities:
                state.value(name, 0.0)
            state.held.update({name: float(value) for name, value in quantities.items()})

    def release(self, *quantities: str) -> None:
        """Let quantities drift again; without names, all of them."""
        with self._change() as state:
            for name in quantities or tuple(state.held):
                state.held.pop(name, None)

    def reseed(self, seed: int) -> None:
        """Another weather: every drift takes another course."""
        with self._change() as state:
            state.seed = seed

    def __getattr__(self, name: str) -> float:
        if name.startswith("_"):
            raise AttributeError(name)
        try:
            return self.value(name)
        except NotFoundError as error:
            raise AttributeError(str(error)) from None

    def __setattr__(self, name: str, value: float) -> None:
        self.set(**{name: value})

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.values()]

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={value:.2f}" for name, value in self.values().items())
        return f"World({told})"

    # -- the file -----------------------------------------------------------------------------

    def _load(self) -> WorldState:
        path: Path = vars(self)["_path"]
        told = path.stat()
        stamp = (told.st_mtime_ns, told.st_ino)
        if vars(self)["_stamp"] != stamp:
            vars(self).update(_state=WorldState.from_json(path.read_text()), _stamp=stamp)
        state: WorldState = vars(self)["_state"]
        return state

    @contextlib.contextmanager
    def _change(self) -> Iterator[WorldState]:
        import fcntl

        path: Path = vars(self)["_path"]
        with open(path.with_suffix(".lock"), "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = WorldState.from_json(path.read_text())
            yield state
            _replace(path, state.to_json())


def _replace(path: Path, text: str) -> None:
    """Readers see the old file or the new one, nothing between."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    Path(name).replace(path)
