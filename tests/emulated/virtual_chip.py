"""A chip's ROM behind a serial port, without a board around it: a PTY, its modem lines, power."""

from __future__ import annotations

import os
import pty
import select
import socket
import threading
import time
import tty
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from iotlab.sim.boards.rom import BootRom


class VirtualChip:
    """``rom`` on the PTY ``folder/port`` with ``folder/port.lines`` beside it, served by a thread.

    RTS holds the chip in reset, DTR pulls its boot strap. ``booted`` has every (outcome, text) since power-on,
    ``received`` counts the bytes from the host; ``on_feed(received)`` is called before they are handed over.
    """

    def __init__(self, rom: BootRom, folder: Path) -> None:
        self.rom, self.port = rom, folder / "port"
        self.booted: list[tuple[str, bytes]] = []
        self.on_feed: Callable[[int], None] | None = None
        self.failure: BaseException | None = None
        self.received = 0
        self._dtr = self._rts = False
        self._outcome = ""
        self._again_at: float | None = None
        self._out = bytearray()
        self._changed = threading.Condition()
        self._wake_read, self._wake = os.pipe()
        self._clients: list[socket.socket] = []
        self._plug()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._stopping = self._stopped = False
        self._boot("power-on")
        self._thread.start()

    def _plug(self) -> None:
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.port.symlink_to(os.ttyname(self._slave))
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(f"{self.port}.lines")
        self._server.listen()

    def unplug(self) -> None:
        """Cable and power: the port is gone. Call it in the serving thread (``on_feed``) or after ``stop``."""
        for path in (self.port, Path(f"{self.port}.lines")):
            path.unlink(missing_ok=True)
        for fd in (self._master, self._slave):
            os.close(fd)
        for client in (*self._clients, self._server):
            client.close()
        self._clients.clear()
        self._master = -1
        self.rom.leave()
        self._stopping = True

    def stop(self) -> None:
        """End it all: cable, power, the serving thread. Idempotent."""
        if self._stopped:
            return
        self._stopped = self._stopping = True
        os.write(self._wake, b".")
        self._thread.join(10)
        assert not self._thread.is_alive()
        if self._master >= 0:
            self.unplug()
        for fd in (self._wake_read, self._wake):
            os.close(fd)
        self.rom.flash.close()
        if self.failure:
            raise self.failure

    def wait_for(self, outcome: str, *, count: int = 1, timeout_s: float = 10.0) -> bytes:
        """The text of the ``count``-th boot that ended in ``outcome``."""
        with self._changed:
            found = self._changed.wait_for(
                lambda: sum(each == outcome for each, _ in self.booted) >= count, timeout_s
            )
            assert found, f"no {outcome} number {count} in {self.booted}"
            return [text for each, text in self.booted if each == outcome][count - 1]

    def wait_until(self, condition: Callable[[], bool], *, timeout_s: float = 10.0) -> None:
        """Until ``condition`` holds; looked at whenever the chip has done something."""
        with self._changed:
            assert self._changed.wait_for(condition, timeout_s)

    def hold_boot_button(self) -> None:
        """BOOT held, EN pressed and let go: what a person does where there are no modem lines."""
        with self._changed:
            before = sum(each == "download" for each, _ in self.booted)
        self._dtr = True
        self._again_at = time.monotonic()
        os.write(self._wake, b".")
        self.wait_for("download", count=before + 1)
        self._dtr = False

    def __enter__(self) -> VirtualChip:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # -- the serving thread ---------------------------------------------------------------------

    def _serve(self) -> None:
        try:
            while not self._stopping:
                self._serve_once()
        except BaseException as error:
            self.failure = error

    def _serve_once(self) -> None:
        now = time.monotonic()
        if self._again_at is not None and now >= self._again_at:
            self._boot("watchdog")
        wait_s = 0.05 if self._again_at is None else max(0.0, min(0.05, self._again_at - now))
        readers = [self._master, self._server, self._wake_read, *self._clients]
        ready, writable, _ = select.select(readers, [self._master] if self._out else [], [], wait_s)
        if self._wake_read in ready:
            os.read(self._wake_read, 100)
        if self._server in ready:
            self._clients.append(self._server.accept()[0])
        for client in [each for each in self._clients if each in ready]:
            self._take_line(client)
        if self._master in ready:
            self._take(os.read(self._master, 65536))
        if writable and self._master >= 0:
            sent = os.write(self._master, self._out[:4096])
            del self._out[:sent]
        if self._outcome == "download" and self.rom.poll():
            self._boot("soft")
        with self._changed:
            self._changed.notify_all()

    def _take_line(self, client: socket.socket) -> None:
        message = client.recv(2)
        if not message:
            self._clients.remove(client)
            client.close()
            return
        level = message[1:] == b"1"
        if message[:1] == b"D":
            self._dtr = level
        else:
            rises = self._rts and not level
            self._rts = level
            if rises:
                self._boot("hard")
        client.sendall(b".")

    def _take(self, data: bytes) -> None:
        self.received += len(data)
        if self.on_feed:
            self.on_feed(self.received)
        if self._stopping or self._outcome != "download":
            return
        answer, resets = self.rom.feed(data)
        self._out += answer
        if resets:
            self._boot("soft")

    def _boot(self, cause: str) -> None:
        self.rom.leave()
        boot = self.rom.boot(download=self._dtr, cause=cause)
        self._outcome = boot.outcome
        self._again_at = time.monotonic() + boot.again_s if boot.outcome == "reset" else None
        self._out += boot.text
        del self._out[:-65536]  # nobody reads: a UART does not wait
        with self._changed:
            self.booted.append((boot.outcome, boot.text))
            self._changed.notify_all()
