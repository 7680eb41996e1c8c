"""The REPL as the host sees it: raw or friendly, and what is kept from the host after a soft reset.

Real firmware that is reset by Ctrl-D in the raw REPL comes back there: it runs boot.py, but not main.py,
and prints the raw REPL's greeting, not the friendly banner. Our interpreter is a new process, which knows
only the friendly start: its banner is kept back, and it is told to go to the raw REPL.
"""

from __future__ import annotations

RAW_GREETING = b"raw REPL; CTRL-B to exit\r\n>"
FRIENDLY_HINT = b"for more information.\r\n>>> "
PROMPT = b">>> "
TO_RAW = b"\x01"


class ReplOutput:
    """Takes what the interpreter prints; knows in which REPL it is."""

    def __init__(self) -> None:
        self.raw = False
        self._hiding: bytes | None = None  # what must come before the host sees anything again
        self._hidden = bytearray()
        self._tail = b""

    @property
    def open(self) -> bool:
        """Whether what the interpreter prints goes to the host."""
        return self._hiding is None

    def start(self, raw: bool) -> None:
        """Another interpreter starts."""
        self.raw, self._hiding, self._tail = raw, None, b""
        self._hidden.clear()

    def scripts_done(self) -> None:
        """The interpreter is about to greet."""
        if self.raw:
            self._hiding = PROMPT

    def take(self, data: bytes) -> tuple[bytes, bytes]:
        """What of ``data`` the host sees, and what is to be typed to the interpreter now."""
        if self._hiding is None:
            self._follow(data)
            return data, b""
        self._hidden += data
        at = self._hidden.find(self._hiding)
        if at < 0:
            return b"", b""
        if self._hiding == PROMPT:
            self._hidden.clear()
            self._hiding = RAW_GREETING
            return b"", TO_RAW
        shown = bytes(self._hidden[at:])
        self._hidden.clear()
        self._hiding = None
        return shown, b""

    def _follow(self, data: bytes) -> None:
        text = self._tail + data
        raw, friendly = text.rfind(RAW_GREETING), text.rfind(FRIENDLY_HINT)
        if raw != friendly:
            self.raw = raw > friendly
        self._tail = text[-len(RAW_GREETING) :]
