"""What code left on a board, as far as its text tells: what is lost when the board restarts."""

from __future__ import annotations

import ast
from collections import deque
from collections.abc import Iterator

from iotlab.errors import RestartedError

#: How many characters of code are kept, and how many names an error tells.
_KEPT = 1 << 18
_TOLD = 12


class Remembered:
    """The code that ran since the board started. Its names are looked for only when they are lost."""

    def __init__(self) -> None:
        self._sources: deque[str] = deque()
        self._size = 0

    def note(self, source: str) -> None:
        """``source`` ran."""
        self._sources.append(source)
        self._size += len(source)
        while self._size > _KEPT and len(self._sources) > 1:
            self._size -= len(self._sources.popleft())

    def forget(self) -> None:
        """The board was reset on purpose."""
        self._sources.clear()
        self._size = 0

    def names(self) -> list[str]:
        """The names that the code gave to values, in order."""
        found: dict[str, None] = {}
        for source in self._sources:
            try:
                tree = ast.parse(source)
            except (SyntaxError, ValueError, RecursionError):
                continue
            found.update(dict.fromkeys(_given(tree.body)))
        return list(found)

    def loss(self, board: str) -> RestartedError:
        """The error that tells what is lost, once."""
        names = self.names()
        self.forget()
        told = ", ".join(names[:_TOLD]) + (f" and {len(names) - _TOLD} more" if len(names) > _TOLD else "")
        return RestartedError(
            f"{board} restarted meanwhile: its variables are lost" + (f" ({told})" if told else "")
        )


def _given(body: list[ast.stmt]) -> Iterator[str]:
    """The names that statements of a module give to values."""
    for statement in body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield statement.name
            continue
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                yield node.id
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                yield from ((alias.asname or alias.name).split(".")[0] for alias in node.names)
