"""Values on their way to a board."""

from __future__ import annotations

import math
from collections.abc import Mapping

from iotlab.errors import UnsupportedError

_DEPTH = 20
_BRACKETS: Mapping[type, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    set: ("{", "}"),
    frozenset: ("frozenset([", "])"),
}


def to_literal(name: str, value: object) -> str:
    """``value`` as a literal that MicroPython reads. ``name`` is what the error message calls it.

    Raises ``UnsupportedError`` for what has no literal form: anything but None, numbers, text, bytes, and lists,
    tuples, sets and dicts of those.
    """
    return _literal(name, value, 0)


def _literal(name: str, value: object, depth: int) -> str:
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
        pairs = (f"{_literal(name, k, depth + 1)}:{_literal(name, v, depth + 1)}" for k, v in value.items())
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, (list, tuple, set, frozenset)) and kind in _BRACKETS:
        parts = ",".join(_literal(name, part, depth + 1) for part in value)
        if kind is set and not value:
            return "set()"  # {} is a dict
        left, right = _BRACKETS[kind]
        return f"{left}{parts}{',' if kind is tuple and len(value) == 1 else ''}{right}"
    raise UnsupportedError(
        f"{name} holds a {kind.__module__}.{kind.__qualname__}, and only None, numbers, text, bytes, and lists, "
        "tuples, sets and dicts of those can go to the board: convert it first"
    )
