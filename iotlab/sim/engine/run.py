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
import time
from pathlib import Path
from typing import Any

from iotlab.errors import IotlabError
from iotlab.sim.engine.board import Places, VirtualBoard
from iotlab.sim.engine.control import Control
from iotlab.sim.engine.loop import Loop
from iotlab.sim.layout import BoardLayout

FOLDER_S = 2.0
UP_S = 30.0


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
    _tell_when_up(loop, board, told["ready"], time.monotonic() + UP_S)
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


def _tell_when_up(loop: Loop, board: VirtualBoard, ready: int, end_s: float) -> None:
    """An emulated chip takes a moment until the host knows it; a firmware may also leave the port away."""
    if board.coming_up and time.monotonic() < end_s:
        loop.after(0.02, lambda: _tell_when_up(loop, board, ready, end_s))
    else:
        _tell(ready, {"ok": True})


def _tell(fd: int, message: dict[str, Any]) -> None:
    with os.fdopen(fd, "w") as ready:
        ready.write(json.dumps(message) + "\n")
