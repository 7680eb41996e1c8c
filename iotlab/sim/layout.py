"""What a bench consists of: the boards, and what is wired to which of their pins. Read from TOML::

seed = 1                        # of the world's weather
[world]                         # quantities that are held at a value from the start
light_lux = 250.0

[boards.esp32]
kind = "esp32"                  # the board's name, where it is not given
firmware = "preinstalled"       # or "none", or the path of an image
engine = "unix"                 # what executes it; a Pico's "rp2040py" executes what is in the flash
baud = 115200                   # limits the port's speed; as fast as it goes where it is not given

[boards.esp32.parts.sensor]     # an I2C chip: scl and sda, the board's usual pins where not given
chip = "bme280"                 # the part's name, where it is not given
address = 0x77                  # everything else goes to the part

[boards.esp32.parts.led]        # a part on one pin
pin = 2
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from iotlab import toml
from iotlab.errors import ConfigError, NotFoundError
from iotlab.sim import chips
from iotlab.sim.boards import base
from iotlab.sim.boards.base import BoardKind
from iotlab.sim.chips.base import I2CChip, LinePart
from iotlab.sim.runners.base import RUNNERS
from iotlab.sim.world import WorldState

DEFAULT = Path(__file__).with_name("bench.toml")
_BENCH_KEYS = ("name", "seed", "world", "boards")
_KINDS = {int: "a number", str: "a text", dict: "a table"}
_BOARD_KEYS = ("kind", "firmware", "engine", "baud", "heap_kib", "parts")


@dataclass(frozen=True)
class PartLayout:
    """A part and its wires: ``pins`` is (scl, sda) of an I2C chip or (pin,) of a part on one pin."""

    name: str
    chip: str
    pins: tuple[int, ...]
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class BoardLayout:
    """A board and its parts."""

    name: str
    kind: str
    firmware: str = "preinstalled"
    baud: int = 0
    heap_kib: int = 0
    engine: str = "unix"
    parts: tuple[PartLayout, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> BoardLayout:
        """The inverse of ``to_dict``, also after a way through JSON."""
        parts = tuple(PartLayout(**{**part, "pins": tuple(part["pins"])}) for part in data["parts"])
        return cls(**{**data, "parts": parts})


@dataclass(frozen=True)
class BenchLayout:
    """The boards of a bench and its world at the start."""

    name: str = ""
    seed: int = 1
    held: dict[str, float] = field(default_factory=dict)
    boards: tuple[BoardLayout, ...] = ()

    @classmethod
    def load(cls, source: str | Path | Mapping[str, Any] | None = None) -> BenchLayout:
        """The layout in a TOML file, or already read from one; the built-in bench without ``source``.

        Raises ``NotFoundError`` where there is no such file and ``ConfigError`` for what makes no sense.
        """
        if isinstance(source, Mapping):
            return _bench(dict(source), Path.cwd())
        path = Path(source or DEFAULT)
        try:
            data = toml.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise NotFoundError(f"there is no bench file {path}") from None
        except (OSError, UnicodeDecodeError, toml.TOMLDecodeError) as error:
            raise ConfigError(f"{path}: {error}") from error
        try:
            return _bench(data, path.parent)
        except ConfigError as error:
            raise ConfigError(f"{path}: {error}") from error


def _bench(data: dict[str, Any], folder: Path) -> BenchLayout:
    _only(data, _BENCH_KEYS, "a bench")
    boards = _typed(data, "boards", dict, {}, "a bench")
    if not boards:
        raise ConfigError("a bench has at least one board: add a table [boards.<name>]")
    held = _typed(data, "world", dict, {}, "a bench")
    known = WorldState().drifts
    for quantity, value in held.items():
        if quantity not in known:
            raise ConfigError(f"the world has no {quantity!r}; it has {', '.join(sorted(known))}")
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise ConfigError(f"world.{quantity} is a number, not {value!r}")
    name = _typed(data, "name", str, "", "a bench")
    return BenchLayout(
        name=check_name(name) if name else "",
        seed=_typed(data, "seed", int, 1, "a bench"),
        held={quantity: float(value) for quantity, value in held.items()},
        boards=tuple(_board(name, table, folder) for name, table in boards.items()),
    )


def check_name(name: str) -> str:
    """``name`` is part of paths: letters, digits, ``-`` and ``_``, 24 at most."""
    if not name or len(name) > 24 or not all(letter.isalnum() or letter in "-_" for letter in name):
        raise ConfigError(f"the name {name!r} does not do: 1 to 24 letters, digits, '-' and '_'")
    return name


def _board(name: str, table: Any, folder: Path) -> BoardLayout:
    what = f"board {check_name(name)!r}"
    if not isinstance(table, dict):
        raise ConfigError(f"{what} is a table: [boards.{name}]")
    _only(table, _BOARD_KEYS, what)
    kind = _kind(_typed(table, "kind", str, name, what), what)
    baud, heap_kib = _typed(table, "baud", int, 0, what), _typed(table, "heap_kib", int, 0, what)
    if baud and not 1200 <= baud <= 4_000_000:
        raise ConfigError(f"{what}: baud is 1200 to 4000000, not {baud}")
    if heap_kib and not 64 <= heap_kib <= 65536:
        raise ConfigError(f"{what}: heap_kib is 64 to 65536, not {heap_kib}")
    engine = _typed(table, "engine", str, kind.engines[0], what)
    firmware = _firmware(_typed(table, "firmware", str, "preinstalled", what), folder, what)
    _check_engine(engine, firmware, kind, what)
    parts = _typed(table, "parts", dict, {}, what)
    if parts and not kind.pins:
        raise ConfigError(f"{what}: nothing can be wired to {kind.title} here: leave its parts away")
    board = BoardLayout(
        name=name,
        kind=kind.name,
        firmware=firmware,
        baud=baud,
        heap_kib=heap_kib,
        engine=engine,
        parts=tuple(_part(part, table, kind, what) for part, table in parts.items()),
    )
    _check_pins(board, what)
    _check_addresses(board, what)
    return board


def _kind(name: str, what: str) -> BoardKind:
    try:
        return base.load(name)
    except NotFoundError as error:
        raise ConfigError(f"{what}: {error}") from None


def _firmware(told: str, folder: Path, what: str) -> str:
    if told in ("preinstalled", "none"):
        return told
    path = (folder / Path(told).expanduser()).absolute()
    if not path.is_file():
        raise ConfigError(f'{what}: there is no firmware {path}; write a path, "preinstalled" or "none"')
    return str(path)


def _check_engine(engine: str, firmware: str, kind: BoardKind, what: str) -> None:
    if engine not in kind.engines:
        raise ConfigError(
            f"{what}: no {engine!r} executes the firmware of {kind.title}; there is {' and '.join(kind.engines)}"
        )
    if firmware == "preinstalled" and not RUNNERS.load(engine).preinstalls:
        raise ConfigError(
            f'{what}: {engine} executes what is in the flash: write firmware = the path of a firmware file, or "none"'
        )


def _part(name: str, table: Any, kind: BoardKind, board: str) -> PartLayout:
    what = f"{board}, part {name!r}"
    if not isinstance(table, dict):
        raise ConfigError(f"{what} is a table: [boards.<board>.parts.{name}]")
    options = dict(table)
    chip = options.pop("chip", name)
    try:
        part = chips.load(chip)
    except NotFoundError as error:
        raise ConfigError(f"{what}: {error}") from None
    pins: tuple[int, ...]
    if issubclass(part, I2CChip):
        scl, sda = kind.i2c_pins[0]
        pins = _pin(options, "scl", scl, kind, what), _pin(options, "sda", sda, kind, what)
    elif issubclass(part, LinePart):
        pins = (_pin(options, "pin", None, kind, what),)
    else:
        raise ConfigError(f"{what}: a {chip} is neither an I2C chip nor a part on one pin")
    try:
        chips.create(chip, _NoWorld(), **options)
    except ConfigError as error:
        raise ConfigError(f"{what}: {error}") from None
    return PartLayout(name, chip, pins, options)


class _NoWorld:
    """Enough of a world to see whether a part takes its options."""

    def value(self, quantity: str) -> float:
        return WorldState().value(quantity, 0.0)

    def now(self) -> float:
        return 0.0


def _pin(options: dict[str, Any], key: str, usual: int | None, kind: BoardKind, what: str) -> int:
    pin = options.pop(key, usual)
    if pin is None:
        raise ConfigError(f"{what} needs a pin: add {key} = <number>")
    if pin not in kind.pins or isinstance(pin, bool):
        raise ConfigError(f"{what}: {kind.title} has no pin {pin!r}; it has {_ranges(kind.pins)}")
    return int(pin)


def _ranges(pins: frozenset[int]) -> str:
    found: list[list[int]] = []
    for pin in sorted(pins):
        if found and found[-1][-1] == pin - 1:
            found[-1].append(pin)
        else:
            found.append([pin])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in found)


def _check_pins(board: BoardLayout, what: str) -> None:
    """A pin is for one part, or for one line of an I2C bus."""
    taken: dict[int, tuple[str, str]] = {}
    for part in board.parts:
        bus = len(part.pins) == 2
        if bus and part.pins[0] == part.pins[1]:
            raise ConfigError(
                f"{what}, part {part.name!r}: scl and sda are two pins, not {part.pins[0]} twice"
            )
        for pin, use in zip(part.pins, ("scl", "sda") if bus else (part.name,), strict=True):
            other, other_use = taken.setdefault(pin, (part.name, use))
            if other_use != use:
                raise ConfigError(
                    f"{what}: {other} and {part.name} are both on pin {pin}: choose another one"
                )


def _check_addresses(board: BoardLayout, what: str) -> None:
    taken: dict[tuple[tuple[int, ...], int], str] = {}
    for part in board.parts:
        chip = chips.load(part.chip)
        if not issubclass(chip, I2CChip):
            continue
        address = part.options.get("address") or chip.addresses[0]
        other = taken.setdefault((part.pins, address), part.name)
        if other != part.name:
            allowed = ", ".join(f"0x{a:02x}" for a in chip.addresses)
            raise ConfigError(
                f"{what}: {other} and {part.name} have the same address 0x{address:02x}: "
                f"give {part.name} another one (a {part.chip} can have {allowed}) or other pins"
            )


def _only(table: dict[str, Any], known: tuple[str, ...], what: str) -> None:
    for key in table:
        if key not in known:
            raise ConfigError(f"{what} has no {key!r}; it has {', '.join(known)}")


def _typed(table: dict[str, Any], key: str, kind: type, usual: Any, what: str) -> Any:
    value = table.get(key, usual)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ConfigError(f"{what}: {key} is {_KINDS[kind]}, not {value!r}")
    return value
