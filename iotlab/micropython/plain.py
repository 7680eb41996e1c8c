"""Calls to a board that has no room for the helper, by the paste mode of its own prompt.

Control E at the friendly prompt takes code, and echoes each byte as it is put into memory. So this machine sees what
the board holds before it has it run, at no cost of the board's memory or stack, and is held back by it: no more is
sent than fits its receive buffer. Source: MicroPython's reference, "The MicroPython Interactive Interpreter Mode".

Between calls the board waits in the raw REPL, as every other one does.
"""

from __future__ import annotations

import contextlib
import re

from iotlab.board import Output
from iotlab.errors import CorruptError, DeadlineError, UnsupportedError
from iotlab.micropython.answer import Answer, OnFrame
from iotlab.micropython.ending import Ending
from iotlab.micropython.frames import RESULT, Frame
from iotlab.micropython.quiet import quiet
from iotlab.micropython.repl import AstrayError, RawRepl

#: So many bytes are under way at most. A micro:bit V1 drops some of 64 that come while it collects garbage.
_WINDOW = 32
#: Longer code than this goes only after the board was asked whether it has room: code that does not fit makes a
#: micro:bit hang for good while it takes it (seen with MicroPython 1.0.1 in QEMU).
_SHORT = 400
_TRIES = 4
_ECHO_S = 1.0
_ACCEPT_S = 3.0
#: What the board prints when the code came to its end: the raw REPL's own mark of it.
_LAST = "\nprint('\\x04',end='')"
#: What the prompt obeys while it takes code.
_CONTROLS = re.compile(r"[\x01-\x05]")
#: Stands around values in what is printed; a repr never holds it.
_MARK = "\x1e"
_SHOWN = re.compile(f"{_MARK}[^{_MARK}]*{_MARK}")
#: A cell's last expression stands between these, and its value, where it has one, is printed between marks.
SHOWN = (
    r"[v is None or(globals().update(_=v),print('\x1e',end=''),__repl_print__(v),print('\x1e',end=''))for v in[(",
    ")]]",
)


class PlainCalls:
    """Gives code to a board that waits in the raw REPL."""

    def __init__(self, repl: RawRepl) -> None:
        self._repl, self._link = repl, repl.link

    def start(self, code: str, answer: Answer) -> None:
        """Give ``code`` to the board and start it; the repl's ``finish`` takes what it says.

        ``CorruptError`` where it does not arrive whole, ``UnsupportedError`` where the board has no room for it.
        """
        code = code.replace("\r\n", "\n").replace("\r", "\n")
        data = (_for_prompt(code) + _LAST).encode()
        if len(data) > _SHORT:
            self._see_to_room(len(data))
        self._paste(data)
        self._repl.hand_over(b"")
        self._accept()
        answer.go_plainly(Ending(self._repl))

    # -- details ------------------------------------------------------------------------------

    def _see_to_room(self, size: int) -> None:
        """``UnsupportedError`` where the board has no room for twice ``size`` bytes in one piece.

        What it takes grows in its memory, and may begin in the middle of the largest free piece.
        """
        answer = Answer()
        self.start(f"bytearray({2 * size + 100})\n__import__('gc').collect()", answer)
        self._repl.finish(answer, timeout_s=_ACCEPT_S)
        if answer.error:
            raise UnsupportedError(
                f"{self._link.name} has no room for {size} characters of code: give it less at once, or reset it"
            )

    def _paste(self, data: bytes) -> None:
        """Have the board hold ``data`` as code; it was compared with what was sent."""
        for _ in range(_TRIES):
            self._repl.ready = False
            self._link.write(b"\x02\x05")
            try:
                self._link.read_until(b"\r\n=== ", timeout_s=_ACCEPT_S)
                self._give(data)
                return
            except (DeadlineError, AstrayError):
                self._find_prompt()
        raise CorruptError(f"{self._link.name} does not take code that arrives whole: check the cable")

    def _give(self, data: bytes) -> None:
        sent = seen = 0
        while seen < len(data):
            if part := data[sent : seen + _WINDOW]:
                self._link.write(part)
                sent += len(part)
            echo = self._link.read(timeout_s=_ECHO_S)
            if data[seen : seen + len(echo)] != echo:
                self._wonder(data[seen:], echo)
            seen += len(echo)

    def _wonder(self, data: bytes, echo: bytes) -> None:
        """The echo is not what was sent: did the prompt take a changed byte for one that it obeys?"""
        with contextlib.suppress(DeadlineError):
            while len(echo) < _WINDOW + 8:
                echo += self._link.read(timeout_s=0.1)
        at = next(
            (k for k, pair in enumerate(zip(data, echo, strict=False)) if pair[0] != pair[1]), len(data)
        )
        if echo[at : at + 2] == b"\r\n" and not b"\r\n=== ".startswith(echo[at : at + 6]):
            self._find_prompt()
            raise CorruptError("a part of the code may have run, as a byte was changed: check the cable")
        raise AstrayError(f"{self._link.name} holds other code than was sent")

    def _accept(self) -> None:
        """Control D was sent: the code runs when the line ends."""
        said = b""
        with contextlib.suppress(DeadlineError):
            said = self._link.read_exactly(2, timeout_s=_ACCEPT_S)
        if said != b"\r\n":
            self._find_prompt()
            raise CorruptError("the code may have run, and what it said is lost: check the cable")

    def _find_prompt(self) -> None:
        self._repl.littered = True  # the banner is that of our own Control B
        if not self._repl.enter().ready:
            raise CorruptError(f"{self._link.name} gives no prompt any more: reset the board")


def _for_prompt(code: str) -> str:
    """``code`` as the prompt takes it, and prints nothing by itself."""
    if not _CONTROLS.search(code):
        with contextlib.suppress(SyntaxError, ValueError, RecursionError):
            return quiet(code)
    return f"exec({code!r})"


def told_twice(expression: str) -> str:
    """Code that prints the value of ``expression`` in a form that :func:`value_of` can check."""
    return f"print('',*[repr(({expression}\n))]*2,sep={_MARK!r})"


def value_of(printed: str) -> str:
    """The text of a value that was told twice; ``CorruptError`` where that is not the same twice."""
    _, *told = printed.removesuffix("\n").rsplit(_MARK, 2)
    if len(told) != 2 or told[0] != told[1]:
        raise CorruptError("the value arrived changed: check the cable")
    return told[0]


def printed(text: str) -> str:
    """``text`` without the values that a cell showed."""
    return _SHOWN.sub("", text)


class ShownText:
    """Tells the value of a cell from what it prints."""

    def __init__(self, output: Output | None, on_frame: OnFrame | None) -> None:
        self._output, self._on_frame = output, on_frame
        self._value: str | None = None

    def take(self, text: str) -> None:
        """The cell printed ``text``, as it came."""
        first, *rest = text.split(_MARK)
        self._say(first)
        for part in rest:
            if self._value is None:
                self._value = ""
            else:
                self._show()
            self._say(part)

    def finish(self) -> None:
        """What is left of a value whose end did not come is printed."""
        text, self._value = self._value, None
        if text:
            self._say(text)

    def _say(self, text: str) -> None:
        if self._value is not None:
            self._value += text
        elif text and self._output:
            self._output(text)

    def _show(self) -> None:
        text, self._value = (self._value or "").removesuffix("\n"), None
        if self._on_frame:
            self._on_frame(Frame(RESULT, 0, text.encode()))
