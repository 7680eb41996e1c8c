"""``iotlab mpremote command ...``: mpremote's own commands on a board, by the name that iotlab gives it."""

from __future__ import annotations

import sys
from argparse import REMAINDER, ArgumentParser, Namespace
from contextlib import ExitStack

from iotlab.board import Board
from iotlab.cli.base import Command
from iotlab.discovery import connect
from iotlab.micropython.board import MicroPythonBoard
from iotlab.mpremote import run as run_commands


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--board", help="name or port, as `iotlab boards` shows it; needed where there are several"
    )
    parser.add_argument("word", metavar="command", help="one of mpremote's; `help` lists them")
    parser.add_argument(
        "words", metavar="...", nargs=REMAINDER, help="its arguments, and more commands, as in mpremote"
    )


def run(arguments: Namespace) -> int:
    with ExitStack() as opened:

        def board() -> Board:
            connected = opened.enter_context(connect(arguments.board))
            opened.callback(_tell_of_mount, connected)
            return connected

        run_commands(board, [arguments.word, *arguments.words], output=_say, fresh=True)
    return 0


def _tell_of_mount(board: Board) -> None:
    mounted = board.mounted if isinstance(board, MicroPythonBoard) else None
    if mounted:
        _say(
            f"[iotlab] {mounted.folder} goes with the end of this command: "
            "put what needs it behind it, as in `mount . exec 'import app'`\n"
        )


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


COMMAND = Command(
    "mpremote's own commands: files, packages, a folder mounted on the board ...", configure, run
)
