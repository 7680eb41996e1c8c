"""``%connect``: a board for this notebook."""

from __future__ import annotations

from IPython.core.magic import line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from iotlab.board import Board
from iotlab.errors import ConfigError
from iotlab.magics.base import USUAL, BoardMagic, plainly


@magics_class
class ConnectMagic(BoardMagic):
    """``%connect``"""

    @line_magic
    @magic_arguments()
    @argument(
        "name",
        nargs="?",
        help="a name that %%boards shows, a port or a URL; none where there is only one",
    )
    @argument(
        "--as", dest="variable", default=USUAL, help=f"the variable that gets the board (default: {USUAL})"
    )
    def connect(self, line: str) -> Board:
        """Connect to a board and leave it in the variable `board`."""
        arguments = parse_argstring(self.connect, line)
        with plainly():
            if not arguments.variable.isidentifier():
                raise ConfigError(f"--as takes the name of a variable, not {arguments.variable!r}")
            return self.lab.connect(arguments.name, arguments.variable)


MAGIC = ConnectMagic
