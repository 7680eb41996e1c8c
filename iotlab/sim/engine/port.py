"""The serial port of a virtual board: a PTY under a name of its own, with modem lines beside it.

A PTY carries no DTR and RTS, so they travel on a Unix socket, ``<port>.lines``: a client sends two
bytes, ``D1``, ``D0``, ``R1`` or ``R0``, and gets ``.`` when the line has had its effect.
"""

from __future__ import annotations

import contextlib
import os
import pty
import select
import socket
import termios
import time
import tty
from collections.abc import Callable
from pathlib import Path

from iotlab.sim.engine.loop import Loop, Timer

#: How often we look whether somebody opened the port: nothing tells that on a PTY's master.
LOOK_S = 0.01
#: What may wait for the host: about what a UART driver and its ring buffer hold.
OUT_ROOM = 16384
#: What may wait for the board before the host has to wait.
IN_ROOM = 1 << 18
#: On a slow line, how much of its time one transfer takes, and how late a wake-up may be: a real line goes on.
TICK_S = 0.004
LATE_S = 0.02
BITS_PER_BYTE = 10  # 8N1: start bit, eight, stop bit


class Port:
    """``received(data)`` gets what the host sends; ``drained()`` is called when there is room again,
    ``opened(baud)`` and ``closed()`` when somebody opened the port, or nobody has it open any more."""

    def __init__(
        self,
        loop: Loop,
        path: Path,
        *,
        baud: int,
        received: Callable[[bytes], None],
        drained: Callable[[], None],
        opened: Callable[[int], None],
        closed: Callable[[], None],
    ) -> None:
        self._loop, self._path = loop, path
        self._received, self._drained = received, drained
        self._opened, self._closed = opened, closed
        self._byte_s = BITS_PER_BYTE / baud if baud else 0.0
        self._out = bytearray()
        self._last = 0  # the last byte that went out, to tell a lone newline
        self._client = False
        self._blocked = False
        self._hungry = True
        self._out_free_s = self._in_free_s = 0.0
        self._out_waited = self._in_waited = False  # whether there was more when the line was last busy
        self._out_wait: Timer | None = None
        self._in_wait: Timer | None = None
        self._look: Timer | None = None
        self._master = -1
        self._open()

    # -- the cable ----------------------------------------------------------------------------

    @property
    def path(self) -> Path:
        return self._path

    @property
    def plugged(self) -> bool:
        return self._master >= 0

    def unplug(self) -> None:
        """Pull the cable: the host's port hangs up and its name vanishes."""
        if self._master < 0:
            return
        self._loop.forget(self._master)
        for timer in (self._look, self._out_wait, self._in_wait):
            if timer:
                timer.cancel()
        self._path.unlink(missing_ok=True)
        os.close(self._master)
        client, self._master, self._client = self._client, -1, False
        self._out.clear()
        self._drained()
        if client:
            self._closed()

    def plug(self, path: Path | None = None) -> None:
        """Put the cable back, under another name if one is given."""
        if self._master < 0:
            self._path = path or self._path
            self._open()

    def _open(self) -> None:
        self._master, slave = pty.openpty()
        tty.setraw(slave)
        name = os.ttyname(slave)
        os.set_blocking(self._master, False)
        self._path.unlink(missing_ok=True)
        self._path.symlink_to(name)
        os.close(slave)
        self._client = self._blocked = False
        self._look_for_client()

    # -- who listens --------------------------------------------------------------------------

    def _look_for_client(self) -> None:
        poller = select.poll()
        poller.register(self._master, 0)
        hung_up = any(events & select.POLLHUP for _, events in poller.poll(0))
        if hung_up == self._client:
            self._client = not hung_up
            if self._client:
                speed = _speed(self._master)
                self._loop.after(0.0, lambda: self._opened(speed))  # it may unplug this port
            else:
                self._lost_client()
            self._watch()
        self._look = self._loop.after(LOOK_S, self._look_for_client)

    def _lost_client(self) -> None:
        """A UART with nobody at the other end: what was on its way is gone, the port is as new."""
        self._out.clear()
        self._blocked = False
        with contextlib.suppress(OSError, termios.error):
            termios.tcflush(self._master, termios.TCIOFLUSH)
            tty.setraw(self._master)
        self._drained()
        self._closed()

    def _watch(self) -> None:
        reading = self._client and self._hungry and self._in_wait is None
        self._loop.watch(
            self._master,
            read=self._read if reading else None,
            write=self._flush if self._client and self._blocked else None,
        )

    # -- to the host --------------------------------------------------------------------------

    @property
    def room(self) -> bool:
        """Whether the board may send more now."""
        return len(self._out) < OUT_ROOM

    def send(self, data: bytes) -> None:
        """Bytes to the host as they are; nobody there, they are lost, as on a real port."""
        if data and self._client:
            self._last = data[-1]
            self._out += data
            self._flush()

    def print(self, data: bytes) -> None:
        """Text to the host: a lone newline becomes CR LF, as MicroPython's ``mp_hal_stdout_tx`` makes it."""
        if not data:
            return
        lone = data[:1] == b"\n" and self._last != 0x0D
        cooked = data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        if data[:1] == b"\n" and not lone:
            cooked = cooked[1:]  # its CR went out before
        self.send(cooked)
        self._last = data[-1]

    def _flush(self) -> None:
        if self._master < 0 or self._out_wait is not None:
            return
        was_full = not self.room
        late_s = 0.0
        while self._out:
            size = len(self._out)
            if self._byte_s:
                wait_s = self._out_free_s - time.monotonic()
                if wait_s > 0:
                    self._out_wait = self._loop.after(wait_s, self._flush_later)
                    break
                late_s = min(-wait_s, LATE_S) if self._out_waited else 0.0
                size = max(1, min(size, int((TICK_S + late_s) / self._byte_s)))
            try:
                sent = os.write(self._master, self._out[:size])
            except BlockingIOError:
                sent = 0
            except OSError:
                self._out.clear()
                break
            if not sent:
                break
            del self._out[:sent]
            self._out_free_s = max(self._out_free_s, time.monotonic() - late_s) + sent * self._byte_s
        self._out_waited = self._out_wait is not None
        self._block(bool(self._out) and self._out_wait is None)
        if was_full and self.room:
            self._drained()

    def _flush_later(self) -> None:
        self._out_wait = None
        self._flush()

    def _block(self, blocked: bool) -> None:
        if blocked != self._blocked:
            self._blocked = blocked
            self._watch()

    # -- from the host ------------------------------------------------------------------------

    def hungry(self, waiting: int, room: int = IN_ROOM) -> None:
        """The board has ``waiting`` bytes that it did not take yet; from ``room`` on the host has to wait."""
        hungry = waiting < room
        if hungry != self._hungry:
            self._hungry = hungry
            if self._master >= 0:
                self._watch()

    def _read(self) -> None:
        now, late_s, size = time.monotonic(), 0.0, 65536
        if self._byte_s:
            late_s = min(max(now - self._in_free_s, 0.0), LATE_S) if self._in_waited else 0.0
            size = max(1, int((TICK_S + late_s) / self._byte_s))
        try:
            data = os.read(self._master, size)
        except BlockingIOError:
            return
        except OSError:  # the host closed it
            self._loop.watch(self._master)
            self._client = False
            self._lost_client()
            return
        if self._byte_s:
            self._in_waited = len(data) == size
            self._in_free_s = now - late_s + len(data) * self._byte_s
            self._in_wait = self._loop.after(max(0.0, self._in_free_s - now), self._read_again)
            self._watch()
        self._received(data)

    def _read_again(self) -> None:
        self._in_wait = None
        self._watch()

    def close(self) -> None:
        self.unplug()


