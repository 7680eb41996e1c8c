"""What mpremote prints, on its way to whoever asked for it.

mpremote prints to the standard output of its process. While a command runs, what its thread prints is taken;
what other threads print goes where it went before.
"""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from iotlab.board import Output


class Printed:
    """All that was printed; ``output`` got it as it came. What went to the standard error is kept back."""

    def __init__(self, output: Output | None) -> None:
        self._output = output
        self._out: list[str] = []
        self._error: list[str] = []

    def say(self, text: str) -> None:
        """Print ``text``."""
        self._out.append(text)
        if self._output:
            self._output(text)

    def complain(self, text: str) -> None:
        """``text`` went to the standard error."""
        self._error.append(text)

    @property
    def text(self) -> str:
        return "".join(self._out)

    @property
    def last_words(self) -> str:
        """The last line of an error, else of the output, with the one before where that announces it."""
        for said in ("".join(self._error), self.text):
            lines = [line.strip() for line in said.split("\n") if line.strip()]
            if lines:
                return " ".join(lines[-2:] if lines[-2:-1] and lines[-2].endswith(":") else lines[-1:])
        return ""

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Take what this thread prints."""
        out, error = sys.stdout, sys.stderr
        ours = _Stream(self.say, out), _Stream(self.complain, error)
        sys.stdout, sys.stderr = ours
        try:
            yield
        finally:
            # somebody else may have replaced them meanwhile, and puts ours back: it passes all on then
            for stream in ours:
                stream.over = True
            if sys.stdout is ours[0]:
                sys.stdout = out
            if sys.stderr is ours[1]:
                sys.stderr = error


class _Stream(io.TextIOBase):
    """Stands for a standard stream: without a ``buffer``, so that mpremote writes text."""

    def __init__(self, say: Output, before: Any) -> None:
        self._say, self._before, self._thread = say, before, threading.get_ident()
        self.over = False

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self.over or threading.get_ident() != self._thread:
            return int(self._before.write(text) or 0)
        self.over = True  # whoever gets the text may print it
        try:
            self._say(text)
        finally:
            self.over = False
        return len(text)

    def flush(self) -> None:
        if self._before is not None:
            self._before.flush()
