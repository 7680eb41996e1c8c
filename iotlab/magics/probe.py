"""``%probe``: what is on a bus, and what it probably is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.core.magic import line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from iotlab.magics.base import BoardMagic, plainly

if TYPE_CHECKING:
    from iotlab.probe import ProbeResult


@magics_class
class ProbeMagic(BoardMagic):
    """``%probe``"""

    @line_magic
    @magic_arguments()
    @argument("bus", nargs="?", type=int, default=0, help="the number of the I2C bus (default: 0)")
    @argument("--scl", type=int, help="the pin that is the clock, where it is not the usual one")
    @argument("--sda", type=int, help="the pin that is the data line, where it is not the usual one")
    @argument("--board", help="the board; none for the one that was connected last")
    def probe(self, line: str) -> ProbeResult:
        """Look at every address of an I2C bus, and say of each chip that answers what it probably is, and why."""
        arguments = parse_argstring(self.probe, line)
        with plainly():
            from iotlab.probe import probe

            board = self.lab.board(arguments.board)
            return probe(board.i2c(arguments.bus, scl=arguments.scl, sda=arguments.sda))


MAGIC = ProbeMagic
