"""``iotlab lab`` from its start to its end: what a reader gets, and that nothing stays behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import iotlab.sim
from iotlab.config import Settings

START_S = 90.0
STOP_S = 30.0
#: Inherited by everything that the lab starts, so that it is found again.
MARK = "IOTLAB_TEST_LAB"
IOTLAB = Path(sys.executable).parent / "iotlab"


def wait_for(condition: Callable[[], Any], timeout_s: float, what: str) -> Any:
    """The first true value of ``condition``."""
    end_s = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < end_s, f"{what}: not within {timeout_s:.0f} s"
        time.sleep(0.05)
    return value


class Lab:
    """A running ``iotlab lab``, reached as its page reaches it."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.mark = str(folder)
        self.folder = folder
        self.log = folder.parent / f"{folder.name}.log"
        self.runtime = Path(os.environ["JUPYTER_RUNTIME_DIR"])
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [IOTLAB, "lab", folder, "--no-browser", "--port", "0", *arguments],
                env={**os.environ, MARK: self.mark},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait(self) -> None:
        """Until the page is there."""
        file = self.runtime / f"jpserver-{self.process.pid}.json"
        wait_for(lambda: file.exists() or self.process.poll() is not None, START_S, "the lab's address")
        assert self.process.poll() is None, self.log.read_text()
        self.server: dict[str, Any] = wait_for(
            lambda: file.read_text() and json.loads(file.read_text()), 5, "it"
        )

    def ask(self, path: str, *, data: dict[str, Any] | None = None, token: str | None = None) -> Any:
        """A request to the server's API, with its token unless another is given."""
        request = urllib.request.Request(self.server["url"] + path)
        request.add_header("Authorization", f"token {self.server['token'] if token is None else token}")
        if data is not None:
            request.data = json.dumps(data).encode()
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def processes(self) -> list[psutil.Process]:
        """Everything that this lab started and that runs."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
        return found

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(STOP_S)


@pytest.fixture
def lab_of_its_own(
    lab_environment: dict[str, str], tmp_path: Path, short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Lab]]:
    """Starts labs on a bench of their own; what a failed test left running is ended."""
    monkeypatch.setenv("IOTLAB_RUNTIME_DIR", str(short_path))
    monkeypatch.setenv("IOTLAB_STATE_DIR", str(tmp_path / "state"))
    started: list[Lab] = []

    def start(name: str = "mine") -> Lab:
        started.append(Lab(tmp_path / name))
        started[-1].wait()
        return started[-1]

    yield start
    for lab in started:
        for process in lab.processes():
            process.kill()
        lab.process.wait(STOP_S)


def test_a_reader_gets_the_tutorials_the_kernels_and_a_bench(lab_of_its_own: Callable[..., Lab]) -> None:
    lab = lab_of_its_own()
    assert lab.server["url"].startswith("http://127.0.0.1:")
    names = {entry["name"] for entry in lab.ask("api/contents")["content"]}
    assert {"00-welcome.ipynb", "dashboards"} <= names
    assert {"python3", "iotlab-micropython"} <= set(lab.ask("api/kernelspecs")["kernelspecs"])
    assert set(iotlab.sim.bench()) == {"esp32", "pico"}
    with pytest.raises(urllib.error.HTTPError, match="403"):
        lab.ask("api/contents", token="wrong")
    assert lab.end(signal.SIGINT) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda s: s.name)
def test_nothing_stays_behind(lab_of_its_own: Callable[..., Lab], number: signal.Signals) -> None:
    lab = lab_of_its_own()
    lab.ask("api/kernels", data={"name": "python3"})
    assert len(lab.processes()) >= 4, "the lab, a kernel, two boards"
    assert lab.end(number) == 0
    assert lab.processes() == []
    assert not (Settings.load().bench_dir() / "bench.json").exists()
    assert not (lab.runtime / f"jpserver-{lab.process.pid}.json").exists()


def test_nothing_outlives_a_lab_that_was_killed(lab_of_its_own: Callable[..., Lab]) -> None:
    lab = lab_of_its_own()
    lab.ask("api/kernels", data={"name": "python3"})
    lab.end(signal.SIGKILL)
    wait_for(lambda: not lab.processes(), STOP_S, "the end of kernels and boards")
    again = lab_of_its_own("again")
    assert again.end(signal.SIGTERM) == 0


def test_a_bench_that_runs_already_is_used_and_left_running(lab_of_its_own: Callable[..., Lab]) -> None:
    with iotlab.sim.Bench.start() as bench:
        lab = lab_of_its_own()
        assert "runs already: the lab uses it" in lab.log.read_text()
        assert lab.end(signal.SIGINT) == 0
        assert iotlab.sim.bench().name == bench.name
        assert bench["esp32"].status()["state"] == "firmware"


def test_a_port_that_is_taken_is_said_and_leaves_no_bench(
    lab_of_its_own: Callable[..., Lab], tmp_path: Path
) -> None:
    first = lab_of_its_own()
    command = [IOTLAB, "lab", tmp_path / "second", "--no-browser", "--port", str(first.server["port"])]
    second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=START_S)
    assert second.returncode != 0
    assert "is not available" in second.stderr
    assert first.end(signal.SIGTERM) == 0


def test_in_a_clone_the_lab_opens_the_sources_and_copies_nothing(
    lab_of_its_own: Callable[..., Lab], tmp_path: Path
) -> None:
    sources = Path(__file__).parents[2] / "notebooks"
    lab = Lab(sources)
    try:
        lab.wait()
        assert "00-welcome.ipynb" in {entry["name"] for entry in lab.ask("api/contents")["content"]}
        assert not list(sources.glob(".iotlab-*"))
    finally:
        lab.end(signal.SIGTERM)
