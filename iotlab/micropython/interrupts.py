"""Ctrl-C on this machine, while code runs on a board.

A ``KeyboardInterrupt`` may come between any two bytecodes, also between the halves of a message to the board.
So it is held back while one speaks with a board, and heeded where that leaves nothing half done.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

from typing_extensions import Self

from iotlab.errors import StuckError

try:  # the functions themselves: their wrappers make an enum's member of each handler, 50 µs in every call
    from _signal import getsignal as _get_handler  # type: ignore[import-not-found]
    from _signal import signal as _set_handler
except ImportError:
    from signal import getsignal as _get_handler
    from signal import signal as _set_handler


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, and the board has stopped. ``traceback`` is the board's own text, empty where its code ended."""

    def __init__(self, traceback: str = "") -> None:
        super().__init__("interrupted")
        self.traceback = traceback


class Interrupts:
    """Holds Ctrl-C back inside ``with``; :meth:`check` raises it. What nobody checked is raised at the end.

    Outside the main thread, which is the only one that a ``KeyboardInterrupt`` comes to, and where the program
    has a handler of its own, only :meth:`ask` interrupts. May be entered again inside itself.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._came = False
        self._held = False

    def __enter__(self) -> Self:
        if (
            self._depth == 0
        ):  # until the handler is set, a KeyboardInterrupt may come here, which enters nothing
            self._came = False
            if threading.current_thread() is threading.main_thread():
                self._held = _get_handler(signal.SIGINT) is signal.default_int_handler
                if self._held:
                    _set_handler(signal.SIGINT, self._note)
        self._depth += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        if self._depth == 0:
            if self._held:
                self._held = False
                _set_handler(signal.SIGINT, signal.default_int_handler)
            if isinstance(error, (KeyboardInterrupt, StuckError)):
                self._came = False  # it asked once more for what was done by then, or what cannot be done
            self.check()

    def ask(self) -> None:
        """Interrupt what is held now, from any thread, as Ctrl-C would; nothing happens where nothing is."""
        if self._depth:
            self._came = True

    def check(self) -> None:
        """Raise the ``KeyboardInterrupt`` that came meanwhile."""
        if self._came:
            self._came = False
            raise KeyboardInterrupt

    @property
    def patience_s(self) -> float:
        """How long one may wait before the next :meth:`check`."""
        return 0.05

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._came = True


@contextmanager
def let_through() -> Iterator[None]:
    """Lets Ctrl-C through at once, inside :class:`Interrupts`: for waiting for a person."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, held)
