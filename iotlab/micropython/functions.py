"""A Python function of this machine, as a board is to have it: its source, and what it uses besides."""

from __future__ import annotations

import ast
import builtins
import contextlib
import inspect
import symtable
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from iotlab.errors import UnsupportedError

#: What MicroPython knows besides Python's own names: its constants and the types of its viper emitter.
_BOARD_NAMES = frozenset(("const", "ptr", "ptr8", "ptr16", "ptr32", "uint"))


@dataclass(frozen=True)
class Source:
    """``text`` begins at ``line`` of ``file``; ``names`` are those that it takes from outside."""

    name: str
    text: str
    file: str
    line: int
    names: tuple[str, ...]

    @property
    def place(self) -> str:
        """The file as a person knows it: a notebook's cell by its number."""
        ipython = sys.modules.get("IPython")
        shell = ipython.get_ipython() if ipython else None
        cell = shell.compile.format_code_name(self.file) if shell else None
        return cell[1] if cell else self.file


def source_of(function: Callable[..., Any]) -> Source:
    """Take ``function`` apart. ``UnsupportedError`` where its source is not to be had, or it is no plain ``def``."""
    if not isinstance(function, types.FunctionType) or function.__name__ == "<lambda>":
        raise UnsupportedError(f"{function!r} is no function with a name: write it with def")
    try:
        lines, first = inspect.getsourcelines(function)
    except (OSError, TypeError) as error:
        raise UnsupportedError(
            f"the source of {function.__name__} is not to be had: write it in a file or a notebook's cell"
        ) from error
    text = "".join(lines)
    if text[:1].isspace():  # not dedented: text in it over several lines stays as it is
        text, first = "if 1:\n" + text, first - 1
    tree = ast.parse(text)
    node = next(
        found for found in ast.walk(tree) if isinstance(found, (ast.FunctionDef, ast.AsyncFunctionDef))
    )
    if isinstance(node, ast.AsyncFunctionDef):
        raise UnsupportedError(
            f"{node.name} is an async function: give asyncio.run(...) a function of its own"
        )
    kept = text.split("\n")
    head = kept[:1] if text.startswith("if 1:") else []
    body = "\n".join([*head, *kept[node.lineno - 1 :]])
    return Source(
        node.name, body, function.__code__.co_filename, first + node.lineno - 1 - len(head), _globals(tree)
    )


class UsedNames:
    """What a function's globals and closures are on this machine, looked up as late as Python does."""

    def __init__(self, function: Callable[..., Any], source: Source, constants: Mapping[str, Any]) -> None:
        assert isinstance(function, types.FunctionType)
        self._name, self._globals = source.name, function.__globals__
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        self._cells = dict(cells)
        self._wanted = [name for name in source.names if name not in constants]

    def found(self) -> Iterator[tuple[str, Any]]:
        """Each name that is something here, and what."""
        for name in self._wanted:
            if name in self._cells:
                with contextlib.suppress(ValueError):  # it is assigned later
                    yield name, self._cells[name].cell_contents
            elif name in self._globals:
                yield name, self._globals[name]

    def check(self, may: type, *, late: bool) -> dict[str, Any]:
        """The names that stand for an instance of ``may``; ``UnsupportedError`` names the others.

        A name that nobody knows is refused only when it is ``late``: it may be defined below.
        """
        found = dict(self.found())
        wrong = [
            f"{name}, {_described(value)}" for name, value in found.items() if not isinstance(value, may)
        ]
        if late:
            known = set(dir(builtins)) | _BOARD_NAMES
            wrong += [
                f"{name}, which nobody defined"
                for name in self._wanted
                if name not in found and name not in known
            ]
        if wrong:
            raise UnsupportedError(f"{self._name} runs on the board and cannot use {'; '.join(wrong)}")
        return found


def _described(value: Any) -> str:
    if isinstance(value, types.ModuleType):
        return "a module of this machine: import it inside the function"
    if isinstance(value, (types.FunctionType, type)):
        return "a function or class of this machine: make it a task too, or define it inside"
    return "a value of this machine: give it as an argument, or in consts={...}"


def _globals(tree: ast.Module) -> tuple[str, ...]:
    """The names that a function takes from outside; a name that it declares ``global`` and sets is its own."""
    table = symtable.symtable(ast.unparse(_WithoutAnnotations().visit(tree)), "task", "exec")
    read: set[str] = set()
    own: set[str] = set()
    tables = [table]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        for symbol in table.get_symbols():
            inside = table.get_type() != "module"
            if inside and symbol.is_declared_global() and symbol.is_assigned():
                own.add(symbol.get_name())
            elif symbol.is_referenced() and (symbol.is_global() or not inside):
                read.add(symbol.get_name())
            elif not inside and symbol.is_assigned():
                own.add(symbol.get_name())  # the function itself
    return tuple(sorted(read - own))


class _WithoutAnnotations(ast.NodeTransformer):
    """MicroPython reads annotations and forgets them; decorators are this machine's."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.returns, node.decorator_list = None, []
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return ast.copy_location(ast.Assign([node.target], node.value), node)
