"""Which board the kernel has, and how it gets it back."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from iotlab.board import Board
from iotlab.config import Settings
from iotlab.discovery import boards, connect
from iotlab.errors import InUseError, IotlabError
from iotlab.kernel.claim import Claim, Note, notebook_name, take, who_has
from iotlab.kernel.remembered import Remembered
from iotlab.micropython.board import MicroPythonBoard
from iotlab.micropython.calls import CELL_HELPER
from iotlab.micropython.show import runs_cells

_IS_KNOWN = f"'{CELL_HELPER[12:-2]}' in getattr(__import__('sys'), 'modules', ())"
_FIRMWARE = "(tuple(__import__('sys').implementation[1]), __import__('os').uname()[0])"


class Attachment:
    """The kernel's board: connected when it is first needed. One that is unplugged stays the kernel's: it is looked
    for with each cell, under whatever name its port has then.

    ``say`` tells the user what happened to the board's memory. Cells call from one thread, what is asked beside
    them from another, and a kernel that wants the board from a third.
    """

    def __init__(self, say: Callable[[str], object], remembered: Remembered) -> None:
        self._say, self._remembered = say, remembered
        self._changing = threading.RLock()
        self._board: MicroPythonBoard | None = None
        self._claim: Claim | None = None
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
    def away(self) -> bool:
        """Whether the kernel's board was seen to be unplugged, and not found again since."""
        return self._board is not None and self._board.away

    @property
    def name(self) -> str:
        """What the board is called."""
        return self._name

    def board(self) -> MicroPythonBoard:
        """The board, for a cell; connects where none is, finds one again that was unplugged.

        Raises what was found out beside the cells first; ``DisconnectedError`` where it is not plugged in.
        """
        self._may_try = True
        self._settle()
        with self._changing:
            board = self._present()
        self._settle()  # a question may have had the board until now
        return board

    @contextmanager
    def held(self) -> Iterator[MicroPythonBoard]:
        """The board, as :meth:`board` gives it; inside nobody asks it anything, and what they were told is known."""
        board = self.board()
        with board.using("a cell"):
            self._settle()
            yield board

    def beside(self, wait_s: float) -> MicroPythonBoard | None:
        """The board, for a question beside the cells. Where none is connected, or it was unplugged, that is mended
        once between two cells, and waited for so long; it goes on by itself."""
        if (
            (self._board is None or self._board.away)
            and self._may_try
            and not self._owed
            and self._changing.acquire(blocking=False)
        ):
            self._may_try = False
            self._changing.release()
            attempt = threading.Thread(target=self._try, name="iotlab connecting", daemon=True)
            attempt.start()
            attempt.join(wait_s)
        board = self._board
        return None if board is None or board.away else board

    def owe(self, error: Exception) -> None:
        """A question beside the cells met ``error``: the next cell is to hear of it. Who asks still holds the board,
        so that no cell can begin before."""
        self._owed = self._owed or error

    def connect(self, target: str | None, *, by_force: bool = False) -> MicroPythonBoard:
        """Connect to ``target``, or the only board there is. A board that is new to the kernel starts afresh.

        With ``by_force`` another notebook that has it is asked to let go. Raises what :func:`iotlab.connect`
        raises, ``UnsupportedError`` for a board that runs no MicroPython; an ``InUseError`` names the notebook.
        """
        with self._changing:
            self._owed = None
            return self._connect(target, chosen=True, by_force=by_force)

    def close(self) -> None:
        """Let go of the board; a cell that runs there is interrupted first. Idempotent."""
        board, self._board = self._board, None
        claim, self._claim = self._claim, None
        try:
            if board:
                board.close()
        finally:
            if claim:
                claim.close()

    def end(self, *, restart: bool) -> None:
        """Let go for good; a kernel that is restarted finds its board again."""
        try:
            self.close()
        finally:
            if not restart:
                with suppress(IotlabError, OSError):
                    self._remembered.forget(Settings.load())

    # -- details ------------------------------------------------------------------------------

    def _settle(self) -> None:
        owed, self._owed = self._owed, None
        if owed:
            raise owed

    def _present(self) -> MicroPythonBoard:
        """The board, plugged in, with the claim to the port that it is on now."""
        board = self._board
        if board is None:
            return self._connect(self._target, chosen=False)
        settings = Settings.load()
        try:
            board.find_again()
        except InUseError as error:
            note = _note(board.info.port, settings, error)
            if note is None:
                raise
            raise _held(board.info.name if board.info.virtual else board.info.port, note) from error
        if self._claim and not self._claim.is_for(board.info.port):
            self._follow(board, settings)
        return board

    def _follow(self, board: MicroPythonBoard, settings: Settings) -> None:
        """The board was plugged in again: a port by that name may be another one now."""
        claim, self._claim = self._claim, None
        if claim:
            claim.close()
        self._claim = Claim(board.info.port, settings, notebook_name(os.environ), self._give_away)
        if self._target != board.info.port and not (board.info.virtual and self._target == board.info.name):
            self._target = board.info.port
            self._remembered.keep(settings, self._target)

    def _connect(self, target: str | None, *, chosen: bool, by_force: bool = False) -> MicroPythonBoard:
        settings = Settings.load()
        target = target or (None if chosen else self._remembered.board(settings))
        again = self._lost and target == self._target
        opened = self._open(target or settings.board or None, settings, by_force)
        try:
            board = runs_cells(opened)
            self._start(board, again=again)
            self.close()  # the one before
            self._claim = Claim(board.info.port, settings, notebook_name(os.environ), self._give_away)
        except BaseException:
            opened.close()
            raise
        self._name = board.info.name
        self._target, self._lost = target or board.info.port or board.info.name, False
        self._board = board
        if chosen:
            self._remembered.keep(settings, self._target)
        return board

    def _open(self, target: str | None, settings: Settings, by_force: bool) -> Board:
        """Open a port. The board that the kernel has is let go of only where it is the same one."""
        if self._board and "://" in (target or ""):  # such a port may take a second caller, who waits in vain
            self._let_go()
        try:
            return connect(target, settings=settings)
        except InUseError as error:
            if self._board and f"({os.getpid()})" in error.holder:
                self._let_go()
                return connect(target, settings=settings)
            note = _note(target, settings, error)
            if note is None:
                raise
            if not by_force:
                raise _held(target or note.port, note) from error
        take(note, settings, notebook_name(os.environ))
        return connect(target, settings=settings)

    def _let_go(self) -> None:
        self._lost = True  # what it knows is lost only where it is connected to anew
        self.close()

    def _give_away(self, who: str) -> None:
        """Another kernel of this user wants the board; the next cell hears of it."""
        when = time.strftime("%H:%M:%S")
        self.owe(
            InUseError(
                f"{who} took {self._name} at {when}: %connect {self._name} --take takes it back", holder=who
            )
        )
        self.close()

    def _try(self) -> None:
        with suppress(IotlabError, OSError), self._changing:
            self._present()

    def _start(self, board: MicroPythonBoard, *, again: bool) -> None:
        kept = again and board.eval(_IS_KNOWN)
        if again:
            self._say(f"{board.info.name} is back" + ("" if kept else "; its variables are lost") + "\n")
        if not kept:
            board.reset("soft")
        version, self.port = board.eval(_FIRMWARE)
        self.version = ".".join(str(part) for part in version if part != "")


def _held(name: str, note: Note) -> InUseError:
    return InUseError(
        f"{name} is held by {note}: close it there, or %connect {name} --take", holder=str(note)
    )


def _note(target: str | None, settings: Settings, error: InUseError) -> Note | None:
    """The note of the kernel that has the board; None where somebody else has it."""
    ports = [e.port for e in boards(settings=settings) if e.port and target in (None, e.name, e.port)]
    notes = [note for port in ports or [target or ""] if (note := who_has(port, settings))]
    return next((note for note in notes if f"({note.pid})" in error.holder or not error.holder), None)
