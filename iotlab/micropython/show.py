"""Running a notebook's cell on a board, and taking what it shows."""

from __future__ import annotations

import base64
from abc import ABC, abstractmethod
from collections.abc import Mapping

from iotlab.board import Board
from iotlab.errors import RemoteError, UnsupportedError
from iotlab.micropython.board import MicroPythonBoard
from iotlab.micropython.cells import Cells
from iotlab.micropython.frames import CLEAR, DISPLAY, INPUT, MIME, RESULT, Frame
from iotlab.micropython.interrupts import Interrupted, let_through

#: A value in several forms, by MIME type; bytes as base64, as Jupyter's messages have them.
Bundle = Mapping[str, str]


class Show(ABC):
    """What one cell shows. Everything comes in the order in which the board sent it."""

    def __init__(self) -> None:
        self._forms: dict[str, str] = {}

    def run(self, board: Board, cells: Cells, number: int, source: str, *, written: str = "") -> None:
        """Run ``source`` as cell ``number``; ``written`` is how it stands in the notebook.

        Raises ``RemoteError`` where it raised, an interrupt's ``KeyboardInterrupt`` too; ``StuckError`` where the
        board had to be reset to end it; ``UnsupportedError`` for a board that runs no MicroPython.
        """
        board = runs_cells(board)

        def on_frame(frame: Frame) -> None:
            reply = self._take(frame)
            if reply:
                board.reply(reply)

        try:
            board.run_cell(cells.code(number, source, written=written), output=self.say, on_frame=on_frame)
        except Interrupted as interrupt:
            if interrupt.traceback:
                raise RemoteError(interrupt.traceback) from interrupt
            # else the cell caught it and came to its end

    @abstractmethod
    def say(self, text: str) -> None:
        """The cell printed ``text``."""

    @abstractmethod
    def _result(self, value: Bundle) -> None:
        """The value of the cell's last expression."""

    @abstractmethod
    def _display(self, value: Bundle) -> None:
        """A value that the cell shows meanwhile."""

    @abstractmethod
    def _clear(self, wait: bool) -> None:
        """Wipe what the cell put out; with ``wait`` not before more comes."""

    @abstractmethod
    def _ask(self, prompt: str) -> str:
        """Ask the user. ``EOFError`` where the answer is none, ``NotImplementedError`` where nobody can be asked."""

    def _take(self, frame: Frame) -> bytes:
        """Take a frame of the board's helper; returns what the board waits for."""
        if frame.channel == MIME:
            mime, _, data = frame.payload.partition(b"\0")
            is_text = mime.startswith(b"text/") or mime.endswith(b"+xml")
            shown = data.decode("utf-8", "replace") if is_text else base64.b64encode(data).decode()
            self._forms[mime.decode("ascii", "replace")] = shown
        elif frame.channel == RESULT:
            self._result(self._complete(frame.payload))
        elif frame.channel == DISPLAY:
            self._display(self._complete(frame.payload))
        elif frame.channel == CLEAR:
            self._clear(frame.payload == b"1")
        elif frame.channel == INPUT:
            return self._answer(frame.payload.decode("utf-8", "replace")) + b"\n"
        return b""

    def _complete(self, text: bytes) -> Bundle:
        bundle, self._forms = {"text/plain": text.decode("utf-8", "replace"), **self._forms}, {}
        return bundle

    def _answer(self, prompt: str) -> bytes:
        """In the words of ``input`` in the helper: ``=`` and base64, ``eof``, or anything else for nobody there."""
        try:
            with let_through():
                return b"=" + base64.b64encode(self._ask(prompt).encode())
        except EOFError:
            return b"eof"
        except NotImplementedError:
            return b"none"


def runs_cells(board: Board) -> MicroPythonBoard:
    """``board``, where it can run cells; ``UnsupportedError`` where it runs no MicroPython."""
    if isinstance(board, MicroPythonBoard):
        return board
    raise UnsupportedError(
        f"{board.info.name} runs no MicroPython, and cells need it: choose another kernel for it"
    )
