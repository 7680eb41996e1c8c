"""Cutting the power: a flash whose operations are counted, and genuine MicroPython that keeps its files there."""

from __future__ import annotations

import ast
import os
import select
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iotlab.config import Settings
from iotlab.errors import DisconnectedError, IotlabError
from iotlab.link.base import Link
from iotlab.ota import Bundle
from iotlab.ota.kinds.micropython import MODULES, device_source
from iotlab.ota.transfer import transfer
from iotlab.ota.wire import Wire
from iotlab.sim.flash import Flash, PowerCutError

#: Where in an operation the power goes: before it, in its middle, when it is done and nobody knows it yet.
TEAR_POINTS = (0.0, 0.5, 1.0)
SIZE = 64 * 4096


@dataclass
class Cut:
    """A cut: in which operation from now, and which share of it still happens."""

    after: int
    torn: float


class PipeLink(Link):
    """A link over the pipes of a process."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        super().__init__("MicroPython")
        assert process.stdin is not None
        assert process.stdout is not None
        self._in, self._out = process.stdin.fileno(), process.stdout.fileno()

    def _read(self, max_size: int, timeout_s: float) -> bytes:
        if not select.select([self._out], [], [], timeout_s)[0]:
            return b""
        data = os.read(self._out, max_size)
        if not data:
            raise DisconnectedError("MicroPython ended")
        return data

    def _write(self, data: bytes) -> None:
        os.write(self._in, data)

    def _close(self) -> None: ...


class CutBoard:
    """Genuine MicroPython with a littlefs on ``flash``."""

    def __init__(self, flash: Flash, process: subprocess.Popen[bytes], line: socket.socket) -> None:
        self.flash, self._process, self._line = flash, process, line
        self._dead = False
        self.link = PipeLink(process)
        self._server = threading.Thread(target=self._serve, daemon=True)
        self._server.start()

    # -- the flash ----------------------------------------------------------------------------

    def _serve(self) -> None:
        request = self._line.makefile("rb")
        while head := request.read(9):
            letter, place, size = struct.unpack("<cII", head)
            data = request.read(size) if letter == b"w" else b""
            try:
                answer = b"" if self._dead else self._do(letter, place, size, data)
            except PowerCutError:
                self._dead, answer = True, b""
            good = b"-" if self._dead else b"+"
            self._line.sendall(good + len(answer).to_bytes(4, "little") + answer)

    def _do(self, letter: bytes, place: int, size: int, data: bytes) -> bytes:
        """Program, erase or read all; the answer is what is there then."""
        if letter == b"r":
            return self.flash.read(0, self.flash.size)
        if letter == b"w":
            self.flash.program(place, data)
        else:
            self.flash.erase(place)
        return self.flash.read(place, size)

    @property
    def dead(self) -> bool:
        """Whether the power is gone."""
        return self._dead

    @property
    def content(self) -> bytes:
        return self.flash.path.read_bytes()

    @content.setter
    def content(self, data: bytes) -> None:
        """Solder in a flash with this content; the board is off."""
        self._dead = True
        changed = [k for k in range(0, len(data), 4096) if self.flash.read(k, 4096) != data[k : k + 4096]]
        for sector in changed:
            self.flash.erase(sector)
            self.flash.program(sector, data[sector : sector + 4096])

    # -- the board ----------------------------------------------------------------------------

    def do(self, call: str, *, timeout_s: float = 20.0) -> Any:
        """What ``call`` is on the board."""
        self.link.write(call.encode() + b"\n")
        return self._value(timeout_s)

    def _value(self, timeout_s: float = 20.0) -> Any:
        said = b""
        while not (said.endswith(b"\n") and b"\n=" in said):
            said += self.link.read(timeout_s=timeout_s)
        return ast.literal_eval(said.rsplit(b"\n=", 1)[1].decode())

    def power_on(self, cut: Cut | None = None) -> None:
        self._dead = False
        self.flash.keep_power()
        if cut:
            self.flash.cut_power(cut.after, cut.torn)
        self.do("power_on()")

    def install(self, bundle: Bundle) -> bool:
        """Install, as the host does; whether it got to its end."""
        self.link.write(b"serve()\n")
        wire = Wire(self.link, timeout_s=20.0)
        try:
            wire.ask(b"h")
            transfer(wire, bundle, None)
            done = not self._dead
        except IotlabError:
            if not self._dead:
                raise
            done = False
        wire.leave()
        self._value()
        return done


@contextmanager
def cut_board(folder: Path) -> Iterator[CutBoard]:
    """A board with a formatted flash and the loader, without an application."""
    micropython = Settings.load().micropython or Path(sys.executable).with_name("micropython")
    flash = Flash(folder / "flash", SIZE)
    ours, theirs = socket.socketpair()
    script = Path(__file__).parent / "device" / "cut_board.py"
    process = subprocess.Popen(
        [str(micropython), "-X", "heapsize=4M", str(script), str(theirs.fileno())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=[theirs.fileno()],
    )
    theirs.close()
    board = CutBoard(flash, process, ours)
    try:
        board.do("form()")
        board.power_on()
        for module in MODULES:
            board.do(f"put('/{module}.py', {device_source(module).decode()!r})")
        yield board
    finally:
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()
        process.wait(20)
        ours.shutdown(socket.SHUT_RDWR)
        board._server.join(20)
        ours.close()
        flash.close()
