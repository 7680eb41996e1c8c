"""A virtual board's port, spoken to byte by byte: what the board itself does, with no session in between."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

from typing_extensions import Self

from iotlab.link.serial import SerialLink
from iotlab.sim.client import BenchBoard

T = TypeVar("T")
GREETING = b"raw REPL; CTRL-B to exit\r\n>"


class RawPort:
    """The raw REPL of one board, classic or raw-paste."""

    def __init__(self, board: BenchBoard) -> None:
        self.board = board
        self.link = SerialLink(board.port)

    def enter(self) -> None:
        """Into the raw REPL, whatever runs."""
        self.link.write(b"\r\x03\x03\x01")
        self.until(GREETING)

    def until(self, mark: bytes, timeout_s: float = 20.0) -> bytes:
        return self.link.read_until(mark, timeout_s=timeout_s, max_size=1 << 22)

    def start(self, code: str) -> None:
        """Run ``code``; it has been taken when this returns."""
        self.link.write(code.encode() + b"\x04")
        self.until(b"OK")

    def paste(self, code: str) -> None:
        """The same in raw-paste mode. ``code`` fits in the window."""
        self.link.write(b"\x05A\x01")
        assert self.link.read_exactly(2, timeout_s=20) == b"R\x01"
        assert len(code) < int.from_bytes(self.link.read_exactly(2, timeout_s=20), "little")
        assert self.link.read_exactly(1, timeout_s=20) == b"\x01"
        self.link.write(code.encode() + b"\x04")
        self.until(b"\x04")

    def finish(self) -> tuple[str, str]:
        """What the running code printed from here on, and its traceback."""
        told = self.until(b"\x04>").removesuffix(b"\x04>")
        output, _, error = told.partition(b"\x04")
        return output.decode(), error.decode()

    def run(self, code: str) -> str:
        """What ``code`` prints; it must not raise."""
        self.start(code)
        output, error = self.finish()
        assert not error, error
        return output.replace("\r\n", "\n").removesuffix("\n")

    def close(self) -> None:
        self.link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def wait_for(value: Callable[[], T], wanted: Callable[[T], bool] = bool, timeout_s: float = 20.0) -> T:
    """``value()`` as soon as it is ``wanted``."""
    end_s = time.monotonic() + timeout_s
    while not wanted(now := value()):
        assert time.monotonic() < end_s, f"it stayed {now!r}"
        time.sleep(0.005)
    return now
