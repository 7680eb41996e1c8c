"""The host's end of a talk with the updater on a board (``device/iotlab_update.py``).

A request goes out as one frame and is sent again until its answer has come; the board answers a repeated one
without doing it twice. What the application prints meanwhile stands between the frames and is passed on.
"""

from __future__ import annotations

import json
import secrets
import string
import time
from typing import Any

from iotlab.board import Output
from iotlab.errors import DeadlineError, SlotError
from iotlab.link.base import Link
from iotlab.micropython.frames import ERROR, PRINT, Decoder, Frame, Mark, Text, encode

#: The channel of updates: ``CHANNEL`` in ``device/iotlab_slots.py``. The helper's are in ``frames.py``.
CHANNEL = 7
PROTOCOL = 1
#: A frame fits into the smallest receive buffer of a board (260 bytes on an ESP32, ports/esp32/uart.c).
FRAME_SIZE = 256
#: A board may stand still for a while: an application that waits in a driver, a flash that erases.
TIMEOUT_S = 8.0
_AGAIN_S = 0.5
#: A request's id is two of these: one for the talk, so that a late answer of another talk is none, one that counts.
#: They are printable because a request may meet a prompt where it should have met an application.
_IDS = string.ascii_letters.encode()
_UNASKED = b"\0\0"


class EndedError(SlotError):
    """The application that was asked has ended, so that nobody looks after updates."""


class Wire:
    """Requests and answers over an open link, which the caller holds. ``output`` gets what the board prints.

    ``raw``: the updater was started in the raw REPL, which marks its end. ``timeout_s``: how long the board may
    be silent.
    """

    def __init__(
        self, link: Link, output: Output | None = None, *, raw: bool = False, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._link, self._output, self._raw, self._timeout_s = link, output, raw, timeout_s
        self._decoder = Decoder()
        self._talk, self._count, self._id = secrets.choice(_IDS), 0, b""
        self._hails: set[bytes] = set()  # the ids of the questions that nobody waits for
        self._busy = False
        #: What was printed last, and how many bytes of it there were in all.
        self.text = ""
        self.printed = 0
        #: Whether the board said that it starts.
        self.starting = False
        #: What the board told unasked: the state that it announced last.
        self.announced: dict[str, Any] | None = None

    def ask(self, letter: bytes, data: bytes = b"") -> Any:
        """What the board answers to a request. ``SlotError`` with its words where it refuses.

        ``DeadlineError`` where it was silent for too long; a board that works and says so is waited for.
        """
        timeout_s = self._timeout_s
        request = self._request(letter, data)
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            self._link.write(request)
            answer = self._answer(min(time.monotonic() + _AGAIN_S, end))
            if self._busy:
                end = time.monotonic() + timeout_s
            if answer[:1] == b"-":
                raise SlotError(answer[1:].decode("utf-8", "replace"))
            if answer[:1] == b"+":
                return json.loads(answer[1:])
            if self.announced is not None and not self.announced["reading"] and not self._raw:
                raise EndedError("the application ended while it was asked: try again")
        raise DeadlineError(
            f"{self._link.name} did not answer the update in {timeout_s:g} s: reset the board, then try again"
        )

    def hail(self) -> None:
        """Ask for the board's state without waiting: the answer is ``announced`` when it has come."""
        request = self._request(b"h", b"")
        self._hails.add(self._id)
        self._link.write(request)

    def leave(self) -> None:
        """The last request. Its answer is left to whoever reads the link next."""
        self._link.write(self._request(b"x", b""))

    def listen(self, for_s: float) -> bool:
        """Take what comes within ``for_s``; whether anything came."""
        return self._take(time.monotonic() + for_s) is not None

    def hear(self, data: bytes) -> list[Frame]:
        """What came over the link: the frames in it. The text goes to ``output``."""
        frames = []
        for event in self._decoder.feed(data):
            if isinstance(event, Frame):
                frames.append(event)
                self._note(event)
                if event.channel == PRINT:
                    self._print(event.payload)
                elif event.channel == ERROR:
                    self._print(event.payload[4:])
            elif isinstance(event, Text):
                self._print(event.data)
            elif isinstance(event, Mark) and self._raw:
                self.listen(0.2)
                told = self.text.strip().rsplit("\n", 1)[-1]
                raise SlotError(f"the updater on the board ended ({told}): reset the board")
        return frames

    # -- details ------------------------------------------------------------------------------

    def _request(self, letter: bytes, data: bytes) -> bytes:
        self._count += 1
        self._id = bytes((self._talk, _IDS[self._count % len(_IDS)]))
        return encode(CHANNEL, self._count & 0x7F, self._id + letter + data)

    def _answer(self, end: float) -> bytes:
        """The answer to the last request without its id; empty where none came until ``end``."""
        self._busy = False
        while time.monotonic() < end:
            for frame in self._take(end) or ():
                if frame.channel != CHANNEL or frame.payload[:2] != self._id:
                    continue
                if frame.payload[2:3] != b"~":
                    return frame.payload[2:]
                self._busy = True
        return b""

    def _take(self, end: float) -> list[Frame] | None:
        """The frames in what comes next; ``None`` where nothing comes until ``end``."""
        try:
            data = self._link.read(timeout_s=max(0.0, end - time.monotonic()))
        except DeadlineError:
            return None
        return self.hear(data)

    def _note(self, frame: Frame) -> None:
        if frame.channel != CHANNEL:
            return
        about, kind = frame.payload[:2], frame.payload[2:3]
        if about == _UNASKED:
            self.starting = kind == b"~"
        # by its id: what another talk was asked may be answered only now
        if (about == _UNASKED and kind == b"!") or (about in self._hails and kind == b"+"):
            self.announced = json.loads(frame.payload[3:])

    def _print(self, data: bytes) -> None:
        text = data.decode("utf-8", "replace").replace("\r\n", "\n")
        self.text = (self.text + text)[-10_000:]
        self.printed += len(data)
        if self._output:
            self._output(text)


def fitting(data: bytes, offset: int, room: int = FRAME_SIZE) -> int:
    """How many bytes of ``data`` from ``offset`` on fit into one frame of ``room`` bytes.

    Stuffing makes two of some bytes, so how many fit depends on them.
    """
    size = min(room - 16, len(data) - offset)
    while size > 1:
        head = b"zzd" + offset.to_bytes(4, "big")
        # the sequence number and the CRC may come out stuffed
        length = len(encode(CHANNEL, 0, head + data[offset : offset + size])) + 5
        if length <= room:
            break
        size -= max(1, (length - room) // 2)
    return size
