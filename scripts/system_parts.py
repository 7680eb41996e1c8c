"""The parts of the tests that pip cannot bring: what they are, how they are found, what brings them.

Run as a program it installs what is missing, where that may be done, and says in one line each what it
left out and why. Imported by ``conftest.py`` it tells which tests can run. Standard library only.

``IOTLAB_WITHOUT=browser`` leaves parts out on purpose (commas between them); ``IOTLAB_REQUIRE_ALL=1`` makes
a missing part an error.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

_CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
_CHROMIUM_ON_MACOS = (
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
)
#: Without a font Chromium draws empty boxes, and screenshots show nothing.
_FONTS = (Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"),)


def chromium() -> Path | None:
    """The browser that the tests drive, or ``None``."""
    on_path = (shutil.which(name) for name in _CHROMIUM_NAMES)
    found = [Path(path) for path in on_path if path]
    return next(iter([*found, *(path for path in _CHROMIUM_ON_MACOS if path.exists())]), None)


def _has_font() -> bool:
    return sys.platform != "linux" or any(path.exists() for path in _FONTS)


@dataclass(frozen=True)
class Piece:
    """One thing to install: what it is, Debian's package, and whether it is there."""

    what: str
    debian: str
    present: Callable[[], bool]


@dataclass(frozen=True)
class Part:
    """What a group of tests needs, all of it."""

    name: str
    tests: str
    pieces: tuple[Piece, ...]

    @property
    def missing(self) -> list[Piece]:
        """The pieces that are not there."""
        return [piece for piece in self.pieces if not piece.present()]

    @property
    def lacks(self) -> str:
        """What is missing, in words; empty when nothing is."""
        return " and ".join(piece.what for piece in self.missing)


PARTS: Mapping[str, Part] = {
    part.name: part
    for part in (
        Part(
            name="browser",
            tests="the tests in a browser",
            pieces=(
                Piece("Chromium", "chromium", lambda: chromium() is not None),
                Piece("a font", "fonts-dejavu-core", _has_font),
            ),
        ),
        Part(
            name="microbit",
            tests="the tests of an emulated micro:bit",
            pieces=(Piece("QEMU for ARM", "qemu-system-arm", lambda: bool(shutil.which("qemu-system-arm"))),),
        ),
    )
}


def left_out_on_purpose() -> set[str]:
    """The parts named in ``IOTLAB_WITHOUT``."""
    return {name.strip() for name in os.environ.get("IOTLAB_WITHOUT", "").split(",") if name.strip()}


def all_required() -> bool:
    """Whether a missing part is an error."""
    return os.environ.get("IOTLAB_REQUIRE_ALL", "") not in ("", "0")


def missing() -> list[Part]:
    """The parts that are wanted and not, or not wholly, there."""
    without = left_out_on_purpose()
    return [part for part in PARTS.values() if part.name not in without and part.missing]


def _as_root() -> list[str] | None:
    """The words before a command that make it run as root; ``None`` where that may not be done."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode == 0:
        return [sudo, "-n"]
    return None


def _install(part: Part) -> str:
    """Install what ``part`` lacks with apt-get. Returns why that could not be done, or nothing."""
    packages = [piece.debian for piece in part.missing]
    if shutil.which("apt-get") is None:
        return "there is no apt-get here: install it by hand"
    root = _as_root()
    if root is None:
        return f"neither root nor passwordless sudo: sudo apt-get install {' '.join(packages)}"
    apt = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    print(f"installing {' '.join(packages)} for {part.tests}", flush=True)
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
        done = subprocess.run([*apt, *command], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            last = (done.stderr.strip() or "it said nothing").splitlines()[-1]
            return f"apt-get {command[0]} failed: {last}"
    return f"{' '.join(packages)} did not bring it" if part.missing else ""


def main() -> int:
    for name in sorted(left_out_on_purpose()):
        if name not in PARTS:
            print(f"IOTLAB_WITHOUT names {name!r}; there are {', '.join(PARTS)}", file=sys.stderr)
            return 2
        print(f"left out: {PARTS[name].tests}, as IOTLAB_WITHOUT asks")
    failed = False
    for part in missing():
        reason = _install(part)
        if reason:
            failed = True
            print(f"left out: {part.tests}, for want of {part.lacks} ({reason})")
    return 1 if failed and all_required() else 0


if __name__ == "__main__":
    sys.exit(main())
