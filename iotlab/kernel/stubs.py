"""Signatures and documentation of a firmware's own modules, from the type stubs that pip installs.

The packages are called ``micropython-<port>-stubs`` (https://micropython-stubs.readthedocs.io). Their ``.pyi`` files
are read, never imported. They are looked for where Python looks for packages, and in the folder ``typings``, where
their documentation installs them.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

_PACKAGE = re.compile(r"micropython[-_.](?P<port>[\w-]+)[-_.]stubs$", re.IGNORECASE)
#: The package with Python's own modules; its files stand in a folder of that name.
_STDLIB = "stdlib"
_DEPTH = 5  # stubs that import from each other in a circle
_MAKERS = ("__init__", "__new__")
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.AnnAssign | ast.Module


@dataclass(frozen=True)
class Described:
    """What a stub says of a name. ``headings``: how to call it, a line each. ``source``: the stub's package."""

    headings: tuple[str, ...]
    documentation: str
    source: str


class Stubs:
    """The stubs that are installed; those for ``port`` ("esp32", "rp2") before others."""

    def __init__(self, port: str = "", folders: Sequence[Path] = (Path("typings"),)) -> None:
        self.port, self._folders = port, folders
        self._files: dict[str, tuple[Path, str]] | None = None
        self._trees: dict[str, ast.Module | None] = {}

    def modules(self) -> list[str]:
        """The modules that a stub describes."""
        return sorted(self._found())

    def members(self, chain: str) -> list[str]:
        """What ``machine`` or ``machine.Pin`` holds; nothing where no stub knows it."""
        node, _ = self._node(chain)
        return sorted({name for name, _ in _held(node)}) if node else []

    def describe(self, chain: str) -> Described | None:
        """What a stub says of ``machine.Pin.value``; a name without a module is a built-in one."""
        for tried in (chain, f"builtins.{chain}"):
            node, module = self._node(tried)
            if node is not None:
                name = tried.rsplit(".", 1)[-1]
                return Described(*self._told(tried, name, node), self._found()[module][1])
        return None

    # -- details ------------------------------------------------------------------------------

    def _found(self) -> dict[str, tuple[Path, str]]:
        """The file and the package of each module."""
        if self._files is None:
            self._files = {}
            for package in sorted(_packages(self._folders), key=self._rank):
                title = f"{package.metadata['Name']} {package.version}"
                for file in package.files or ():
                    if file.suffix == ".pyi":
                        parts = list(file.with_suffix("").parts)
                        parts = parts[1:] if parts[0] == _STDLIB else parts
                        parts = parts[:-1] if parts[-1] == "__init__" else parts
                        self._files.setdefault(".".join(parts), (Path(str(file.locate())), title))
        return self._files

    def _rank(self, package: Distribution) -> tuple[bool, bool, str]:
        port = _port(package)
        return port != self.port, port == _STDLIB, port

    def _tree(self, module: str) -> ast.Module | None:
        if module not in self._trees:
            place = self._found().get(module)
            try:
                self._trees[module] = ast.parse(place[0].read_text(encoding="utf-8")) if place else None
            except (OSError, SyntaxError, ValueError):
                self._trees[module] = None
        return self._trees[module]

    def _node(self, chain: str, depth: int = _DEPTH) -> tuple[Definition | None, str]:
        """The definition of ``chain``, and the module that it is in."""
        parts = chain.split(".")
        for k in range(len(parts), 0, -1):
            module = ".".join(parts[:k])
            tree = self._tree(module)
            if tree is None:
                continue
            node: Definition | None = tree
            for part in parts[k:]:
                inner = next((n for name, n in _held(node) if name == part), None) if node else None
                if inner is None and isinstance(node, ast.Module) and depth:
                    return self._elsewhere(node, module, ".".join(parts[k:]), depth - 1)
                node = inner
            if node is not None:
                return node, module
        return None, ""

    def _elsewhere(
        self, tree: ast.Module, module: str, rest: str, depth: int
    ) -> tuple[Definition | None, str]:
        """``rest`` of a module that passes on what it imports."""
        head, _, tail = rest.partition(".")
        is_package = self._found()[module][0].stem == "__init__"
        for node in _statements(tree.body):
            if not isinstance(node, ast.ImportFrom):
                continue
            for alias in node.names:
                if alias.name == "*" or (alias.asname or alias.name) == head:
                    source = _imported_from(node, module, package=is_package)
                    name = head if alias.name == "*" else alias.name
                    found = self._node(f"{source}.{name}{'.' + tail if tail else ''}", depth)
                    if found[0] is not None:
                        return found
        return None, ""

    def _told(self, chain: str, name: str, node: Definition) -> tuple[tuple[str, ...], str]:
        if isinstance(node, ast.Module):
            return (), ast.get_docstring(node) or ""
        if isinstance(node, ast.AnnAssign):
            return (f"{name}: {ast.unparse(node.annotation)}",), self._behind(chain, node)
        if isinstance(node, ast.ClassDef):
            makers = [
                n
                for held, n in _held(node)
                if held in ("__init__", "__new__") and not isinstance(n, ast.Module)
            ]
            calls = [_call(name, n, method=True) for n in makers if isinstance(n, ast.FunctionDef)]
            return tuple(calls) or (f"class {name}",), ast.get_docstring(node) or ""
        owner, _ = self._node(chain.rpartition(".")[0]) if "." in chain else (None, "")
        same = [n for held, n in _held(owner) if held == name] if owner else [node]
        functions = [n for n in same if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))] or [node]
        documents = [text for n in functions if (text := ast.get_docstring(n))]
        is_method = isinstance(owner, ast.ClassDef)
        return tuple(_call(name, n, method=is_method) for n in functions), documents[0] if documents else ""

    def _behind(self, chain: str, node: ast.AnnAssign) -> str:
        """The text that stands below a constant."""
        owner, _ = self._node(chain.rpartition(".")[0])
        body = list(getattr(owner, "body", ()))
        after = body[body.index(node) + 1 : body.index(node) + 2] if node in body else []
        for part in after:
            if isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant):
                return inspect.cleandoc(str(part.value.value))
        return ""


