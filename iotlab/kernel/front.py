"""What one cell shows in the notebook, as Jupyter's messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from iotlab.kernel.output import Stream
from iotlab.micropython.show import Bundle, Show

#: Publishes a message of a type with a content.
Publish = Callable[[str, dict[str, Any]], object]
#: Asks the user something.
Ask = Callable[[str], str]
#: Calls a function after a delay in seconds, on any thread.
Later = Callable[[float, Callable[[], None]], object]


class CellFront(Show):
    """The output of cell ``number``; a ``silent`` one shows no value."""

    def __init__(self, number: int, publish: Publish, later: Later, ask: Ask, *, silent: bool) -> None:
        super().__init__()
        self._number, self._send, self._asks = number, publish, ask
        #: Whether it shows no value.
        self.silent = silent
        self._stream = Stream(lambda text: publish("stream", {"name": "stdout", "text": text}), later)
        #: The text of the cell's value, None where it has none.
        self.result: str | None = None

    def say(self, text: str) -> None:
        """Print text."""
        self._stream.write(text)

    def note(self, text: str) -> None:
        self.publish("stream", {"name": "stderr", "text": text})

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

    def _result(self, value: Bundle) -> None:
        self.result = value["text/plain"]
        if not self.silent:
            self.publish("execute_result", {"execution_count": self._number, "data": value, "metadata": {}})

    def _display(self, value: Bundle, display_id: str, *, update: bool) -> None:
        transient = {"display_id": display_id} if display_id else {}
        kind = "update_display_data" if update else "display_data"
        self.publish(kind, {"data": value, "metadata": {}, "transient": transient})

    def _clear(self, wait: bool) -> None:
        self.publish("clear_output", {"wait": wait})

    def _ask(self, prompt: str) -> str:
        self._stream.flush()
        return self._asks(prompt)
