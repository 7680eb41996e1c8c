"""MicroPython's unix port in the firmware's place: fast, and with its own ``machine`` module (``sim/device``).

What is in the flash is not executed. The file system is in it all the same.
"""

from __future__ import annotations

import functools
import json
import logging
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

from iotlab.sim.engine.interpreter import Interpreter, command
from iotlab.sim.engine.repl import ReplOutput
from iotlab.sim.runners.base import Runner

if TYPE_CHECKING:
    from iotlab.sim.engine.board import VirtualBoard

START = Path(__file__).parent.parent / "device" / "start.py"
CHANNELS = 5  # see device/_bench.py: four for requests, one for events
#: An interpreter that asked something so short a time ago does not wait for anything long.
CALLS_OFTEN_S = 0.002

log = logging.getLogger(__name__)


class UnixPort(Runner):
    """An interpreter process for each start of the program; a soft reset is a new one, too."""

    preinstalls = True

    def __init__(self, board: VirtualBoard) -> None:
        super().__init__(board)
        self._interpreter: Interpreter | None = None
        self._repl = ReplOutput()
        self._cause = "power-on"
        self._ending = False  # the interpreter said that it leaves in good order

    @property
    def pid(self) -> int | None:
        return self._interpreter.pid if self._interpreter else None

    def start(self, cause: str) -> None:
        self._start(cause, raw=False)

    def _start(self, cause: str, *, raw: bool) -> None:
        board = self.board
        self._cause, self._ending = cause, False
        self._repl.start(raw)
        board.bridge.region = board.rom.filesystem()
        self._interpreter = Interpreter(
            board.loop,
            command(board.micropython, START, board.layout.heap_kib or board.kind.heap_kib),
            channels=CHANNELS,
            output=self._printed,
            ended=self._ended,
            hungry=board.port.hungry,
            asking=lambda: time.monotonic() - board.bridge.called_s < CALLS_OFTEN_S,
        )
        *requests, events = self._interpreter.channels
        self.serve(requests)
        board.loop.watch(events.fileno(), read=functools.partial(self._kick, events))
        board.events.listener = events
        self.drained()

    def stop(self) -> None:
        if self._interpreter:
            self._interpreter.kill()
        self._forget()

    def _forget(self) -> None:
        self._interpreter = None
        self.board.bridge.forget()
        self.board.events.forget()

    def receive(self, data: bytes) -> None:
        if self._interpreter:
            self._interpreter.send(data)

    def drained(self) -> None:
        if self._interpreter:
            self._interpreter.resume()

    # -- the interpreter ----------------------------------------------------------------------

    def _kick(self, events: socket.socket) -> None:
        """Something was scheduled, but the interpreter waits for something else."""
        if self.received_from(events) and self._interpreter:
            self._interpreter.kick()

    def _printed(self, data: bytes) -> None:
        was_open = self._repl.open
        shown, reply = self._repl.take(data)
        self.board.port.print(shown)
        if self._interpreter is None:
            return
        if reply:
            self._interpreter.type_first(reply)
        if self._repl.open and not was_open:
            self._interpreter.take_input()
        if not self.board.port.room:
            self._interpreter.pause()

    def _ended(self, code: int) -> None:
        """The interpreter has gone: by Ctrl-D or ``sys.exit``, or it crashed."""
        raw, orderly = self._repl.raw, self._ending or code == 0
        self._forget()
        self.board.soft_reset()
        if orderly:
            self._soft_reset(raw)
        else:
            log.error("MicroPython ended with %d: the board resets", code)
            self.board.reset("watchdog")

    def _soft_reset(self, raw: bool) -> None:
        """The interpreter starts anew; the chip does not reset."""
        self.board.port.print(b"MPY: soft reboot\r\n")
        self._start("soft", raw=raw)

    # -- for the bridge -----------------------------------------------------------------------

    def info(self) -> bytes:
        board, kind = self.board, self.board.kind
        told = {
            "cause": self._cause,
            "raw": self._repl.raw,
            "unique_id": board.unique_id.hex(),
            "freq_hz": kind.freq_hz,
            "sysname": kind.sysname,
            "machine": kind.machine,
            "filesystem": board.bridge.region[1],
            "prog_size": board.rom.prog_size,
            "pins": sorted(kind.pins),
            "names": dict(kind.pin_names),
            "i2c": {str(bus): pins for bus, pins in kind.i2c_pins.items()},
        }
        return json.dumps(told).encode()

    def ready(self) -> None:
        """The interpreter has its modules and its file system: boot.py is next."""
        if self._interpreter:
            self._interpreter.take_input(interrupts_only=self._repl.raw)

    def started(self) -> None:
        """boot.py and main.py are done: the REPL is next."""
        if self._interpreter:
            self._interpreter.drain()
        self._repl.scripts_done()

    def leaving(self) -> None:
        self._ending = True

    def interrupt_again(self) -> None:
        if self._interpreter:
            self._interpreter.interrupt_again()

    def reset(self, how: str, after_ms: int) -> None:
        if how == "soft":
            raw = self._repl.raw
            self.stop()
            self.board.soft_reset()
            self._soft_reset(raw)
        else:
            super().reset(how, after_ms)


RUNNER = UnixPort
