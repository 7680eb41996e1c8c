"""Running a notebook's cell on a board, and taking what it shows."""

from __future__ import annotations

import ast
import base64
import binascii
import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any

from iotlab.board import Board
from iotlab.errors import IotlabError, RemoteError, UnsupportedError
from iotlab.micropython.board import MicroPythonBoard
from iotlab.micropython.calls import helper_source
from iotlab.micropython.cells import HELPED, PLAIN, Cells
from iotlab.micropython.frames import CLEAR, DISPLAY, INPUT, MIME, RESULT, Frame
from iotlab.micropython.interrupts import Interrupted, let_through
from iotlab.micropython.pictures import FrameBuffer
from iotlab.micropython.values import literal
from iotlab.table import Table

#: Frames of the cells' helper alone. What a cell wrote to ``sys.stderr``; "module start" of a part of the helper that
#: the board lacks; the display id of the value whose text comes next, a new one or that of a value to replace; a
#: sample of a plot; a portion of the bytes of a frame buffer.
ERROR_TEXT, MORE, NEW_ID, SAME_ID, SAMPLE, PIXELS = 20, 21, 22, 23, 24, 25
#: A value in several forms, by MIME type; bytes as base64, as Jupyter's messages have them; JSON as what it says.
Bundle = Mapping[str, Any]
#: A cell that says so may print where nothing may be allocated.
_NO_MEMORY = "heap_lock"
#: Bytes of the helper's text in one answer: in base64 it fits a small board's receive buffer.
_PORTION = 150


@dataclass(frozen=True)
class Sample:
    """Numbers by name, and the board's clock in milliseconds, which starts anew after some days."""

    ticks_ms: int
    values: Mapping[str, float]


class Show(ABC):
    """What one cell shows. Everything comes in the order in which the board sent it."""

    def __init__(self) -> None:
        self._forms: dict[str, Any] = {}
        self._pixels: list[bytes] = []
        self._id = ("", False)

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

        plain = board.plain
        code = cells.code(number, source, written=written, wrapping=PLAIN if plain else HELPED)
        try:
            with _as_it_is(board) if _NO_MEMORY in source and not plain else nullcontext():
                board.run_cell(code, output=self.say, on_frame=on_frame, name=cells.name(number), keep=False)
        except Interrupted as interrupt:
            if interrupt.traceback:
                raise RemoteError(interrupt.traceback) from interrupt
            # else the cell caught it and came to its end

    @abstractmethod
    def say(self, text: str) -> None:
        """The cell printed ``text``."""

    def note(self, text: str) -> None:
        """The cell wrote ``text`` to ``sys.stderr``; or the user is told something that it did not print."""
        self.say(text)

    @abstractmethod
    def _result(self, value: Bundle) -> None:
        """The value of the cell's last expression."""

    @abstractmethod
    def _display(self, value: Bundle, display_id: str, *, update: bool) -> None:
        """A value that the cell shows meanwhile; with ``update`` in the place of the one with that ``display_id``."""

    def _plot(self, sample: Sample) -> None:
        """The cell plots a sample."""
        self.say(" ".join(f"{name}={value:g}" for name, value in sample.values.items()) + "\n")

    @abstractmethod
    def _clear(self, wait: bool) -> None:
        """Wipe what the cell put out; with ``wait`` not before more comes."""

    @abstractmethod
    def _ask(self, prompt: str) -> str:
        """Ask the user. ``EOFError`` where the answer is none, ``NotImplementedError`` where nobody can be asked."""

    def _take(self, frame: Frame) -> bytes:
        """Take a frame of the board's helper; returns what the board waits for."""
        text = frame.payload.decode("utf-8", "replace")
        if frame.channel == MIME:
            self._form(frame.payload)
        elif frame.channel == RESULT:
            self._result(self._complete(text))
        elif frame.channel == DISPLAY:
            (display_id, update), self._id = self._id, ("", False)
            self._display(tabled(self._complete(text)), display_id, update=update)
        elif frame.channel in (NEW_ID, SAME_ID):
            self._id = (text, frame.channel == SAME_ID)
        elif frame.channel == CLEAR:
            self._clear(text == "1")
        elif frame.channel == ERROR_TEXT:
            self.note(text)
        elif frame.channel == SAMPLE:
            self._plot(_sample(text))
        elif frame.channel == PIXELS:
            self._pixels.append(frame.payload)
        elif frame.channel == MORE:
            return _portion(text)
        elif frame.channel == INPUT:
            return self._answer(text) + b"\n"
        return b""

    def _form(self, payload: bytes) -> None:
        head, _, data = payload.partition(b"\0")
        mime = head.decode("ascii", "replace")
        if mime == "framebuf":
            pixels, self._pixels = b"".join(self._pixels), []
            mime, data = "image/png", FrameBuffer(*ast.literal_eval(data.decode())).png(pixels)
        text = data.decode("utf-8", "replace")
        if mime.endswith("json"):
            try:
                self._forms[mime] = json.loads(text)
            except ValueError as error:
                self.note(f"{mime} left out, as it is no JSON: {error}\n")
        elif mime.startswith("text/") or mime.endswith("+xml"):
            self._forms[mime] = text
        else:
            self._forms[mime] = base64.b64encode(data).decode()

    def _complete(self, text: str) -> Bundle:
        bundle, self._forms = {"text/plain": text, **self._forms}, {}
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


