"""What a bundle says of itself: its name, its version, its files and what it asks of a board.

A manifest comes from a file that somebody sent, so nothing in it is believed: names, paths, sizes and times
are checked here, and nothing else of the package looks at an unchecked one.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass, fields
from typing import Any

from iotlab.errors import SignatureError

FORMAT = 1
#: The kind of system a bundle is for: a Pi's image will be another.
PLATFORM = "micropython"

#: Limits, so that a manifest fits into the memory of a small board and its files into its flash.
MAX_FILES = 120
MAX_MANIFEST_BYTES = 16 * 1024
MAX_TOTAL_BYTES = 8 << 20
MAX_PATH = 96
#: The RP2040's watchdog takes 8,388 ms at the most (RP2040 datasheet, 4.7.1, and ports/rp2/machine_wdt.c).
MAX_WATCHDOG_S = 8
MAX_TRIAL_S = 3600

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,63}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+-]{0,31}")
_RELEASE = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){0,2}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class File:
    """A file of an application: its path below the application's folder, its size in bytes, its SHA-256."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a bundle says of itself. Making one checks it: ``SignatureError`` says what is wrong.

    ``min_micropython``: the oldest MicroPython it runs on. ``trial_s``: the time in which a new version has to
    be confirmed. ``watchdog_s``: how long the board may stand still during the trial, 0 for no watchdog.
    ``service``: an update may be received while the application runs; False for one that reads ``sys.stdin``.
    """

    name: str
    version: str
    files: tuple[File, ...]
    min_micropython: str = "1.20"
    trial_s: int = 30
    watchdog_s: int = 8
    service: bool = True
    platform: str = PLATFORM
    format: int = FORMAT

    def __post_init__(self) -> None:
        if self.format != FORMAT:
            raise SignatureError(
                f"the bundle has format {self.format!r}, this iotlab reads {FORMAT}: update iotlab"
            )
        _text("name", self.name, _NAME)
        _text("version", self.version, _VERSION)
        _text("platform", self.platform, _NAME)
        _text("min_micropython", self.min_micropython, _RELEASE)
        _number("trial_s", self.trial_s, 1, MAX_TRIAL_S)
        _number("watchdog_s", self.watchdog_s, 0, MAX_WATCHDOG_S)
        if not isinstance(self.service, bool):
            raise SignatureError(f"a manifest's service is true or false, not {self.service!r}: pack it anew")
        _check_files(self.files)
        if len(self.to_bytes()) > MAX_MANIFEST_BYTES:
            raise SignatureError(
                f"the manifest is larger than {MAX_MANIFEST_BYTES} bytes: pack fewer files or shorter names"
            )

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)

    def to_bytes(self) -> bytes:
        """Canonical JSON: the same manifest is always the same bytes."""
        plain = asdict(self)
        plain["files"] = [[f.path, f.size, f.sha256] for f in self.files]
        return json.dumps(plain, sort_keys=True, separators=(",", ":")).encode("ascii")

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        """The manifest in ``data``. ``SignatureError`` where it is none or breaks a rule."""
        if len(data) > MAX_MANIFEST_BYTES:
            raise SignatureError(
                f"the manifest is larger than {MAX_MANIFEST_BYTES} bytes: pack the bundle anew"
            )
        try:
            plain = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise SignatureError(f"the manifest is no JSON ({error}): pack the bundle anew") from error
        known = {field.name for field in fields(cls)}
        if not isinstance(plain, dict) or not {"name", "version", "files", "format"} <= set(plain) <= known:
            raise SignatureError("the manifest has not the entries that a manifest has: pack the bundle anew")
        return cls(**{**plain, "files": _files(plain["files"])})

    def digest(self) -> bytes:
        return hashlib.sha256(self.to_bytes()).digest()


def release(text: str) -> tuple[int, ...]:
    """A version as numbers, to compare: "1.20" is (1, 20, 0)."""
    numbers = [int(part) for part in text.split(".")]
    return tuple(numbers + [0] * (3 - len(numbers)))


def _files(plain: Any) -> tuple[File, ...]:
    if not isinstance(plain, list) or not all(isinstance(entry, list) and len(entry) == 3 for entry in plain):
        raise SignatureError("the manifest's files are no list of path, size and hash: pack the bundle anew")
    return tuple(File(*entry) for entry in plain)


def _check_files(files: tuple[File, ...]) -> None:
    if not 0 < len(files) <= MAX_FILES:
        raise SignatureError(
            f"an application has 1 to {MAX_FILES} files, not {len(files)}: pack what it needs"
        )
    for file in files:
        check_path(file.path)
        _number(f"size of {file.path}", file.size, 0, MAX_TOTAL_BYTES)
        _text(f"hash of {file.path}", file.sha256, _SHA256)
    paths = [file.path for file in files]
    folders = {path[: place.start()] for path in paths for place in re.finditer("/", path)}
    if len(set(paths)) != len(paths) or folders & set(paths):
        raise SignatureError("the manifest names a file twice: pack the bundle anew")
    if sum(file.size for file in files) > MAX_TOTAL_BYTES:
        raise SignatureError(f"the files are larger than {MAX_TOTAL_BYTES >> 20} MiB together: pack less")
    if not {"main.py", "main.mpy"} & set(paths):
        raise SignatureError(
            "there is no main.py (or main.mpy) in the application: it is what the board starts"
        )


def check_path(path: object) -> None:
    """A path stays inside the application's folder and is one that every board's file system takes.

    >>> check_path("lib/sensor.py")
    >>> check_path("../boot.py")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    iotlab.errors.SignatureError: '../boot.py' is no path for a file of an application: letters, digits and ...
    """
    if not isinstance(path, str) or len(path) > MAX_PATH or not all(map(_PART.fullmatch, path.split("/"))):
        raise SignatureError(
            f"{path!r} is no path for a file of an application: letters, digits and ._+- in each part, "
            f"at most {MAX_PATH} characters; rename it"
        )


def _text(what: str, value: object, allowed: re.Pattern[str]) -> None:
    if not isinstance(value, str) or not allowed.fullmatch(value):
        raise SignatureError(f"the {what} {value!r} is not one that a manifest takes: {allowed.pattern}")


def _number(what: str, value: object, lowest: int, highest: int) -> None:
    if type(value) is not int or not lowest <= value <= highest:
        raise SignatureError(f"the {what} is a whole number from {lowest} to {highest}, not {value!r}")
