"""A progress bar: in the notebook's output, or on a line of the terminal."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from html import escape
from types import TracebackType
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import DisplayHandle
from typing_extensions import Self

#: The page is told at most this often.
_INTERVAL_S = 0.1


@dataclass(frozen=True)
class Bar:
    """How far something is. ``total`` 0: nobody knows."""

    title: str
    stage: str = ""
    done: int = 0
    total: int = 0
    over: str = ""

    @property
    def text(self) -> str:
        if self.over:
            return f"{self.title}: {self.over}"
        share = f" {100 * min(self.done, self.total) // self.total} %" if self.total else ""
        return f"{self.title}: {self.stage}{share}"

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        value = f' value="{min(self.done, self.total)}" max="{self.total}"' if self.total else ""
        bar = "" if self.over else f'<progress{value} style="width:16em;vertical-align:middle"></progress> '
        return f'<div role="status">{bar}{escape(self.text)}</div>'


class Progress:
    """Shows a bar while something runs inside ``with``: give it as ``progress`` to what runs."""

    def __init__(self, shell: InteractiveShell, title: str) -> None:
        self._bar = Bar(title)
        self._in_page = hasattr(shell, "kernel")
        self._handle: Any = DisplayHandle()
        self._shown_at = 0.0
        self._started_at = time.monotonic()

    def __call__(self, stage: str, done: int, total: int) -> None:
        new_stage = stage != self._bar.stage
        self._bar = replace(self._bar, stage=stage, done=done, total=total)
        if new_stage or done >= total or time.monotonic() - self._shown_at > _INTERVAL_S:
            self._show()

    def __enter__(self) -> Self:
        self._started_at = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._bar.stage:
            return  # it was refused before it began
        took_s = time.monotonic() - self._started_at
        over = f"stopped at {self._bar.stage}" if error else f"done in {took_s:.1f} s"
        self._bar = replace(self._bar, over=over)
        self._show()
        if not self._in_page:
            sys.stderr.write("\n")

    def _show(self) -> None:
        first, self._shown_at = self._shown_at == 0.0, time.monotonic()
        if self._in_page:
            (self._handle.display if first else self._handle.update)(self._bar)
        else:
            sys.stderr.write(f"\r{self._bar.text:<70}")
            sys.stderr.flush()
