"""A board's WebREPL for tests: what extmod/modwebrepl.c and modwebsocket.c of MicroPython do, before a virtual board.

Written from MicroPython's source with its peculiarities, and without the library of the client, so that the two
cannot agree on a mistake: header names are compared letter by letter, a frame is whole and has at most 65,535
bytes, a ping is not answered, a text frame may end within a character, a close is answered by a text frame with
two bytes of a close, a second client is sent away. The board's bytes come from its serial port.
"""

from __future__ import annotations

import base64
import hashlib
import socket

from iotlab.link.serial import SerialLink
from iotlab.testing.bridges import Bridge

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
_TEXT, _CLOSE = 1, 8
#: What goes into one frame at most, so that characters are cut and both forms of a frame's length occur.
_PIECE = 127


class WebReplBridge(Bridge):
    """Serves the board behind ``port`` as its WebREPL does, with ``password``.

    With ``soft_reset_ends`` the connection ends when the board says that it restarts softly, as on a
    microcontroller, whose sockets do not outlive the interpreter.
    """

    scheme = "webrepl"

    def __init__(self, port: str, *, password: str, soft_reset_ends: bool = False) -> None:
        self._password = password.encode()
        self._soft_reset_ends = soft_reset_ends
        super().__init__(port)

    def welcome(self, client: socket.socket, link: SerialLink) -> bool:
        """The handshake, then the password."""
        self._frames, self._said = _Frames(client), b""
        if not _shake_hands(client):
            return False
        client.sendall(_framed(b"Password: "))
        typed = b""
        while not typed.endswith((b"\r", b"\n")):
            if not (data := client.recv(1)):
                return False
            typed += self._frames.take(data)
        if typed[:-1][:10] != self._password:
            client.sendall(_framed(b"\r\nAccess denied\r\n"))
            return False
        client.sendall(_framed(b"\r\nWebREPL connected\r\n>>> "))
        return True

    def refuse(self, client: socket.socket) -> None:
        """Only the handshake: a board has one WebREPL."""
        _shake_hands(client)

    def from_client(self, data: bytes) -> bytes:
        """The text that is in the frames."""
        return self._frames.take(data)

    def to_client(self, data: bytes) -> bytes:
        """In frames, small ones."""
        self._said = (self._said + data)[-1000:]
        if self._soft_reset_ends and b"soft reboot\r\n" in self._said:
            self._ended.set()
        return b"".join(_framed(data[at : at + _PIECE]) for at in range(0, len(data), _PIECE))


class _Frames:
    """Takes what a client sends apart. An ``OSError`` ends the connection where the board would stop."""

    def __init__(self, client: socket.socket) -> None:
        self._client = client
        self._waiting = bytearray()

    def take(self, data: bytes) -> bytes:
        """The text of the frames that are whole by now."""
        self._waiting += data
        text = b""
        while (frame := self._next()) is not None:
            opcode, payload = frame
            if opcode == _TEXT:
                text += payload
            elif opcode == _CLOSE:
                self._client.sendall(_framed(b"\x88\x00"))
                raise ConnectionAbortedError("the client closed the WebSocket")
        return text

    def _next(self) -> tuple[int, bytes] | None:
        head = self._waiting
        if len(head) < 2:
            return None
        if not head[0] & 0x80 or head[1] & 0x7F == 127:
            raise ConnectionAbortedError("the board has no continued frames, and none of 64 KiB and more")
        masked, size, at = head[1] & 0x80, head[1] & 0x7F, 2
        if size == 126:
            size, at = int.from_bytes(head[2:4], "big"), 4
        mask = bytes(head[at : at + 4]) if masked else bytes(4)
        at += 4 if masked else 0
        if len(head) < at + size:
            return None
        payload = bytes(byte ^ mask[n & 3] for n, byte in enumerate(head[at : at + size]))
        opcode = head[0] & 0x0F
        del self._waiting[: at + size]
        return opcode, payload


def _framed(data: bytes) -> bytes:
    size = bytes((len(data),)) if len(data) < 126 else b"\x7e" + len(data).to_bytes(2, "big")
    return b"\x81" + size + data


def _shake_hands(client: socket.socket) -> bool:
    """Answer a WebSocket's request; a web browser's gets a page, and False."""
    headers: dict[bytes, bytes] = {}
    with client.makefile("rb", 0) as request:
        request.readline()
        while (line := request.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            headers[name.strip()] = value.strip()
    key = headers.get(b"Sec-WebSocket-Key", b"")
    if (
        not key
        or b"Upgrade" not in headers.get(b"Connection", b"")
        or headers.get(b"Upgrade") != b"websocket"
    ):
        client.sendall(b'HTTP/1.0 200 OK\r\n\r\n<base href=""></base>\r\n')
        return False
    accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
    client.sendall(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )
    return True
