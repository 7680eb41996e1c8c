"""``iotlab lab`` from its start to its end: what a reader gets, and that nothing stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from served import START_S, STOP_S, Served, wait_for

from iotlab.config import Settings
from iotlab.sim import Bench

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
IOTLAB = Path(sys.executable).parent / "iotlab"


@pytest.fixture
def lab_of_its_own(
    lab_environment: dict[str, str], tmp_path: Path, short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Served]]:
    """Starts labs on a bench of their own; what a failed test left running is ended."""
    monkeypatch.setenv("IOTLAB_RUNTIME_DIR", str(short_path))
    monkeypatch.setenv("IOTLAB_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    started: list[Served] = []

    def start(folder: Path = tmp_path / "mine") -> Served:
        command = [IOTLAB, "lab", folder, "--no-browser", "--port", "0"]
        log = tmp_path / "log"
        started.append(Served(command, environment=os.environ, runtime=tmp_path / "runtime", log=log))
        started[-1].wait()
        return started[-1]

    yield start
    for lab in started:
        lab.clear()


def test_a_reader_gets_the_tutorials_the_kernels_and_a_bench(lab_of_its_own: Callable[..., Served]) -> None:
    lab = lab_of_its_own()
    assert lab.server["url"].startswith("http://127.0.0.1:")
    names = {entry["name"] for entry in lab.ask("api/contents")["content"]}
    assert {"00-welcome.ipynb", "dashboards"} <= names
    assert {"python3", "iotlab-micropython"} <= set(lab.ask("api/kernelspecs")["kernelspecs"])
    assert set(Bench.running()) == {"esp32", "pico"}
    with pytest.raises(urllib.error.HTTPError, match="403"):
        lab.ask("api/contents", token="wrong")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP], ids=lambda s: s.name)
def test_nothing_stays_behind(lab_of_its_own: Callable[..., Served], number: signal.Signals) -> None:
    lab = lab_of_its_own()
    lab.ask("api/kernels", data={"name": "python3"})
    assert len(lab.processes()) >= 4, "the lab, a kernel, two boards"
    assert lab.end(number) == 0
    lab.assert_nothing_stayed()
    assert not (Settings.load().bench_dir() / "bench.json").exists()


def test_nothing_outlives_a_lab_that_was_killed(lab_of_its_own: Callable[..., Served]) -> None:
    lab = lab_of_its_own()
    lab.ask("api/kernels", data={"name": "python3"})
    lab.end(signal.SIGKILL)
    wait_for(lambda: not lab.processes(), STOP_S, "the end of kernels and boards")
    with Bench.start() as bench:
        assert bench["esp32"].status()["state"] == "firmware"


def test_what_runs_already_is_left_alone(lab_of_its_own: Callable[..., Served]) -> None:
    """A bench is used and left running; a port that is taken is said; a clone's sources stay as they are."""
    with Bench.start() as bench:
        lab = lab_of_its_own(NOTEBOOKS)
        assert "runs already: the lab uses it" in lab.log.read_text()
        assert "00-welcome.ipynb" in {entry["name"] for entry in lab.ask("api/contents")["content"]}
        assert not list(NOTEBOOKS.glob(".iotlab-*"))

        command = [IOTLAB, "lab", NOTEBOOKS, "--no-browser", "--port", str(lab.server["port"])]
        second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=START_S)
        assert second.returncode != 0
        assert "is not available" in second.stderr

        assert lab.end(signal.SIGTERM) == 0
        lab.assert_nothing_stayed()
        assert bench["esp32"].status()["state"] == "firmware"
