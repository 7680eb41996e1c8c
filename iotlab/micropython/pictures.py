"""Pictures of what a board has in a ``framebuf.FrameBuffer``."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

#: Small displays are enlarged by whole numbers until they are about so wide.
_WIDE = 384


@dataclass(frozen=True)
class FrameBuffer:
    """A frame buffer as the helper on the board found it to be.

    ``top`` is the highest colour: 1, 3, 15, 255 or 65535 (RGB565). ``order``: 0 where pixels lie side by side, 1
    where a byte holds eight of them one below the other, 2 where each has two bytes whatever its depth. ``bits``:
    those of the first byte that the first pixel has. ``stride``: bytes from a row to the next, or from eight rows to
    the next eight. Source: MicroPython's ``extmod/modframebuf.c``.
    """

    width: int
    height: int
    top: int
    order: int
    bits: int
    stride: int

    def rows(self, data: bytes) -> list[list[int]]:
        """The colours, row by row."""
        return [[self._colour(data, x, y) for x in range(self.width)] for y in range(self.height)]

    def png(self, data: bytes) -> bytes:
        """The picture as PNG: grey, a set pixel bright; in colours where it has 16 bits."""
        scale = max(1, _WIDE // self.width)
        lines = []
        for row in self.rows(data):
            line = b"".join(self._shade(colour) * scale for colour in row)
            lines += [b"\0" + line] * scale  # each line begins with its filter: none
        size = struct.pack(">II", self.width * scale, self.height * scale)
        kind = 2 if self.top == 0xFFFF else 0  # RGB, or grey
        return b"".join(
            (
                b"\x89PNG\r\n\x1a\n",
                _chunk(b"IHDR", size + bytes((8, kind, 0, 0, 0))),
                _chunk(b"IDAT", zlib.compress(b"".join(lines), 9)),
                _chunk(b"IEND", b""),
            )
        )

    def _colour(self, data: bytes, x: int, y: int) -> int:
        if self.top == 0xFFFF or self.order == 2:
            start = y * self.stride + 2 * x
            return int.from_bytes(data[start : start + 2], "little")
        if self.order == 1:
            return data[y // 8 * self.stride + x] >> y % 8 & 1
        depth = self.top.bit_length()
        place = x * depth
        byte = data[y * self.stride + place // 8]
        shift = place % 8 if self.bits & 1 else 8 - depth - place % 8
        return byte >> shift & self.top

    def _shade(self, colour: int) -> bytes:
        if self.top == 0xFFFF:
            red, green, blue = colour >> 11, colour >> 5 & 63, colour & 31
            return bytes((red * 255 // 31, green * 255 // 63, blue * 255 // 31))
        return bytes((colour * 255 // self.top,))


def _chunk(kind: bytes, data: bytes) -> bytes:
    """A part of a PNG file, with its length and CRC (PNG specification, 5.3)."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
