"""A notebook's cells on their way to a board, and where a traceback of the board points in them.

The last expression of a cell is shown. Its text is wrapped where it stands, so that line numbers stay. A cell
that defines something is compiled on the board under its own name, ``In[3]``, because its functions can raise
while another cell runs; any other cell goes as it is, which costs the board no memory.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from iotlab.micropython.session import CELL_HELPER

#: Longer cells are sent as they are: to be compiled by name, the text must fit into the board's memory.
NAMED_LIMIT = 8192
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.GeneratorExp)
_PLACE = re.compile(r'  File "(?P<file>[^"]*)", line (?P<line>\d+)(?:, in (?P<function>.+))?$')
_NAME = re.compile(r"In\[(\d+)\]$")
_DIRECT = "<stdin>"  # what MicroPython calls the raw REPL's input
_UNNAMED = "<string>"  # what a firmware without ``compile`` calls a cell that was to have a name


@dataclass(frozen=True)
class Place:
    """A line of a traceback. ``cell`` is the number of the cell that ``line`` is in, None for a file."""

    file: str
    line: int
    function: str
    cell: int | None = None


@dataclass(frozen=True)
class _Sent:
    source: str  # as it stands in the notebook
    named: bool
    tree: ast.Module | None


class Cells:
    """The cells that ran, by their number."""

    def __init__(self) -> None:
        self._sent: dict[int, _Sent] = {}

    def code(self, number: int, source: str, *, written: str = "") -> str:
        """What the board is to run for cell ``number``; remembers the cell.

        ``written`` is how it stands in the notebook, where lines of it are not for the board.
        """
        source = source.replace("\r\n", "\n").replace("\r", "\n")
        tree = parsed(source)
        text = shown(source, tree) if tree else source
        named = (
            len(text) <= NAMED_LIMIT
            and tree is not None
            and any(isinstance(node, _DEFINITIONS) for node in ast.walk(tree))
        )
        self._sent[number] = _Sent(written or source, named, tree)
        return f"exec({CELL_HELPER}.code({text!r},'In[{number}]'))" if named else text

    def source(self, number: int) -> list[str]:
        """The lines of cell ``number``."""
        sent = self._sent.get(number)
        return sent.source.rstrip().split("\n") if sent else []

    def trees(self) -> Iterator[tuple[int, ast.Module]]:
        """The cells that CPython can read, the newest first."""
        for number, sent in sorted(self._sent.items(), reverse=True):
            if sent.tree:
                yield number, sent.tree

    def places(self, traceback: str, number: int) -> list[Place]:
        """Where ``traceback``, raised while cell ``number`` ran, points; the helper's own lines left out."""
        found = []
        for line in traceback.split("\n"):
            match = _PLACE.match(line.rstrip("\r"))
            if match:
                place = Place(match["file"], int(match["line"]), match["function"] or "")
                found.append(self._located(place, number))
        wrapper = self._sent.get(number)
        if wrapper and wrapper.named and found and found[0] == Place(_DIRECT, 1, "<module>"):
            del found[0]
        return [place for place in found if not place.file.startswith("_iotlab")]

    def definition(self, name: str) -> tuple[int, str, str, str] | None:
        """Where function or class ``name`` was last defined: cell, heading, documentation, source."""
        for number, sent in sorted(self._sent.items(), reverse=True):
            for node in sent.tree.body if sent.tree else ():
                if (
                    isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
                    and node.name == name
                ):
                    text = ast.get_source_segment(sent.source, node) or ""
                    return number, _heading(node), ast.get_docstring(node) or "", text
        return None

    def _located(self, place: Place, number: int) -> Place:
        named = _NAME.match(place.file)
        if named:
            cell = int(named[1])
        elif place.file in (_DIRECT, _UNNAMED) and self._is_running(place, number):
            cell = number
        else:
            return place
        known = place.line <= len(self.source(cell))
        return Place(place.file, place.line, place.function, cell if known else None)

    def _is_running(self, place: Place, number: int) -> bool:
        """Whether a line without a cell's name is the running cell's, not a function's of an older one."""
        sent = self._sent.get(number)
        if sent is None or sent.named != (place.file == _UNNAMED):
            return False
        inner = place.function.startswith("<") or not place.function
        return inner or re.search(rf"\bdef\s+{re.escape(place.function)}\b", sent.source) is not None


def parsed(source: str) -> ast.Module | None:
    """The tree of ``source``; None where CPython cannot read it, which need not mean that MicroPython can't."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None


def shown(source: str, tree: ast.Module) -> str:
    """``source`` with its last expression wrapped so that its value is shown; a ``;`` behind it says no."""
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr):
        return source
    lines = source.encode().split(b"\n")  # the tree counts columns in bytes of UTF-8
    if last.end_lineno is None or last.end_col_offset is None:
        return source
    start = sum(len(line) + 1 for line in lines[: last.lineno - 1]) + last.col_offset
    end = sum(len(line) + 1 for line in lines[: last.end_lineno - 1]) + last.end_col_offset
    data = source.encode()
    if data[end:].lstrip().startswith(b";"):
        return source
    wrapped = data[:start] + f"{CELL_HELPER}.show((".encode() + data[start:end] + b"))" + data[end:]
    return wrapped.decode()


def _heading(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> str:
    if isinstance(node, ast.ClassDef):
        bases = ", ".join(ast.unparse(base) for base in node.bases)
        return f"class {node.name}({bases})" if bases else f"class {node.name}"
    word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{word} {node.name}({ast.unparse(node.args)}){returns}"
