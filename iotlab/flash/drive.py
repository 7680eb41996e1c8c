"""Flash a board whose boot ROM shows itself as a drive: a Pico with BOOTSEL held, and others with UF2.

A UF2 file is copied to the drive; the ROM takes its blocks, and when it has them all, the chip resets and the
drive vanishes. That is the only sign of success there is. On the drive, ``INFO_UF2.TXT`` says which board it is.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from iotlab.board import Progress
from iotlab.errors import FlashError, NotFoundError
from iotlab.flash import uf2
from iotlab.flash.image import FirmwareImage, read_image

INFO_NAME = "INFO_UF2.TXT"
_CHUNK = 64 * uf2.BLOCK_SIZE
_WAIT_S = 0.05
RECOVERY = "hold its BOOTSEL button while plugging it in, and flash again (the chip's ROM cannot be broken)"

#: The families that a board takes, by the beginning of its Board-ID. RP2040 datasheet 2.8.4.2; RP2350 datasheet
#: 5.5.3; others as their bootloaders (Adafruit, TinyUF2) write them.
_BOARD_FAMILIES: Mapping[str, frozenset[int]] = {
    "RPI-RP2": frozenset({uf2.RP2040}),
    "RP2350": frozenset({0xE48BFF57, 0xE48BFF58, 0xE48BFF59, 0xE48BFF5A, 0xE48BFF5B}),
    "SAMD21": frozenset({0x68ED2B88}),
    "SAMD51": frozenset({0x55114460}),
    "NRF52840": frozenset({0xADA52840}),
    "ESP32S2": frozenset({0xBFDD4EEE}),
    "ESP32S3": frozenset({0xC47E5767}),
}


@dataclass(frozen=True)
class Uf2Drive:
    """A mounted drive of a UF2 bootloader; ``families`` is empty where the board is not known here."""

    path: Path
    board_id: str
    model: str
    families: frozenset[int]


def find_drives(also: Iterable[str | Path] = ()) -> list[Uf2Drive]:
    """The drives that are mounted now, and those of ``also`` (virtual boards' folders) that are there."""
    places = [*(Path(place) for place in also), *_mounted()]
    drives = {drive.path: drive for place in places if (drive := read_drive(place)) is not None}
    return list(drives.values())


def read_drive(path: str | Path) -> Uf2Drive | None:
    """The drive at ``path``; None where there is none, or another kind of drive."""
    path = Path(path)
    try:
        text = (path / INFO_NAME).read_text(encoding="latin-1")
    except OSError:
        return None
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    board_id = fields.get("Board-ID", "").strip()
    for start, families in _BOARD_FAMILIES.items():
        if board_id.upper().startswith(start):
            return Uf2Drive(path, board_id, fields.get("Model", "").strip(), families)
    return Uf2Drive(path, board_id, fields.get("Model", "").strip(), frozenset())


def wait_for_drive(also: Iterable[str | Path] = (), *, timeout_s: float = 20.0) -> Uf2Drive:
    """The one drive that is there, or appears in ``timeout_s``.

    Raises ``NotFoundError`` where none came, ``FlashError`` where several are there: choose one.
    """
    also = tuple(also)
    end = time.monotonic() + timeout_s
    while True:
        drives = find_drives(also)
        virtual = [drive for drive in drives if drive.path in {Path(place) for place in also}]
        found = virtual or ([] if also else drives)
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(str(drive.path) for drive in found)
            raise FlashError(f"several boards show a drive ({names}): unplug all but one")
        if time.monotonic() >= end:
            raise NotFoundError(f"no board shows its drive: {RECOVERY.split(',')[0]}")
        time.sleep(_WAIT_S)


def check_family(drive: Uf2Drive, image: FirmwareImage) -> None:
    """Raise ``FlashError``, which names both, where ``drive``'s board does not take ``image``."""
    if image.kind != "uf2":
        raise FlashError(
            f"{image.path.name} is an image for {image.chip}; the board on {drive.path} takes a .uf2 file"
        )
    if not drive.families:
        raise FlashError(
            f"the board on {drive.path} ({drive.board_id or 'no Board-ID'}) is not known here, so the image cannot "
            "be checked: copy the file yourself"
        )
    if image.family not in drive.families:
        wanted = " or ".join(sorted(uf2.family_name(family) for family in drive.families))
        raise FlashError(
            f"{image.path.name} is for {uf2.family_name(image.family)}, the board on {drive.path} takes {wanted}: "
            "get the image for that chip"
        )


def flash_uf2(
    drive: str | Path | Uf2Drive,
    image: str | Path | FirmwareImage,
    *,
    progress: Progress | None = None,
    timeout_s: float = 120.0,
) -> None:
    """Copy ``image`` to ``drive`` and wait until the board has taken it and reset.

    The family is checked before a byte is written. ``progress`` is called with ("write" | "reset", done,
    total), in bytes. Raises ``NotFoundError`` where there is no such drive, ``FlashError``, which says how to
    recover, where the drive went away half-way or did not go away at all.
    """
    found = drive if isinstance(drive, Uf2Drive) else read_drive(drive)
    if found is None:
        raise NotFoundError(f"there is no UF2 drive at {drive}: {RECOVERY.split(',')[0]}")
    if not isinstance(image, FirmwareImage):
        image = read_image(image)
    check_family(found, image)
    end = time.monotonic() + timeout_s
    _copy(found, image, progress, end)
    if progress:
        progress("reset", 0, 0)
    while (found.path / INFO_NAME).exists():
        if time.monotonic() >= end:
            raise FlashError(f"the board did not take {image.path.name} in {timeout_s:g} s: {RECOVERY}")
        time.sleep(_WAIT_S)


def _copy(drive: Uf2Drive, image: FirmwareImage, progress: Progress | None, end: float) -> None:
    target = drive.path / (image.path.stem[:40] + ".uf2")
    total = len(image.data)
    done = 0
    try:
        # unbuffered and synchronised, so that what is counted as written has reached the board
        with open(target, "wb", buffering=0) as file:
            while done < total:
                if not (drive.path / INFO_NAME).exists():
                    raise _gone(drive, done, total)
                if time.monotonic() >= end:
                    raise FlashError(f"copying to {drive.path} takes too long: {RECOVERY}")
                done += file.write(image.data[done : done + _CHUNK]) or 0
                with contextlib.nullcontext() if done < total else contextlib.suppress(OSError):
                    os.fsync(
                        file.fileno()
                    )  # with the last block the board resets, whether we are done or not
                if progress:
                    progress("write", done, total)
    except OSError as error:
        if done < total:
            raise _gone(drive, done, total) from error


def _gone(drive: Uf2Drive, done: int, total: int) -> FlashError:
    return FlashError(f"the board went away from {drive.path} after {done} of {total} bytes: {RECOVERY}")


def _mounted() -> Sequence[Path]:
    if sys.platform == "darwin":
        roots = [Path("/Volumes")]
    else:
        try:
            user = getpass.getuser()
        except (KeyError, OSError):
            user = ""
        roots = [Path("/media"), Path("/mnt"), Path("/run/media")]
        roots += [Path("/media") / user, Path("/run/media") / user] if user else []
    places = []
    for root in roots:
        with contextlib.suppress(OSError):
            places += [entry for entry in sorted(root.iterdir()) if entry.is_dir()]
    return places
