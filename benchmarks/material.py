"""The bytes that are copied: the same in every round, for every tool."""

from __future__ import annotations

import hashlib
import inspect
import random
from dataclasses import dataclass
from types import ModuleType

KIB = 1024


@dataclass(frozen=True)
class Material:
    """A file's content, and where it goes on the board."""

    path: str
    data: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


def random_bytes(size: int) -> bytes:
    """Seeded: no tool can compress it, and each byte value occurs."""
    return random.Random(64).randbytes(size)


def source_text(size: int) -> bytes:
    """Python as people write it: the first ``size`` bytes of modules of the standard library."""
    import argparse
    import textwrap

    text = b"".join(_source(module) for module in (textwrap, argparse))
    if len(text) < size:
        raise ValueError(f"there are {len(text)} bytes of source text, not {size}")
    return text[:size]


def material(kind: str, size: int, *, ram: bool = False) -> Material:
    """``kind`` is "random" or "source"; with ``ram`` it goes to the board's RAM disk."""
    name, make = {"random": ("data.bin", random_bytes), "source": ("data.txt", source_text)}[kind]
    return Material(f"/ram/{name}" if ram else f"/{name}", make(size))


def _source(module: ModuleType) -> bytes:
    return inspect.getsource(module).encode()
