"""What all magics share: the notebook's board, and errors in one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics

from iotlab.board import Board
from iotlab.discovery import connect
from iotlab.errors import ConfigError, IotlabError, NotFoundError

#: The name under which ``%connect`` leaves the board, and where a board that the user connected is looked for.
USUAL = "board"


class Lab:
    """The boards of one notebook. The one that was connected last is meant where none is named."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._last = USUAL
        self._held: dict[str, Board] = {}  # connected because a cell named them, in no variable

    def connect(self, target: str | None, variable: str = USUAL) -> Board:
        """Connect, and leave the board in the user's ``variable``; the board that was there is let go of.

        Without ``target``, the board that was there is connected anew, else the only one in reach.
        """
        before = self._shell.user_ns.get(variable)
        before = before if isinstance(before, Board) else None
        if before and target in (None, before.info.name, before.info.port):
            target = before.info.port or target
            before.close()
        held = self._held.pop(target or "", None)
        if held:
            held.close()
        board = connect(target)
        if before:
            before.close()
        self._shell.push({variable: board})
        self._last = variable
        return board

    def board(self, target: str | None = None) -> Board:
        """The board that is meant: by name or variable, else the one connected last, else the only one in reach."""
        if target is None:
            return self._usual() or self.connect(None)
        named = self._shell.user_ns.get(target)
        if isinstance(named, Board) and not named.closed:
            return named
        for board in _open({**self._shell.user_ns, **self._held}):
            if target in (board.info.name, board.info.port):
                return board
        if self._usual() is None:
            return self.connect(target)
        self._held[target] = connect(target)
        return self._held[target]

    def value(self, name: str) -> Any:
        """The user's variable ``name``."""
        try:
            return self._shell.user_ns[name]
        except KeyError:
            raise NotFoundError(f"there is no variable {name} in this notebook: assign it first") from None

    def _usual(self) -> Board | None:
        for name in (self._last, USUAL):
            board = self._shell.user_ns.get(name)
            if isinstance(board, Board) and not board.closed:
                return board
        boards = _open(self._shell.user_ns)
        if len(boards) > 1:
            names = ", ".join(board.info.name for board in boards)
            raise ConfigError(f"{len(boards)} boards are connected here ({names}): say which")
        return boards[0] if boards else None


def _open(names: Mapping[str, object]) -> list[Board]:
    """The open boards among some variables, each once."""
    found = {id(value): value for value in names.values() if isinstance(value, Board) and not value.closed}
    return list(found.values())


class BoardMagic(Magics):
    """A magic that works on the notebook's board."""

    shell: InteractiveShell

    def __init__(self, shell: InteractiveShell, lab: Lab) -> None:
        super().__init__(shell)
        self.lab = lab


@contextmanager
def plainly() -> Iterator[None]:
    """Lets an error of iotlab show as the sentence that it is, without the lines of this package above it."""
    try:
        yield
    except IotlabError as error:
        if not hasattr(error, "_render_traceback_"):
            show_as(error, [f"\x1b[31m{type(error).__name__}\x1b[39m: {error}"])
        raise


def show_as(error: BaseException, lines: list[str]) -> None:
    """What the notebook shows for ``error``: IPython asks an exception for its own rendering."""
    error._render_traceback_ = lambda: lines  # type: ignore[attr-defined]
