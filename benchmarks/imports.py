"""How long an import takes, in a new process, and whether it loads what is heavy."""

from __future__ import annotations

import subprocess
from pathlib import Path

_PACKAGE = {"iotlab": "iotlab", "mpremote": "mpremote", "belay": "belay", "mpytool": "mpytool"}
_CONNECTS = {
    "iotlab": "from iotlab import connect",
    "mpremote": "from mpremote.transport_serial import SerialTransport",
    "belay": "from belay import Device",
    "mpytool": "from mpytool import ConnSerial, Mpy",
}
HEAVY = ("jupyter", "IPython", "ipykernel", "matplotlib", "numpy", "pandas", "esptool")
_PROGRAM = """
import time
start_s = time.perf_counter()
{statement}
taken_s = time.perf_counter() - start_s
import sys
heavy = {{name.partition(".")[0] for name in sys.modules if name.startswith({heavy!r})}}
print(taken_s * 1000, len(heavy))
"""


def measure(tool: str, python: Path) -> dict[str, float]:
    """The figures of ``tool``, whose environment is that of ``python``."""
    package_ms, heavy = _run(python, f"import {_PACKAGE[tool]}")
    connect_ms, _ = _run(python, _CONNECTS[tool])
    return {"import": package_ms, "import_connect": connect_ms, "import_heavy": heavy}


def _run(python: Path, statement: str) -> tuple[float, float]:
    program = _PROGRAM.format(statement=statement, heavy=HEAVY)
    command = [str(python), "-I", "-c", program]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    taken_ms, heavy = printed.split()
    return float(taken_ms), float(heavy)
