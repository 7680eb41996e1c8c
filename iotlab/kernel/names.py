"""Completion and inspection from the board's own namespace."""

from __future__ import annotations

import keyword
import re
from contextlib import suppress
from dataclasses import dataclass

from iotlab.errors import IotlabError, NotFoundError
from iotlab.micropython.board import MicroPythonBoard
from iotlab.micropython.cells import Cells

_CHAIN = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
_FROM = re.compile(r"^\s*from\s+(?P<module>[\w.]+)\s+import\s+(?:[\w\s,]*,\s*|\(\s*)?(?P<start>\w*)$")
_IMPORT = re.compile(r"^\s*(?:import|from)\s+(?:[\w\s,.]*,\s*)?(?P<start>\w*)$")
_MEMBER = re.compile(rf"(?<![\w.)\]'\"])(?P<owner>{_CHAIN})\.(?P<start>\w*)$")
_PLAIN = re.compile(r"(?<![\w.)\]'\"])(?P<start>\w*)$")
#: Read only where the names lead to it: no call, no index, so asking has no effect beyond what properties do.
_UNDER_CURSOR = re.compile(_CHAIN)


@dataclass(frozen=True)
class Completion:
    """``matches`` replace the text from ``start`` to the cursor; both count characters."""

    matches: list[str]
    start: int


class Names:
    """The names on one board. Those of its firmware are asked for once."""

    def __init__(self, board: MicroPythonBoard) -> None:
        self._board = board
        self._builtins: list[str] | None = None
        self._firmware: list[str] | None = None

    def complete(self, line: str, cursor: int) -> Completion:
        """What may stand where ``line`` ends; the cursor's place in the cell is ``cursor``."""
        match = _FROM.match(line)
        if match:
            return _completion(self._members_of_module(match["module"]), match["start"], cursor)
        match = _IMPORT.match(line)
        if match:
            return _completion(self.modules(), match["start"], cursor)
        match = _MEMBER.search(line)
        if match:
            return _completion(self._dir(match["owner"]), match["start"], cursor)
        match = _PLAIN.search(line)
        if match and match["start"]:
            return _completion([*self._dir(""), *self.builtins(), *keyword.kwlist], match["start"], cursor)
        return Completion([], cursor)

    def builtins(self) -> list[str]:
        """The built-in names of the firmware."""
        if self._builtins is None:
            self._builtins = self._dir("__import__('builtins')")
        return self._builtins

    def modules(self) -> list[str]:
        """The modules that can be imported: the firmware's, and those among the board's files."""
        if self._firmware is None:
            self._firmware = self._firmware_modules()
        return sorted({*self._firmware, *self._file_modules()})

    def inspect(self, name: str, cells: Cells, *, source: bool) -> str:
        """What the board tells about ``name``, a chain of names; empty where there is none of that name."""
        try:
            kind, value = self._board.eval(f"(type({name}).__name__, repr({name}))")
        except IotlabError:
            return ""
        lines = [f"Type:     {kind}", f"Value:    {value}"]
        known = cells.definition(name) if kind in ("function", "closure", "generator", "type") else None
        if known:
            number, heading, documentation, text = known
            lines += [f"Defined:  Cell In[{number}]", f"Heading:  {heading}"]
            if documentation:
                lines += ["", documentation]
            if source:
                lines += ["", text]
        members = [m for m in self._dir(name) if not m.startswith("_")]
        if members:
            lines += [f"Members:  {', '.join(members)}"]
        return "\n".join(lines)

    def _dir(self, owner: str) -> list[str]:
        """The members of ``owner``; none where the board knows no such thing."""
        with suppress(IotlabError):
            found = self._board.eval(f"dir({owner})", timeout_s=2.0)
            return sorted({name for name in found if isinstance(name, str)})
        return []

    def _members_of_module(self, module: str) -> list[str]:
        """Imports only what the firmware has: a file of the user's could do anything."""
        loaded = f"__import__('sys').modules.get({module!r})"
        with suppress(IotlabError):
            if self._board.eval(f"{loaded} is not None"):
                return self._dir(loaded)
        self.modules()
        return self._dir(f"__import__({module!r})") if module in (self._firmware or ()) else []

    def _firmware_modules(self) -> list[str]:
        with suppress(IotlabError):
            text = self._board.exec("help('modules')", timeout_s=5.0).split("Plus any modules")[0]
            return sorted({word.split("/")[0] for word in text.split() if word.split("/")[0] != "__main__"})
        return []

    def _file_modules(self) -> list[str]:
        found: list[str] = []
        with suppress(IotlabError):
            folders = [
                path for path in self._board.eval("__import__('sys').path") if not path.startswith(".")
            ]
            for folder in folders:
                with suppress(NotFoundError):  # a path need not exist
                    found += [e.path.rsplit("/", 1)[-1] for e in self._board.files.ls(folder or "/")]
        return [name.rsplit(".", 1)[0] for name in found if name.endswith((".py", ".mpy")) or "." not in name]


def under_cursor(code: str, cursor: int) -> str:
    """The chain of names that the cursor is in or behind: ``machine.Pin`` in ``machine.Pin(2|``."""
    start = code.rfind("\n", 0, cursor) + 1
    end = code.find("\n", cursor)
    line, column = code[start : len(code) if end < 0 else end], cursor - start
    best = ""
    for match in _UNDER_CURSOR.finditer(line):
        if match.start() <= column:
            inside = column <= match.end()
            text = match[0]
            if inside:  # up to the end of the part that the cursor is in
                rest = text[column - match.start() :]
                text = text[: len(text) - len(rest)] + rest.split(".")[0]
            best = text
    return best


def _completion(names: list[str], start: str, cursor: int) -> Completion:
    matches = [name for name in names if name.startswith(start)]
    if not start.startswith("_"):
        matches = [name for name in matches if not name.startswith("_")]
    return Completion(sorted(set(matches)), cursor - len(start))
