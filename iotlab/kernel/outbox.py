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
        self._wipes = False  # what waits is to go when more comes
        self._sent_at = -1.0
        self._sent = 0
        self._due = False

    def text(self, text: str, name: str = "stdout") -> None:
        """Text for the stream ``name``; half a line waits for its end, but not for long."""
        with self._lock:
            self._wipe()
            kind, last = self._waiting[-1] if self._waiting else ("", {})
            if kind == "stream" and last["name"] == name:
                last["parts"].append(text)
            else:
                self._waiting.append(("stream", {"name": name, "parts": [text]}))
            self._send_soon(hasty=text.endswith("\n"))

    def put(self, kind: str, content: dict[str, Any]) -> None:
        """Another message. One that updates a display makes the update before it needless."""
        with self._lock:
            if kind == "update_display_data":  # no output of its own: nothing is wiped for it
                self._waiting = [m for m in self._waiting if not _updates(m, content["transient"])]
            else:
                self._wipe()
            self._waiting.append((kind, content))
            self._send_soon(hasty=True)

    def clear(self, *, wait: bool) -> None:
        """Wipe what was put out; with ``wait`` not before more comes, which it may never do."""
        with self._lock:
            if not wait:
                self._drop(wait=False)
            elif not self._is_wiped():
                self._waiting.append(("clear_output", {"wait": True}))
                self._wipes = True
            self._send_soon(hasty=True)

    def flush(self) -> None:
        """Send what there is, now."""
        with self._lock:
            self._due = False
            self._flush()

    def _wipe(self) -> None:
        """More comes: nobody needs to see what was to stay only until then."""
        if self._wipes:
            self._drop(wait=("clear_output", {"wait": False}) not in self._waiting)

    def _drop(self, *, wait: bool) -> None:
        """Drop the output that waits, and have what was sent wiped. Updates stay: another cell's display may be
        meant."""
        self._waiting = [m for m in self._waiting if m[0] == "update_display_data"]
        self._waiting.append(("clear_output", {"wait": wait}))
        self._wipes = False

    def _is_wiped(self) -> bool:
        """Whether there is no output behind the last wiping that waits."""
        kinds = [kind for kind, _ in self._waiting if kind != "update_display_data"]
        return kinds[-1:] == ["clear_output"]

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
        waiting, self._waiting, self._wipes = self._waiting, [], False
        if waiting:
            self._sent_at = time.monotonic()
            self._sent += 1
        for kind, content in waiting:
            if kind == "stream":
                content = {"name": content["name"], "text": "".join(content["parts"])}
            self._publish(kind, content)


def _updates(message: tuple[str, dict[str, Any]], display: dict[str, Any]) -> bool:
    kind, content = message
    return kind == "update_display_data" and bool(content["transient"] == display)
