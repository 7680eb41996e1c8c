"""Starts the chip: ``python -m iotlab.sim.rp2040 <board's pid> <what it is told> <requests> <events> <listeners>``.

What it is told is JSON (:class:`~iotlab.sim.rp2040.chip.Told`), the last three are inherited sockets; standard
input and output are the USB port.
"""

from __future__ import annotations

import json
import socket
import sys

from iotlab.sim.engine.launch import end_with_parent
from iotlab.sim.rp2040.chip import Chip, Told


def main(parent: str, told: str, *channels: str) -> None:
    end_with_parent(int(parent))
    requests, events, listeners = (socket.socket(fileno=int(number)) for number in channels)
    console = sys.stdin.fileno(), sys.stdout.fileno()
    Chip(Told(**json.loads(told)), console, requests, events, listeners).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
