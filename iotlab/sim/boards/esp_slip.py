"""SLIP (RFC 1055): frames on a serial line, as Espressif's bootloaders use them."""

from __future__ import annotations

_END, _ESCAPE = b"\xc0", b"\xdb"
#: Twice the largest frame of the protocol (a block of 0x4000 bytes, all escaped) and its header.
MAX_FRAME = 2 * 0x4000 + 64


class SlipReader:
    """Frames out of a byte stream. Bytes outside a frame and frames that are too long are dropped."""

    def __init__(self, max_size: int = MAX_FRAME) -> None:
        self._buffer = bytearray()
        self._inside = False
        self._max_size = max_size

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that ``data`` completes."""
        frames = []
        *ended, rest = data.split(_END)
        for part in ended:
            if self._inside and (self._buffer or part):
                frame = bytes(self._buffer) + part
                if len(frame) <= self._max_size:
                    frames.append(unescape(frame))
                self._inside = False
            else:
                self._inside = True
            self._buffer.clear()
        if self._inside:
            self._buffer += rest[: self._max_size + 1 - len(self._buffer)]
        return frames


def unescape(frame: bytes) -> bytes:
    """A frame's content: 0xdb 0xdc is 0xc0, 0xdb 0xdd is 0xdb."""
    return frame.replace(b"\xdb\xdc", _END).replace(b"\xdb\xdd", _ESCAPE)


def slip(packet: bytes) -> bytes:
    """``packet`` as a frame."""
    return _END + packet.replace(_ESCAPE, b"\xdb\xdd").replace(_END, b"\xdb\xdc") + _END
