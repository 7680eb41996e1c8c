"""What one cell shows in the notebook, as Jupyter's messages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from iotlab.config import Settings
from iotlab.kernel.bounded import Bounded
from iotlab.kernel.outbox import Later, Outbox, Publish
from iotlab.kernel.plotted import Plotted
from iotlab.micropython.show import Bundle, Sample, Show

#: Asks the user something.
Ask = Callable[[str], str]

#: So many values of a cell are shown; a page with more is slow.
MOST_VALUES = 1000
#: The text of a value is cut at so many characters.
_LONG = 48 * 1024


class CellFront(Show):
    """The output of cell ``number``; a ``silent`` one shows no value. ``plot`` takes what the cell plots."""

    def __init__(
        self, number: int, publish: Publish, later: Later, ask: Ask, plot: Plotted, *, silent: bool
    ) -> None:
        super().__init__()
        self._number, self._asks, self._plots = number, ask, plot
        #: Whether it shows no value.
        self.silent = silent
        self._outbox = Outbox(publish, later)
        self._bounded = Bounded(number, _folder, self._outbox.text, self._tell)
        self._notices = 0
        self._values = 0
        #: The text of the cell's value, None where it has none.
        self.result: str | None = None

    def say(self, text: str) -> None:
        """Print text."""
        self._bounded.write(text, "stdout")

    def note(self, text: str) -> None:
        self._bounded.write(text, "stderr")

    def show(self, value: object) -> None:
        """Show an object of this machine."""
        html = getattr(value, "_repr_html_", None)
        self._display({"text/plain": str(value), **({"text/html": html()} if html else {})}, "", update=False)

    def publish(self, kind: str, content: dict[str, Any]) -> None:
        """Publish a message behind what was put out so far."""
        self._outbox.put(kind, content)
        self._outbox.flush()

    def finish(self) -> None:
        """Publish what is left. Idempotent."""
        self._bounded.finish()
        self._outbox.flush()
        self._plots.finish()

    def _result(self, value: Bundle) -> None:
        self._bounded.finish()
        value = _shortened(value)
        self.result = value["text/plain"]
        if not self.silent:
            self.publish("execute_result", {"execution_count": self._number, "data": value, "metadata": {}})

    def _display(self, value: Bundle, display_id: str, *, update: bool) -> None:
        self._values += not update
        if self._values > MOST_VALUES and not update:
            if self._values == MOST_VALUES + 1:
                self.note(
                    f"... more than {MOST_VALUES} values: the others are left out; clear_output() makes room\n"
                )
            return
        transient = {"display_id": display_id} if display_id else {}
        kind = "update_display_data" if update else "display_data"
        self._outbox.put(kind, {"data": _shortened(value), "metadata": {}, "transient": transient})

    def _plot(self, sample: Sample) -> None:
        if not self._plots.open:
            self._outbox.flush()  # the plot stands behind what was put out before it
        if not self._plots.take(sample):
            super()._plot(sample)

    def _clear(self, wait: bool) -> None:
        if wait:  # what there is stays, maybe for good
            self._bounded.finish()
        self._bounded.clear()
        self._values = 0
        self._outbox.clear(wait=wait)

    def _ask(self, prompt: str) -> str:
        self._outbox.flush()
        return self._asks(prompt)

    def _tell(self, sentence: str, again: bool) -> None:
        """What is left out of the output; a sentence that came before gives way."""
        self._notices += not again
        content = {
            "data": {"text/plain": sentence},
            "metadata": {},
            "transient": {"display_id": f"iotlab-left-out-{self._number}-{self._notices}"},
        }
        self._outbox.put("update_display_data" if again else "display_data", content)


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
