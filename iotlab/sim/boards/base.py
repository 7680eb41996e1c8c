"""What makes a kind of virtual board: its pins, its flash, its ROM, what it says it is.

One module per kind; it exports a :class:`BoardKind` as ``BOARD``, and its name is the kind's name in a
bench file. A package outside announces the same object in the entry point group ``iotlab.boards``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from iotlab.errors import ConfigError, NotFoundError
from iotlab.registry import Registry
from iotlab.sim.boards.rom import BootRom
from iotlab.sim.flash import Flash


@dataclass(frozen=True)
class BoardKind:
    """A kind of virtual board. Sizes in bytes; pins by the numbers that ``machine.Pin`` takes."""

    name: str
    title: str  # for people: "ESP32"
    sysname: str  # os.uname().sysname
    machine: str  # os.uname().machine
    flash_size: int
    rom: Callable[[Flash, bytes], BootRom]  # made of the flash and the unique id
    pins: frozenset[int]
    adc_pins: Mapping[int, int]  # what machine.ADC takes -> the pin
    i2c_pins: Mapping[int, tuple[int, int]]  # bus -> default (scl, sda)
    input_only: frozenset[int] = frozenset()
    pin_names: Mapping[str, int] = field(default_factory=dict)  # what machine.Pin takes besides numbers
    nack_errno: int = 19  # what the port's machine.I2C raises where nothing acknowledges
    freq_hz: int = 160_000_000
    unique_id: Callable[[str], bytes] = lambda seed: hashlib.sha256(seed.encode()).digest()[:8]
    auto_reset: bool = False  # DTR and RTS work EN and the boot strap
    has_drive: bool = False  # its bootloader shows a drive
    heap_kib: int = 1024
    engines: tuple[str, ...] = ("unix",)  # what can execute its firmware: names in iotlab/sim/runners
    native_usb: bool = False  # the port is the chip's own: it is gone while the ROM waits for a download


KINDS: Registry[BoardKind] = Registry(
    package="iotlab.sim.boards", attribute="BOARD", group="iotlab.boards", kind="virtual board"
)


def load(name: str) -> BoardKind:
    """The kind ``name``. ``NotFoundError`` lists the ones there are."""
    if name not in names():
        raise NotFoundError(f"there is no virtual board {name!r}; there are {', '.join(names())}")
    return KINDS.load(name)


def names() -> list[str]:
    """The kinds of virtual board."""
    return [name for name in KINDS.names() if _is_kind(name)]


def _is_kind(name: str) -> bool:
    try:
        return isinstance(KINDS.load(name), BoardKind)
    except ConfigError:
        return False  # a module beside the kinds: a ROM, or the contract of one
