"""The ``%`` lines at the top of a cell: what the kernel does on this machine."""

from __future__ import annotations

import difflib
import inspect
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from iotlab.errors import ConfigError, NotFoundError
from iotlab.kernel.attachment import Attachment
from iotlab.kernel.host import HostShell
from iotlab.kernel.mirror import Mirror

_LINE = re.compile(r"%(?P<name>[A-Za-z]\w*)(?:\s+(?P<rest>.*))?$")
_CELL = re.compile(r"%%(?P<name>[A-Za-z]\w*)(?:\s+(?P<rest>.*))?$")
#: What somebody may look for here who knows it from IPython.
_IPYTHONS = (
    "time",
    "pip",
    "cd",
    "pwd",
    "env",
    "matplotlib",
    "run",
    "who",
    "whos",
    "load_ext",
    "debug",
    "bash",
)


class Front(Protocol):
    """What a command shows in the notebook."""

    def say(self, text: str) -> None:
        """Print text."""

    def show(self, value: object) -> None:
        """Show an object, as HTML where it can."""


@dataclass(frozen=True)
class Place:
    """What the commands of cell ``number`` work on. ``forget`` is called when the board's names are gone."""

    attachment: Attachment
    host: HostShell
    mirror: Mirror
    forget: Callable[[], None]
    number: int = 0
    silent: bool = False


class Group:
    """Some commands. Each method named ``do_...`` is one; its docstring is its help. ``cell_...`` is a command that
    takes the whole cell behind its line, and gets the text first."""

    def __init__(self, place: Place, front: Front) -> None:
        self.place, self.front = place, front


@dataclass(frozen=True)
class Cut:
    """A cell, cut up: its ``%`` lines at the top, the ``%%`` line behind them, and the rest, in which blank lines
    stand for both, so that line numbers stay."""

    commands: list[str]
    cell: str
    rest: str


def split(source: str) -> Cut:
    """Cut a cell up.

    >>> split("%ls /\\n# hi\\n1 + 1")
    Cut(commands=['%ls /'], cell='', rest='\\n# hi\\n1 + 1')
    """
    commands: list[str] = []
    rest: list[str] = []
    lines = source.split("\n")
    for k, line in enumerate(lines):
        if _CELL.match(line.strip()):
            return Cut(commands, line.strip(), "\n".join([*rest, "", *lines[k + 1 :]]))
        if _LINE.match(line.strip()):
            commands.append(line.strip())
            rest.append("")
        elif not line.strip() or line.lstrip().startswith("#"):
            rest.append(line)
        else:
            rest += lines[k:]
            break
    return Cut(commands, "", "\n".join(rest))


def misplaced(source: str) -> str:
    """A ``%`` line further down in a cell; empty where there is none."""
    lines = (line.strip() for line in source.split("\n"))
    return next((line for line in lines if line.startswith("%%") or _LINE.match(line)), "")


class Commands:
    """Runs the ``%`` lines of some groups."""

    def __init__(self, place: Place, front: Front, groups: Sequence[type[Group]]) -> None:
        self._lines: dict[str, Callable[..., Any]] = {"help": self.help, "lsmagic": self.lsmagic}
        self._cells: dict[str, Callable[..., Any]] = {}
        self._front = front
        for group in groups:
            made = group(place, front)
            for name in dir(made):
                kind, _, rest = name.partition("_")
                if kind in ("do", "cell") and rest:
                    (self._lines if kind == "do" else self._cells)[rest] = getattr(made, name)

    def names(self) -> list[str]:
        """The commands there are, as one writes them."""
        return sorted([*(f"%{name}" for name in self._lines), *(f"%%{name}" for name in self._cells)])

    def run(self, line: str) -> None:
        """Run ``%name arguments``. ``NotFoundError`` where there is no such command, ``ConfigError`` for arguments
        that make no sense; else what the command raises."""
        command, rest = self._find(_LINE.match(line), self._lines, line, "%")
        _call(command, rest)

    def run_cell(self, line: str, text: str) -> Any:
        """Run ``%%name arguments`` on the cell behind it; what the command returns, which may be a coroutine."""
        command, rest = self._find(_CELL.match(line), self._cells, line, "%%")
        return _call(command, rest, text)

    def help(self) -> None:
        """%help -- this list"""
        from iotlab.table import Table

        commands = [*self._lines.items(), *self._cells.items()]
        self._front.show(
            Table(("command", "what it does"), [_usage(c) for _, c in sorted(commands, key=_by_name)])
        )
        self._front.say(
            "% lines stand at the top of a cell; the rest of it runs on the board, where display(value), "
            "plot(value), clear_output() and input() are at hand. A %% line takes the whole cell.\n"
            "name? tells what is known of a name, name?? shows its source too.\n"
        )

    def lsmagic(self) -> None:
        """%lsmagic -- the names of these commands"""
        self._front.say("  ".join(self.names()) + "\n")

    # -- details ------------------------------------------------------------------------------

    def _find(
        self, match: re.Match[str] | None, among: Mapping[str, Callable[..., Any]], line: str, sign: str
    ) -> tuple[Callable[..., Any], str]:
        command = among.get(match["name"]) if match else None
        if match is None or command is None:
            raise NotFoundError(self._unknown(line.split()[0], match["name"] if match else "", sign))
        return command, match["rest"] or ""

    def _unknown(self, written: str, name: str, sign: str) -> str:
        near = difflib.get_close_matches(sign + name, self.names(), n=1, cutoff=0.6)
        if near:
            return f"there is no {written} on this kernel: did you mean {near[0]}? %help lists what there is"
        if name in _IPYTHONS:
            return f"{written} is IPython's, and works on this machine: put it into a %%host cell"
        return f"there is no {written} on this kernel; there are {', '.join(self.names())}"


def _call(command: Callable[..., Any], rest: str, *first: str) -> Any:
    usage = _usage(command)[0]
    try:
        arguments = [rest] if usage.endswith("statement") else shlex.split(rest)
    except ValueError as error:
        raise ConfigError(f"{usage.split()[0]}: {error}: close the quotation") from error
    try:
        inspect.signature(command).bind(*first, *arguments)
    except TypeError:
        raise ConfigError(f"use it as {usage}") from None
    return command(*first, *arguments)


def _usage(command: Callable[..., Any]) -> tuple[str, str]:
    usage, _, what = (command.__doc__ or "").strip().partition(" -- ")
    return usage, " ".join(what.split())


def _by_name(item: tuple[str, Callable[..., Any]]) -> str:
    return item[0]
