"""What the notebook's own text tells of a name, where the board cannot be asked or does not know it yet."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from iotlab.micropython.cells import Cells, parsed

#: Classes that inherit from each other in a circle, or deeper than anybody writes.
_DEPTH = 10
Function = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass
class _Scope:
    """What one cell binds."""

    names: set[str] = field(default_factory=set)
    #: What a name stands for: ``{"Pin": "machine.Pin"}``.
    imports: dict[str, str] = field(default_factory=dict)
    #: What a name was made by: ``{"led": "Pin"}`` after ``led = Pin(2)``.
    makers: dict[str, str] = field(default_factory=dict)
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)


class Written:
    """The names in the cells that ran, the newest first; ``text`` is a cell that somebody is writing."""

    def __init__(self, cells: Cells) -> None:
        self._cells = cells
        self._read: dict[int, tuple[ast.Module, _Scope]] = {}

    def names(self, text: str = "", *, ran: bool = True) -> set[str]:
        """Every name that ``text`` binds, and those that the cells bind which ``ran``."""
        scopes = self._scopes(text) if ran else self._scope(text)
        return {name for scope in scopes for name in scope.names}

    def imported(self, chain: str, text: str = "") -> str:
        """What ``chain`` is in its module: ``machine.Pin`` for ``Pin``; empty where no cell imports it."""
        head, dot, rest = chain.partition(".")
        for scope in self._scopes(text):
            if head in scope.names:
                meaning = scope.imports.get(head, "")
                return f"{meaning}{dot}{rest}" if meaning else ""
        return ""

    def maker(self, name: str, text: str = "") -> str:
        """What was called to make ``name``; empty where no cell tells."""
        for scope in self._scopes(text):
            if name in scope.names:
                return scope.makers.get(name, "")
        return ""

    def members(self, name: str, text: str = "") -> set[str]:
        """The members of class ``name`` of a cell, those that its methods give to ``self`` too."""
        return self._members(name, list(self._scopes(text)), _DEPTH)

    def _members(self, name: str, scopes: list[_Scope], depth: int) -> set[str]:
        node = next((s.classes[name] for s in scopes if name in s.classes), None)
        if node is None or depth == 0:
            return set()
        found = _bound(node.body).names
        for part in ast.walk(node):
            if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store):
                found |= (
                    {part.attr} if isinstance(part.value, ast.Name) and part.value.id == "self" else set()
                )
        for base in node.bases:
            found |= self._members(dotted(base), scopes, depth - 1)
        return found

    def _scope(self, text: str) -> list[_Scope]:
        tree = parsed(text) if text else None
        return [_bound(tree.body)] if tree else []

    def _scopes(self, text: str) -> Iterator[_Scope]:
        yield from self._scope(text)
        for number, tree in self._cells.trees():
            known = self._read.get(number)
            if known is None or known[0] is not tree:
                known = self._read[number] = (tree, _bound(tree.body))
            yield known[1]


def without_line(code: str, cursor: int) -> str:
    """``code`` without the line that the cursor is in, which is seldom whole: a ``pass`` stands in its place."""
    start = code.rfind("\n", 0, cursor) + 1
    end = code.find("\n", cursor)
    line = code[start : len(code) if end < 0 else end]
    indent = line[: len(line) - len(line.lstrip())]
    return f"{code[:start]}{indent}pass{code[end:] if end >= 0 else ''}"


def dotted(node: ast.expr) -> str:
    """``a.b.c`` as text; empty where ``node`` is anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        owner = dotted(node.value)
        return f"{owner}.{node.attr}" if owner else ""
    return ""


def _bound(body: list[ast.stmt]) -> _Scope:
    scope = _Scope()
    for statement in body:
        _bind(statement, scope)
    return scope


def _bind(node: ast.AST, scope: _Scope) -> None:
    if isinstance(node, (*Function, ast.ClassDef)):
        scope.names.add(node.name)
        if isinstance(node, ast.ClassDef):
            scope.classes[node.name] = node
        return  # what is inside is not the cell's
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        _bind_import(node, scope)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        scope.names.add(node.id)
    elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
        maker = dotted(node.value.func)
        scope.makers.update({target.id: maker for target in node.targets if isinstance(target, ast.Name)})
    elif isinstance(node, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        return
    for child in ast.iter_child_nodes(node):
        _bind(child, scope)


def _bind_import(node: ast.Import | ast.ImportFrom, scope: _Scope) -> None:
    for alias in node.names:
        if isinstance(node, ast.Import):
            name = alias.asname or alias.name.split(".")[0]
            meaning = alias.name if alias.asname else name
        else:
            name, meaning = alias.asname or alias.name, f"{node.module or ''}.{alias.name}"
        if alias.name != "*":
            scope.names.add(name)
            scope.imports[name] = meaning
