"""What a cell puts out, on its way to the notebook: in few messages, in order, and soon."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

#: What comes is sent at once where the last message is older than this; else it waits so long for more.
INTERVAL_S = 0.02
#: After so many messages there is no hurry any more: a cell that goes on waits longer.
HASTY = 25
PATIENT_S = 0.1

#: Publishes a message of a type with a content.
Publish = Callable[[str, dict[str, Any]], object]
#: Calls a function after a delay in seconds, on any thread.
Later = Callable[[float, Callable[[], None]], object]


class Outbox:
    """Gathers messages, so that a board that prints thousands of lines sends few. Order is kept.

    What would be wiped, or take the place of something, before anybody saw it, is never sent: a cell may
    draw as fast as it likes. ``later`` may call from any thread.
    """

    def __init__(self, publish: Publish, later: Later) -> None:
        self._publish, self._later = publish, later
        self._lock = threading.Lock()
        self._waiting: list[tuple[str, dict[str, Any]]] = []
        self._sent_at = -1.0
        self._sent = 0
        self._due = False

    def text(self, text: str, name: str = "stdout") -> None:
        """Text for the stream ``name``; half a line waits for its end, but not for long."""
        with self._lock:
            kind, last = self._waiting[-1] if self._waiting else ("", {})
            if kind == "stream" and last["name"] == name:
                last["parts"].append(text)
            else:
                self._waiting.append(("stream", {"name": name, "parts": [text]}))
            self._send_soon(hasty=text.endswith("\n"))

    def put(self, kind: str, content: dict[str, Any]) -> None:
        """Another message. One that updates a display takes the place of the update before it."""
        with self._lock:
            place = self._updated(kind, content)
            if place is None:
                self._waiting.append((kind, content))
            else:
                self._waiting[place] = (kind, content)
            self._send_soon(hasty=True)

    def clear(self, *, wait: bool) -> None:
        """Wipe what was put out; with ``wait`` when more comes."""
        with self._lock:
            was_due = any(kind == "clear_output" and not content["wait"] for kind, content in self._waiting)
            self._waiting = [("clear_output", {"wait": wait and not was_due})]
            self._send_soon(hasty=True)

    def flush(self) -> None:
        """Send what there is, now."""
        with self._lock:
            self._due = False
            self._flush()

    def _updated(self, kind: str, content: dict[str, Any]) -> int | None:
        """Where an update of the same display waits."""
        if kind != "update_display_data":
            return None
        wanted = content["transient"]
        return next(
            (n for n, (k, c) in enumerate(self._waiting) if k == kind and c["transient"] == wanted), None
        )

    def _send_soon(self, *, hasty: bool) -> None:
        if self._due:
            return
        pause_s = INTERVAL_S if self._sent < HASTY else PATIENT_S
        wait_s = self._sent_at + pause_s - time.monotonic() if hasty else pause_s
        if wait_s <= 0:
            self._flush()
        else:
            self._due = True
            self._later(wait_s, self.flush)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._sent_at = time.monotonic()
            self._sent += 1
        for kind, content in waiting:
            if kind == "stream":
                content = {"name": content["name"], "text": "".join(content["parts"])}
            self._publish(kind, content)
