"""A notebook's cells on their way to a board, and where a traceback of the board points in them.

The last expression of a cell is shown. Its text is wrapped where it stands, so that line numbers stay. A cell is
compiled on the board under its own name, ``In[3]``, because its functions can raise while another cell runs.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from iotlab.micropython.calls import CELL_HELPER
from iotlab.micropython.plain import SHOWN
from iotlab.micropython.quiet import span

_PLACE = re.compile(r'  File "(?P<file>[^"]*)", line (?P<line>\d+)(?:, in (?P<function>.+))?$')
_NAME = re.compile(r"In\[(\d+)\]$")
#: What a firmware without ``compile``, and a board without the helper, call every cell.
_UNNAMED = ("<string>", "<stdin>")


@dataclass(frozen=True)
class Wrapping:
    """What a cell's last expression stands between, and what stands for ``sys.stderr``: on some boards itself."""

    before: str
    after: str
    stderr: str


#: For boards with the helper, and for plain ones.
HELPED = Wrapping(f"{CELL_HELPER}.show((", "))", f"{CELL_HELPER}.err")
PLAIN = Wrapping(*SHOWN, "sys.stderr")


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
    tree: ast.Module | None


class Cells:
    """The cells that ran, by their number."""

    def __init__(self) -> None:
        self._sent: dict[int, _Sent] = {}

    def code(self, number: int, source: str, *, written: str = "", wrapping: Wrapping = HELPED) -> str:
        """What the board is to run for cell ``number``; remembers the cell.

        ``written`` is how it stands in the notebook, where lines of it are not for the board; ``wrapping`` is the
        board's.
        """
        source = source.replace("\r\n", "\n").replace("\r", "\n")
        tree = parsed(source)
        text = shown(source, tree, wrapping) if tree else source
        self._sent[number] = _Sent(written or source, tree)
        return text

    def name(self, number: int) -> str:
        """What cell ``number`` is called on the board."""
        return f"In[{number}]"

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
        elif place.file in _UNNAMED and self._is_running(place, number):
            cell = number
        else:
            return place
        end = len(self.source(cell))
        line = (
            place.line if place.function else min(place.line, end)
        )  # a cell that breaks off ends behind its end
        return Place(place.file, line, place.function, cell if 0 < line <= end else None)

    def _is_running(self, place: Place, number: int) -> bool:
        """Whether a line without a cell's name is the running cell's, not a function's of an older one."""
        sent = self._sent.get(number)
        if sent is None:
            return False
        inner = place.function.startswith("<") or not place.function
        return inner or re.search(rf"\bdef\s+{re.escape(place.function)}\b", sent.source) is not None


def parsed(source: str) -> ast.Module | None:
    """The tree of ``source``; None where CPython cannot read it, which need not mean that MicroPython can't."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None


def shown(source: str, tree: ast.Module, wrapping: Wrapping = HELPED) -> str:
    """``source`` with its last expression wrapped so that its value is shown; a ``;`` behind it says no.

    ``sys.stderr`` in it is the helper's: a board has one stream, and a notebook shows errors apart.
    """
    data = source.encode()  # the tree counts columns in bytes of UTF-8
    edits = [(*span(node, data), wrapping.stderr) for node in ast.walk(tree) if _is_stderr(node)]
    last = tree.body[-1] if tree.body else None
    if isinstance(last, ast.Expr):
        start, end = span(last, data)
        if not data[end:].lstrip().startswith(b";"):
            edits += [(start, start, wrapping.before), (end, end, wrapping.after)]
    # from the end, so that places before stay; what begins at one place opens before what it holds
    for start, end, text in sorted(edits, key=lambda edit: (edit[0], edit[1]), reverse=True):
        data = data[:start] + text.encode() + data[end:]
    return data.decode()


def _is_stderr(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr == "stderr"
        and isinstance(node.ctx, ast.Load)
        and isinstance(node.value, ast.Name)
        and node.value.id == "sys"
    )


def _heading(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> str:
    if isinstance(node, ast.ClassDef):
        bases = ", ".join(ast.unparse(base) for base in node.bases)
        return f"class {node.name}({bases})" if bases else f"class {node.name}"
    word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{word} {node.name}({ast.unparse(node.args)}){returns}"
