"""A progress bar that shows itself: in the output of a notebook's cell, else as a line of the terminal."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from html import escape
from types import TracebackType
from typing import Any

from typing_extensions import Self

#: It is drawn anew at most this often.
_INTERVAL_S = 0.1
_TERMINAL_CELLS = 24

# JupyterLab's theme where there is one; else colours that do on light and dark ground (Voila, GitHub).
_ROW = "display:flex;align-items:center;gap:.8em;margin:.3em 0;color:var(--jp-ui-font-color1,inherit)"
_TRACK = "flex:0 0 16em;height:.55em;border-radius:.3em;overflow:hidden;background:rgba(127,137,150,.25)"
_FILL = "height:100%;border-radius:.3em;background:{colour};width:{width}%"
_COLOURS = {
    "under way": "var(--jp-brand-color1,#1668c7)",
    "done": "var(--jp-success-color1,#2b8a3e)",
    "stopped": "var(--jp-error-color1,#c92a2a)",
}


@dataclass(frozen=True)
class Bar:
    """How far something is. ``total`` is 0 where nobody knows; ``state`` is under way, done or stopped."""

    title: str
    stage: str = ""
    done: int = 0
    total: int = 0
    took_s: float = 0.0
    state: str = "under way"

    @property
    def share(self) -> float:
        """0 to 1; 0 where nobody knows."""
        if self.state == "done":
            return 1.0
        return min(self.done, self.total) / self.total if self.total else 0.0

    @property
    def text(self) -> str:
        """What stands beside the bar."""
        if self.state == "done":
            return f"{self.title}: done in {self.took_s:.1f} s"
        if self.state == "stopped":
            return f"{self.title}: stopped at {self.stage or 'the start'} after {self.took_s:.1f} s"
        share = f" {self.share:.0%}" if self.total else ""
        return f"{self.title}: {self.stage or 'starting'}{share}"

    def __str__(self) -> str:
        full = round(self.share * _TERMINAL_CELLS)
        return f"{'█' * full}{'░' * (_TERMINAL_CELLS - full)} {self.text}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        percent = round(100 * self.share)
        fill = _FILL.format(colour=_COLOURS[self.state], width=percent)
        return (
            f'<div style="{_ROW}"><div role="progressbar" aria-valuenow="{percent}" aria-valuemin="0" '
            f'aria-valuemax="100" aria-label="{escape(self.title)}" style="{_TRACK}"><div style="{fill}"></div></div>'
            f"<span>{escape(self.text)}</span></div>"
        )


def progress_bar(title: str) -> ProgressBar:
    """A bar for as long as a ``with`` runs; give it as ``progress`` to what runs.

    >>> with progress_bar("esp32") as bar:
    ...     bar("write", 512, 1024)
    """
    return ProgressBar(title)


class ProgressBar:
    """See ``progress_bar``."""

    def __init__(self, title: str) -> None:
        self._bar = Bar(title)
        self._begun = False
        self._handle = _notebook_handle()
        self._drawn_at = self._started_at = time.monotonic()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """``done`` of ``total`` (0: unknown) of ``stage``: the shape of ``iotlab.board.Progress``."""
        news = stage != self._bar.stage or done >= total
        self._bar = replace(self._bar, stage=stage, done=done, total=total)
        if news or time.monotonic() - self._drawn_at >= _INTERVAL_S:
            self._draw()

    def __enter__(self) -> Self:
        self._started_at = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._begun and kind:
            return  # refused before it began: the error says it all
        took_s = time.monotonic() - self._started_at
        self._bar = replace(self._bar, took_s=took_s, state="stopped" if kind else "done")
        self._draw()
        if not self._handle:
            sys.stderr.write("\n")
            sys.stderr.flush()

    def _draw(self) -> None:
        self._drawn_at = time.monotonic()
        first, self._begun = not self._begun, True
        if self._handle:
            (self._handle.display if first else self._handle.update)(self._bar)
        elif sys.stderr.isatty() or self._bar.state != "under way":
            # A log file gets the last line alone.
            sys.stderr.write(f"\r{self._bar!s:<78}" if sys.stderr.isatty() else str(self._bar))
            sys.stderr.flush()


def _notebook_handle() -> Any:
    """What draws into a cell's output; None outside a notebook. IPython is not loaded for this."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if getattr(shell, "kernel", None) is None:
        return None
    from IPython.display import DisplayHandle

    return DisplayHandle()
