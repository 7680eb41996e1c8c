"""A virtual bench: started, found, stopped.

There is no process that is the bench: it is a folder with a registry, and one process per board.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from types import TracebackType
from typing import Any

from typing_extensions import Self

from iotlab import errors
from iotlab.config import Settings
from iotlab.errors import DeadlineError, InUseError, IotlabError, NotFoundError
from iotlab.sim.client import BenchBoard
from iotlab.sim.engine import process
from iotlab.sim.layout import BenchLayout, BoardLayout, check_name
from iotlab.sim.running import RunningBench, RunningBoard, locked, make_folder, remove_folder
from iotlab.sim.world import World, WorldState
from iotlab.table import Table

#: A board may fetch its firmware at its very first start.
START_S = 240.0
STOP_S = 5.0


class Bench(Mapping[str, BenchBoard]):
    """A running bench: a mapping of its boards by name. A context manager that stops it at the end."""

    def __init__(
        self,
        folder: Path,
        told: RunningBench,
        *,
        alive: tuple[int, ...] = (),
        children: Sequence[subprocess.Popen[bytes]] = (),
    ) -> None:
        self._folder, self._told = folder, told
        self._children = children  # started here, so reaped here
        self._alive = alive  # our ends of the boards' owner pipes
        self._boards = {board.name: BenchBoard(board) for board in told.boards}
        self.world = World(folder / "world.json")

    # -- find and start -----------------------------------------------------------------------

    @classmethod
    def running(cls, name: str = "", *, settings: Settings | None = None) -> Bench:
        """The bench that runs. ``NotFoundError`` where none does."""
        settings = settings or Settings.load()
        folder = settings.bench_dir(name)
        told = RunningBench.read(folder)
        if told is None or not told.alive:
            what = f"the bench {name!r} does not run" if name else "no virtual bench runs"
            raise NotFoundError(f"{what}: start one with `iotlab bench up`")
        return cls(folder, told)

    @classmethod
    def start(
        cls,
        source: str | Path | Mapping[str, Any] | None = None,
        *,
        name: str = "",
        seed: int | None = None,
        owner: bool = True,
        settings: Settings | None = None,
    ) -> Bench:
        """Start a bench from a TOML file (or what was read from one); without ``source`` the built-in one.

        With ``owner`` it ends when this process does, however that comes. Raises ``ConfigError`` for a
        bench that makes no sense and ``InUseError`` where one of that name runs already.
        """
        settings = settings or Settings.load()
        layout = BenchLayout.load(source)
        name = check_name(name or layout.name or settings.bench)
        folder = settings.bench_dir(name)
        longest = max((f"{board.name}.control" for board in layout.boards), key=len)
        make_folder(folder, longest)
        with locked(folder):
            old = RunningBench.read(folder)
            if old is not None:
                if old.alive and not old.orphaned:
                    raise InUseError(
                        f"the bench {name!r} runs already: use it, or stop it with `iotlab bench down`",
                        holder=f"process {old.owner}" if old.owner else "iotlab bench up",
                    )
                _stop(old.boards)
            remove_folder(folder)
            state = WorldState(seed=layout.seed if seed is None else seed, held=dict(layout.held))
            World.create(folder / "world.json", state)
            return _Starting(settings, folder, name, owner).start(layout)

    # -- use ----------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        return self._told.name

    @property
    def folder(self) -> Path:
        """Where its sockets, serial endpoints and log files are."""
        return self._folder

    def __getitem__(self, name: str) -> BenchBoard:
        try:
            return self._boards[name]
        except KeyError:
            known = ", ".join(self._boards)
            raise NotFoundError(f"the bench {self.name!r} has no board {name!r}; it has {known}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._boards)

    def __len__(self) -> int:
        return len(self._boards)

    def stop(self) -> None:
        """Stop every board. Idempotent; no process is left."""
        if not self._folder.exists():
            return
        with locked(self._folder):
            if RunningBench.read(self._folder) == self._told:
                _stop(self._told.boards)
                remove_folder(self._folder)
        for fd in self._alive:
            os.close(fd)
        self._alive = ()
        for child in self._children:
            child.wait(STOP_S)
        self._children = ()

    close = stop

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # -- shown --------------------------------------------------------------------------------

    @property
    def table(self) -> Table:
        """The boards: name, kind, port, state, parts."""
        rows = [
            (board.name, board.kind, board.port, _state(board), ", ".join(self._parts(board.name)))
            for board in self._boards.values()
        ]
        return Table(("board", "kind", "port", "state", "parts"), rows, empty="a bench without boards")

    def __repr__(self) -> str:
        return f"bench {self.name!r}\n{self.table}"

    def _repr_html_(self) -> str:
        return f"<p>bench {escape(self.name)}</p>{self.table._repr_html_()}"

    def _parts(self, name: str) -> list[str]:
        return next(board.parts for board in self._told.boards if board.name == name)


def _state(board: BenchBoard) -> str:
    try:
        return str(board.status()["state"])
    except IotlabError:
        return "gone"


class _Starting:
    """Starts the processes of a bench; all of them come up, or none stays."""

    def __init__(self, settings: Settings, folder: Path, name: str, owner: bool) -> None:
        self._settings, self._folder, self._name, self._owner = settings, folder, name, owner
        self._boards: list[RunningBoard] = []
        self._ready: dict[str, int] = {}
        self._alive: list[int] = []
        self._children: list[subprocess.Popen[bytes]] = []

    def start(self, layout: BenchLayout) -> Bench:
        try:
            for board in layout.boards:
                self._spawn(board)
            for name, fd in self._ready.items():
                self._wait(name, fd)
        except BaseException:
            _stop(self._boards)
            remove_folder(self._folder)
            for fd in self._alive:
                os.close(fd)
            for child in self._children:
                child.wait(STOP_S)
            raise
        finally:
            for fd in self._ready.values():
                os.close(fd)
        mine = os.getpid() if self._owner else None
        told = RunningBench(self._name, self._boards, mine, process.started(mine) if mine else "")
        told.write(self._folder)
        return Bench(self._folder, told, alive=tuple(self._alive), children=self._children)

    def _spawn(self, board: BoardLayout) -> None:
        place = self._folder / board.name
        ready_read, ready = os.pipe()
        self._ready[board.name] = ready_read
        inherited = [ready]
        owner_read = None
        if self._owner:
            owner_read, ours = os.pipe()
            self._alive.append(ours)
            inherited.append(owner_read)
        places = {
            "port": place.with_suffix(".tty"),
            "control": place.with_suffix(".control"),
            "drive": place.with_suffix(".drive"),
            "flash": self._settings.flash_dir(self._name) / f"{board.name}.flash",
            "world": self._folder / "world.json",
        }
        texts = {key: str(path) for key, path in places.items()}
        told = {
            "layout": board.to_dict(),
            "places": texts,
            "micropython": str(self._settings.micropython or ""),
            "ready": ready,
            "owner": owner_read,
        }
        config = place.with_suffix(".json")
        config.write_text(json.dumps(told))
        with open(place.with_suffix(".log"), "wb") as log:
            child = subprocess.Popen(
                [sys.executable, "-m", "iotlab.sim.engine", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=inherited,
                start_new_session=True,
            )
        self._children.append(child)
        for fd in inherited:
            os.close(fd)
        self._boards.append(
            RunningBoard(
                name=board.name,
                kind=board.kind,
                port=texts["port"],
                control=texts["control"],
                pid=child.pid,
                started=process.started(child.pid),
                drive=texts["drive"] if board.kind == "pico" else None,
                parts=[part.name for part in board.parts],
            )
        )

    def _wait(self, name: str, fd: int) -> None:
        end_s = time.monotonic() + START_S
        text = b""
        while not text.endswith(b"\n"):
            if not select.select([fd], [], [], max(0.0, end_s - time.monotonic()))[0]:
                raise DeadlineError(f"the virtual board {name!r} did not start in {START_S:.0f} s")
            data = os.read(fd, 65536)
            if not data:
                tail = (self._folder / f"{name}.log").read_text(errors="replace").strip().rsplit("\n", 1)[-1]
                raise IotlabError(f"the virtual board {name!r} did not start: {tail or 'it says nothing'}")
            text += data
        answer = json.loads(text)
        if "error" in answer:
            kind = getattr(errors, answer["kind"], IotlabError)
            raise kind(f"the virtual board {name!r} did not start: {answer['error']}")


def _stop(boards: list[RunningBoard]) -> None:
    """End the boards' processes; each ends its interpreter. No other process is ever signalled."""
    import signal

    for board in boards:
        process.kill(board.pid, board.started, signal.SIGTERM)
    end_s = time.monotonic() + STOP_S
    for board in boards:
        while process.started(board.pid) == board.started and time.monotonic() < end_s:
            _reap(board.pid)
            time.sleep(0.005)
        process.kill(board.pid, board.started)
        _reap(board.pid)


def _reap(pid: int) -> None:
    """A board that this process started would stay as a zombie."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
