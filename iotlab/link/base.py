"""The contract of a link: a byte stream to one board."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from types import TracebackType

from typing_extensions import Self

from iotlab.errors import ClosedError, DeadlineError, DisconnectedError

#: What is asked of a port at once, so that no system call is made for single bytes.
_BULK = 65536
#: What came before the other end went away is read first; so much of it at most, as it may never end.
_MOST_AHEAD = 1 << 20


class Link(ABC):
    """A byte stream to one board. One reader at a time, one writer at a time.

    Subclasses supply three hooks: ``_read``, ``_write`` and ``_close``. A link that has modem lines
    also overrides :meth:`set_lines` and sets ``has_lines``. ``paced`` says whether the far end holds the
    writer back while its buffer is full, so that what is written is not lost; where that is not known, it is
    not set. ``options`` names what :func:`iotlab.link.open_link` hands to the class besides the port.
    """

    has_lines: bool = False
    paced: bool = False
    options: tuple[str, ...] = ()

    def __init__(self, name: str) -> None:
        self.name = name
        #: Whether the other end was seen to be gone: then only another link reaches it.
        self.lost = False
        self._closed = False
        self._ahead, self._taken = b"", 0  # what was read in bulk, and how much of it callers have

    # -- what callers use ---------------------------------------------------------------------

    def read(self, max_size: int = 65536, *, timeout_s: float) -> bytes:
        """1 to ``max_size`` bytes as they come.

        Raises ``DeadlineError`` when none came in ``timeout_s``, ``DisconnectedError`` when the
        other end is gone, ``ClosedError`` after ``close``.
        """
        self._check_open()
        if self._taken == len(self._ahead):
            self._ahead, self._taken = self._read_or_note(_BULK, timeout_s), 0
            if not self._ahead:
                raise DeadlineError(f"nothing came from {self.name} in {timeout_s:g} s")
        data = self._ahead[self._taken : self._taken + max_size]
        self._taken += len(data)
        return data

    def read_now(self) -> bytes:
        """What has come already; empty where nothing has."""
        self._check_open()
        data, self._ahead, self._taken = self._ahead[self._taken :], b"", 0
        return data or self._read_or_note(_BULK, 0.0)

    def look(self) -> None:
        """See whether the other end is still there: ``DisconnectedError`` where not. What came stays to be read."""
        self._check_open()
        while len(self._ahead) - self._taken < _MOST_AHEAD and (more := self._read_or_note(_BULK, 0.0)):
            self._ahead, self._taken = self._ahead[self._taken :] + more, 0

    def read_exactly(self, size: int, *, timeout_s: float) -> bytes:
        """``size`` bytes; ``DeadlineError.partial`` has what came if it was less."""
        end = time.monotonic() + timeout_s
        data = b""
        while len(data) < size:
            data += self._read_or_raise(size - len(data), end, timeout_s, data)
        return data

    def read_until(self, mark: bytes, *, timeout_s: float, max_size: int = 1 << 20) -> bytes:
        """Everything up to and including ``mark``: what follows it stays for the next read."""
        end = time.monotonic() + timeout_s
        data = bytearray()
        while not data.endswith(mark):
            if len(data) >= max_size:
                raise DeadlineError(f"{mark!r} did not come in {max_size} bytes", partial=bytes(data))
            data += self._read_or_raise(1, end, timeout_s, bytes(data))
        return bytes(data)

    def write(self, data: bytes) -> None:
        """All of ``data``, or ``DisconnectedError``."""
        self._check_open()
        if data:
            try:
                self._write(data)
            except DisconnectedError:
                self.lost = True
                raise

    def set_lines(self, *, dtr: bool | None = None, rts: bool | None = None) -> None:
        """Set the modem lines (True is asserted). Only where ``has_lines``; else nothing happens."""

    def close(self) -> None:
        """Let go of the port. Idempotent."""
        if not self._closed:
            self._closed = True
            self._close()

    @property
    def closed(self) -> bool:
        return self._closed

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- hooks --------------------------------------------------------------------------------

    @abstractmethod
    def _read(self, max_size: int, timeout_s: float) -> bytes:
        """1 to ``max_size`` bytes, or ``b""`` when none came in time."""

    @abstractmethod
    def _write(self, data: bytes) -> None:
        """All of ``data``."""

    @abstractmethod
    def _close(self) -> None: ...

    # -- details ------------------------------------------------------------------------------

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError(f"the link to {self.name} was closed: connect again")

    def _read_or_note(self, max_size: int, timeout_s: float) -> bytes:
        try:
            return self._read(max_size, timeout_s)
        except DisconnectedError:
            self.lost = True
            raise

    def _read_or_raise(self, size: int, end: float, timeout_s: float, sofar: bytes) -> bytes:
        try:
            return self.read(size, timeout_s=max(0.0, end - time.monotonic()))
        except DeadlineError:
            raise DeadlineError(
                f"only {len(sofar)} bytes came from {self.name} in {timeout_s:g} s", partial=sofar
            ) from None
