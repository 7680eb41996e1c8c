"""A virtual bench: started, found, stopped.

There is no process that is the bench: it is a folder with a registry, and one process per board.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path
from types import TracebackType
from typing import Any

from typing_extensions import Self

from iotlab.config import Settings
from iotlab.errors import InUseError, IotlabError, NotFoundError
from iotlab.sim.client import BenchBoard
from iotlab.sim.layout import BenchLayout, check_name
from iotlab.sim.running import RunningBench, locked, make_folder, remove_folder
from iotlab.sim.starting import STARTING, Starting, stop_boards
from iotlab.sim.world import World, WorldState
from iotlab.table import Table


class Bench(Mapping[str, BenchBoard]):
    """A running bench: a mapping of its boards by name. A context manager that stops it at the end."""

    def __init__(self, folder: Path, told: RunningBench, *, alive: tuple[int, ...] = ()) -> None:
        self._folder, self._told = folder, told
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
            if old is not None and old.alive and not old.orphaned:
                raise InUseError(
                    f"the bench {name!r} runs already: use it, or stop it with `iotlab bench down`",
                    holder=f"process {old.owner}" if old.owner else "iotlab bench up",
                )
            for left in (old, RunningBench.read(folder, STARTING)):  # of an owner that was killed
                stop_boards(left.boards if left else ())
            remove_folder(folder)
            state = WorldState(seed=layout.seed if seed is None else seed, held=dict(layout.held))
            World.create(folder / "world.json", state)
            told, alive = Starting(settings, folder, name, owner).start(layout)
        return cls(folder, told, alive=alive)

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
                stop_boards(self._told.boards)
                remove_folder(self._folder)
        for fd in self._alive:
            os.close(fd)
        self._alive = ()

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
