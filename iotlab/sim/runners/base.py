"""The contract of what executes a board's firmware, once its ROM has found it whole.

One module per runner; it exports its class as ``RUNNER``, and its name is the ``engine`` of a bench file. Which
of them a kind of board can have says :class:`~iotlab.sim.boards.base.BoardKind`. A package outside announces the
same class in the entry point group ``iotlab.runners``.
"""

from __future__ import annotations

import functools
import socket
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from iotlab.registry import Registry
from iotlab.sim.flash import PowerCutError

if TYPE_CHECKING:
    from iotlab.sim.engine.board import VirtualBoard


class Runner(ABC):
    """Executes the firmware of ``board``: one for the life of a board, started and stopped by it.

    What it executes may ask the board over sockets (``iotlab/sim/engine/bridge.py``); the methods that answer
    for the chip as a whole do nothing here, or hand on to the board.
    """

    #: Whether there is a firmware for it that a new board has.
    preinstalls: ClassVar[bool] = False
    #: Whether it tells each flash operation, so that the power can be cut in the middle of one.
    sees_flash: ClassVar[bool] = True
    #: Whether a chip's own USB port comes up by what it executes (``ready``), and goes with it.
    enumerates: ClassVar[bool] = False

    def __init__(self, board: VirtualBoard) -> None:
        self.board = board

    @abstractmethod
    def start(self, cause: str) -> None:
        """The firmware starts; ``cause`` is "power-on", "hard", "soft", "watchdog" or "deepsleep"."""

    @abstractmethod
    def stop(self) -> None:
        """The chip resets, or its power goes: nothing is executed any more. Idempotent."""

    @abstractmethod
    def receive(self, data: bytes) -> None:
        """Bytes from the host on the board's port."""

    @abstractmethod
    def drained(self) -> None:
        """The port takes more bytes for the host again."""

    @property
    @abstractmethod
    def pid(self) -> int | None:
        """The process that executes it; None while nothing is executed."""

    def opened(self, baud: int) -> None:
        """Somebody opened the port at that speed (0: not known)."""

    def closed(self) -> None:
        """Nobody has the port open any more."""

    # -- for the bridge -----------------------------------------------------------------------

    def info(self) -> bytes:
        """What the program wants to know of its board."""
        return b"{}"

    def ready(self) -> None:
        """The program is ready for the host."""

    def started(self) -> None:
        """The program's own start is done."""

    def leaving(self) -> None:
        """The program ends in good order."""

    def interrupt_again(self) -> None:
        """The last interrupt came at a bad moment."""

    def reset(self, how: str, after_ms: int) -> None:
        """The program resets its chip; it does not go on."""
        self.board.reset(how, after_ms)

    def cut_off(self, error: PowerCutError) -> None:
        """The supply failed in the middle of a flash operation."""
        self.board.cut_off(error)

    def watchdog(self, timeout_ms: int) -> None:
        """Feed the watchdog, or start it."""
        self.board.watchdog(timeout_ms)

    def serve(self, channels: Sequence[socket.socket]) -> None:
        """Let the bridge answer what is asked on ``channels``."""
        for channel in channels:
            answer = functools.partial(self._answer, channel, bytearray())
            self.board.loop.watch(channel.fileno(), read=answer)

    def _answer(self, channel: socket.socket, waiting: bytearray) -> None:
        waiting += self.received_from(channel)
        self.board.bridge.serve(channel, waiting)

    def received_from(self, channel: socket.socket) -> bytes:
        """What came on ``channel``; at its end it is not looked at any more."""
        try:
            data = channel.recv(65536)
        except OSError:
            data = b""
        if not data:
            self.board.loop.forget(channel.fileno())
        return data


RUNNERS: Registry[type[Runner]] = Registry(
    package="iotlab.sim.runners", attribute="RUNNER", group="iotlab.runners", kind="engine"
)
