"""What this machine answers while code runs on a board.

A program on the board may ask for something in a frame on a channel of its own, and waits for the answer on
its standard input. Whatever code it is that runs, a cell, an expression or a helper's: the session answers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from iotlab.micropython.frames import Frame


@dataclass(frozen=True)
class _Service:
    answer: Callable[[Frame], bytes]
    farewell: Callable[[], str]
    interpreter: object


class Services:
    """The services of one board, by channel. Each belongs to one interpreter, and ends with it."""

    def __init__(self) -> None:
        self._offered: dict[int, _Service] = {}

    def offer(
        self,
        channel: int,
        answer: Callable[[Frame], bytes],
        *,
        interpreter: object,
        farewell: Callable[[], str],
    ) -> None:
        """From now on give what ``answer`` returns to the program that sent a frame on ``channel``.

        ``farewell`` is called once when ``interpreter`` is gone; the next one to listen is told its text.
        """
        self._offered[channel] = _Service(answer, farewell, interpreter)

    def end(self, channel: int) -> None:
        """No longer answer on ``channel``."""
        self._offered.pop(channel, None)

    def serves(self, channel: int, interpreter: object) -> bool:
        """Whether ``interpreter`` is answered on ``channel``."""
        offered = self._offered.get(channel)
        return offered is not None and offered.interpreter == interpreter

    def answer(self, frame: Frame) -> bytes | None:
        """What the program waits for that sent ``frame``; None where it is no service's."""
        offered = self._offered.get(frame.channel)
        return offered.answer(frame) if offered else None

    def keep(self, interpreter: object) -> None:
        """It is the same interpreter under another name."""
        for channel, service in self._offered.items():
            self._offered[channel] = replace(service, interpreter=interpreter)

    def farewells(self, interpreter: object) -> str:
        """End the services of other interpreters than this one; what there is to say about it."""
        gone = [channel for channel, service in self._offered.items() if service.interpreter != interpreter]
        return "".join(self._offered.pop(channel).farewell() for channel in gone)
