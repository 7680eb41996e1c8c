"""mpremote's own commands over a board that is open already.

mpremote opens the port, works and lets go of it. Here its command code runs over the session that a notebook or a
program has: variables stay, the port stays, what it prints goes where one wants it, and its errors are exceptions::

    from iotlab import mpremote

    mpremote.run(board, "mip install aioble")
    mpremote.run(board, ["fs", "cp", "main.py", ":"], output=print)

What has to be installed for it: the extra ``mpremote``.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence

from iotlab.board import Board, Output
from iotlab.errors import ConfigError, UnavailableError


def run(
    board: Board | Callable[[], Board],
    commands: str | Sequence[str],
    *,
    output: Output | None = None,
    fresh: bool = False,
) -> str:
    """Run mpremote's commands; returns what they print, and gives it to ``output`` as it comes.

    ``commands`` is a line or its words, several commands one behind the other as mpremote takes them. ``board``
    may be a function, which is called when a command needs it. With ``fresh`` the interpreter starts anew before
    the first of them unless that is ``resume``, as it does in mpremote; without, variables stay.

    ``RemoteError`` where the board raised, ``NotFoundError`` where a file or package is not there, ``ConfigError``
    for what makes no sense here, ``UnavailableError`` where mpremote is not installed; never ``SystemExit``.
    """
    try:
        from iotlab.mpremote.commands import Commands
    except ImportError as error:
        raise UnavailableError.extra("mpremote's commands", "mpremote") from error
    try:
        words = shlex.split(commands) if isinstance(commands, str) else list(commands)
    except ValueError as error:
        raise ConfigError(f"{error} in {commands!r}: close the quotation") from error
    return Commands(board if callable(board) else lambda: board, fresh=fresh).run(words, output)
