"""A link to a serial port on another machine with its speed and modem lines: ``rfc2217://host:port``.

Telnet with the option of RFC 2217. pyserial's own client waits 50 ms for each answer, takes bytes one by
one, and asserts DTR and RTS whenever it connects, which resets some boards.
Sources: RFC 854 (Telnet), 856 (binary transmission), 858 (suppress go ahead), 2217 (COM-PORT-OPTION, its
section 3 for the commands; the server's answer to a command is the command plus 100).
"""

from __future__ import annotations

import re
import struct
import time

from iotlab.errors import ConnectError, DeadlineError
from iotlab.link.socket import SocketLink

_IAC, _SE, _SB = b"\xff", b"\xf0", b"\xfa"
_WILL, _WONT, _DO, _DONT = b"\xfb", b"\xfc", b"\xfd", b"\xfe"
_BINARY, _SUPPRESS_GO_AHEAD, _COM_PORT = b"\x00", b"\x03", b"\x2c"
_SET_BAUD, _SET_DATASIZE, _SET_PARITY, _SET_STOPSIZE, _SET_CONTROL = range(1, 6)
_NO_PARITY, _ONE_STOP_BIT, _NO_FLOW_CONTROL = 1, 1, 1
_DTR_ON, _DTR_OFF, _RTS_ON, _RTS_OFF = 8, 9, 11, 12
#: A command of Telnet: a doubled IAC, an option, a subnegotiation (in which IAC is doubled too), or a single byte.
_COMMAND = re.compile(
    rb"\xff(?:(\xff)|([\xfb-\xfe])(.)|\xfa((?:[^\xff]|\xff\xff)*)\xff\xf0|[\x00-\xf9])", re.DOTALL
)


class Rfc2217Link(SocketLink):
    """``url``: "rfc2217://host:port". Opening it leaves the modem lines as they are."""

    has_lines = True

    def __init__(
        self, url: str, *, baud: int = 115200, timeout_s: float = 5.0, write_timeout_s: float = 10.0
    ) -> None:
        super().__init__(url, timeout_s=timeout_s, write_timeout_s=write_timeout_s)
        self._came = bytearray()  # what was told apart from Telnet's commands and not read yet
        self._rest = b""  # the beginning of a command whose end has not come
        self._agreed: set[bytes] = set()  # what was answered once: a second answer would go round for ever
        self._answers: dict[int, bytes] = {}
        try:
            self._negotiate(baud, timeout_s)
        except BaseException:
            self.close()
            raise

    def set_lines(self, *, dtr: bool | None = None, rts: bool | None = None) -> None:
        self._check_open()
        for level, on, off in ((dtr, _DTR_ON, _DTR_OFF), (rts, _RTS_ON, _RTS_OFF)):
            if level is not None:
                self._command(_SET_CONTROL, bytes((on if level else off,)), 3.0)

    # -- hooks --------------------------------------------------------------------------------

    def _read(self, max_size: int, timeout_s: float) -> bytes:
        end = time.monotonic() + timeout_s
        while not self._came:
            data = super()._read(65536, max(0.0, end - time.monotonic()))
            if not data:
                return b""
            if len(data) <= max_size and not self._rest and _IAC not in data:
                return data
            self._take(data)
        data = bytes(self._came[:max_size])
        del self._came[:max_size]
        return data

    def _write(self, data: bytes) -> None:
        super()._write(data.replace(_IAC, _IAC + _IAC))

    # -- Telnet -------------------------------------------------------------------------------

    def _negotiate(self, baud: int, timeout_s: float) -> None:
        wanted = (
            _WILL + _COM_PORT,
            _WILL + _BINARY,
            _DO + _BINARY,
            _WILL + _SUPPRESS_GO_AHEAD,
            _DO + _SUPPRESS_GO_AHEAD,
        )
        self._agreed.update(wanted)
        super()._write(b"".join(_IAC + each for each in wanted))
        try:
            self._command(_SET_BAUD, struct.pack("!I", baud), timeout_s)
        except DeadlineError as error:
            raise ConnectError(
                f"{self.name} does not speak RFC 2217: if it passes bytes on as they are, use socket://"
            ) from error
        for command, value in ((_SET_DATASIZE, 8), (_SET_PARITY, _NO_PARITY), (_SET_STOPSIZE, _ONE_STOP_BIT)):
            self._send_command(command, bytes((value,)))
        self._command(_SET_CONTROL, bytes((_NO_FLOW_CONTROL,)), timeout_s)

    def _command(self, command: int, value: bytes, timeout_s: float) -> None:
        """Ask the server for something and wait until it says that it did."""
        self._answers.pop(command + 100, None)
        self._send_command(command, value)
        end = time.monotonic() + timeout_s
        while command + 100 not in self._answers:
            data = super()._read(65536, max(0.0, end - time.monotonic()))
            if not data:
                raise DeadlineError(f"{self.name} does not set its serial port: see to the server there")
            self._take(data)

    def _send_command(self, command: int, value: bytes) -> None:
        body = _COM_PORT + bytes((command,)) + value.replace(_IAC, _IAC + _IAC)
        super()._write(_IAC + _SB + body + _IAC + _SE)

    def _take(self, data: bytes) -> None:
        """Tell the board's bytes from Telnet's commands, and heed these."""
        data, self._rest, at = self._rest + data, b"", 0
        while (found := data.find(_IAC, at)) >= 0:
            self._came += data[at:found]
            command = _COMMAND.match(data, found)
            if command is None:
                self._rest = data[found:]
                return
            at = command.end()
            if command[1]:
                self._came += _IAC
            elif command[2]:
                self._agree(command[2], command[3])
            elif command[4] is not None and command[4][:1] == _COM_PORT and len(command[4]) > 1:
                self._answers[command[4][1]] = command[4][2:].replace(_IAC + _IAC, _IAC)
        self._came += data[at:]

    def _agree(self, verb: bytes, option: bytes) -> None:
        """Answer an offer or a request, once: yes to what is needed here, no to the rest."""
        if verb in (_WONT, _DONT):
            return
        needed = option in (_BINARY, _SUPPRESS_GO_AHEAD) or (option == _COM_PORT and verb == _DO)
        yes, no = (_WILL, _WONT) if verb == _DO else (_DO, _DONT)
        answer = (yes if needed else no) + option
        if answer not in self._agreed:
            self._agreed.add(answer)
            super()._write(_IAC + answer)


LINK = Rfc2217Link
