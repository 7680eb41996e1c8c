"""A link to a board's own REPL over the network: ``webrepl://[:password@]host[:8266]``.

MicroPython's WebREPL is a WebSocket that asks for a password; then text frames carry the REPL, byte for byte.
The password and everything else go over the network unencrypted.

Sources: MicroPython's extmod/modwebrepl.c (the prompts; a password has at most nine characters) and
extmod/modwebsocket.c (a frame has at most 65,535 bytes and no continuation, a ping is not answered, a text frame
may end within a character), micropython-lib's micropython/net/webrepl/webrepl.py (the handshake; a second client
is sent away), extmod/os_dupterm.c (Control C interrupts), ports/esp32/modos.c (what does not fit into the REPL's
buffer is dropped, so such a link is not paced).
"""

from __future__ import annotations

import time
import warnings

from iotlab.errors import ConfigError, ConnectError, DisconnectedError, InUseError, UnavailableError
from iotlab.link._address import address
from iotlab.link.socket import SocketLink

try:
    from websockets.client import ClientProtocol
    from websockets.frames import Frame, Opcode
    from websockets.protocol import State
    from websockets.uri import parse_uri
except ImportError as error:
    raise UnavailableError.extra("a webrepl:// link", "webrepl") from error

_FRAME = 4096  # bytes in a frame to the board
_PASSWORD, _WELCOME, _DENIED = b"Password: ", b"WebREPL connected\r\n>>> ", b"Access denied"
_STRONG = 8  # characters; a board takes nine at most
#: The longer ones of the words that lead every published list of stolen passwords.
_COMMON = (
    "00000000 11111111 12345678 123456789 1q2w3e4r 1qaz2wsx 87654321 987654321 abcd1234 baseball computer football "
    "iloveyou letmein1 passw0rd password password1 princess qwertyui sunshine superman trustno1 whatever"
)


class WebReplLink(SocketLink):
    """``url``: "webrepl://host", "webrepl://:password@host:8266". No modem lines.

    ``password`` is taken where the URL has none. ``ConfigError`` where there is none at all, ``ConnectError`` where
    the board refuses it, ``InUseError`` where somebody else is connected: a board has one WebREPL. A password that
    is easily guessed is warned about.
    """

    default_port = 8266
    options = ("password",)

    def __init__(
        self, url: str, *, password: str = "", timeout_s: float = 5.0, write_timeout_s: float = 10.0
    ) -> None:
        where = address(url, default_port=self.default_port)
        password = _checked(where.password or password, str(where))
        self._came = bytearray()
        host = str(where).partition("://")[2]
        self._protocol = ClientProtocol(parse_uri(f"ws://{host}/"))
        super().__init__(url, timeout_s=timeout_s, write_timeout_s=write_timeout_s)
        try:
            end = time.monotonic() + timeout_s
            self._shake_hands(end)
            self._log_in(password, end)
        except BaseException:
            self.close()
            raise

    # -- hooks --------------------------------------------------------------------------------

    def _read(self, max_size: int, timeout_s: float) -> bytes:
        end = time.monotonic() + timeout_s
        while not self._came:
            if not self._receive(max(0.0, end - time.monotonic())):
                return b""
        data = bytes(self._came[:max_size])
        del self._came[:max_size]
        return data

    def _write(self, data: bytes) -> None:
        for start in range(0, len(data), _FRAME):
            frame = Frame(Opcode.TEXT, data[start : start + _FRAME])
            super()._write(frame.serialize(mask=True))

    # -- coming in ----------------------------------------------------------------------------

    def _shake_hands(self, end: float) -> None:
        self._protocol.send_request(self._protocol.connect())
        super()._write(b"".join(self._protocol.data_to_send()))
        try:
            while self._protocol.state is State.CONNECTING and not self._protocol.handshake_exc:
                if not self._receive(max(0.0, end - time.monotonic())):
                    break
        except DisconnectedError:
            pass
        if self._protocol.state is State.CONNECTING:
            raise ConnectError(
                f"{self.name} does not answer as a WebREPL does: see to the port, and that WebREPL runs"
            ) from self._protocol.handshake_exc

    def _log_in(self, password: str, end: float) -> None:
        try:
            self._await(_PASSWORD, end)
        except DisconnectedError as error:
            raise InUseError(
                f"somebody else is connected to {self.name}: close it there first", holder="a WebREPL client"
            ) from error
        self._write(password.encode() + b"\r")
        try:
            self._await(_WELCOME, end)
        except DisconnectedError as error:
            raise ConnectError(
                f"{self.name} refuses the password: give the one of webrepl_cfg.py on the board"
            ) from error

    def _await(self, wanted: bytes, end: float) -> None:
        """Read up to ``wanted``. What came instead is not told: it may hold the password."""
        got = b""
        while not got.endswith(wanted):
            data = self._read(1, max(0.0, end - time.monotonic()))
            if not data:
                raise ConnectError(f"{self.name} does not answer as a WebREPL does: restart the board")
            got += data
            if got.endswith(_DENIED):
                raise self._gone()

    def _receive(self, timeout_s: float) -> bool:
        """Take what comes into ``_came``; False where nothing came in time."""
        if self._protocol.state is State.CLOSING:
            raise self._gone()
        data = super()._read(65536, timeout_s)
        if data:
            self._protocol.receive_data(data)
            for event in self._protocol.events_received():
                if isinstance(event, Frame) and event.opcode in (Opcode.TEXT, Opcode.CONT):
                    self._came += event.data
            for answer in self._protocol.data_to_send():
                super()._write(answer)
        return bool(data)


def _checked(password: str, name: str) -> str:
    if not password:
        raise ConfigError(
            f"{name} asks for a password: set IOTLAB_WEBREPL_PASSWORD, or webrepl_password in iotlab.toml"
        )
    if len(password) < _STRONG or password.lower() in _COMMON.split():
        warnings.warn(
            f"the password of {name} is easily guessed, and whoever has it owns the board: "
            f"`import webrepl_setup` there sets another; take {_STRONG} or 9 characters that are no word",
            stacklevel=3,
        )
    return password


LINK = WebReplLink
