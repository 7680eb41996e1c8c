"""The ``%`` lines at the top of a cell: what the kernel does on this machine."""

from __future__ import annotations

import inspect
import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from iotlab.discovery import boards
from iotlab.errors import ConfigError, NotFoundError
from iotlab.kernel.attachment import Attachment
from iotlab.table import Table

_LINE = re.compile(r"%(?P<name>[A-Za-z]\w*)(?:\s+(?P<rest>.*))?$")


class Front(Protocol):
    """What a command shows in the notebook."""

    def say(self, text: str) -> None:
        """Print text."""

    def show(self, value: object) -> None:
        """Show an object, as HTML where it can."""


def split(source: str) -> tuple[list[str], str]:
    """The ``%`` lines at the top of a cell, and the rest with blank lines in their place.

    >>> split("%ls /\\n# hi\\n1 + 1")
    (['%ls /'], '\\n# hi\\n1 + 1')
    """
    commands, rest, top = [], [], True
    for line in source.split("\n"):
        if top and _LINE.match(line.strip()):
            commands.append(line.strip())
            rest.append("")
            continue
        top = top and (not line.strip() or line.lstrip().startswith("#"))
        rest.append(line)
    return commands, "\n".join(rest)


def misplaced(source: str) -> str:
    """A ``%`` line further down in a cell; empty where there is none."""
    lines = (line.strip() for line in source.split("\n"))
    return next((line for line in lines if line.startswith("%%") or _LINE.match(line)), "")


class Commands:
    """Runs ``%`` lines. Each method named ``do_...`` is a command; its docstring is its help."""

    def __init__(self, attachment: Attachment, front: Front) -> None:
        self._attachment, self._front = attachment, front

    def names(self) -> list[str]:
        """The commands there are."""
        return sorted(name.removeprefix("do_") for name in dir(self) if name.startswith("do_"))

    def run(self, line: str) -> None:
        """Run ``%name arguments``. ``NotFoundError`` where there is no such command, ``ConfigError`` for arguments
        that make no sense; else what the command raises."""
        match = _LINE.match(line)
        command = self._commands().get(match["name"]) if match else None
        if match is None or command is None:
            known = ", ".join("%" + name for name in self.names())
            raise NotFoundError(f"there is no {line.split()[0]} on this kernel; there are {known}")
        try:
            arguments = shlex.split(match["rest"] or "")
        except ValueError as error:
            raise ConfigError(f"%{match['name']}: {error}: close the quotation") from error
        try:
            inspect.signature(command).bind(*arguments)
        except TypeError:
            raise ConfigError(f"use it as {_usage(command)[0]}") from None
        command(*arguments)

    # -- the commands -------------------------------------------------------------------------

    def do_connect(self, board: str = "") -> None:
        """%connect [name|port|url] -- run the cells of this notebook on that board, or the only one"""
        connected = self._attachment.connect(board or None)
        self._front.say(f"{connected!r}\n")

    def do_boards(self) -> None:
        """%boards -- the boards in reach"""
        self._front.show(boards())

    def do_info(self) -> None:
        """%info -- what is known of the board"""
        told = self._attachment.board().info.to_dict()
        rows = [
            (key.replace("_", " "), _plain(value)) for key, value in told.items() if value not in ("", ())
        ]
        self._front.show(Table(("board", told["name"]), rows[1:]))

    def do_reset(self, kind: str = "soft") -> None:
        """%reset [soft|hard] -- a new interpreter on the board (soft), or the whole chip started anew (hard)"""
        if kind not in ("soft", "hard"):
            raise ConfigError(f"%reset soft or %reset hard, not {kind}")
        self._attachment.board().reset("hard" if kind == "hard" else "soft")
        self._front.say(f"{self._attachment.name}: {kind} reset, all variables are gone\n")

    def do_ls(self, path: str = "/") -> None:
        """%ls [path] -- the files on the board"""
        found = self._attachment.board().files.ls(path)
        rows = [(f.path + ("/" if f.is_dir else ""), "" if f.is_dir else str(f.size)) for f in found]
        self._front.show(Table(("path", "bytes"), rows, empty=f"{path} is empty"))

    def do_put(self, local: str, remote: str = "") -> None:
        """%put local [remote] -- copy a file of this machine to the board"""
        path = Path(local).expanduser()
        if not path.is_file():
            raise NotFoundError(f"there is no file {local} on this machine (in {Path.cwd()})")
        self._attachment.board().files.put(path, remote)
        self._front.say(f"{local} -> {self._attachment.name}:{remote or '/' + path.name}\n")

    def do_get(self, remote: str, local: str = "") -> None:
        """%get remote [local] -- copy a file of the board to this machine"""
        place = self._attachment.board().files.get(remote, local)
        self._front.say(f"{self._attachment.name}:{remote} -> {place}\n")

    def do_probe(self, bus: str = "0") -> None:
        """%probe [bus] -- what answers on an I2C bus, and what it probably is"""
        from iotlab.probe import probe

        if not bus.isdigit():
            raise ConfigError(f"%probe takes the number of an I2C bus, not {bus}")
        self._front.show(probe(self._attachment.board().i2c(int(bus))))

    def do_mpremote(self, *words: str) -> None:
        """%mpremote command ... -- mpremote's own commands on this board; %mpremote help lists them"""
        from iotlab.mpremote import run

        run(self._attachment.board, words, output=self._front.say)

    def do_help(self) -> None:
        """%help -- this list"""
        rows = [_usage(command) for _, command in sorted(self._commands().items())]
        self._front.show(Table(("command", "what it does"), rows))
        self._front.say(
            "These lines stand at the top of a cell; the rest of it runs on the board, where display(value), "
            "clear_output() and input() are at hand.\nname? tells what the board knows of a name.\n"
        )

    def do_lsmagic(self) -> None:
        """%lsmagic -- the same as %help"""
        self.do_help()

    # -- details ------------------------------------------------------------------------------

    def _commands(self) -> Mapping[str, Callable[..., None]]:
        return {name: getattr(self, f"do_{name}") for name in self.names()}


def _usage(command: Callable[..., None]) -> tuple[str, str]:
    usage, _, what = (command.__doc__ or "").strip().partition(" -- ")
    return usage, what


def _plain(value: Any) -> str:
    return ", ".join(value) if isinstance(value, (tuple, list)) else str(value)
