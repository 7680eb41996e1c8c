"""What can be sampled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from iotlab.board import Board

Reading = Mapping[str, float]
#: A callable, or an object with ``read()``, that gives a number or a number per name.
Source = Any


def reader(source: Source) -> Callable[[], dict[str, float]]:
    """A function that takes one reading of ``source``: a number per name.

    A lone number is called ``value``. Several sources may be given by name: a number takes that name,
    the values of a reading are put behind it (``{"room": sensor}`` gives ``room temperature_c``).

    >>> reader(lambda: 22)()
    {'value': 22.0}
    >>> reader({"knob": lambda: 0.5, "room": lambda: {"temperature_c": 22.5}})()
    {'knob': 0.5, 'room temperature_c': 22.5}
    """
    if isinstance(source, Mapping):
        if not source:
            raise ValueError("there is nothing to sample: give at least one source")
        parts = [(str(name), _taking(part)) for name, part in source.items()]
        return lambda: {key: v for name, take in parts for key, v in _named(name, take()).items()}
    take = _taking(source)
    return lambda: _named("", take())


def boards(source: Source) -> list[Board]:
    """The boards that ``source`` says it reads from (its ``board``, or its bus's), each once."""
    parts = source.values() if isinstance(source, Mapping) else [source]
    found: list[Board] = []
    for part in parts:
        owner = getattr(part, "__self__", part)
        for place in (owner, getattr(owner, "bus", None)):
            board = getattr(place, "board", None)
            if isinstance(board, Board) and board not in found:
                found.append(board)
    return found


def _taking(source: Source) -> Callable[[], Any]:
    read = getattr(source, "read", None)
    if callable(read):
        return read  # type: ignore[no-any-return]
    if callable(source):
        return source  # type: ignore[no-any-return]
    raise TypeError(
        f"{source!r} cannot be sampled: give a function, an object with read(), or a dict of those"
    )


def _named(name: str, taken: Any) -> dict[str, float]:
    if isinstance(taken, Mapping):
        before = f"{name} " if name else ""
        return {f"{before}{key}": float(value) for key, value in taken.items()}
    return {name or "value": float(taken)}
