"""The files of ``binder/``, run as Binder runs them: as a user without rights, in a home that was empty.

Binder's own builder needs Docker and is not run here; what it does with these files is: ``postBuild`` once
in an environment with Python and pip, then ``start`` with the command of the server.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from checkout import copy_checkout, environment_of_a_newcomer
from served import Served, wait_for

USABLE = "import sys, ensurepip; sys.exit(sys.version_info < (3, 10))"

pytestmark = pytest.mark.timeout(1200)


class Reader:
    """Somebody without rights, and a home with nothing in it but a checkout, as on Binder."""

    def __init__(self, home: Path) -> None:
        self.home, self.venv = home / "home", home / "env"
        #: Root becomes nobody; who is not root has no rights to give up.
        self.user: dict[str, Any] = {"user": "nobody", "extra_groups": []} if os.geteuid() == 0 else {}
        path = f"{self.venv}/bin:/usr/local/bin:/usr/bin:/bin"
        self.environment = {
            **environment_of_a_newcomer("XDG_"),
            "HOME": str(self.home),
            "TMPDIR": str(home / "tmp"),
            "PATH": path,
        }

    def run(self, *command: str | Path, timeout_s: float = 900) -> str:
        """Run to the end, in the home; what went wrong is shown."""
        how: dict[str, Any] = {"cwd": self.home, "env": self.environment, **self.user}
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout_s, **how)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def python(self) -> Path:
        """A Python that this user may run."""
        beside = Path(sys.base_prefix, "bin", "python3")
        for candidate in (beside, Path("/usr/bin/python3"), Path("/usr/local/bin/python3")):
            try:
                self.run(candidate, "-c", USABLE)
            except (AssertionError, OSError):
                continue
            return candidate
        raise AssertionError(
            "no Python 3.10 or newer with ensurepip that everybody may run: install python3-venv"
        )


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    """A reader whose home Binder has prepared."""
    base = Path(tempfile.mkdtemp(prefix="iotlab-", dir="/tmp"))
    reader = Reader(base)
    for folder in (reader.home, base / "tmp"):
        folder.mkdir()
    copy_checkout(reader.home)
    if reader.user:
        for path in (base, *base.rglob("*")):
            shutil.chown(path, reader.user["user"])
    reader.run(reader.python(), "-m", "venv", reader.venv)
    reader.run("binder/postBuild")
    yield reader
    shutil.rmtree(base)


def test_a_reader_gets_the_lab(reader: Reader) -> None:
    command = ["binder/start", "jupyter", "lab", "--ip=127.0.0.1", "--port=0", "--no-browser"]
    served = Served(
        command,
        environment=reader.environment,
        runtime=reader.home / ".local/share/jupyter/runtime",
        log=reader.home.parent / "log",
        cwd=reader.home,
        **reader.user,
    )
    try:
        served.wait()
        assert {"python3", "iotlab-micropython"} <= set(served.ask("api/kernelspecs")["kernelspecs"])
        names = {entry["name"] for entry in served.ask("api/contents/notebooks")["content"]}
        assert "00-welcome.ipynb" in names
        for name in ("00-welcome.ipynb", "02-first-cells-on-the-board.ipynb"):
            executed = reader.run(
                "jupyter", "nbconvert", "--to", "notebook", "--execute", "--stdout", f"notebooks/{name}"
            )
            assert any(cell.get("outputs") for cell in json.loads(executed)["cells"]), name
        assert served.end(signal.SIGTERM) == 0
        reader.run("iotlab", "bench", "down")
        wait_for(lambda: not served.processes(), 30, "the end of everything")
    finally:
        served.clear()
