"""What a tool is asked to do. Runs in the tool's own environment: standard library only."""

from __future__ import annotations

import binascii
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator

from benchmarks import programs

BAUD = 115200
#: What a tool sends and asks for at once where its caller may choose. mpytool chooses by the board's free
#: memory and takes 32 KiB here; the others get the same.
CHUNK = 32768

#: Gets what a program prints, as it comes.
Take = Callable[[bytes], object]


class UnableError(Exception):
    """The tool has no such thing."""


class Tool(ABC):
    """A tool with the port of a board open, ready to run code."""

    @abstractmethod
    def __init__(self, port: str) -> None: ...

    @abstractmethod
    def evaluate(self, expression: str) -> object:
        """The value of ``expression`` on the board, as an object here."""

    @abstractmethod
    def put(self, path: str, data: bytes) -> None:
        """Write a file on the board."""

    @abstractmethod
    def get(self, path: str) -> bytes:
        """Read a file from the board."""

    @abstractmethod
    def listen(self, program: str, take: Take) -> None:
        """Run ``program`` on the board to its end."""

    @abstractmethod
    def close(self) -> None: ...

    def blocks(self, spec: programs.Spec, take: Take) -> int:
        """Stream packed samples: ``take`` gets blocks of them. Returns how many the board says it sent.

        Every tool can do this: the board's program packs, and prints each block in base64.
        """
        lines = Lines(lambda line: take(binascii.a2b_base64(line)))
        self.listen(spec.packed(), lines.take)
        return lines.count

    def items(self, spec: programs.Spec) -> Iterator[tuple[int, float]]:
        """Iterate over a generator that runs on the board, where the tool offers that."""
        raise UnableError


class Lines:
    """Cuts what comes into lines. The last one, ``end N``, tells how many samples there were."""

    def __init__(self, each: Callable[[bytes], object]) -> None:
        self._each = each
        self._rest = b""
        self.count = -1

    def take(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b"end "):
                self.count = int(line[4:])
            else:
                self._each(line)
