"""mpremote, as its library is meant to be used, over the same faulty link as iotlab."""

from __future__ import annotations

import contextlib
import io
from typing import Any

from fault_rig import Rig, WatchedLink
from mpremote.transport_serial import SerialTransport

from iotlab.errors import DeadlineError
from iotlab.link.serial import SerialLink
from iotlab.testing.faults import Fault

#: pyserial's port that leads nowhere: the transport opens a port by itself, and gets ours right after.
_NOWHERE = "loop://"
_FOR_EVER_S = 3600.0


class SerialShape:
    """A link in the shape of the ``serial.Serial`` that mpremote reads and writes."""

    dtr = rts = False

    def __init__(self, link: WatchedLink) -> None:
        self._link, self._waiting = link, b""

    def inWaiting(self) -> int:
        with contextlib.suppress(DeadlineError):
            self._waiting += self._link.read(timeout_s=0.0)
        return len(self._waiting)

    def read(self, size: int = 1) -> bytes:
        """``size`` bytes; mpremote opens its port without a time-out."""
        while len(self._waiting) < size:
            self._waiting += self._link.read(timeout_s=_FOR_EVER_S)
        data, self._waiting = self._waiting[:size], self._waiting[size:]
        return data

    def write(self, data: bytes) -> int:
        self._link.write(data)
        return len(data)

    def close(self) -> None:
        self._link.close()


class MpremoteRig(Rig):
    """mpremote's ``SerialTransport``. It prints what it did not expect; that is kept off the screen."""

    name = "mpremote"
    judged = False
    deadline_s = 25.0

    def put(self, path: str, data: bytes) -> None:
        with _quiet():
            self._transport.fs_writefile(path, data)

    def get(self, path: str) -> bytes:
        with _quiet():
            return bytes(self._transport.fs_readfile(path))

    def exec(self, code: str) -> str:
        with _quiet():
            text: bytes = self._transport.exec(code)
        return text.decode().replace("\r\n", "\n")

    def eval(self, expression: str) -> Any:
        with _quiet():
            return self._transport.eval(expression)

    def _open(self, fault: Fault | None) -> WatchedLink:
        self._transport = SerialTransport(_NOWHERE)
        self._transport.serial.close()
        link = self.link = WatchedLink(SerialLink(self.steered.port), fault, self.passed)
        self._transport.serial = SerialShape(link)
        self._interrupt()
        return link

    def _interrupt(self) -> None:
        with _quiet():
            self._transport.enter_raw_repl(soft_reset=False)


def _quiet() -> contextlib.AbstractContextManager[Any]:
    return contextlib.redirect_stdout(io.StringIO())
