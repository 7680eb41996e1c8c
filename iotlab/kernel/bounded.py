"""A bound to what one cell may put into a notebook."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

from iotlab.kernel.overflow import Overflow

#: So many characters of a cell are shown as they come; JupyterLab stays quick with them.
HEAD = 256 * 1024
#: How often the user is told how much came since.
_TOLD_EVERY_S = 1.0

#: Takes text for the stream of a name.
Send = Callable[[str, str], object]
#: Shows a sentence that takes the place of the one before: the sentence, and whether there was one before.
Tell = Callable[[str, bool], object]


class Bounded:
    """Passes the head of a cell's output on, keeps the rest in a file, and its end for when the cell is over.

    ``send`` publishes text; ``tell`` says what is left out; files go to ``folder``.
    """

    def __init__(self, number: int, folder: Callable[[], Path], send: Send, tell: Tell) -> None:
        self._number, self._folder, self._send, self._tell = number, folder, send, tell
        self._lock = threading.RLock()
        self._head: list[str] = []
        self._shown = 0
        self._over: Overflow | None = None
        self._told_at = 0.0

    def write(self, text: str, name: str) -> None:
        """Publish ``text``, or keep it."""
        with self._lock:
            if self._over is None:
                room = HEAD - self._shown
                part = text if len(text) <= room else text[: text.rfind("\n", 0, room) + 1 or room]
                self._head.append(text)
                self._shown += len(part)
                if part:
                    self._send(part, name)
                if len(part) < len(text):
                    self._overflow()
                return
            self._over.write(text)
            if time.monotonic() - self._told_at > _TOLD_EVERY_S:
                self._say(again=True)

    def clear(self) -> None:
        """What was shown was wiped: begin anew."""
        with self._lock:
            self._end()
            self._head, self._shown = [], 0

    def finish(self) -> None:
        """The cell ended: show the end of what was left out. Idempotent."""
        with self._lock:
            over, shown = self._over, self._shown
            if over:
                tail = over.tail(shown)
                self._shown = shown + len(tail)
                self._say(again=True)
                self._send(tail, "stdout")
            self._end()

    def _overflow(self) -> None:
        self._over = Overflow(self._folder(), self._number)
        for part in self._head:
            self._over.write(part)
        self._head = []
        self._say(again=False)

    def _say(self, *, again: bool) -> None:
        if self._over:
            self._told_at = time.monotonic()
            self._tell(self._over.told(self._shown), again)

    def _end(self) -> None:
        if self._over:
            self._over.close()
            self._over = None