class Lines:
    """DTR and RTS of a port. ``changed(dtr, rts)`` is called before the client gets its answer."""

    def __init__(self, loop: Loop, path: Path, changed: Callable[[bool, bool], None]) -> None:
        self._loop, self._path, self._changed = loop, path, changed
        self._levels = {"D": False, "R": False}
        self._clients: dict[socket.socket, bytearray] = {}
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(4)
        self._listener.setblocking(False)
        loop.watch(self._listener.fileno(), read=self._accept)

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            client, _ = self._listener.accept()
            client.setblocking(False)
            self._clients[client] = bytearray()
            self._loop.watch(client.fileno(), read=lambda: self._read(client))

    def _read(self, client: socket.socket) -> None:
        try:
            data = client.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(client)
            return
        waiting = self._clients[client]
        waiting += data
        while len(waiting) >= 2:
            line, level = chr(waiting[0]), waiting[1:2] == b"1"
            del waiting[:2]
            if line not in self._levels:
                self._drop(client)
                return
            self._levels[line] = level
            self._changed(self._levels["D"], self._levels["R"])
            with contextlib.suppress(OSError):
                client.send(b".")

    def _drop(self, client: socket.socket) -> None:
        """The host's port was closed: nobody asserts its lines any more."""
        self._loop.forget(client.fileno())
        client.close()
        del self._clients[client]
        if not self._clients and any(self._levels.values()):
            self._levels = {"D": False, "R": False}
            self._changed(False, False)

    def close(self) -> None:
        for client in list(self._clients):
            self._loop.forget(client.fileno())
            client.close()
        self._clients.clear()
        self._loop.forget(self._listener.fileno())
        self._listener.close()
        self._path.unlink(missing_ok=True)


def _speed(fd: int) -> int:
    """The bit rate that the host set, 0 where the terminal does not say."""
    try:
        code: int = termios.tcgetattr(fd)[5]
    except termios.error:
        return 0
    for name in dir(termios):
        if name[:1] == "B" and name[1:].isdigit() and getattr(termios, name) == code:
            return int(name[1:])
    return code
