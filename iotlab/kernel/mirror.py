"""Which file of this machine a file of the board came from, for tracebacks that lead there."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class _Copy:
    place: Path
    digest: str


class Mirror:
    """What this kernel copied to the board. Paths on the board are absolute."""

    def __init__(self) -> None:
        self._copies: dict[str, _Copy] = {}

    def add(self, remote: str, local: Path) -> None:
        """``local`` was copied to ``remote``."""
        path = posixpath.normpath(posixpath.join("/", remote))
        self._copies[path] = _Copy(local.absolute(), hashlib.sha256(local.read_bytes()).hexdigest())

    def add_folder(self, remote: str, local: Path) -> None:
        """All of ``local`` is at ``remote``."""
        for place in local.rglob("*"):
            if place.is_file():
                self.add(posixpath.join(remote, place.relative_to(local).as_posix()), place)

    def origin(self, file: str, folders: Iterable[str] = ("/", "/lib")) -> Path | None:
        """The file that ``file`` of a traceback came from, where it is still as it was copied; else None.

        A traceback names a file as it was found: below a folder of ``sys.path``, or absolute.
        """
        for folder in folders:
            copy = self._copies.get(posixpath.normpath(posixpath.join("/", folder, file)))
            if copy and copy.place.is_file():
                same = hashlib.sha256(copy.place.read_bytes()).hexdigest() == copy.digest
                return copy.place if same else None
        return None
