"""The contract of a chip's ROM: what runs from reset until the firmware takes over.

The board's engine owns port, lines and power. On every reset it asks the ROM what happens; while the
ROM has the port, bytes from the host go to :meth:`BootRom.feed`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from iotlab.sim.flash import Flash

Outcome = Literal["firmware", "download", "reset"]


@dataclass(frozen=True)
class Boot:
    """What a reset led to.

    ``text`` is what the ROM prints on the port. ``outcome``: the firmware starts, the ROM waits for
    a download, or it resets again after ``again_s`` seconds (a boot loop).
    """

    outcome: Outcome
    text: bytes = b""
    again_s: float = 0.0


class BootRom(ABC):
    """The ROM of a virtual board's chip."""

    #: Where the ROM may show a drive while it waits for a download; the engine sets it. The folder
    #: exists only in that time: the ROM makes it in ``boot`` and removes it in ``leave``.
    drive: Path | None = None

    def __init__(self, flash: Flash) -> None:
        self.flash = flash

    @abstractmethod
    def boot(self, *, download: bool, cause: str) -> Boot:
        """The chip came out of reset; ``download`` is the level of its boot button or strap.

        ``cause`` is "power-on", "hard", "soft" or "watchdog".
        """

    @abstractmethod
    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """Bytes from the host while the ROM has the port: the answer, and whether the chip resets now."""

    def poll(self) -> bool:
        """Called every 50 ms while the ROM waits for a download: whether the chip resets now."""
        return False

    def leave(self) -> None:
        """The ROM no longer waits for a download: the chip resets, or its power goes."""

    def preinstall(self) -> None:
        """Put onto an erased flash what a new board is sold with."""
        raise ValueError("nothing is preinstalled on this chip")

    def install(self, image: bytes) -> None:
        """Put a firmware file onto an erased flash, as a chip programmer would."""
        raise ValueError("this chip takes no firmware file")

    #: What littlefs programs at once: 32 bytes unless the port says otherwise.
    prog_size = 32

    def filesystem(self) -> tuple[int, int]:
        """Where the flashed firmware keeps its files: (offset, size) in bytes."""
        raise ValueError("this chip keeps no files in its flash")
