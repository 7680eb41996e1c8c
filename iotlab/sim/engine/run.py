"""What the process of a virtual board does.

Its file is JSON: the board's layout, its places, and two inherited descriptors: ``ready``, which gets a line
of JSON with the pid, and another one when the board is up or could not come up; and ``owner``, which ends
when the owner does.
"""

from __future__ import annotations

import json
import logging
import os
import signal
from pathlib import Path
from typing import Any

from iotlab.errors import IotlabError
from iotlab.sim.engine.board import Places, VirtualBoard
from iotlab.sim.engine.control import Control
from iotlab.sim.engine.loop import Loop
from iotlab.sim.layout import BoardLayout

FOLDER_S = 2.0


def run(told: dict[str, Any]) -> int:
    """Be the board until somebody ends it; returns the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    places = Places(**{name: Path(place) for name, place in told["places"].items()})
    micropython = Path(told["micropython"]) if told["micropython"] else None
    loop = Loop()
    try:
        board = VirtualBoard(loop, BoardLayout.from_dict(told["layout"]), places, micropython)
        board.power_on()
    except (IotlabError, OSError, ValueError) as error:
        logging.error("%s", error)
        _tell(told["ready"], {"error": str(error), "kind": type(error).__name__})
        return 1
    control = Control(loop, board, loop.stop)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: loop.soon(loop.stop))
    if told["owner"] is not None:
        loop.watch(told["owner"], read=loop.stop)  # nothing is ever written: it ended
    _end_without_folder(loop, places.control)
    _tell(told["ready"], {"ok": True})
    try:
        loop.run()
    finally:
        control.close()
        board.close()
        loop.close()
    return 0


def _end_without_folder(loop: Loop, control: Path) -> None:
    """A board whose control socket is gone cannot be told to end any more."""
    if control.exists():
        loop.after(FOLDER_S, lambda: _end_without_folder(loop, control))
    else:
        loop.stop()


def _tell(fd: int, message: dict[str, Any]) -> None:
    with os.fdopen(fd, "w") as ready:
        ready.write(json.dumps(message) + "\n")
