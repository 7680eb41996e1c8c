"""A board with nothing on it, and a folder of this machine to copy from and to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import iotlab
from iotlab.micropython.board import MicroPythonBoard

EVERY = bytes(range(256)) * 20


@contextmanager
def emptied_board(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MicroPythonBoard]:
    """The bench's ESP32; the current folder is one in ``folder`` then, and mpremote's settings are there too."""
    here = folder / "here"
    here.mkdir()
    (here / "hello.py").write_text("print('hello')\n")
    (here / "every.bin").write_bytes(EVERY)
    monkeypatch.chdir(here)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    with iotlab.connect("esp32") as board:
        assert isinstance(board, MicroPythonBoard)
        board.reset()
        board.files.remove("/", recursive=True)
        yield board


def paths(board: MicroPythonBoard) -> list[str]:
    """Every file on the board."""
    return sorted(entry.path for entry in board.files.walk())
