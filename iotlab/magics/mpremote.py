"""``%mpremote``: mpremote's own commands on the notebook's board."""

from __future__ import annotations

import re
import sys

from IPython.core.magic import line_magic, magics_class

from iotlab.magics.base import BoardMagic, plainly
from iotlab.mpremote import run

_BOARD = re.compile(r"--board[ =](\S+)\s*")


@magics_class
class MpremoteMagic(BoardMagic):
    """``%mpremote``"""

    @line_magic
    def mpremote(self, line: str) -> None:
        """%mpremote [--board NAME] COMMAND ...

        Run mpremote's own commands over the open session: mip, mount, umount, fs (ls, cat, cp, rm, mkdir, rmdir,
        sha256sum, touch, tree), df, romfs, rtc, eval, exec, run, sleep, soft-reset, reset, bootloader, and
        mpremote's shortcuts. Variables on the board and the port stay. `%mpremote help` lists the commands,
        `%mpremote fs --help` tells of one. `--board` names another board than the one connected last.
        """
        named = _BOARD.match(line)
        with plainly():
            run(
                lambda: self.lab.board(named[1] if named else None),
                line[named.end() :] if named else line,
                output=_say,
            )


def _say(text: str) -> None:
    sys.stdout.write(text)


MAGIC = MpremoteMagic
