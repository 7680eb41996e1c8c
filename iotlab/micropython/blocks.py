"""Bytes on their way to a board: in blocks that it checks, and asks for again where one came changed.

A block is 12 characters of base64 and its bytes, escaped much as in a frame (``frames.py``) or, where the line is
fast, in base64, so that nothing of it is taken for a command. The 12 are number, flags (the window's bits where it is
deflated, 128 for base64), size on the wire (2), CRC-32 (4, of number, flags, size and the bytes as they are decoded)
and the sum of these, modulo 256. ``DATA`` frames tell what arrived: ``+`` and how many blocks; ``-``, how many, and
how often one failed: then the board waits for DLE ``~`` and the block that is missing.

Where the link cannot hold the host back, the receive buffer of the board does it: it tells by an ACK (0x06) each
piece that it took.
"""

from __future__ import annotations

import binascii
import time
import zlib
from collections import deque
from functools import cached_property

from iotlab.board import Progress
from iotlab.errors import CorruptError
from iotlab.link.base import Link
from iotlab.micropython.frames import DATA, DLE, ESCAPED, Frame
from iotlab.micropython.pace import Pace

#: Bytes of a block before they are deflated. The board holds one at a time, and a window of as many bytes.
BLOCK = 8192
WINDOW_BITS = 13
#: What may be under way to a board that has only its receive buffer: 260 bytes on an ESP32 (ports/esp32/uart.c).
BUFFER = 256
PIECE = 112
#: A block's head, which a board reads with the first piece.
HEAD = 12
#: Blocks under way where the link holds the host back, and what the board has to take in seconds for more than one:
#: what a slow one has not read yet keeps even a Ctrl-C from it.
_AHEAD, _AHEAD_S = 3, 2.0
_ACK = b"\x06"
#: Besides what never stands in a frame, nothing that a raw REPL obeys: what was sent too much may come to its prompt.
_ESCAPES = [(bytes((b,)), bytes((DLE, b | 0x40))) for b in (*ESCAPED, 0x01, 0x02, 0x05)]  # DLE is the first
_BASE64 = 0x80
_RESYNC = b"\x10~"
_FILL = b"."
_TRIES = 8


class BlockSender:
    """Gives ``data`` to a board that runs ``_receive(count, piece)`` of the helper. A :class:`Feeder`.

    A slow board is waited for; what is learned of its ``pace`` is noted there.
    """

    def __init__(self, link: Link, data: bytes, *, pace: Pace, progress: Progress | None = None) -> None:
        self._link, self._pace, self._progress = link, pace, progress
        self._parts = [data[start : start + BLOCK] for start in range(0, len(data), BLOCK)]
        self._size = len(data)
        #: How many blocks there are.
        self.count = len(self._parts)
        #: How many bytes the board takes before it says so; 0 where it need not.
        self.piece = 0 if link.paced else PIECE
        self._wire = b""  # what of the present block is still to be sent, where pieces are told
        self._begun = False  # whether its head went out
        self._pieces: deque[int] = deque()  # those under way
        self._next = self._arrived = 0
        self._resyncs = 0
        self._under_way = 0
        self._begun_size = 0  # of the last block of which something was sent
        #: How often something had to be sent again. What was sent too much then may be left for the prompt.
        self.recovered = 0
        self._heard_at = self._begun_at = time.monotonic()
        self._slowest_s = 0.0

    @property
    def done(self) -> bool:
        """Whether every block arrived."""
        return self._arrived >= self.count

    # -- what the board says ------------------------------------------------------------------

    def on_frame(self, frame: Frame) -> None:
        """Blocks arrived, or one did not."""
        payload = frame.payload
        if frame.channel != DATA or len(payload) < 3 or payload[:1] not in b"+-":
            return
        self._heard()
        self._arrived = max(self._arrived, int.from_bytes(payload[1:3], "big"))
        if self._next == 0:
            self._begun_at = time.monotonic()
        elif not self.recovered:
            size, duration_s = min(self._arrived * BLOCK, self._size), time.monotonic() - self._begun_at
            self._pace.note(size, duration_s)
            self._pace.note_at_most(size, duration_s)
        if self._progress:
            self._progress("write", min(self._size, self._arrived * BLOCK), self._size)
        if payload[:1] == b"-" and 0 < (payload[3] - self._resyncs) & 255 < 128:
            self._resync()
        self._send()

    def on_text(self, data: bytes) -> bytes:
        """The board took pieces."""
        if not self.piece or _ACK not in data:
            return data
        self._heard()
        for _ in range(min(data.count(_ACK), len(self._pieces))):
            self._pieces.popleft()
        self._send()
        return data.replace(_ACK, b"")

    def on_idle(self) -> None:
        """Nothing came for a while: something was lost, and the board waits for what it will never get."""
        word_s = self._pace.word_s  # what a board needs for a word is about what it needs for 50 bytes
        patience_s = 1.5 + 20 * word_s + self._under_way * max(1 / 4000, word_s / 50) + 4 * self._slowest_s
        if self.done or time.monotonic() - self._heard_at < patience_s:
            return
        self._link.write(_FILL * (self._begun_size + HEAD))
        self._resync()
        self._send()

    # -- details ------------------------------------------------------------------------------

    @cached_property
    def _deflates(self) -> bool:
        return len(_deflated(self._parts[0])) < 0.9 * len(self._parts[0])

    def _heard(self) -> None:
        now = time.monotonic()
        if not self.recovered:
            self._slowest_s = max(self._slowest_s, now - self._heard_at)
        self._heard_at = now

    def _resync(self) -> None:
        self.recovered += 1
        if self.recovered > _TRIES:
            raise CorruptError("too much was lost on the way to the board: check the cable")
        self._resyncs = (self._resyncs + 1) & 255
        self._pieces.clear()
        self._wire, self._next = b"", self._arrived
        self._link.write(_RESYNC)
        self._heard_at = time.monotonic()

    def _send(self) -> None:
        if self.piece:
            self._send_pieces()
            return
        ahead = max(1, min(_AHEAD, int(self._pace.bytes_per_s * _AHEAD_S / BLOCK)))
        while self._next < min(self.count, self._arrived + ahead):
            block = self._block(self._next)
            self._next += 1
            self._begun_size, self._under_way = len(block), (self._next - self._arrived) * len(block)
            self._link.write(block)

    def _send_pieces(self) -> None:
        while self._wire or self._next < min(self.count, self._arrived + 2):
            if not self._wire:
                self._wire, self._begun = self._block(self._next), False
                self._begun_size = len(self._wire)
                self._next += 1
            size = min(self.piece + (0 if self._begun else HEAD), len(self._wire))
            if sum(self._pieces) + size > BUFFER:
                return
            self._link.write(self._wire[:size])
            self._pieces.append(size)
            self._wire, self._begun, self._under_way = self._wire[size:], True, BUFFER

    def _block(self, number: int) -> bytes:
        data, flags = self._parts[number], 0
        if not self._pace.fast and self._deflates:
            data, flags = _deflated(data), WINDOW_BITS
        if self._pace.fast:
            sent, flags = binascii.b2a_base64(data, newline=False), flags | _BASE64
        else:
            sent = data
            for plain, code in _ESCAPES:
                sent = sent.replace(plain, code)
        head = bytes((number & 255, flags)) + len(sent).to_bytes(2, "big")
        head += zlib.crc32(data, zlib.crc32(head)).to_bytes(4, "big")
        head += bytes((sum(head) & 255,))
        return binascii.b2a_base64(head, newline=False) + sent


def _deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -WINDOW_BITS)
    return packer.compress(data) + packer.flush()
