"""What one cell shows in the notebook, as Jupyter's messages."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from iotlab.config import Settings
from iotlab.kernel.bounded import Bounded
from iotlab.kernel.output import Stream
from iotlab.kernel.plotted import Plotted
from iotlab.micropython.show import Bundle, Sample, Show

#: Publishes a message of a type with a content.
Publish = Callable[[str, dict[str, Any]], object]
#: Asks the user something.
Ask = Callable[[str], str]
#: Calls a function after a delay in seconds, on any thread.
Later = Callable[[float, Callable[[], None]], object]

#: Values are shown this far apart at least: a board that shows more has to wait, not the browser.
_APART_S = 0.005
#: The text of a value is cut at so many characters.
_LONG = 64 * 1024


class CellFront(Show):
    """The output of cell ``number``; a ``silent`` one shows no value. ``plot`` takes what the cell plots."""

    def __init__(
        self, number: int, publish: Publish, later: Later, ask: Ask, plot: Plotted, *, silent: bool
    ) -> None:
        super().__init__()
        self._number, self._send, self._asks, self._plots = number, publish, ask, plot
        #: Whether it shows no value.
        self.silent = silent
        self._bounded = Bounded(number, _folder, self._text, self._tell)
        self._stream = Stream(self._bounded.write, later)
        self._notices = 0
        self._shown_at = 0.0
        #: The text of the cell's value, None where it has none.
        self.result: str | None = None

    def say(self, text: str) -> None:
        """Print text."""
        self._stream.write(text)

    def note(self, text: str) -> None:
        self._stream.write(text, "stderr")

    def show(self, value: object) -> None:
        """Show an object of this machine."""
        html = getattr(value, "_repr_html_", None)
        self._display({"text/plain": str(value), **({"text/html": html()} if html else {})}, "", update=False)

    def publish(self, kind: str, content: dict[str, Any]) -> None:
        """Publish a message behind what was printed so far."""
        self._stream.flush()
        self._send(kind, content)

    def finish(self) -> None:
        """Publish what is left."""
        self._stream.flush()
        self._bounded.finish()
        self._plots.finish()

    def _result(self, value: Bundle) -> None:
        self._stream.flush()
        self._bounded.finish()
        value = _shortened(value)
        self.result = value["text/plain"]
        if not self.silent:
            self.publish("execute_result", {"execution_count": self._number, "data": value, "metadata": {}})

    def _display(self, value: Bundle, display_id: str, *, update: bool) -> None:
        self._pace()
        transient = {"display_id": display_id} if display_id else {}
        kind = "update_display_data" if update else "display_data"
        self.publish(kind, {"data": _shortened(value), "metadata": {}, "transient": transient})

    def _plot(self, sample: Sample) -> None:
        if not self._plots.open:
            self._stream.flush()  # the plot stands behind what was printed before it
        if not self._plots.take(sample):
            super()._plot(sample)

    def _clear(self, wait: bool) -> None:
        self._pace()
        self.publish("clear_output", {"wait": wait})
        self._bounded.clear()

    def _ask(self, prompt: str) -> str:
        self._stream.flush()
        return self._asks(prompt)

    def _text(self, text: str, name: str) -> None:
        self._send("stream", {"name": name, "text": text})

    def _tell(self, sentence: str, again: bool) -> None:
        """What is left out of the output; a sentence that came before gives way."""
        self._notices += not again
        content = {
            "data": {"text/plain": sentence},
            "metadata": {},
            "transient": {"display_id": f"iotlab-left-out-{self._number}-{self._notices}"},
        }
        self._send("update_display_data" if again else "display_data", content)

    def _pace(self) -> None:
        wait_s = self._shown_at + _APART_S - time.monotonic()
        if wait_s > 0:
            time.sleep(wait_s)
        self._shown_at = time.monotonic()


def _shortened(value: Bundle) -> Bundle:
    text = value["text/plain"]
    if len(text) <= _LONG:
        return value
    left = len(text) - _LONG
    head, tail = text[: _LONG - 1000], text[-1000:]
    return {**value, "text/plain": f"{head}\n... {left} characters left out here ...\n{tail}"}


def _folder() -> Path:
    """Where the whole output of cells goes that print too much for a notebook."""
    return Settings.load().state_dir / "output"
