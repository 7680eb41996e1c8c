"""What a board says to code that it was given, taken apart as it comes."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterable
from typing import Protocol

from iotlab.board import Output
from iotlab.errors import CorruptError, RemoteError
from iotlab.micropython.ending import Ending
from iotlab.micropython.frames import (
    ANSWER,
    COUNT,
    END,
    ERROR,
    LOST,
    PRINT,
    RAW,
    REFUSED,
    START,
    Broken,
    Event,
    Frame,
    Mark,
    Text,
)

OnFrame = Callable[[Frame], None]
#: What a byte that came twice makes of a frame's marks.
_DOUBLED = (b"\x10", b"\x1f")
_ENDINGS = (ANSWER, RAW, END, ERROR, REFUSED, LOST)
#: What the REPL prints of an exception: the class alone where no code of Python's was in it, as when memory ran out.
_TRACEBACK = re.compile(r"Traceback \(most recent call last\):\r?\n.*\n|[^\W\d]\w*: [^\r\n]*\r?\n", re.DOTALL)


class Feeder(Protocol):
    """Gives a call on the board what it reads from its standard input."""

    @property
    def done(self) -> bool:
        """Whether it has given everything."""

    @property
    def recovered(self) -> int:
        """How often something had to be sent again."""

    def on_frame(self, frame: Frame) -> None:
        """A ``DATA`` frame came."""

    def on_text(self, data: bytes) -> bytes:
        """Plain bytes came; returns what of them is not meant for the feeder."""

    def on_idle(self) -> None:
        """Nothing came for a moment."""


class Answer:
    """Output, 0x04, a traceback that the REPL prints, 0x04 and ``>``; or, from the helper, frames before that.

    ``output`` gets text as it comes, ``on_frame`` the frames that are no text; with ``aside`` text is only kept, in
    ``beside``. Without ``keep`` the text that ``output`` got is forgotten. ``own`` is code that the raw REPL itself
    runs: nothing of what comes is verified.
    """

    def __init__(
        self,
        output: Output | None = None,
        on_frame: OnFrame | None = None,
        *,
        feeder: Feeder | None = None,
        aside: bool = False,
        own: bool = False,
        keep: bool = True,
    ) -> None:
        self._output, self._on_frame = output, on_frame
        self._feeders = [feeder] if feeder else []
        self._all_feeders = list(self._feeders)
        self._aside, self._own, self._keep = aside, own, keep
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""  # a CR whose LF may come with the next bytes
        self._parts: list[str] = []
        self._sequence = Sequence()
        self._ending: Ending | None = None
        self._marks = 0
        self._head = b"" if own else b"OK"  # what the REPL says before anything of the code
        self.beside = b""  # what came that nobody asked for
        self._framed = 0  # how much of that came before the last frame
        self.started = own
        self.heard = own  # whether the board said anything
        self.end: Frame | None = None
        self.error = b""  # what the REPL itself said where an error stands; nothing verifies it
        self.earlier = ""  # the traceback in it, of the call as it was made before
        self.broken = 0
        self.astray = False  # the end is not what it should be: the prompt has to be found anew
        self.complete = False

    def mute(self) -> None:
        """From now on tell nobody; what comes is still kept."""
        self._output = self._on_frame = None
        self._feeders = []

    def again(self) -> None:
        """The call is made again: what it said so far stays."""
        self._marks, self._head = 0, b"OK"
        self.earlier = self.unframed or self.earlier
        self.heard = self.astray = self.complete = False
        self.end, self.error = None, b""

    def go_plainly(self, ending: Ending) -> None:
        """It is the board's own prompt that answers, not the helper; ``ending`` tells how."""
        self._own = self.started = self.heard = True
        self._aside, self._head, self._ending = False, b"", ending

    def feed(self, feeder: Feeder) -> None:
        """Before anything else ``feeder`` gives the call what it reads."""
        self._feeders.insert(0, feeder)
        self._all_feeders.append(feeder)

    @property
    def text(self) -> str:
        """What the code printed."""
        return "".join(self._parts)

    @property
    def traceback(self) -> str:
        """The traceback, from its first line that is not the helper's; empty where the code came to its end.

        Where a frame tells the end, what came in the place of an error before it is what a changed byte made of
        something else.
        """
        if self.end is None:
            return self.error.decode("utf-8", "replace")
        if self.end.channel != ERROR:
            return ""
        return _without_helper(self.end.payload[4:].decode("utf-8", "replace"))

    @property
    def unframed(self) -> str:
        """The traceback that the REPL itself printed, where it reads as one."""
        try:
            text = "" if self.end else self.error.decode()
        except UnicodeDecodeError:
            return ""
        return text if _TRACEBACK.fullmatch(text) else ""

    def raise_error(self) -> None:
        """``RemoteError`` where the code raised; ``CorruptError`` where what came for a traceback is none."""
        if self.end is None and self.error and not self.unframed:
            raise CorruptError(
                "what came in the place of an error is none: check the cable", partial=self.error
            )
        if self.traceback:
            raise RemoteError(self.traceback)

    @property
    def lost(self) -> bool:
        """Whether something of what the code said was lost or changed on the way."""
        if self._own or self.end is None or self.end.channel not in (END, ERROR):
            return False
        told = int.from_bytes(self.end.payload[:4], "big")
        return not self.started or self.broken > 0 or not self._sequence.complete(told)

    @property
    def litters(self) -> bool:
        """Whether something that was sent twice may be left for the prompt."""
        return any(feeder.recovered for feeder in self._all_feeders)

    def idle(self) -> None:
        """Nothing came for a moment."""
        if self._ending:
            self._take_all(self._ending.idle())
        elif self._feeder:
            self._feeder.on_idle()

    @property
    def _feeder(self) -> Feeder | None:
        while len(self._feeders) > 1 and self._feeders[0].done:
            del self._feeders[0]
        return self._feeders[0] if self._feeders else None

    def take(self, event: Event) -> None:
        """Take the next event of the decoder."""
        self.heard = True
        self._take_all(self._ending.events(event) if self._ending else (event,))

    # -- details ------------------------------------------------------------------------------

    def _take_all(self, events: Iterable[Event]) -> None:
        for event in events:
            if isinstance(event, Mark):
                self._marks += 1
                if self.end is None and self._marks == 1:
                    self._print(b"", last=True)
            elif isinstance(event, Frame):
                self._take_frame(event)
            elif isinstance(event, Broken):
                if self.started and self.end is None:
                    self.broken += 1
                if self._own:
                    self._say(b"\x10[" + event.data)
            else:
                self._take_text(event)

    def _take_frame(self, frame: Frame) -> None:
        channel, self._framed = frame.channel, len(self.beside)
        if channel & 0x80:
            return  # a service's, which nobody offers any more: it has numbers of its own
        if channel in _ENDINGS:
            self.end, self._marks = frame, 0
        elif channel == START:
            self._take_back_marks()
            self.started = True
            self._sequence.start(frame)
            self._tell_beside()
        elif self.end is not None:  # a timer prints on
            self.beside += frame.payload if channel == PRINT else b""
        else:
            self._sequence.take(frame)
            if channel == PRINT:
                self._say(frame.payload)
            elif channel == COUNT:
                pass  # the decoder has seen that it is right
            elif self._feeder and not self.started:
                self._take_back_marks()
                self._feeder.on_frame(frame)
            elif self._on_frame:
                self._on_frame(frame)

    def _take_text(self, event: Text) -> None:
        data = event.data
        if data in _DOUBLED and not self._own:
            self.broken += self.started and self.end is None
            if not self.started:  # the end of a frame whose beginning was lost
                self.beside = self.beside[: self._framed]
            return
        if self.end is None and self._marks < 2 and not self.started:
            data = self._without_head(data) if self._marks == 0 else data
            data = self._feeder.on_text(data) if self._feeder and data else data
        if self._marks == 0 and self.end is None:
            self._say(data)
        elif self._marks == 1 and self.end is None:
            self.error += data
        elif self._marks == 2 and data.startswith(b">") and not self.complete:
            self.complete, self.beside = True, self.beside + data[1:]
        elif self.complete or self._marks < 2:
            self.beside += data
        else:
            self.astray = True

    def _take_back_marks(self) -> None:
        """The call goes on: what was taken for the mark of an error is what became of another byte."""
        self._marks, self.error = 0, b""

    def _without_head(self, data: bytes) -> bytes:
        at = data.find(self._head) if self._head else -1
        if at >= 0:
            data = data[:at].removesuffix(b"O") + data[at + 2 :].removeprefix(b"K")  # one may come twice
            self._head = b""
        elif data.endswith(b"O") and self._head == b"OK":
            data, self._head = data[:-1], b"K"
        elif self._head == b"K" and data[:1] == b"K":
            data, self._head = data[1:], b""
        return data

    def _tell_beside(self) -> None:
        """What came before the code began was printed by something else, a timer perhaps: it is told first."""
        if self._output and not self._aside:
            text, self.beside = self.beside.decode("utf-8", "replace"), b""
            if text and not self._head:  # else it is what a changed byte made of the REPL's OK
                self._output(text.replace("\r\n", "\n"))

    def _say(self, data: bytes) -> None:
        if (self._own or self.started) and not self._aside:
            self._print(data)
        else:
            self.beside += data

    def _print(self, data: bytes, *, last: bool = False) -> None:
        text = self._held + self._utf8.decode(data, last)
        self._held = "\r" if text.endswith("\r") and not last else ""
        text = text.removesuffix(self._held).replace("\r\n", "\n")
        if text:
            if self._keep:
                self._parts.append(text)
            if self._output:
                self._output(text)


