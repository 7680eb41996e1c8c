"""How code ends at MicroPython's friendly prompt, told in the words of the raw REPL.

The raw REPL parts what code prints from its traceback; the friendly prompt prints one behind the other, and then
``>>> ``. Code that came to its end says so itself, by 0x04. Where it did not, its error is the traceback before the
prompt. Text that may be one is held back until more comes, or nothing does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

from iotlab.link.base import Link
from iotlab.micropython.frames import Broken, Event, Frame, Mark, Text, encode

_PROMPT = b">>> "
_RAW = b"raw REPL; CTRL-B to exit\r\n>"
_HEAD = b"Traceback (most recent call last):\r\n"
#: A traceback, or an error without one, as far as it came: nothing but a prompt may stand behind it.
_ERROR = re.compile(
    rb"(?:Traceback \(most recent call last\):\r\n(?:  [^\r\n]*\r\n)*(?:  ?[^\r\n]*\r?\Z|\w[^\r\n]*)?"
    rb"|[A-Z]\w*(?:\Z|(?:(?<=Error)|(?<=Interrupt))(?::[^\r\n]*)?))"
    rb"(?:\r?\Z|\r\n(?P<behind>[^\r\n]*)\Z)"
)
#: A traceback whose last line is one.
_WHOLE = re.compile(rb"Traceback[^\r\n]*\r\n(?:  [^\r\n]*[\r\n]+)*[^\r\n]*")
#: Prompts that a board gave before the raw REPL's: one for the code, one for each Ctrl-C.
_PROMPTS = re.compile(rb"(?:>>> \r\n)+\Z")
#: So much of what was printed is kept to find an error in that was taken for output.
_KEPT = 2000
#: A prompt with which something is wrong is no longer than this.
_LONG = 100
#: After so many moments in which nothing came, what was held back is given out.
_PATIENCE = 10


class Asker(Protocol):
    """Who waits for the raw REPL."""

    link: Link
    littered: bool


class Ending:
    """Takes what a board says while pasted code runs. At its prompt, the raw REPL is asked for."""

    def __init__(self, repl: Asker) -> None:
        self._repl = repl
        self._held = b""
        self._given = b"\n"  # the last of what was given out
        self._asked = False
        self._idle = 0

    def events(self, event: Event) -> Iterator[Event]:
        """What ``event`` is in the words of the raw REPL, as far as one can tell yet."""
        self._idle = 0
        self._held += _bytes(event)
        if self._asked and self._held.endswith(_RAW):
            yield from self._ended()
            return
        if not self._asked and self._held.endswith(_PROMPT):
            self._ask()
        if not (self._asked and _is_asked(self._held)):
            yield from self._give(_may_end_from(self._held, fresh=self._given.endswith(b"\n")))

    def idle(self) -> Iterator[Event]:
        """Nothing came for a moment."""
        self._idle += 1
        if self._idle != _PATIENCE:
            return
        known = self._given + self._held
        if (
            self._asked or b"\x04" in known[-_LONG:] or _HEAD in known
        ):  # it may have ended, and its prompt is lost
            self._repl.littered = True
            self._ask()
        else:
            yield from self._give(len(self._held))

    # -- details ------------------------------------------------------------------------------

    def _ask(self) -> None:
        self._asked = True
        self._repl.link.write(b"\x01")

    def _give(self, size: int) -> Iterator[Event]:
        data, self._held = self._held[:size], self._held[size:]
        if data:
            self._given = (self._given + data)[-_KEPT:]
            yield Text(data)

    def _ended(self) -> Iterator[Event]:
        output, error = self._parted(self._held[: -len(_RAW)])
        for data in (output, error):
            if data:
                yield Text(data)
            yield Mark()
        yield Text(b">")

    def _parted(self, held: bytes) -> tuple[bytes, bytes]:
        """Output and error, without prompts; what was given out before is no longer output."""
        said = _PROMPTS.sub(b"", held)
        known = self._given + said
        mark, head = known.rfind(b"\x04", -_LONG), known.rfind(b"\n" + _HEAD) + 1
        last = known.removesuffix(b"\r\n").rfind(b"\n") + 1
        error = b""
        if mark > head:
            start = mark  # what is behind it is a prompt with which something is wrong
        elif head:
            clean = said != held and said.endswith(b"\n")  # else something is wrong with the prompt
            whole = None if clean else _WHOLE.match(known, head)
            start, error = head, whole[0] if whole else known[head:]
        elif _ERROR.match(known, last):
            start, error = last, known[last:]
        else:  # sys.exit(), of which the prompt tells nothing
            start = len(known)
        return said[: max(0, start - len(self._given))], error


def _bytes(event: Event) -> bytes:
    """What the decoder made ``event`` of."""
    if isinstance(event, Mark):
        return b"\x04"
    if isinstance(event, Frame):
        return encode(event.channel, event.sequence, event.payload)
    return b"\x10[" + event.data if isinstance(event, Broken) else event.data


def _is_asked(data: bytes) -> bool:
    """Whether ``data`` ends in a prompt, and what comes of the next one behind it."""
    at, mark = data.rfind(_PROMPT), data.find(b"\x04" + _PROMPT, -_LONG)
    behind = data[at + len(_PROMPT) :]
    return mark >= 0 or (at >= 0 and any((b"\r\n" + prompt).startswith(behind) for prompt in (_RAW, _PROMPT)))


def _may_end_from(data: bytes, *, fresh: bool) -> int:
    """From where on ``data`` may be the end of what code says. ``fresh``: it begins a line."""
    mark = data.rfind(b"\x04")
    if mark >= 0 and len(data) - mark <= 1 + len(_PROMPT):
        return mark
    for start in [0] * fresh + [k + 1 for k, byte in enumerate(data) if byte == 0x0A]:
        found = _ERROR.match(data, start)
        if (found and _PROMPT.startswith(found["behind"] or b"")) or _HEAD.startswith(data[start:] or b"-"):
            return start
    return len(data) - next((n for n in (3, 2, 1) if data.endswith(_PROMPT[:n])), 0)
