"""``%`` lines about the board itself."""

from __future__ import annotations

from typing import Any

from iotlab.discovery import boards
from iotlab.errors import ConfigError
from iotlab.kernel.commands import Group
from iotlab.kernel.timing import RUNS, timed
from iotlab.table import Table


class BoardCommands(Group):
    """Which board, what it is, how fast it is."""

    def do_connect(self, *arguments: str) -> None:
        """%connect [name|port|url] [--take] -- run the cells of this notebook on that board, or the only one; take it
        from the notebook that has it"""
        by_force, names = "--take" in arguments, [a for a in arguments if a != "--take"]
        if len(names) > 1 or any(name.startswith("--") for name in names):
            raise ConfigError("use it as %connect [name|port|url] [--take]")
        connected = self.place.attachment.connect(names[0] if names else None, by_force=by_force)
        self.place.forget()
        self.front.say(f"{connected!r}\n")

    def do_boards(self) -> None:
        """%boards -- the boards in reach"""
        self.front.show(boards())

    def do_info(self) -> None:
        """%info -- what is known of the board"""
        told = self.place.attachment.board().info.to_dict()
        rows = [
            (key.replace("_", " "), _plain(value)) for key, value in told.items() if value not in ("", ())
        ]
        self.front.show(Table(("board", told["name"]), rows[1:]))

    def do_reset(self, kind: str = "soft") -> None:
        """%reset [soft|hard] -- a new interpreter on the board (soft), or the whole chip started anew (hard)"""
        kind = kind.removeprefix("--")
        if kind not in ("soft", "hard"):
            raise ConfigError(f"%reset soft or %reset hard, not {kind}")
        self.place.attachment.board().reset("hard" if kind == "hard" else "soft")
        self.place.forget()
        self.front.say(f"{self.place.attachment.name}: {kind} reset, all variables are gone\n")

    def do_probe(self, bus: str = "0") -> None:
        """%probe [bus] -- what answers on an I2C bus, and what it probably is"""
        from iotlab.probe import probe

        if not bus.isdigit():
            raise ConfigError(f"%probe takes the number of an I2C bus, not {bus}")
        self.front.show(probe(self.place.attachment.board().i2c(int(bus))))

    def do_timeit(self, statement: str) -> None:
        """%timeit [-n loops] [-r runs] statement -- how long it takes on the board, by the board's own clock"""
        self._time(statement, "", "")

    def cell_timeit(self, text: str, setup: str = "") -> None:
        """%%timeit [-n loops] [-r runs] [setup] statement -- the same for a whole cell; setup runs once, untimed"""
        self._time(setup, text, "cell")

    def _time(self, line: str, text: str, kind: str) -> None:
        loops, runs, line = _counts(line)
        statement, setup = (text, line) if kind else (line, "")
        if not statement.strip():
            raise ConfigError("there is nothing to time: write a statement behind %timeit")
        board = self.place.attachment.board()
        result = timed(board, statement, setup=setup, loops=loops, runs=runs, output=self.front.say)
        self.front.say(f"{result}\n")


def _counts(line: str) -> tuple[int, int, str]:
    """The loops, the runs, and what is left of ``-n 100 -r 3 statement``."""
    counts = {"-n": 0, "-r": RUNS}
    while (head := line.split(maxsplit=2)) and head[0] in counts:
        if len(head) < 2 or not head[1].isdigit():
            raise ConfigError(f"{head[0]} takes a number, as in {head[0]} 100")
        counts[head[0]], line = int(head[1]), head[2] if len(head) > 2 else ""
    return counts["-n"], max(1, counts["-r"]), line


def _plain(value: Any) -> str:
    return ", ".join(value) if isinstance(value, (tuple, list)) else str(value)
