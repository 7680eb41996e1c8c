"""The registry of running benches: one folder per bench, with ``bench.json``, sockets and serial endpoints.

A process is named by its pid and the moment it started, so that a pid that was used again is never taken
for it, and never killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from iotlab.errors import ConfigError
from iotlab.sim.engine import process

FILE_NAME = "bench.json"
#: sun_path holds 104 bytes on macOS and 108 on Linux, with the zero byte at its end.
LONGEST_SOCKET = 103


@dataclass(frozen=True)
class RunningBoard:
    """A board's process and where it is reached. ``pid`` and ``started`` name the process."""

    name: str
    kind: str
    port: str
    control: str
    pid: int
    started: str
    drive: str | None = None
    parts: list[str] = field(default_factory=list)

    @property
    def alive(self) -> bool:
        return bool(self.started) and process.started(self.pid) == self.started


@dataclass(frozen=True)
class RunningBench:
    """What ``bench.json`` holds. ``owner`` is the process the bench ends with, if there is one."""

    name: str
    boards: list[RunningBoard]
    owner: int | None = None
    owner_started: str = ""

    @classmethod
    def read(cls, folder: Path, name: str = FILE_NAME) -> RunningBench | None:
        """The bench in ``folder``; None where none is registered. ``ConfigError`` where that cannot be read."""
        try:
            data: dict[str, Any] = json.loads((folder / name).read_text())
            boards = [RunningBoard(**board) for board in data.pop("boards")]
            return cls(boards=boards, **data)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"{folder / name} is damaged or another iotlab's: end that bench's processes and delete the file"
            ) from error

    def write(self, folder: Path, name: str = FILE_NAME) -> None:
        """Readers see the old file or the new one, nothing between."""
        handle, part = tempfile.mkstemp(dir=folder, prefix=name)
        with os.fdopen(handle, "w") as file:
            json.dump(asdict(self), file, indent=1)
        Path(part).replace(folder / name)

    @property
    def alive(self) -> bool:
        """Whether all of its boards run."""
        return bool(self.boards) and all(board.alive for board in self.boards)

    @property
    def orphaned(self) -> bool:
        """Whether its owner is gone."""
        return self.owner is not None and process.started(self.owner) != self.owner_started


def make_folder(folder: Path, longest_name: str) -> None:
    """Make the bench's folder, for this user alone. ``ConfigError`` where that cannot be."""
    if len(os.fsencode(folder / longest_name)) > LONGEST_SOCKET:
        raise ConfigError(
            f"the path {folder} is too long for a Unix socket: set IOTLAB_RUNTIME_DIR to a shorter one"
        )
    for place in (folder.parent, folder):
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        told = place.lstat()
        if not stat.S_ISDIR(told.st_mode) or told.st_uid != os.getuid():
            raise ConfigError(f"{place} is not a folder of yours: set IOTLAB_RUNTIME_DIR to another place")
        if told.st_mode & 0o077:
            place.chmod(0o700)


def remove_folder(folder: Path) -> None:
    """Remove what a bench left, but for the lock that guards the folder."""
    with contextlib.suppress(FileNotFoundError):
        for entry in folder.iterdir():
            if entry.name == "lock":
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One process at a time starts or stops the bench in ``folder``."""
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
