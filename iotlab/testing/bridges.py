"""Servers that pass a serial port on over the network, for tests: plain TCP, and RFC 2217.

They stand where ser2net stands in a workshop: one client at a time, the port open as long as it is there.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Any

from serial.rfc2217 import PortManager
from typing_extensions import Self

from iotlab.errors import DeadlineError, IotlabError
from iotlab.link.serial import SerialLink

#: How often the threads look whether they are to end.
_LOOK_S = 0.05


class Bridge:
    """Serves ``port`` on the loopback address, byte for byte. ``url`` is its address. A context manager."""

    scheme = "socket"

    def __init__(self, port: str) -> None:
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._client: socket.socket | None = None
        self._worker: threading.Thread | None = None
        self._ended = threading.Event()  # the connection that there is
        self._acceptor = threading.Thread(target=self._accept, name=f"{self.scheme} server")
        self._acceptor.start()

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        """Stop serving; the client's connection ends. Idempotent."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes accept
        self._listener.close()
        self._acceptor.join(10)
        self.hang_up()
        if self._worker is not None:
            self._worker.join(10)

    def hang_up(self) -> None:
        """End the connection of the client that there is."""
        client = self._client
        if client is not None:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- hooks --------------------------------------------------------------------------------

    def welcome(self, client: socket.socket, link: SerialLink) -> bool:
        """Whatever comes before the bytes of the port; False where the client is sent away."""
        return True

    def refuse(self, client: socket.socket) -> None:
        """What a second client gets before its connection is closed."""

    def from_client(self, data: bytes) -> bytes:
        """What of ``data`` goes to the port."""
        return data

    def to_client(self, data: bytes) -> bytes:
        """What the client gets for ``data`` of the port."""
        return data

    # -- details ------------------------------------------------------------------------------

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._worker is not None:
                self._worker.join(1.0)  # the one before may just be going
                if self._worker.is_alive():
                    with client, contextlib.suppress(OSError):
                        self.refuse(client)
                    continue
            self._client, self._ended = client, threading.Event()
            self._worker = threading.Thread(target=self._talk, args=(client,), name=f"{self.scheme} receiver")
            self._worker.start()

    def _talk(self, client: socket.socket) -> None:
        # Where the port is gone, or somebody else's, the client sees its connection end.
        with client, contextlib.suppress(IotlabError, OSError), SerialLink(self._port) as link:
            if not self.welcome(client, link):
                return
            down = threading.Thread(target=self._down, args=(client, link), name=f"{self.scheme} sender")
            down.start()
            try:
                while data := client.recv(65536):
                    link.write(self.from_client(data))
            finally:
                self._ended.set()
                down.join(10)

    def _down(self, client: socket.socket, link: SerialLink) -> None:
        with contextlib.suppress(IotlabError, OSError):
            while not self._ended.is_set():
                with contextlib.suppress(DeadlineError):
                    client.sendall(self.to_client(link.read(timeout_s=_LOOK_S)))
        self.hang_up()


class Rfc2217Bridge(Bridge):
    """The same with speed and modem lines: Telnet and RFC 2217 as pyserial's server side speaks them."""

    scheme = "rfc2217"

    def welcome(self, client: socket.socket, link: SerialLink) -> bool:
        """Negotiation begins; it goes on within the bytes."""
        settings: Any = _Settings(link)
        connection: Any = _Connection(client)
        self._manager: Any = PortManager(settings, connection)
        return True

    def from_client(self, data: bytes) -> bytes:
        """Telnet's commands taken out, and heeded."""
        return b"".join(self._manager.filter(data))

    def to_client(self, data: bytes) -> bytes:
        """With every 0xff doubled."""
        return b"".join(self._manager.escape(data))


class _Connection:
    """What PortManager writes its answers to."""

    def __init__(self, client: socket.socket) -> None:
        self.write = client.sendall


class _Settings:
    """A serial port's settings, as PortManager sets and reads them. The lines go to the port's link."""

    def __init__(self, link: SerialLink) -> None:
        self._link = link
        self.baudrate, self.bytesize, self.parity, self.stopbits = 115200, 8, "N", 1
        self.xonxoff = self.rtscts = self.break_condition = False
        self.cts = self.dsr = self.cd = True
        self.ri = False

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("dtr", "rts"):
            self._link.set_lines(**{name: value})
        else:
            super().__setattr__(name, value)

    def reset_input_buffer(self) -> None:
        """Nothing is held here."""

    def reset_output_buffer(self) -> None:
        """Nothing is held here."""
