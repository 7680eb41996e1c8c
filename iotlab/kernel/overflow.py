"""What a cell prints beyond what a notebook can hold: into a file, with the end of it kept."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TextIO

from typing_extensions import Self

#: How much of the end is shown when the cell has ended, in characters.
TAIL = 16 * 1024
#: A file grows to so many bytes at most, so that a cell that was forgotten does not fill the disk.
LIMIT = 1 << 30
#: So many files are kept; the oldest go.
KEPT = 20


class Overflow:
    """A file in ``folder`` for all that cell ``number`` prints. A context manager; ``close`` is idempotent.

    Where the disk does not take it, the cell goes on all the same, and only the end of what it prints is kept.
    """

    def __init__(self, folder: Path, number: int) -> None:
        #: Where the whole is.
        self.path = folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}-In{number}.txt"
        self._file: TextIO | None = None
        self._failed = ""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for old in sorted(folder.glob("*.txt"), key=lambda path: path.stat().st_mtime)[: -KEPT + 1]:
                old.unlink(missing_ok=True)
            self._file = self.path.open("w", encoding="utf-8", newline="")
        except OSError as error:
            self._failed = str(error)
        self._tail = ""
        #: Characters that came so far.
        self.count = 0
        self._written = 0

    def write(self, text: str) -> None:
        """More of it."""
        self.count += len(text)
        self._tail = (self._tail + text)[-TAIL:]
        if self._file and self._written < LIMIT:
            try:
                self._written += self._file.write(text)
            except OSError as error:
                self._file, self._failed = None, str(error)

    def tail(self, shown: int) -> str:
        """The end, from the beginning of a line; ``shown`` characters of the beginning were shown already."""
        left = self._tail[max(0, len(self._tail) - max(0, self.count - shown)) :]
        cut = left.find("\n") + 1 if len(left) == TAIL else 0
        return left[cut:]

    def told(self, shown: int) -> str:
        """A sentence about what is not shown."""
        left = max(0, self.count - shown)
        if self._failed:
            return f"... {_size(left)} left out here, and not in a file: {self._failed}"
        whole = "the first GB of it is" if self._written >= LIMIT else "all of it is"
        return f"... {_size(left)} left out here; {whole} in {self.path}"

    def close(self) -> None:
        """The file is whole."""
        file, self._file = self._file, None
        if file:
            with suppress(OSError):  # a full disk, which was told
                file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _size(characters: int) -> str:
    """
    >>> _size(9_961_472)
    '9.5 MB'
    """
    for unit, size in (("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)):
        if characters >= size:
            return f"{characters / size:.1f} {unit}"
    return f"{characters} characters"