def _packages(folders: Sequence[Path]) -> Iterator[Distribution]:
    path = [*(str(folder) for folder in folders), *sys.path]
    return (package for package in distributions(path=path) if _port(package))


def _port(package: Distribution) -> str:
    match = _PACKAGE.match(package.metadata["Name"] or "")
    return match["port"].lower() if match else ""


def _held(node: Definition | None) -> Iterator[tuple[str, Definition]]:
    """The definitions in a module or a class."""
    for part in _statements(node.body if isinstance(node, (ast.Module, ast.ClassDef)) else []):
        if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield part.name, part
        elif isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
            yield part.target.id, part


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a body; of an ``if``, which asks for a newer Python, those of its first case."""
    for statement in body:
        if isinstance(statement, ast.If):
            yield from _statements(statement.body)
        else:
            yield statement


def _imported_from(node: ast.ImportFrom, module: str, *, package: bool) -> str:
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    up = node.level - package
    return ".".join([*parts[: len(parts) - up], *([node.module] if node.module else [])])


def _call(name: str, node: Definition, *, method: bool) -> str:
    """``name(arguments) -> value``, without ``self``."""
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return name
    is_static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in node.decorator_list)
    told = ast.parse(ast.unparse(node.args).join(("def f(", "): ..."))).body[0]
    arguments = told.args if isinstance(told, ast.FunctionDef) else node.args
    if method and not is_static:
        first = arguments.posonlyargs or arguments.args
        del first[:1]
    returns = f" -> {ast.unparse(node.returns)}" if node.returns and node.name not in _MAKERS else ""
    word = "async " if isinstance(node, ast.AsyncFunctionDef) else ""
    return f"{word}{name}({ast.unparse(arguments)}){returns}"
