"""Run the unit tests on every CPython from 3.10 to 3.14 that is found on this machine.

Looks on the PATH and among pyenv's versions. Each Python gets an environment of its own, ``.venv-3.N``, with
the locked packages. Ends with a table of what was run and what was not found; fails when a run failed, or
when no Python was found.

    scripts/test_pythons.py [arguments of pytest, instead of tests/unit]
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

MINORS = range(10, 15)
ROOT = Path(__file__).resolve().parent.parent
UV = ROOT / ".venv/bin/uv"


def candidates(minor: int) -> Iterator[Path]:
    """Every place where a Python 3.``minor`` may be."""
    for name in (f"python3.{minor}", "python3"):
        if found := shutil.which(name):
            yield Path(found)
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    yield from sorted(versions.glob(f"3.{minor}.*/bin/python3"), reverse=True)


def version(python: Path) -> str:
    """What ``python`` says of itself (``3.10.13``); empty when it is no CPython or does not run."""
    question = "import platform as p; print(p.python_implementation(), p.python_version())"
    answer = subprocess.run([python, "-c", question], capture_output=True, text=True, check=False).stdout
    name, _, number = answer.strip().partition(" ")
    return number if name == "CPython" else ""


def find(minor: int) -> tuple[Path, str] | None:
    """A Python 3.``minor`` and its full version."""
    for python in candidates(minor):
        number = version(python)
        if number.startswith(f"3.{minor}."):
            return python, number
    return None


def run(python: Path, minor: int, arguments: list[str]) -> bool:
    """Set up the environment of this Python and run the tests in it."""
    venv = ROOT / f".venv-3.{minor}"
    inside = venv / "bin/python"
    install: list[str | Path] = [UV, "pip", "install", "--quiet", "--python", inside]
    locked = ["--require-hashes", "--requirement", "requirements/dev.lock"]
    editable = ["--no-deps", "--build-constraints", "requirements/dev.lock", "--editable", "."]
    steps: list[list[str | Path]] = [
        [UV, "venv", "--quiet", "--allow-existing", "--no-python-downloads", "--python", python, venv],
        [*install, *locked],
        [*install, *editable],
        [inside, "-m", "pytest", *arguments],
    ]
    return all(subprocess.run(step, cwd=ROOT, check=False).returncode == 0 for step in steps)


def main() -> int:
    arguments = sys.argv[1:] or ["--quiet", "tests/unit"]
    results: dict[str, str] = {}
    for minor in MINORS:
        found = find(minor)
        if found is None:
            results[f"3.{minor}"] = "not found on this machine"
            continue
        python, number = found
        print(f"\n== CPython {number} ({python})", flush=True)
        results[number] = "passed" if run(python, minor, arguments) else "FAILED"
    print()
    for number, result in results.items():
        print(f"CPython {number:8} {result}")
    return 0 if "passed" in results.values() and "FAILED" not in results.values() else 1


if __name__ == "__main__":
    sys.exit(main())
