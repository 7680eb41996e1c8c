"""``iotlab flash image``: firmware onto a board."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace

from iotlab.cli.base import Command
from iotlab.discovery import connect
from iotlab.flash import firmware, read_image
from iotlab.progress import progress_bar


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "image", help="a .bin for an ESP32, a .uf2 for a Pico; `sample` for a genuine MicroPython"
    )
    parser.add_argument(
        "--board", help="name or port, as `iotlab boards` shows it; needed where there are several"
    )
    parser.add_argument("--offset", type=_number, help="where in the flash, where the image does not tell")


def _number(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise ArgumentTypeError(f"an offset is a number such as 0x1000, not {text!r}") from None


def run(arguments: Namespace) -> int:
    image = firmware.sample() if arguments.image == "sample" else arguments.image
    print(read_image(image))
    with connect(arguments.board) as board:
        with progress_bar(board.info.name) as bar:
            board.flash(image, progress=bar, offset=arguments.offset)
        print(board)
    return 0


COMMAND = Command("write firmware to a board", configure, run)
