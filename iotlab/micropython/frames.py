"""Frames in a text stream: how answers and files share one wire with what a board prints.

``DLE [`` begins a frame and ``DLE US`` (0x1F) ends it; nobody prints either by itself. Between them stand channel,
sequence number, payload and CRC-32 (big-endian) with the bytes of ``ESCAPED`` replaced by DLE and the byte with bit 6
set, so a frame never holds a byte that a REPL (0x03, 0x04), a terminal (CR, LF) or software flow control (0x11, 0x13)
would take for its own: 7 of 256 values, 2.7 % on random data. Text between frames is passed on as it is; 0x04, with
which the raw REPL parts output from errors, is passed on as a mark of its own.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass

DLE = 0x10
#: The bytes that never stand inside a frame.
ESCAPED = bytes((DLE, 0x03, 0x04, 0x0A, 0x0D, 0x11, 0x13))
_OPEN, _CLOSE = b"\x10[", b"\x10\x1f"
#: What is replaced, in this order, by what.
_ESCAPES = [(bytes((b,)), bytes((DLE, b | 0x40))) for b in ESCAPED]
_UNESCAPE = {b | 0x40: b for b in ESCAPED}

#: What may stand inside a frame.
_INSIDE = bytes(b for b in range(256) if b == DLE or b not in ESCAPED)
#: What ends a frame: its mark, or anything that never stands inside one.
_END = re.compile(rb"\x10(?:[^PCDJMQS]|\Z)|[\x03\x04\n\r\x11\x13]")

#: What a frame is. What calls say: ``ANSWER``, the repr of a value, or ``RAW``, bytes themselves; ``START``: the code
#: arrived whole and runs now; ``END``: it came to its end; ``ERROR``: its traceback; ``REFUSED``: the call arrived
#: changed and did not run; ``LOST``: it ran before, and its end is not known any more. ``PRINT``: printed text;
#: ``COUNT``: number (4 bytes) and CRC-32 of all bytes since ``START``; ``DATA``: a part of something longer, or in
#: base64, which a board makes faster than it escapes bytes.
ANSWER, RAW, START, END, ERROR, REFUSED, LOST, PRINT, COUNT = 1, 16, 8, 9, 10, 11, 12, 13, 14
DATA, DATA_BASE64 = 15, 17
#: 7 is the updates' (``iotlab/ota/wire.py``); from 128 on they are services', with numbers of their own.
#: What a cell shows: ``RESULT``, the text of its last expression; ``MIME``: another form of the value whose text
#: comes next; ``DISPLAY``: the text of a value shown meanwhile; ``CLEAR``: wipe the output (``b"1"``: when more
#: comes); ``INPUT``: the prompt of a question.
RESULT, MIME, DISPLAY, CLEAR, INPUT = 2, 3, 4, 5, 6


@dataclass(frozen=True)
class Text:
    """What the board printed."""

    data: bytes


@dataclass(frozen=True)
class Frame:
    """A frame whose CRC was right."""

    channel: int
    sequence: int
    payload: bytes


@dataclass(frozen=True)
class Broken:
    """Something that began as a frame and was none: a byte was lost or changed."""

    data: bytes


@dataclass(frozen=True)
class Mark:
    """0x04: the raw REPL's end of output, or of an error."""


Event = Text | Frame | Broken | Mark


def encode(channel: int, sequence: int, payload: bytes) -> bytes:
    """The frame as it stands on the wire."""
    body = bytes((channel, sequence)) + payload
    body += zlib.crc32(body).to_bytes(4, "big")
    for plain, escaped in _ESCAPES:  # DLE is the first of them
        body = body.replace(plain, escaped)
    return _OPEN + body + _CLOSE


def _decode(body: bytes) -> Frame | None:
    head, *rest = body.split(b"\x10")
    plain = bytearray(head)
    for part in rest:
        if not part or part[0] not in _UNESCAPE:
            return None
        plain.append(_UNESCAPE[part[0]])
        plain += part[1:]
    if len(plain) < 6 or zlib.crc32(plain[:-4]).to_bytes(4, "big") != plain[-4:]:
        return None
    return Frame(plain[0], plain[1], bytes(plain[2:-4]))


def _may_end(part: bytes) -> bool:
    """Whether there is anything in a part of a frame that ends it: ten times as quick as looking for where."""
    if part.translate(None, _INSIDE):
        return True
    *escaped, last = part.split(b"\x10")
    return any(not e or e[0] not in _UNESCAPE for e in escaped[1:]) or (
        bool(escaped and last) and last[0] not in _UNESCAPE
    )


class Decoder:
    """Takes a stream apart as it arrives. ``feed`` returns what is complete.

    A ``COUNT`` frame that does not tell what came since ``START`` is ``Broken``.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._inside = False
        self._count = self._crc = 0

    def cut(self) -> None:
        """What comes next does not follow what came: a frame that has begun has no end."""
        self._rest, self._inside = b"", False

    def feed(self, data: bytes) -> list[Event]:
        """The events in what came so far; a frame that has begun waits for its end."""
        buffer, self._rest = self._rest + data, b""
        events: list[Event] = []
        while buffer:
            buffer = self._frame(buffer, events) if self._inside else self._text(buffer, events)
        return events

    def _text(self, buffer: bytes, events: list[Event]) -> bytes:
        start, mark = buffer.find(b"\x10"), buffer.find(b"\x04")
        if mark >= 0 and (start < 0 or mark < start):
            if mark:
                self._take(Text(buffer[:mark]), buffer[:mark], events)
            self._take(Mark(), b"\x04", events)
            return buffer[mark + 1 :]
        if start < 0:
            self._take(Text(buffer), buffer, events)
            return b""
        if start:
            self._take(Text(buffer[:start]), buffer[:start], events)
        if buffer[start : start + 2] == _OPEN:
            self._inside = True
            return buffer[start + 2 :]
        if len(buffer) == start + 1:
            self._rest = buffer[start:]
            return b""
        self._take(Text(b"\x10"), b"\x10", events)
        return buffer[start + 1 :]

    def _frame(self, buffer: bytes, events: list[Event]) -> bytes:
        close = buffer.find(_CLOSE)
        frame = _decode(buffer[:close]) if close >= 0 else None
        if frame is not None:  # what ends it before makes it no frame
            start, closed = close, True
        else:
            end = _END.search(buffer) if _may_end(buffer) else None
            if end is None or end[0] == b"\x10":
                self._rest = buffer
                return b""
            start, closed = end.start(), end[0] == _CLOSE
        self._inside = False
        body = buffer[:start]
        if frame is None:
            self._take(Broken(body), _OPEN + body + (_CLOSE if closed else b""), events)
        elif frame.channel == START:
            self._count = self._crc = 0
            events.append(frame)
        elif frame.channel == COUNT:
            told = self._count.to_bytes(4, "big") + self._crc.to_bytes(4, "big")
            events.append(frame if told == frame.payload else Broken(body))
        else:
            self._take(frame, _OPEN + body + _CLOSE, events)
        return buffer[start + len(_CLOSE) if closed else start :]

    def _take(self, event: Event, raw: bytes, events: list[Event]) -> None:
        self._count = (self._count + len(raw)) & 0xFFFFFFFF
        self._crc = zlib.crc32(raw, self._crc)
        events.append(event)
