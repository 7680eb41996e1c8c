"""Code for MicroPython's own prompt that prints no more than it says.

The prompt prints the value of each statement that is an expression, as far as it is not None, also in code that was
pasted; code that runs otherwise does not. ``[...]and None`` around such a statement keeps its lines, and costs the
board neither stack nor names.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

#: Whose calls return None.
_SILENT = ("print", "exec")


def quiet(code: str) -> str:
    """``code``, of which the prompt prints no value.

    Raises what ``ast.parse`` raises where CPython cannot read it.

    >>> print(quiet("for i in range(3):\\n    i * i  # nobody asked"))
    for i in range(3):
        [i * i]and None  # nobody asked
    """
    data = code.encode()  # the tree counts columns in bytes of UTF-8
    spans = [span(node, data) for node in _values(ast.parse(code).body)]
    for start, end in sorted(spans, reverse=True):  # from the end, so that places before stay
        data = data[:start] + b"[" + data[start:end] + b"]and None" + data[end:]
    return data.decode()


def span(node: ast.expr | ast.stmt | ast.AST, data: bytes) -> tuple[int, int]:
    """Where ``node`` begins and ends in ``data``, in bytes."""
    lines = data.split(b"\n")
    ends = []
    for line, column in (
        (getattr(node, "lineno", 1), getattr(node, "col_offset", 0)),
        (getattr(node, "end_lineno", 1), getattr(node, "end_col_offset", 0)),
    ):
        ends.append(sum(len(text) + 1 for text in lines[: line - 1]) + column)
    return ends[0], ends[1]


def _values(body: Iterable[ast.AST]) -> Iterator[ast.Expr]:
    """The statements of a module that are expressions, also in its loops, but not in functions and classes."""
    for node in body:
        if isinstance(node, ast.Expr):
            if not _is_silent(node.value):
                yield node
        elif not isinstance(node, (ast.expr, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield from _values(ast.iter_child_nodes(node))


def _is_silent(value: ast.expr) -> bool:
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in _SILENT
