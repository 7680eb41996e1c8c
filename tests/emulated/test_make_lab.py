"""``make lab`` in a fresh clone: from nothing to JupyterLab on the tutorials."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
from checkout import copy_checkout, environment_of_a_newcomer
from served import STOP_S, Served

SET_UP_S = 540.0


@pytest.mark.timeout(900)
def test_one_command_from_a_fresh_clone_to_the_lab(tmp_path: Path, short_path: Path) -> None:
    copy_checkout(tmp_path / "clone")
    own = {
        "IOTLAB_RUNTIME_DIR": str(short_path),
        "IOTLAB_STATE_DIR": str(tmp_path / "state"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
    }
    environment = {**environment_of_a_newcomer(), **own}
    make = ["make", "lab", "LAB_OPTIONS=--no-browser --port 0"]
    how = {"environment": environment, "runtime": tmp_path / "runtime", "log": tmp_path / "log"}
    served = Served(make, cwd=tmp_path / "clone", **how)
    try:
        served.wait(SET_UP_S)
        assert "00-welcome.ipynb" in {entry["name"] for entry in served.ask("api/contents")["content"]}
        assert {"python3", "iotlab-micropython"} <= set(served.ask("api/kernelspecs")["kernelspecs"])
        os.killpg(served.process.pid, signal.SIGINT)  # as a terminal does on Ctrl-C
        served.process.wait(STOP_S)
        served.assert_nothing_stayed()
    finally:
        served.clear()
    built = tmp_path / "clone" / "iotlab" / "widgets" / "static" / "live.js"
    assert built.stat().st_size > 10_000
    again = ["make", "--question", ".venv/.lab-installed"]
    assert subprocess.run(again, cwd=tmp_path / "clone", env=environment, check=False).returncode == 0
    assert not list((tmp_path / "clone" / "notebooks").glob(".iotlab-*"))
