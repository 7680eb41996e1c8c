"""The worker process: started, read, watched, ended."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from typing_extensions import Self

_PROGRAM = Path(__file__).with_name("worker") / "flasher.py"
_LEAVE_S = 5.0  # to reset the chip and close the port after a signal


class Worker:
    """``worker/flasher.py`` with these arguments. A context manager: after it, the process is gone.

    The process is ended after ``timeout_s``, and when the block is left early, by Ctrl-C for example: first
    by a signal that lets it put the chip back to work, then by force. It does not get the terminal's Ctrl-C
    itself, so that there is one who decides.
    """

    def __init__(self, arguments: Sequence[str], *, timeout_s: float) -> None:
        self._end = time.monotonic() + timeout_s
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._process = subprocess.Popen(
            [sys.executable, str(_PROGRAM), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._errors: list[str] = []
        self._readers = [
            threading.Thread(target=each, daemon=True) for each in (self._read, self._read_errors)
        ]
        for reader in self._readers:
            reader.start()
        self._finished = False
        self.timed_out = False

    def events(self) -> Iterator[dict[str, Any]]:
        """Its events as they come, until it ends or its time is over."""
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, self._end - time.monotonic()))
            except queue.Empty:
                self.timed_out = True
                return
            if line is None:
                self._finished = True
                return
            with contextlib.suppress(ValueError):
                event = json.loads(line)
                if isinstance(event, dict) and "event" in event:
                    yield event

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process, if it has not ended, and let go of its pipes. Idempotent."""
        self._wait_or(self._process.terminate, _LEAVE_S if self._finished else 0.0)
        self._wait_or(self._process.kill, _LEAVE_S)
        self._process.wait()
        for reader in self._readers:
            reader.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None and not pipe.closed:
                pipe.close()

    @property
    def said(self) -> str:
        """What it wrote to standard error, for a bug report."""
        return "".join(self._errors)

    def _wait_or(self, action: Callable[[], None], wait_s: float) -> None:
        try:
            self._process.wait(wait_s)
        except subprocess.TimeoutExpired:
            action()

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._lines.put(line)
        self._lines.put(None)

    def _read_errors(self) -> None:
        self._errors.extend(self._process.stderr or ())
