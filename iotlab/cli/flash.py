"""``iotlab flash image``: firmware onto a board."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

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
    parser.add_argument(
        "--offset", type=lambda text: int(text, 0), help="where in the flash, where the image does not tell"
    )


def run(arguments: Namespace) -> int:
    image = firmware.sample() if arguments.image == "sample" else arguments.image
    print(read_image(image))
    with connect(arguments.board) as board:
        with progress_bar(board.info.name) as bar:
            board.flash(image, progress=bar, offset=arguments.offset)
        print(board)
    return 0


COMMAND = Command("write firmware to a board", configure, run)
