"""How an image gets onto a board: one way for each kind of image."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

from iotlab.board import Endpoint, Progress
from iotlab.errors import FlashError
from iotlab.flash.drive import check_family, flash_uf2, read_drive, wait_for_drive
from iotlab.flash.espflash import flash_esp
from iotlab.flash.image import FirmwareImage, Kind, check_offset, read_image


class Programmer(ABC):
    """A way to put an image onto a board.

    ``needs_bootloader``: the board has to be in its bootloader before ``flash`` is called; other programmers get
    it there themselves. ``board_kinds`` are the kinds of board that it serves.
    """

    needs_bootloader: bool = False
    board_kinds: frozenset[str] = frozenset()
    takes: str = ""

    def check(self, image: str | Path, offset: int | None = None) -> FirmwareImage:
        """What ``image`` is. ``FlashError`` where it is damaged or cannot go to ``offset``; touches nothing."""
        read = read_image(image)
        check_offset(read, offset)
        if read.fault:
            raise FlashError(f"{read.path.name} is damaged, {read.fault}: download it again")
        return read

    def flash(
        self,
        endpoint: Endpoint,
        image: str | Path,
        progress: Progress | None = None,
        offset: int | None = None,
    ) -> None:
        """Write ``image`` to the board at ``endpoint``, verified as far as the board lets one, and start it."""
        self._flash(endpoint, self.check(image, offset), progress, offset)

    @abstractmethod
    def _flash(
        self, endpoint: Endpoint, image: FirmwareImage, progress: Progress | None, offset: int | None
    ) -> None: ...


class EspProgrammer(Programmer):
    """Over the serial port, with esptool; the modem lines get the chip into its loader."""

    board_kinds = frozenset({"esp32", "esp32c3", "esp32s2", "esp32s3", "esp32c6"})
    takes = "an image for an ESP32 (.bin)"

    def _flash(
        self, endpoint: Endpoint, image: FirmwareImage, progress: Progress | None, offset: int | None
    ) -> None:
        flash_esp(endpoint.port, image, offset=offset, progress=progress)


class Uf2Programmer(Programmer):
    """By a copy to the drive that the boot ROM shows."""

    needs_bootloader = True
    board_kinds = frozenset({"pico", "rp2"})
    takes = "a UF2 file"

    def check(self, image: str | Path, offset: int | None = None) -> FirmwareImage:
        if offset is not None:
            raise FlashError("a UF2 file says itself where it goes: leave the offset out")
        return super().check(image)

    def _flash(
        self, endpoint: Endpoint, image: FirmwareImage, progress: Progress | None, offset: int | None
    ) -> None:
        drive = read_drive(endpoint.drive) if endpoint.drive else None
        drive = drive or wait_for_drive([endpoint.drive] if endpoint.drive else [])
        check_family(drive, image)
        flash_uf2(drive, image, progress=progress)


_PROGRAMMERS: Mapping[Kind, type[Programmer]] = {"esp": EspProgrammer, "uf2": Uf2Programmer}


def programmer(board_kind: str, image: str | Path) -> Programmer:
    """The programmer for ``image`` on a board of ``board_kind`` ("" where nothing is known of it).

    Raises ``FlashError`` where that kind of board takes another kind of image, naming both.
    """
    read = read_image(image)
    chosen = _PROGRAMMERS[read.kind]()
    for other in _PROGRAMMERS.values():
        if board_kind in other.board_kinds and not isinstance(chosen, other):
            raise FlashError(f"{read.path.name} is for {read.chip}; the {board_kind} takes {other.takes}")
    return chosen
