"""``%ota``: update the application on a board, and roll back."""

from __future__ import annotations

import sys
from pathlib import Path

from IPython.core.magic import line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from iotlab.errors import ConfigError
from iotlab.magics.base import BoardMagic, plainly
from iotlab.ota import Bundle, Slots, SlotStatus, slots
from iotlab.progress import progress_bar


@magics_class
class OtaMagic(BoardMagic):
    """``%ota``"""

    @line_magic
    @magic_arguments()
    @argument("verb", nargs="?", default="status", choices=("status", "install", "confirm", "revert"))
    @argument("bundle", nargs="?", help="what install puts into the slot that is not in use: a file, or a variable "
              "that holds a bundle")  # fmt: skip
    @argument("--board", help="the board; none for the one that was connected last")
    def ota(self, line: str) -> SlotStatus:
        """Say what the slots hold; install a bundle, confirm the version on trial, or go back to the one before."""
        arguments = parse_argstring(self.ota, line)
        with plainly():
            if (arguments.verb == "install") != (arguments.bundle is not None):
                raise ConfigError("use it as %ota install BUNDLE, %ota status, %ota confirm or %ota revert")
            there = slots(self.lab.board(arguments.board))
            if arguments.verb == "install":
                self._install(there, arguments.bundle)
            elif arguments.verb == "confirm":
                there.confirm()
            elif arguments.verb == "revert":
                there.revert()
            return there.status()

    def _install(self, there: Slots, told: str) -> None:
        held = self.shell.user_ns.get(told)
        bundle = held if isinstance(held, Bundle) else Bundle.load(Path(told.strip("'\"")).expanduser())
        with progress_bar(f"{bundle.name} {bundle.version}") as progress:
            installed = there.install(bundle, progress=progress)
        sys.stdout.write(f"{installed}\n")


MAGIC = OtaMagic
