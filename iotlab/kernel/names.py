"""Completion and inspection: from the board, from the notebook's own text, from stubs."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from iotlab.kernel.asking import Asking
from iotlab.kernel.attachment import Attachment
from iotlab.kernel.stubs import Stubs
from iotlab.kernel.written import Written, without_line
from iotlab.micropython.cells import Cells

_CHAIN = r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*"
_FROM = re.compile(r"^\s*from\s+(?P<module>[\w.]+)\s+import\s+(?:[\w\s,]*,\s*|\(\s*)?(?P<start>\w*)$")
_IMPORT = re.compile(r"^\s*(?:import|from)\s+(?:[\w\s,.]*,\s*)?(?P<start>\w*)$")
_PATH = re.compile(r"""(?<![\w'"])[rb]?(?P<quote>['"])(?P<folder>/(?:[^'"/]+/)*)(?P<start>[^'"/]*)$""")
_MEMBER = re.compile(rf"(?<![\w.)\]'\"])(?P<owner>{_CHAIN})\.(?P<start>\w*)$")
_PLAIN = re.compile(r"(?<![\w.)\]'\"])(?P<start>\w*)$")
#: Read only where the names lead to it: no call, no index, so asking has no effect beyond what properties do.
_UNDER_CURSOR = re.compile(_CHAIN)
#: What Lab draws beside a completion, by the type on the board.
_DRAWN = {"closure": "function", "generator": "function", "bound_method": "function", "type": "class"}


@dataclass(frozen=True)
class Completion:
    """``matches`` replace the text from ``start`` to the cursor; both count characters. ``kinds``: what they are."""

    matches: list[str]
    start: int
    kinds: dict[str, str] = field(default_factory=dict)


class Names:
    """What may stand at the cursor, and what is known of it. Never waits for a cell that runs."""

    def __init__(self, attachment: Attachment, cells: Cells) -> None:
        self._attachment, self._cells = attachment, cells
        self._asking, self._written, self._stubs = Asking(attachment), Written(cells), Stubs()

    def complete(self, code: str, cursor: int) -> Completion:
        """What may stand at the cursor; ``code`` is the whole cell."""
        line = code[:cursor].rsplit("\n", 1)[-1]
        text = without_line(code, cursor)
        if match := _FROM.match(line):
            members = self._asking.in_module(match["module"])
            found = self._stubs.members(match["module"]) if members is None else members
            return _completion(dict.fromkeys(found, ""), match["start"], cursor)
        if match := _IMPORT.match(line):
            modules = self._asking.modules() or self._stubs.modules()
            return _completion(dict.fromkeys(modules, "module"), match["start"], cursor)
        if match := _PATH.search(line):
            return _completion(
                dict.fromkeys(self._asking.files(match["folder"]), "path"), match["start"], cursor
            )
        if match := _MEMBER.search(line):
            return _completion(dict.fromkeys(self._members(match["owner"], text), ""), match["start"], cursor)
        match = _PLAIN.search(line)
        if match and match["start"]:
            return _completion(self._plain(text), match["start"], cursor)
        return Completion([], cursor)

    def inspect(self, name: str, text: str, *, source: bool) -> str:
        """What is told of ``name``, a chain of names, in the cell ``text``; empty where nothing is."""
        value = self._asking.value(name)
        meaning = self._meaning(name, text, value.kind if value else "")
        stub = self._stubs.describe(meaning) if meaning else None
        known = self._cells.definition(name)
        if known and value and value.kind not in ("function", "closure", "generator", "type"):
            known = None  # it was given another value since
        lines = [f"Signature: {heading}" for heading in (stub.headings if stub and not known else ())]
        if value:
            lines += [f"Type:     {value.kind}", f"Value:    {value.text}{self._asking.since}"]
        documentation = value.documentation if value else ""
        if known:
            number, heading, written, whole = known
            lines += [f"Defined:  Cell In[{number}]", f"Heading:  {heading}"]
            documentation = documentation or written
        elif stub:
            lines += [f"Stub:     {stub.source}"]
            documentation = documentation or stub.documentation
        if documentation:
            lines += ["", documentation]
        if known and source:
            lines += ["", whole]
        members = [
            m for m in (value.members if value else self._members(name, text)) if not m.startswith("_")
        ]
        if lines and members:
            lines += [*([""] if documentation else []), f"Members:  {', '.join(members)}"]
        return "\n".join(lines)

    def look_around(self, stopped: Callable[[], bool]) -> None:
        """Between two cells: learn what may be asked for while the next one runs, until ``stopped`` says so."""
        if self._stubs.port != self._attachment.port:
            self._stubs = Stubs(self._attachment.port)
        self._asking.look_around(stopped)
        if not stopped():
            self._stubs.modules()

    def forget(self) -> None:
        """The board was reset."""
        self._asking.forget()

    # -- details ------------------------------------------------------------------------------

    def _plain(self, text: str) -> dict[str, str]:
        """Every name that may stand alone, and what it is."""
        found = dict.fromkeys(keyword.kwlist, "keyword")
        found.update(dict.fromkeys(self._asking.builtins() or self._stubs.members("builtins"), "function"))
        ran = not self._asking.free  # else the board itself knows what the cells left
        found.update(dict.fromkeys(self._written.names(text, ran=ran), "statement"))
        found.update({n: _DRAWN.get(kind, kind) for n, kind in self._asking.globals().items()})
        return found

    def _members(self, owner: str, text: str) -> list[str]:
        """The members of ``owner``: from the board, else from what the text tells of it."""
        known = self._asking.members(owner)
        if known is not None:
            return known
        made_by = self._written.maker(owner, text)
        written = self._written.members(made_by or owner, text)
        if written:
            return sorted(written)
        meaning = self._written.imported(made_by or owner, text)
        if not meaning:
            return []
        found = self._asking.in_module(meaning) if "." not in meaning else None
        return found or self._stubs.members(meaning)

    def _meaning(self, name: str, text: str, kind: str) -> str:
        """Where ``name`` stands among the modules: ``machine.Pin.value`` for ``led.value``."""
        imported = self._written.imported(name, text)
        if imported:
            return imported
        head, dot, rest = name.partition(".")
        maker = self._written.maker(head, text)
        made = self._written.imported(maker, text) if maker else ""
        if made:
            return f"{made}{dot}{rest}"
        is_builtin = "." not in name and name in self._asking.builtins()
        is_module = kind == "module" or name.split(".")[0] in self._asking.firmware()
        return name if is_builtin or is_module else ""


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


def _completion(names: dict[str, str], start: str, cursor: int) -> Completion:
    matches = [name for name in names if name.startswith(start)]
    if not start.startswith("_"):
        matches = [name for name in matches if not name.startswith("_")]
    kinds = {name: names[name] for name in matches if names[name]}
    return Completion(sorted(set(matches)), cursor - len(start), kinds)
