"""Flash an ESP32, C3, S3 ... over its serial port.

esptool does the work, in a process of its own (``worker/flasher.py``): it is GPL, and a flash that hangs can be
ended without taking the notebook along. Nothing else may hold the port in the meantime.

The boot ROM of these chips is in silicon. Whatever goes wrong here, the board can be flashed again.
"""

from __future__ import annotations

import importlib.util
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iotlab.board import Progress
from iotlab.errors import ConnectError, FlashError, InUseError, NotFoundError, UnavailableError
from iotlab.flash.image import FirmwareImage, check_offset, read_image
from iotlab.flash.process import Worker
from iotlab.link.serial import holder

RECOVERY = (
    "plug it in again and flash again; where it does not answer, hold its BOOT button while it is plugged in "
    "(the chip's own loader cannot be broken)"
)


@dataclass(frozen=True)
class EspChipInfo:
    """What is on a port. ``chip`` as in "esp32c3"; ``flash_size`` in bytes, 0 where it was not recognised."""

    chip: str
    description: str
    mac: str
    flash_size: int


def detect_esp(port: str, *, timeout_s: float = 30.0) -> EspChipInfo:
    """Which chip is on ``port``. The chip is reset.

    Raises ``ConnectError`` where none answers, ``NotFoundError`` where there is no such port, ``InUseError``
    where somebody else has it.
    """
    return _run(port, ["detect", "--attempts", "2"], None, 0, timeout_s)


def flash_esp(
    port: str,
    image: str | Path | FirmwareImage,
    *,
    chip: str | None = None,
    offset: int | None = None,
    erase: bool = False,
    force: bool = False,
    baud: int = 460_800,
    progress: Progress | None = None,
    timeout_s: float = 300.0,
) -> EspChipInfo:
    """Write ``image`` to the chip on ``port``, verify it and reset the chip into it.

    ``chip`` is the one that is expected, where the caller knows; ``offset`` only for an application without
    bootloader. With ``erase`` the whole flash is erased first, files on the board included. ``progress`` is
    called with ("detect" | "stub" | "erase" | "write" | "verify" | "reset", done, total), in bytes.

    Chip, offset, checksums and size are checked before a byte is written: ``FlashError`` names both chips.
    ``force`` writes a damaged image all the same (a board that does not boot can be wanted), never one for
    another chip. Unplugging raises ``FlashError``, which says how to recover.
    """
    if not isinstance(image, FirmwareImage):
        image = read_image(image)
    _check(image, chip, force)
    at = check_offset(image, offset)
    with tempfile.TemporaryDirectory(prefix="iotlab-flash-") as folder:
        file = Path(folder) / "image.bin"
        file.write_bytes(image.data)  # what was checked is what is written
        command = [
            "write",
            "--chip",
            image.chip,
            "--offset",
            str(at),
            "--file",
            str(file),
            "--baud",
            str(baud),
        ]
        command += ["--erase"] * erase + ["--force"] * force
        return _run(port, command, progress, image.size, timeout_s, image.chip)


def erase_esp(port: str, *, progress: Progress | None = None, timeout_s: float = 180.0) -> EspChipInfo:
    """Erase the whole flash of the chip on ``port``: firmware and files."""
    return _run(port, ["erase"], progress, 0, timeout_s)


def read_esp(
    port: str,
    offset: int,
    size: int,
    *,
    baud: int = 460_800,
    progress: Progress | None = None,
    timeout_s: float = 300.0,
) -> bytes:
    """``size`` bytes of the flash of the chip on ``port``, from ``offset`` on."""
    if offset < 0 or size <= 0:
        raise FlashError(f"there is nothing to read at {offset:#x}, {size} bytes: give a positive size")
    with tempfile.TemporaryDirectory(prefix="iotlab-flash-") as folder:
        file = Path(folder) / "read.bin"
        command = ["read", "--offset", str(offset), "--size", str(size), "--file", str(file)]
        _run(port, [*command, "--baud", str(baud)], progress, size, timeout_s)
        return file.read_bytes()


