"""A link over TCP: ``socket://host:port``, where a server such as ser2net passes a serial port on as it is."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time

from iotlab.errors import ConnectError, DeadlineError, DisconnectedError, NotFoundError
from iotlab.link._address import Address, address
from iotlab.link.base import Link


class SocketLink(Link):
    """``url``: "socket://host:port". No modem lines; what is behind the server is not known.

    ``NotFoundError`` where there is no such host, ``ConnectError`` where nobody answers in ``timeout_s``.
    """

    default_port: int | None = None

    def __init__(self, url: str, *, timeout_s: float = 5.0, write_timeout_s: float = 10.0) -> None:
        self.address = address(url, default_port=self.default_port)
        super().__init__(str(self.address))
        self._write_timeout_s = write_timeout_s
        self._sending = threading.Lock()  # the reader may have to answer the far end of a protocol
        self._socket = _connect(self.address, timeout_s)

    def _read(self, max_size: int, timeout_s: float) -> bytes:
        try:
            if not select.select([self._socket], [], [], timeout_s)[0]:
                return b""
            data = self._socket.recv(max_size)
        except (OSError, ValueError) as error:  # ValueError: closed meanwhile
            raise self._gone() from error
        if not data:
            raise self._gone()
        return data

    def _write(self, data: bytes) -> None:
        rest, end = memoryview(data), time.monotonic() + self._write_timeout_s
        with self._sending:
            while True:
                try:
                    with contextlib.suppress(BlockingIOError):
                        rest = rest[self._socket.send(rest) :]
                        end = time.monotonic() + self._write_timeout_s
                    if not rest:
                        return
                    left = end - time.monotonic()
                    ready = left > 0 and select.select([], [self._socket], [], left)[1]
                except (OSError, ValueError) as error:
                    raise self._gone() from error
                if not ready:
                    raise DeadlineError(f"{self.name} does not take bytes: reset the board")

    def _close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes a thread that reads
        self._socket.close()

    def _gone(self) -> DisconnectedError:
        return DisconnectedError(f"{self.name} went away: see to its power and network and connect again")


def _connect(where: Address, timeout_s: float) -> socket.socket:
    try:
        end = socket.create_connection((where.host, where.port), timeout_s)
    except (socket.gaierror, UnicodeError) as error:  # UnicodeError: a name that no host can have
        raise NotFoundError(
            f"there is no host {where.host}: see to its name, or give its IP address"
        ) from error
    except OSError as error:
        raise ConnectError(
            f"{where} does not answer ({error}): is it switched on, and the port right?"
        ) from error
    end.setblocking(False)
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    end.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # a far end that lost its power says nothing
    return end


LINK = SocketLink