class Sequence:
    """Which frames came, by their numbers. A frame that was sent while another was made ready comes before it."""

    def __init__(self) -> None:
        self._last = -1
        self._missing: set[int] = set()
        self._early: list[int] = []

    def start(self, frame: Frame) -> None:
        """A ``START`` frame came, which tells its number."""
        told = int.from_bytes(frame.payload, "big")
        self._last = told + ((frame.sequence - told) & 255)
        self._missing = set()
        for sequence in self._early[-8:]:
            if 0 < (sequence - self._last) & 255 < 8:
                self._note(sequence)

    def take(self, frame: Frame) -> None:
        """Another frame came."""
        if self._last < 0:
            self._early.append(frame.sequence)
        else:
            self._note(frame.sequence)

    def complete(self, told: int) -> bool:
        """Whether all those before number ``told`` came."""
        return self._last >= told - 1 and not any(number < told for number in self._missing)

    def _note(self, sequence: int) -> None:
        ahead = (sequence - self._last) & 255
        if ahead < 128:
            self._missing.update(range(self._last + 1, self._last + ahead))
            self._last += ahead
        else:
            self._missing.discard(self._last + ahead - 256)


def _without_helper(traceback: str) -> str:
    """``traceback`` without the helper's own lines above the code's: they are no part of what was run."""
    lines = traceback.split("\n")
    while len(lines) > 2 and lines[1].startswith('  File "_iotlab"'):
        del lines[1]
    return "\n".join(lines)
