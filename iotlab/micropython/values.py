"""Values on their way to a board and back."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from typing import Any

from iotlab.errors import UnsupportedError

Other = Callable[[object], str]
_DEPTH = 20
_BRACKETS: Mapping[type, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset([", "])"),
}


def to_literal(name: str, value: object, other: Other = lambda _: "") -> str:
    """``value`` as a literal that MicroPython reads. ``name`` is what the error message calls it.

    ``other`` knows more: it gives an expression for a value that has no literal form, or nothing.

    Raises ``UnsupportedError`` for what has no literal form: anything but None, numbers, text, bytes, and lists,
    tuples, sets and dicts of those.
    """
    return _literal(name, value, other, 0)


def _literal(name: str, value: object, other: Other, depth: int) -> str:
    kind = type(value)
    if depth > _DEPTH:
        raise UnsupportedError(f"{name} is nested more than {_DEPTH} deep: send a flatter value")
    if value is None or kind in (bool, int, str, bytes, complex):
        return repr(value)
    if isinstance(value, float) and kind is float:
        return repr(value) if math.isfinite(value) else f"float('{value!r}')"
    if isinstance(value, bytearray):
        return f"bytearray({bytes(value)!r})"
    if isinstance(value, dict):
        items = [[_literal(name, part, other, depth + 1) for part in item] for item in value.items()]
        pairs = (f"{key}:{held}" for key, held in items)
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, (list, tuple, set, frozenset)) and kind in _BRACKETS:
        parts = ",".join(_literal(name, part, other, depth + 1) for part in value)
        if kind is set and not value:
            return "set()"  # {} is a dict
        left, right = _BRACKETS[kind]
        return f"{left}{parts}{',' if kind is tuple and len(value) == 1 else ''}{right}"
    if expression := other(value):
        return expression
    raise UnsupportedError(
        f"{name} holds a {kind.__module__}.{kind.__qualname__}, and only None, numbers, text, bytes, and lists, "
        "tuples, sets and dicts of those can go to the board: convert it first"
    )


def literal(text: str) -> Any:
    """The value that MicroPython printed as ``text``: numbers, text, bytes and what is made of them.

    Raises ``UnsupportedError`` for the repr of anything else.
    """
    if text.isascii() and text.isdigit():  # the most frequent kind, and ast.parse takes its time
        return int(text)
    try:
        return _value(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, KeyError) as error:
        short = text if len(text) < 80 else text[:77] + "..."
        raise UnsupportedError(
            f"eval returns plain values, and the board's is {short}: use exec and print what you need of it"
        ) from error


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Name):
        return {"inf": float("inf"), "nan": float("nan")}[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand)
    if isinstance(node, ast.Tuple):
        return tuple(_value(e) for e in node.elts)
    if isinstance(node, ast.List):
        return [_value(e) for e in node.elts]
    if isinstance(node, ast.Dict):
        keys = [k for k in node.keys if k is not None]
        return {_value(k): _value(v) for k, v in zip(keys, node.values, strict=True)}
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "bytearray":
        return bytearray(_value(node.args[0]))
    return ast.literal_eval(node)
