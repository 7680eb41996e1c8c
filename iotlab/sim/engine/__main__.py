"""Starts the process of a virtual board: ``python -m iotlab.sim.engine <file>``. See ``run``.

The board is a child of nobody who could forget to wait for it: this process forks, tells the pid, and ends.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any


def main(path: str) -> None:
    told: dict[str, Any] = json.loads(Path(path).read_text())
    pid = os.fork()
    if pid:
        os.write(told["ready"], json.dumps({"pid": pid}).encode() + b"\n")
        os._exit(0)
    from iotlab.sim.engine.run import run

    sys.exit(run(told))


if __name__ == "__main__":
    main(sys.argv[1])
