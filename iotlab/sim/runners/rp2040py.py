"""An emulated RP2040 executes what is in the flash: slow, and the genuine firmware (``iotlab/sim/rp2040``).

The serial port is the chip's own USB device: it is there once the firmware has enumerated, and gone while the
chip resets. Pulling the cable takes the port away, but the firmware is not told.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import sys
from typing import TYPE_CHECKING

from iotlab.errors import UnavailableError
from iotlab.sim.engine.child import Child
from iotlab.sim.runners.base import Runner

if TYPE_CHECKING:
    from iotlab.sim.engine.board import VirtualBoard

#: Requests, what happened on pins, who has the port open; see ``iotlab/sim/rp2040/chip.py``.
CHANNELS = 3
#: A chip whose emulator has ended is started anew after so long.
AGAIN_S = 1.0
#: Input beyond what the pipe holds: the host's driver keeps a few kilobytes for a device and then waits.
ROOM = 512
USUAL_BAUD = 115200

log = logging.getLogger(__name__)


class EmulatedRp2040(Runner):
    """A process for each start of the chip. Needs the extra ``emulators``."""

    enumerates = True

    def __init__(self, board: VirtualBoard) -> None:
        super().__init__(board)
        if importlib.util.find_spec("rp2040py") is None:
            raise UnavailableError.extra("the emulated RP2040", "emulators")
        self._chip: Child | None = None
        self._baud = 0  # at which somebody has the port open

    @property
    def pid(self) -> int | None:
        return self._chip.pid if self._chip else None

    def start(self, cause: str) -> None:
        board = self.board
        board.bridge.region = (0, board.flash.size)
        told = {
            "flash": str(board.flash.path),
            "flash_size": board.flash.size,
            "unique_id": board.unique_id.hex(),
            "buses": sorted({part.pins for part in board.layout.parts if len(part.pins) == 2}),
            "pins": sorted({part.pins[0] for part in board.layout.parts if len(part.pins) == 1}),
            "watchdog": cause == "watchdog",
        }
        self._chip = Child(
            board.loop,
            [sys.executable, "-m", "iotlab.sim.rp2040", str(os.getpid()), json.dumps(told)],
            channels=CHANNELS,
            output=self._printed,
            ended=self._ended,
            hungry=lambda waiting: board.port.hungry(waiting, ROOM),
            environment=os.environ,
            errors=False,
            slow=True,
        )
        requests, events, _ = self._chip.channels
        self.serve([requests])
        board.events.listener = events

    def stop(self) -> None:
        self._baud = 0
        self.board.port.unplug()
        if self._chip:
            self._chip.kill()
        self._chip = None
        self.board.bridge.forget()
        self.board.events.forget()

    def receive(self, data: bytes) -> None:
        if self._chip:
            self._chip.send(data)

    def drained(self) -> None:
        if self._chip:
            self._chip.resume()

    def opened(self, baud: int) -> None:
        self._baud = baud or USUAL_BAUD
        self._tell()

    def closed(self) -> None:
        self._baud = 0
        self._tell()

    def _tell(self) -> None:
        """Four bytes: the speed of the port, or 0 while nobody has it open."""
        if self._chip:
            self._chip.channels[-1].sendall(self._baud.to_bytes(4, "little"))

    def ready(self) -> None:
        """The host knows the device now."""
        self.board.port.plug()

    def reset(self, how: str, after_ms: int) -> None:
        log.info("the firmware resets the chip: %s", how)
        super().reset(how, after_ms)

    def _printed(self, data: bytes) -> None:
        self.board.port.send(data)
        if self._chip and not self.board.port.room:
            self._chip.pause()

    def _ended(self, code: int) -> None:
        log.error("the emulator ended with %d: the board resets", code)
        self.stop()
        self.board.loop.after(AGAIN_S, lambda: self.board.reset("watchdog"))


RUNNER = EmulatedRp2040