def _check(image: FirmwareImage, chip: str | None, force: bool) -> None:
    if image.kind != "esp":
        raise FlashError(
            f"{image.path.name} is a UF2 file for {image.chip}: it is copied to a drive, not written to a port"
        )
    if chip and chip != image.chip:
        raise FlashError(
            f"{image.path.name} is for {image.chip}, the board has an {chip}: get the image for {chip}"
        )
    if image.fault and not force:
        raise FlashError(f"{image.path.name} is damaged, {image.fault}: download it again")


def _run(
    port: str, command: list[str], progress: Progress | None, total: int, timeout_s: float, wanted: str = ""
) -> EspChipInfo:
    if importlib.util.find_spec("esptool") is None:
        raise UnavailableError.extra("flashing an ESP32", "flash")
    state = _State(port, wanted)
    with Worker([*command, "--port", port], timeout_s=timeout_s) as worker:
        for event in worker.events():
            state.take(event)
            if progress and event["event"] in _STAGES:
                progress(event["event"], int(event.get("done", 0)), int(event.get("total", total)))
    return state.result(worker, timeout_s)


_STAGES = frozenset({"detect", "stub", "erase", "write", "read", "verify", "reset"})


class _State:
    """How far the worker came."""

    def __init__(self, port: str, wanted: str) -> None:
        self._port, self._wanted = port, wanted
        self._info: EspChipInfo | None = None
        self._changed = False
        self._error: dict[str, Any] | None = None
        self._done = False

    def take(self, event: dict[str, Any]) -> None:
        name = event["event"]
        if name == "detect":
            self._info = EspChipInfo(event["chip"], event["description"], event["mac"], event["flash_size"])
        elif name in ("erase", "write"):
            self._changed = True
        elif name == "error":
            self._error = event
        elif name == "done":
            self._done = True

    def result(self, worker: Worker, timeout_s: float) -> EspChipInfo:
        """What was detected, or the error that fits."""
        if worker.timed_out:
            raise FlashError(f"{self._port} was not done in {timeout_s:g} s: {RECOVERY}")
        if self._error is not None:
            raise self._failure(self._error["kind"], self._error["message"])
        if not self._done or self._info is None:
            said = worker.said.strip().rsplit("\n", 1)[-1] or "no reason given"
            raise FlashError(f"flashing {self._port} broke off ({said}): {RECOVERY}")
        return self._info

    def _failure(self, kind: str, message: str) -> Exception:
        if kind == "missing":
            return UnavailableError.extra("flashing an ESP32", "flash")
        if kind == "chip" and self._info is not None:
            return FlashError(
                f"the image is for {self._wanted}, the chip on {self._port} is an {self._info.chip}; nothing was "
                f"written: get the image for {self._info.chip}"
            )
        if kind == "port":
            return self._port_failure(message)
        if self._changed:
            said = "it went away" if kind == "lost" else message
            return FlashError(f"flashing {self._port} stopped half-way ({said}): {RECOVERY}")
        if kind == "connect":
            return ConnectError(
                f"no chip answers on {self._port}: hold its BOOT button while pressing EN, and try again"
            )
        if kind == "lost":
            return ConnectError(
                f"{self._port} went away before anything was written: plug it in and try again"
            )
        return FlashError(f"nothing was written to {self._port}: {message}")

    def _port_failure(self, message: str) -> Exception:
        if self._port.startswith("/") and not Path(self._port).exists():
            return NotFoundError(f"there is no port {self._port}: plug the board in")
        if "exclusively lock" in message or "busy" in message.lower():
            who = holder(self._port)
            return InUseError(
                f"{self._port} is held by {who or 'another program'}: close it there", holder=who
            )
        return ConnectError(f"{self._port} does not open: {message}")
