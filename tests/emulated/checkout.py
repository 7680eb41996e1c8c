"""A clean checkout, as somebody has it who has just cloned the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def copy_checkout(folder: Path) -> None:
    """Put the files that git knows or would add into ``folder``, and nothing that was built."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def environment_of_a_newcomer(*dropped: str) -> dict[str, str]:
    """What is set without what this run of the tests has set: its make, its Python, its lab."""
    ours = (
        "IOTLAB_",
        "IPYTHON",
        "JUPYTER",
        "MAKE",
        "MFLAGS",
        "MPL",
        "PYTEST",
        "PYTHON",
        "VIRTUAL_ENV",
        *dropped,
    )
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}
