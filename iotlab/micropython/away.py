"""A board that was unplugged while a stream ran on it: it is waited for, and asked whether the generator runs on."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from iotlab.errors import CorruptError, DisconnectedError
from iotlab.micropython.session import Session

#: How often one looks whether the board is there again.
_LOOK_S = 0.05
#: A board that is back and says nothing for so long is asked.
_ASK_S = 1.0
#: At a prompt, whichever it is, this brings the banner; a program that runs does not read it.
_QUESTION = b"\r\x02"

log = logging.getLogger(__name__)


class Absence:
    """From when the board went until the stream goes on. ``reopen`` opens its port where it is there again."""

    def __init__(self, name: str, error: DisconnectedError, patience_s: float) -> None:
        self._name, self._error = name, error
        self._end_s = time.monotonic() + patience_s
        self._back_s = self._asked_s = self._looked_s = 0.0
        log.warning("%s; it is waited for %g s", error, patience_s)

    @property
    def back(self) -> bool:
        """Whether the board is plugged in again; whether the generator still runs there is another question."""
        return self._back_s > 0

    def gone(self) -> None:
        """It is away again, and nothing of the stream came in between."""
        self._back_s = self._asked_s = 0.0

    def wait(self, reopen: Callable[[Session], bool], session: Session, timeout_s: float) -> None:
        """Look for the board, ``timeout_s`` at most. ``DisconnectedError`` where it stays away."""
        end_s = time.monotonic() + timeout_s
        while not self.back and (now_s := time.monotonic()) <= end_s:
            if now_s > self._end_s:
                raise self._error
            if now_s < self._looked_s + _LOOK_S:
                time.sleep(self._looked_s + _LOOK_S - now_s)  # no system tells when a port appears
            self._looked_s = time.monotonic()
            if reopen(session):
                self._back_s = time.monotonic()

    def ask(self, session: Session) -> None:
        """Nothing of the stream came since the board is back: has it ended? It says so where it has."""
        if not self._asked_s and time.monotonic() - self._back_s > _ASK_S:
            self._asked_s = time.monotonic()
            session.repl.littered = True  # the next call finds the prompt anew
            session.link.write(_QUESTION)

    def ended(self, session: Session) -> CorruptError:
        """The board is at its prompt: the stream ended meanwhile. Raises the loss where variables were lost too."""
        session.repl.littered = False  # the question was read, and the banner came
        session.see_whether_it_restarted()
        return CorruptError(
            f"the stream {self._name} ended while its board was unplugged, and how is not known: start it again"
        )
