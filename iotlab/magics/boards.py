"""``%boards``: the boards in reach."""

from __future__ import annotations

from IPython.core.magic import line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from iotlab.discovery import Boards, boards
from iotlab.magics.base import BoardMagic, plainly


@magics_class
class BoardsMagic(BoardMagic):
    """``%boards``"""

    @line_magic
    @magic_arguments()
    @argument(
        "--identify", action="store_true", help="ask each board what it runs; this interrupts its program"
    )
    def boards(self, line: str) -> Boards:
        """Show the boards in reach: their names, ports, and who holds them."""
        arguments = parse_argstring(self.boards, line)
        with plainly():
            return boards(identify=arguments.identify)


MAGIC = BoardsMagic
