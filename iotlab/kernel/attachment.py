"""Which board the kernel has, and how it gets it back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from iotlab.discovery import connect
from iotlab.errors import IotlabError
from iotlab.micropython.board import MicroPythonBoard
from iotlab.micropython.session import CELL_HELPER
from iotlab.micropython.show import runs_cells

_IS_KNOWN = f"'{CELL_HELPER[12:-2]}' in __import__('sys').modules"
_VERSION = "tuple(__import__('sys').implementation[1])"


class Attachment:
    """The kernel's board: connected when it is first needed, and again after it went away.

    ``say`` tells the user what happened to the board's memory.
    """

    def __init__(self, say: Callable[[str], object]) -> None:
        self._say = say
        self._board: MicroPythonBoard | None = None
        self._target: str | None = None
        self._lost = False
        self._name = "the board"
        #: "1.26.0", empty before a board was connected.
        self.version = ""

    @property
    def now(self) -> MicroPythonBoard | None:
        """The board, where one is connected."""
        return self._board

    @property
    def name(self) -> str:
        """What the board is called."""
        return self._name

    def board(self) -> MicroPythonBoard:
        """The board; connects where none is."""
        return self._board or self.connect(self._target)

    def connect(self, target: str | None) -> MicroPythonBoard:
        """Connect to ``target``, or the only board there is. A board that is new to the kernel starts afresh.

        Raises what :func:`iotlab.connect` raises, ``UnsupportedError`` for a board that runs no MicroPython.
        """
        again = self._lost and target == self._target
        self.close()
        opened = connect(target)
        try:
            board = runs_cells(opened)
            self._start(board, again=again)
        except BaseException:
            opened.close()
            raise
        self._name = board.info.name
        self._board, self._target, self._lost = board, target or board.info.port or board.info.name, False
        return board

    def lose(self) -> None:
        """The board went away: the next cell connects again."""
        if self._board:
            self._lost = True
            with suppress(IotlabError, OSError):
                self._board.close()
            self._board = None

    def close(self) -> None:
        """Let go of the board."""
        board, self._board = self._board, None
        if board:
            board.close()

    def _start(self, board: MicroPythonBoard, *, again: bool) -> None:
        kept = again and board.eval(_IS_KNOWN)
        if again:
            self._say(f"{board.info.name} is back" + ("" if kept else "; its variables are lost") + "\n")
        if not kept:
            board.reset("soft")
        version = board.eval(_VERSION)
        self.version = ".".join(str(part) for part in version if part != "")
