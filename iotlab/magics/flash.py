"""``%flash``: firmware onto a board."""

from __future__ import annotations

from pathlib import Path

from IPython.core.magic import line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from iotlab.board import Board
from iotlab.errors import ConfigError
from iotlab.magics.base import BoardMagic, plainly
from iotlab.progress import progress_bar


@magics_class
class FlashMagic(BoardMagic):
    """``%flash``"""

    @line_magic
    @magic_arguments()
    @argument("image", help="the firmware: a .bin or .uf2 file, or a variable that holds its path")
    @argument("--board", help="the board; none for the one that was connected last")
    @argument("--offset", help="where it goes, where the image does not say it itself, as in 0x1000")
    def flash(self, line: str) -> Board:
        """Write firmware to a board; chip and offset are checked against the image before a byte is written."""
        arguments = parse_argstring(self.flash, line)
        with plainly():
            offset = _number(arguments.offset)
            image = self._image(arguments.image)
            board = self.lab.board(arguments.board)
            with progress_bar(f"{image.name} to {board.info.name}") as progress:
                board.flash(image, progress=progress, offset=offset)
            return board

    def _image(self, told: str) -> Path:
        held = self.shell.user_ns.get(told)
        if isinstance(held, (str, Path)):
            return Path(held).expanduser()
        return Path(told.strip("'\"")).expanduser()


def _number(text: str | None) -> int | None:
    try:
        return None if text is None else int(text, 0)
    except ValueError:
        raise ConfigError(f"--offset takes a number, as in 0x1000, not {text!r}") from None


MAGIC = FlashMagic
