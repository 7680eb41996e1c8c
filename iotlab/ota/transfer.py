"""Sending a bundle to the updater on a board, and whether it fits there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from iotlab.board import Progress
from iotlab.errors import SlotError
from iotlab.ota.manifest import PLATFORM, release
from iotlab.ota.pack import Bundle
from iotlab.ota.wire import PROTOCOL, Wire, fitting


def transfer(wire: Wire, bundle: Bundle, progress: Progress | None) -> dict[str, Any]:
    """Send ``bundle`` to the updater; returns its plan: the slot, what was needed, copied and kept.

    ``progress`` hears of "compare", "send" (in bytes) and "verify".
    """
    manifest, tell = bundle.manifest, progress or (lambda *_: None)
    for _ in _send(wire, b"m", manifest.to_bytes()):
        pass
    tell("compare", 0, 0)
    plan: dict[str, Any] = wire.ask(b"b", manifest.digest())
    total = sum(manifest.files[number].size for number in plan["need"])
    done = 0
    for number in plan["need"]:
        file = manifest.files[number]
        wire.ask(b"f", number.to_bytes(2, "big"))
        for sent in _send(wire, b"d", bundle.files[file.path]):
            tell("send", done + sent, total)
        wire.ask(b"e")
        done += file.size
    tell("verify", 0, 0)
    wire.ask(b"c")
    tell("verify", 1, 1)
    return plan


def _send(wire: Wire, letter: bytes, data: bytes) -> Iterator[int]:
    """Send ``data`` in pieces; yields how much of it is there."""
    offset = 0
    while offset < len(data):
        size = fitting(data, offset)
        wire.ask(letter, offset.to_bytes(4, "big") + data[offset : offset + size])
        offset += size
        yield offset


def check_platform(bundle: Bundle) -> None:
    """``SlotError`` where the bundle is for another kind of system."""
    if bundle.manifest.platform != PLATFORM:
        raise SlotError(
            f"{bundle.name} {bundle.version} is for {bundle.manifest.platform}, the board runs {PLATFORM}"
        )


def check_fits(bundle: Bundle, told: dict[str, Any]) -> None:
    """``SlotError`` where the board's MicroPython cannot run it; ``told`` is what the updater says of itself."""
    if told["protocol"] != PROTOCOL:
        raise SlotError("the loader on the board is of another iotlab: interrupt the board and install again")
    has = tuple(told["micropython"])
    if has < release(bundle.manifest.min_micropython):
        raise SlotError(
            f"{bundle.name} {bundle.version} needs MicroPython {bundle.manifest.min_micropython}, the board has "
            f"{'.'.join(map(str, has))}: flash a newer one"
        )
    for path, data in bundle.files.items():
        if path.endswith(".mpy"):
            _check_mpy(path, data, told["mpy"])


def _check_mpy(path: str, data: bytes, accepts: int) -> None:
    """Compiled code fits one bytecode version, and one processor where it holds machine code.

    Source: MicroPython's reference, "MicroPython .mpy files"; ``accepts`` is ``sys.implementation._mpy``.
    """
    if len(data) < 4 or data[:1] != b"M":
        raise SlotError(f"{path} is no compiled MicroPython: compile it with mpy-cross")
    version, features = data[1], data[2]
    native = features >> 2 & 0xF
    if version != accepts & 0xFF or (
        native and (native, features & 3) != (accepts >> 10 & 0xF, accepts >> 8 & 3)
    ):
        raise SlotError(
            f"{path} was compiled for another MicroPython: use the mpy-cross of the board's version"
        )
