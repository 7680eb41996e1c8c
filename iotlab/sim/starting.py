"""Starts the processes of a bench, and ends them."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iotlab import errors
from iotlab.config import Settings
from iotlab.errors import DeadlineError, IotlabError
from iotlab.sim.boards import base
from iotlab.sim.engine import process
from iotlab.sim.layout import BenchLayout, BoardLayout
from iotlab.sim.running import RunningBench, RunningBoard, remove_folder

#: The registry of a bench whose boards are not all up yet.
STARTING = "starting.json"
#: A board may fetch its firmware at its very first start.
START_S = 240.0
STOP_S = 5.0


@dataclass
class _Coming:
    """A board that was started: ``ready`` gets its lines, ``text`` is what of them was read."""

    layout: BoardLayout
    places: dict[str, str]
    ready: int
    text: bytes = b""


class Starting:
    """All boards of a bench come up, or none stays."""

    def __init__(self, settings: Settings, folder: Path, name: str, owner: bool) -> None:
        self._settings, self._folder, self._name = settings, folder, name
        self._owner = os.getpid() if owner else None
        self._coming: list[_Coming] = []
        self._boards: list[RunningBoard] = []
        self._alive: list[int] = []

    def start(self, layout: BenchLayout) -> tuple[RunningBench, tuple[int, ...]]:
        """The bench, and our ends of the pipes that tell its boards that this process is there."""
        try:
            for board in layout.boards:
                self._coming.append(self._spawn(board))
            self._boards.extend(self._started(board) for board in self._coming)
            told = RunningBench(
                self._name, self._boards, self._owner, process.started(self._owner) if self._owner else ""
            )
            told.write(self._folder, STARTING)
            for coming in self._coming:
                self._line(coming)
            told.write(self._folder)
            (self._folder / STARTING).unlink()
        except BaseException:
            stop_boards(self._boards)
            remove_folder(self._folder)
            for fd in self._alive:
                os.close(fd)
            raise
        finally:
            for coming in self._coming:
                os.close(coming.ready)
        return told, tuple(self._alive)

    def _spawn(self, board: BoardLayout) -> _Coming:
        """Start the process of a board. It leaves this one at once: its first line tells its pid."""
        place = self._folder / board.name
        places = {
            "port": place.with_suffix(".tty"),
            "control": place.with_suffix(".control"),
            "drive": place.with_suffix(".drive"),
            "flash": self._settings.flash_dir(self._name) / f"{board.name}.flash",
            "world": self._folder / "world.json",
        }
        coming = _Coming(board, {key: str(path) for key, path in places.items()}, -1)
        coming.ready, ready = os.pipe()
        inherited = [ready]
        told: dict[str, Any] = {
            "layout": board.to_dict(),
            "places": coming.places,
            "micropython": str(self._settings.micropython or ""),
            "ready": ready,
            "owner": None,
        }
        if self._owner:
            told["owner"], ours = os.pipe()
            inherited.append(told["owner"])
            self._alive.append(ours)
        config = place.with_suffix(".json")
        config.write_text(json.dumps(told))
        try:
            with open(place.with_suffix(".log"), "wb") as log:
                subprocess.run(
                    [sys.executable, "-m", "iotlab.sim.engine", str(config)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=inherited,
                    start_new_session=True,
                    check=False,  # what went wrong is in the log
                )
        finally:
            for fd in inherited:
                os.close(fd)
        return coming

    def _started(self, coming: _Coming) -> RunningBoard:
        pid = self._line(coming)["pid"]
        kind = base.load(coming.layout.kind)
        return RunningBoard(
            name=coming.layout.name,
            kind=kind.name,
            port=coming.places["port"],
            control=coming.places["control"],
            pid=pid,
            started=process.started(pid),
            drive=coming.places["drive"] if kind.has_drive else None,
            parts=[part.name for part in coming.layout.parts],
        )

    def _line(self, coming: _Coming) -> dict[str, Any]:
        """The next line that a board tells; what it says of an error is raised."""
        name, end_s = coming.layout.name, time.monotonic() + START_S
        while b"\n" not in coming.text:
            if not select.select([coming.ready], [], [], max(0.0, end_s - time.monotonic()))[0]:
                raise DeadlineError(f"the virtual board {name!r} did not start in {START_S:.0f} s")
            data = os.read(coming.ready, 65536)
            if not data:
                log = (self._folder / f"{name}.log").read_text(errors="replace").strip()
                raise IotlabError(f"the virtual board {name!r} did not start: {log or 'its log is empty'}")
            coming.text += data
        line, _, coming.text = coming.text.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            kind = getattr(errors, answer["kind"], IotlabError)
            raise kind(f"the virtual board {name!r} did not start: {answer['error']}")
        return answer


def stop_boards(boards: Iterable[RunningBoard]) -> None:
    """End the boards' processes; each ends its interpreter. No other process is ever signalled."""
    boards = list(boards)
    for board in boards:
        process.kill(board.pid, board.started, signal.SIGTERM)
    end_s = time.monotonic() + STOP_S
    for board in boards:
        while board.alive and time.monotonic() < end_s:
            time.sleep(0.005)
        if process.kill(board.pid, board.started):
            while board.alive:  # SIGKILL is not refused
                time.sleep(0.005)
