"""A board's traceback, as a notebook shows it: the cell's own lines, with an arrow at the one that raised."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import groupby
from pathlib import Path

from iotlab.micropython.cells import Cells, Place

_RED, _GREEN, _CYAN, _OFF = "\x1b[31m", "\x1b[32m", "\x1b[36m", "\x1b[39m"
#: Lines shown before and behind the one that raised.
_AROUND = 2
#: So often the same place is shown where it comes again and again, as in CPython's tracebacks.
_SHOWN = 3
#: An ``OSError`` of firmware that keeps no names of errors, or of a file system: ``28``, ``[Errno 28]``, ``-28``.
_NUMBER = re.compile(r"(?:\[Errno (?P<told>-?\d+)\]|\(?(?P<bare>-?\d+),?\)?)$")
#: Source: MicroPython's py/mperrno.h, and the numbers of Linux that its ports' sockets and file systems use too.
_ERRNO: Mapping[int, str] = {
    1: "EPERM", 2: "ENOENT", 3: "ESRCH", 4: "EINTR", 5: "EIO", 6: "ENXIO", 9: "EBADF", 11: "EAGAIN", 12: "ENOMEM",
    13: "EACCES", 14: "EFAULT", 16: "EBUSY", 17: "EEXIST", 18: "EXDEV", 19: "ENODEV", 20: "ENOTDIR", 21: "EISDIR",
    22: "EINVAL", 23: "ENFILE", 24: "EMFILE", 27: "EFBIG", 28: "ENOSPC", 29: "ESPIPE", 30: "EROFS", 32: "EPIPE",
    36: "ENAMETOOLONG", 39: "ENOTEMPTY", 95: "EOPNOTSUPP", 97: "EAFNOSUPPORT", 98: "EADDRINUSE", 103: "ECONNABORTED",
    104: "ECONNRESET", 105: "ENOBUFS", 106: "EISCONN", 107: "ENOTCONN", 110: "ETIMEDOUT", 111: "ECONNREFUSED",
    113: "EHOSTUNREACH", 114: "EALREADY", 115: "EINPROGRESS",
}  # fmt: skip
#: The file of this machine that a file of the board came from.
Origin = Callable[[str], Path | None]


def rendered(
    cells: Cells, traceback: str, number: int, where: str, *, origin: Origin = lambda _: None
) -> list[str]:
    """The parts of a notebook's error: a heading, the places, and what was raised.

    ``traceback`` is the board's text, raised while cell ``number`` ran; ``where`` names the board. A file of the
    board that ``origin`` knows is shown as the file here, with its lines: front ends make a link of that.
    """
    kind, detail = raised(traceback)
    parts = [
        f"{_RED}{'-' * 75}{_OFF}",
        f"{_RED}{kind}{_OFF}{f'Traceback on {where} (most recent call last)':>{max(1, 75 - len(kind))}}",
    ]
    parts += _places(cells, cells.places(traceback, number), origin)
    parts.append(f"{_RED}{kind}{_OFF}: {detail}" if detail else f"{_RED}{kind}{_OFF}")
    return parts


def raised(traceback: str) -> tuple[str, str]:
    """The class and the text of what a traceback ends in."""
    places = [k for k, line in enumerate(traceback.split("\n")) if line.startswith('  File "')]
    last = traceback.strip().split("\n")[places[-1] + 1 if places else -1 :]
    kind, _, detail = "\n".join(line.rstrip("\r") for line in last).partition(":")
    kind, detail = kind.strip(), detail.strip()
    return kind, _named(detail) if kind == "OSError" else detail


def _named(detail: str) -> str:
    """The text of an ``OSError`` with the name of its number; as it is where it has one or there is none.

    >>> _named("-28")
    '[Errno 28] ENOSPC'
    """
    match = _NUMBER.match(detail)
    code = abs(int(match["told"] or match["bare"])) if match else 0
    return f"[Errno {code}] {_ERRNO[code]}" if code in _ERRNO else detail


def _places(cells: Cells, places: list[Place], origin: Origin) -> list[str]:
    """The places one by one; of a function that called itself without end only the first few."""
    shown: list[str] = []
    for place, same in groupby(places):
        count = len(list(same))
        shown += [_place(cells, place, origin)] * min(count, _SHOWN)
        if count > _SHOWN:
            shown.append(f"[the same {count - _SHOWN} more times]")
    return shown


def _place(cells: Cells, place: Place, origin: Origin) -> str:
    inside = "" if place.function in ("", "<module>") else f", in {_CYAN}{place.function}{_OFF}"
    if place.cell is not None:
        head = f"Cell {_GREEN}In[{place.cell}], line {place.line}{_OFF}{inside}"
        return "\n".join([head, *_around(cells.source(place.cell), place.line)])
    here = origin(place.file)
    if here is None:
        return f"File {_GREEN}{place.file}:{place.line}{_OFF}{inside}"
    head = f"File {_GREEN}{here}:{place.line}{_OFF}{inside} (on the board {place.file})"
    return "\n".join(
        [head, *_around(here.read_text(encoding="utf-8", errors="replace").split("\n"), place.line)]
    )


def _around(lines: list[str], line: int) -> list[str]:
    """The lines around the one that raised, with an arrow at it."""
    shown = []
    for number in range(max(1, line - _AROUND), min(len(lines), line + _AROUND) + 1):
        arrow = f"----> {number}" if number == line else f"{number:>7}"
        shown.append(f"{_GREEN}{arrow}{_OFF} {lines[number - 1]}")
    return shown
