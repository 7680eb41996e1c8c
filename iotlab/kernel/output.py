"""What a cell prints, on its way to the notebook."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

#: A line is sent at once where the one before is older than this; all else waits so long for more.
INTERVAL_S = 0.02
#: After so many messages there is no hurry any more: a cell that goes on printing waits longer.
HASTY = 25
PATIENT_S = 0.1

Send = Callable[[str, str], object]


class Stream:
    """Gathers text, so that a board that prints thousands of lines sends few messages. Order is kept.

    ``send`` publishes text under the name of a stream; ``later`` calls a function after a delay in seconds, on any
    thread.
    """

    def __init__(self, send: Send, later: Callable[[float, Callable[[], None]], object]) -> None:
        self._send, self._later = send, later
        self._lock = threading.Lock()
        self._parts: list[str] = []
        self._name = "stdout"
        self._sent_at = -1.0
        self._sent = 0
        self._due = False

    def write(self, text: str, name: str = "stdout") -> None:
        """Publish ``text`` soon."""
        with self._lock:
            if name != self._name:
                self._flush()
                self._name = name
            self._parts.append(text)
            if self._due:
                return
            pause_s = INTERVAL_S if self._sent < HASTY else PATIENT_S
            wait_s = self._sent_at + pause_s - time.monotonic() if text.endswith("\n") else pause_s
            if wait_s <= 0:
                self._flush()
            else:
                self._due = True
                self._later(wait_s, self.flush)

    def flush(self) -> None:
        """Publish what there is, now: before anything else that must stand behind it."""
        with self._lock:
            self._due = False
            self._flush()

    def _flush(self) -> None:
        if self._parts:
            text, self._parts = "".join(self._parts), []
            self._sent_at = time.monotonic()
            self._sent += 1
            self._send(text, self._name)