@contextmanager
def _as_it_is(board: MicroPythonBoard) -> Iterator[None]:
    """Inside, what is printed comes as it is: to be checked on its way it would need memory on the board."""
    board.ask(
        "print is _framed and delattr(builtins, 'print')"
    )  # "builtins.print" would be the firmware's own
    try:
        yield
    finally:
        with suppress(IotlabError):  # the board may be gone, or restarted
            board.ask("verify(True)")


def tabled(value: Bundle) -> Bundle:
    """``value``, as a table where it is a dict of lists that are equally long. The columns stand as the board has
    them: a dict there has no order, an ``OrderedDict``.
    """
    columns = _columns(value["text/plain"]) if set(value) == {"text/plain"} else None
    if not columns:
        return value
    rows = [[str(cell) for cell in row] for row in zip(*columns.values(), strict=True)]
    table = Table([str(name) for name in columns], rows)
    return {"text/plain": str(table), "text/html": table._repr_html_()}


def _columns(text: str) -> dict[Any, Any] | None:
    ordered = text.startswith("OrderedDict(")
    if not ordered and not text.startswith("{"):
        return None
    try:
        value = literal(text[len("OrderedDict(") : -1] if ordered else text)
    except UnsupportedError:
        return None
    columns = list(value.values()) if isinstance(value, dict) else []
    if not columns or not all(isinstance(column, (list, tuple)) and column for column in columns):
        return None
    return value if len({len(column) for column in columns}) == 1 else None


def _sample(text: str) -> Sample:
    ticks_ms, values, named = literal(text)
    names = ["value"] if len(values) == 1 else [f"value {k}" for k in range(1, len(values) + 1)]
    told = {**dict(zip(names, values, strict=True)), **named}
    return Sample(ticks_ms, {str(name): float(value) for name, value in told.items()})


def _portion(wanted: str) -> bytes:
    """A portion of a part of the helper, in the words of ``more`` there; ``=`` alone behind its end."""
    name, _, start = wanted.partition(" ")
    source = helper_source(name).encode() if name.startswith("_iotlab_") else b""
    part = source[int(start) : int(start) + _PORTION]
    return b"=" + binascii.b2a_base64(part, newline=False) + b"\n"


def runs_cells(board: Board) -> MicroPythonBoard:
    """``board``, where it can run cells; ``UnsupportedError`` where it runs no MicroPython."""
    if isinstance(board, MicroPythonBoard):
        return board
    raise UnsupportedError(
        f"{board.info.name} runs no MicroPython, and cells need it: choose another kernel for it"
    )
