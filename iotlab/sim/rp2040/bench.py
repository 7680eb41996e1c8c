"""What the chip asks of its board: the requests of ``iotlab/sim/engine/bridge.py``, from the other end."""

from __future__ import annotations

import socket
from itertools import count

from iotlab.sim.engine.bridge import ANSWER, OK, REQUEST

#: The operations that a chip without an operating system needs, by their numbers there.
READY, RESET, TAKE_EVENTS = 2, 6, 7
PIN_SET_UP, PIN_READ, PIN_WATCH, ADC, PWM = 16, 18, 19, 20, 21
I2C_WRITE, I2C_READ = 32, 33
FLASH_WRITE, FLASH_ERASE = 49, 51


class RefusedError(Exception):
    """The board could not do it: nothing acknowledged, or what is wired there is not modelled."""


class Bench:
    """Asks over ``channel`` and waits for the answer."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._numbers = count()

    def ask(self, operation: int, a: int = 0, b: int = 0, c: int = 0, data: bytes = b"") -> tuple[int, bytes]:
        """The value and the bytes of the answer. ``RefusedError``: the board's log tells why.

        A board that is going does not answer: this process ends then.
        """
        number = next(self._numbers) & 0xFFFF
        self._channel.sendall(REQUEST.pack(number, operation, a, b, c, len(data)) + data)
        told, status, value, size = ANSWER.unpack(self._exactly(ANSWER.size))
        answer = self._exactly(size)
        if told != number:
            raise SystemExit("the board answered another question")
        if status != OK:
            raise RefusedError(f"operation {operation}: {answer.decode(errors='replace') or value}")
        return value, answer

    def tell(self, operation: int, a: int = 0, b: int = 0, c: int = 0, data: bytes = b"") -> None:
        """The same where nothing is answered but that it was done."""
        self.ask(operation, a, b, c, data)

    def reset(self, how: str) -> None:
        """The chip resets: the board ends this process and decides what comes."""
        self.tell(RESET, data=how.encode())

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self._channel.recv(size - len(data))
            if not part:
                raise SystemExit(0)
            data += part
        return data
