"""Which board the kernel has, and how it gets it back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

from iotlab.discovery import connect
from iotlab.errors import IotlabError
from iotlab.micropython.board import MicroPythonBoard
from iotlab.micropython.session import CELL_HELPER
from iotlab.micropython.show import runs_cells

_IS_KNOWN = f"'{CELL_HELPER[12:-2]}' in __import__('sys').modules"
_FIRMWARE = "(tuple(__import__('sys').implementation[1]), __import__('os').uname()[0])"


class Attachment:
    """The kernel's board: connected when it is first needed, and again after it went away.

    ``say`` tells the user what happened to the board's memory. Cells call from one thread, and what is asked
    beside them from another.
    """

    def __init__(self, say: Callable[[str], object]) -> None:
        self._say = say
        self._changing = threading.RLock()
        self._board: MicroPythonBoard | None = None
        self._target: str | None = None
        self._lost = False
        self._name = "the board"
        self._may_try = True
        self._owed: Exception | None = None
        #: "1.26.0", empty before a board was connected.
        self.version = ""
        #: The firmware's port: "esp32", "rp2"; empty before a board was connected.
        self.port = ""

    @property
    def now(self) -> MicroPythonBoard | None:
        """The board, where one is connected."""
        return self._board

    @property
    def name(self) -> str:
        """What the board is called."""
        return self._name

    def board(self) -> MicroPythonBoard:
        """The board, for a cell; connects where none is. Raises what was found out beside the cells first."""
        self._may_try = True
        owed, self._owed = self._owed, None
        if owed:
            raise owed
        with self._changing:
            return self._board or self.connect(self._target)

    def beside(self, wait_s: float) -> MicroPythonBoard | None:
        """The board, for a question beside the cells. Where none is connected, that is tried once between two
        cells, and waited for so long; it goes on by itself."""
        if self._board is None and self._may_try and self._changing.acquire(blocking=False):
            self._may_try = False
            self._changing.release()
            attempt = threading.Thread(target=self._try, name="iotlab connecting", daemon=True)
            attempt.start()
            attempt.join(wait_s)
        return self._board

    def owe(self, error: Exception) -> None:
        """A question beside the cells met ``error``: the next cell is to hear of it."""
        self._owed = self._owed or error

    def connect(self, target: str | None) -> MicroPythonBoard:
        """Connect to ``target``, or the only board there is. A board that is new to the kernel starts afresh.

        Raises what :func:`iotlab.connect` raises, ``UnsupportedError`` for a board that runs no MicroPython.
        """
        with self._changing:
            again = self._lost and target == self._target
            self.close()
            opened = connect(target)
            try:
                board = runs_cells(opened)
                self._start(board, again=again)
            except BaseException:
                opened.close()
                raise
            self._name, self._owed = board.info.name, None
            self._target, self._lost = target or board.info.port or board.info.name, False
            self._board = board
            return board

    def lose(self) -> None:
        """The board went away: the next cell connects again."""
        with self._changing:
            if self._board:
                self._lost = True
                with suppress(IotlabError, OSError):
                    self._board.close()
                self._board = None

    def close(self) -> None:
        """Let go of the board; a cell that runs there is interrupted first. Idempotent."""
        board, self._board = self._board, None
        if board:
            board.close()

    def _try(self) -> None:
        with suppress(IotlabError, OSError), self._changing:
            if self._board is None:
                self.connect(self._target)

    def _start(self, board: MicroPythonBoard, *, again: bool) -> None:
        kept = again and board.eval(_IS_KNOWN)
        if again:
            self._say(f"{board.info.name} is back" + ("" if kept else "; its variables are lost") + "\n")
        if not kept:
            board.reset("soft")
        version, self.port = board.eval(_FIRMWARE)
        self.version = ".".join(str(part) for part in version if part != "")
