"""mpremote's command loop, over a session that was there before and stays."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mpremote import main as mpremote
from mpremote.commands import CommandError
from mpremote.transport import TransportError

from iotlab.board import Board, Output
from iotlab.errors import ConfigError
from iotlab.micropython.mount import MOUNT_POINT
from iotlab.micropython.show import runs_cells
from iotlab.mpremote.failures import translated
from iotlab.mpremote.printed import Printed
from iotlab.mpremote.transport import BoardTransport, Broken

#: What would end the session or needs a terminal, and what does it here.
_REFUSED: Mapping[str, str] = {
    "connect": "the board is connected: for another one use %connect NAME in a notebook, --board NAME on the "
    "command line, iotlab.connect(NAME) in a program",
    "connect list": "use %boards in a notebook, `iotlab boards` on the command line, iotlab.boards() in a program",
    "disconnect": "the session stays: board.close() lets go of the board, %connect NAME takes another one",
    "repl": "a cell is the prompt: use %%board in a Python notebook, or the kernel MicroPython (iotlab)",
    "edit": "copy the file here with `cp :FILE .`, edit it, and copy it back with `cp FILE :`",
}
_FILE_COMMANDS = ("cat", "cp", "ls", "mkdir", "rm", "rmdir", "touch", "tree")
_SERVED = "It is served until the board is reset or closed."


class State(mpremote.State):  # type: ignore[misc]  # mpremote has no types
    """What mpremote's commands share. The board is asked for when the first of them needs it."""

    def __init__(self, board: Callable[[], Board], *, fresh: bool) -> None:
        super().__init__()
        self.transport: BoardTransport | None = None
        self._board = board
        self._auto_soft_reset = fresh

    def ensure_connected(self) -> None:
        _ = self.connected

    @property
    def connected(self) -> BoardTransport:
        """The transport; connects where there is none yet."""
        if self.transport is None:
            self.transport = BoardTransport(runs_cells(self._board()))
        return self.transport


class Commands:
    """Runs mpremote's commands one after the other."""

    def __init__(self, board: Callable[[], Board], *, fresh: bool) -> None:
        self._state = State(board, fresh=fresh)
        self._printed = Printed(None)

    def run(self, words: Sequence[str], output: Output | None) -> str:
        """Run the commands in ``words``; see :func:`iotlab.mpremote.run`."""
        rest = list(words)
        if not rest:
            raise ConfigError(f"say a command: `help` lists them ({_REFUSED['repl']})")
        self._printed = Printed(output)
        outside = sys.exc_info()[1]
        try:
            with self._printed.taken():
                _load_shortcuts()
                while rest:
                    rest = rest[1:] if rest[0] == "+" else self._first(rest)
        except (
            CommandError,
            TransportError,
            Broken,
            SystemExit,
            OSError,
            ValueError,
            LookupError,
            TypeError,
        ) as error:
            told = translated(error, outside, self._printed.last_words)
            if told is error:
                raise
            raise told from error
        finally:
            if self._state.transport is not None:
                self._state.transport.end(self._printed.say)
        return self._printed.text

    # -- one command --------------------------------------------------------------------------

    def _first(self, words: list[str]) -> list[str]:
        """Run the first of the commands in ``words``; the rest."""
        asked = words[0]
        mpremote.do_command_expansion(words)  # it puts what a shortcut stands for in its place
        name = words.pop(0)
        _check(name, asked, words)
        reset = next((kind for kind, shortcut in (("hard", "reset"), ("bootloader", "bootloader"))
                      if [name, *words[:2]] == _shortcut(shortcut)), None)  # fmt: skip
        if reset:
            self._reset(reset)
            return words[2:]
        arguments, rest = _parsed(name, words)
        if arguments is None:  # it showed its help
            return []
        if name == "fs":
            self._check_files(arguments)
        self._do(name, arguments, own=words[:1] == _shortcut("df")[1:])
        return rest

    def _do(self, name: str, arguments: argparse.Namespace, *, own: bool) -> None:
        if self._state.transport is not None or own:
            self._state.connected.own = own
        try:
            mpremote._COMMANDS[name][0](self._state, arguments)
        except SystemExit as stop:
            if stop.code not in (0, None):
                raise
        if self._state.transport is not None:
            self._state.transport.leave_running()
        if name == "mount":
            self._printed.say(f"{_SERVED}\n")
        elif name == "help":
            self._printed.say(
                f"\nNot over an open session: {', '.join(c for c in _REFUSED if ' ' not in c)}.\n"
            )

    def _reset(self, kind: Any) -> None:
        """By the session, which finds the board again."""
        board = self._state.connected.board
        board.reset(kind)
        self._printed.say(f"{board!r}\n")

    def _check_files(self, arguments: argparse.Namespace) -> None:
        name = arguments.command[0]
        if name not in _FILE_COMMANDS and not name.endswith("sum"):
            raise ConfigError(f"mpremote: fs has no {name}: it has {', '.join(_FILE_COMMANDS)} and sha256sum")
        if name != "rm" or not arguments.recursive:
            return
        transport = self._state.connected
        for path in arguments.path if transport.mounted else ():
            whole = transport.absolute(path.removeprefix(":"))
            if transport.is_mounted(whole) or f"{MOUNT_POINT}/".startswith(whole.rstrip("/") + "/"):
                raise ConfigError(
                    f"mpremote: rm -r {path} would empty {transport.board.mounted}: umount it before"
                )


def _check(name: str, asked: str, rest: Sequence[str]) -> None:
    if name in _REFUSED:
        what = "connect list" if (name, *rest[:1]) == ("connect", "list") else name
        shown = what if asked == name else f"{asked} ({' '.join((name, *rest[:1])).strip()})"
        raise ConfigError(f"mpremote's {shown} is not for an open session: {_REFUSED[what]}")
    if name not in mpremote._COMMANDS:
        raise ConfigError(f"mpremote has no command {name}: `help` lists them")


def _parsed(name: str, words: list[str]) -> tuple[argparse.Namespace | None, list[str]]:
    """The command's arguments, and the words behind them; None where it showed its help instead."""
    end = words.index("+") if "+" in words else len(words)
    own, behind = words[:end], words[end:]
    if name == "fs" and own[:1] in (["ls"], ["tree"]) and all(w.startswith("-") for w in own[1:]):
        own.append("")  # the current folder
    parser = mpremote._COMMANDS[name][1]()
    parser.prog = name
    parser.add_argument("next_command", nargs=argparse.REMAINDER, help="the next command")
    try:
        arguments = parser.parse_args(own)
    except SystemExit as stop:
        if stop.code in (0, None):
            return None, []
        raise
    return arguments, arguments.next_command + behind


def _shortcut(name: str) -> list[str]:
    """What one of mpremote's own shortcuts stands for."""
    told = mpremote._BUILTIN_COMMAND_EXPANSIONS[name]
    return list(told["command"] if isinstance(told, Mapping) else told)


def _load_shortcuts() -> None:
    """mpremote's shortcuts, and the user's own from mpremote's configuration file."""
    here = Path.cwd()
    try:
        mpremote.prepare_command_expansions(mpremote.load_user_config())
    except Exception as error:  # the user's file is a program of theirs
        raise ConfigError(f"mpremote's configuration file, config.py, failed: {error}") from error
    finally:
        os.chdir(here)
