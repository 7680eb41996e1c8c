"""A board's traceback, as a notebook shows it: the cell's own lines, with an arrow at the one that raised."""

from __future__ import annotations

from iotlab.micropython.cells import Cells, Place

_RED, _GREEN, _CYAN, _OFF = "\x1b[31m", "\x1b[32m", "\x1b[36m", "\x1b[39m"
#: Lines shown before and behind the one that raised.
_AROUND = 2


def rendered(cells: Cells, traceback: str, number: int, where: str) -> list[str]:
    """The parts of a notebook's error: a heading, the places, and what was raised.

    ``traceback`` is the board's text, raised while cell ``number`` ran; ``where`` names the board.
    """
    kind, detail = raised(traceback)
    parts = [
        f"{_RED}{'-' * 75}{_OFF}",
        f"{_RED}{kind}{_OFF}{f'Traceback on {where} (most recent call last)':>{max(1, 75 - len(kind))}}",
    ]
    parts += [_place(cells, place) for place in cells.places(traceback, number)]
    parts.append(f"{_RED}{kind}{_OFF}: {detail}" if detail else f"{_RED}{kind}{_OFF}")
    return parts


def raised(traceback: str) -> tuple[str, str]:
    """The class and the text of what a traceback ends in."""
    places = [k for k, line in enumerate(traceback.split("\n")) if line.startswith('  File "')]
    last = traceback.strip().split("\n")[places[-1] + 1 if places else -1 :]
    kind, _, detail = "\n".join(line.rstrip("\r") for line in last).partition(":")
    return kind.strip(), detail.strip()


def _place(cells: Cells, place: Place) -> str:
    inside = "" if place.function in ("", "<module>") else f", in {_CYAN}{place.function}{_OFF}"
    if place.cell is None:
        return f"File {_GREEN}{place.file}:{place.line}{_OFF}{inside}"
    lines = cells.source(place.cell)
    first, last = max(1, place.line - _AROUND), min(len(lines), place.line + _AROUND)
    shown = [f"Cell {_GREEN}In[{place.cell}], line {place.line}{_OFF}{inside}"]
    for number in range(first, last + 1):
        text = lines[number - 1]
        if number == place.line:
            shown.append(f"{_GREEN}----> {number}{_OFF} {text}")
        else:
            shown.append(f"{_GREEN}{number:>7}{_OFF} {text}")
    return "\n".join(shown)
