"""The flash of a virtual board: found again, or made with its firmware."""

from __future__ import annotations

import secrets
from pathlib import Path

from iotlab.sim.boards import base
from iotlab.sim.flash import Flash
from iotlab.sim.layout import BoardLayout


def open_flash(layout: BoardLayout, path: Path, unique_id: bytes) -> Flash:
    """The flash of a board; a new one holds what ``layout.firmware`` says, or does not come to be."""
    kind = base.load(layout.kind)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        try:
            with_firmware(layout.firmware, Flash(part, kind.flash_size), kind, unique_id)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    return Flash(path, kind.flash_size)


def with_firmware(firmware: str, flash: Flash, kind: base.BoardKind, unique_id: bytes) -> None:
    """Put the firmware onto a new flash, and close it."""
    rom = kind.rom(flash, unique_id)
    try:
        if firmware == "preinstalled":
            rom.preinstall()
        elif firmware != "none":
            rom.install(Path(firmware).read_bytes())
    finally:
        flash.close()
