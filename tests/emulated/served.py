"""A Jupyter server that a test started as a user does, reached as its page reaches it."""

from __future__ import annotations

import json
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

START_S = 90.0
STOP_S = 30.0
#: Inherited by everything that the server starts, so that it is found again.
MARK = "IOTLAB_TEST_SERVED"


def wait_for(condition: Callable[[], Any], timeout_s: float, what: str) -> Any:
    """The first true value of ``condition``."""
    end_s = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < end_s, f"{what}: not within {timeout_s:.0f} s"
        time.sleep(0.05)
    return value


class Served:
    """A running command that serves Jupyter. ``runtime`` is a folder of its own for the server's address."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str],
        runtime: Path,
        log: Path,
        **how: Any,
    ) -> None:
        self.mark = str(log)
        self.log, self.runtime = log, runtime
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                env={**environment, MARK: self.mark},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                **how,
            )

    def wait(self, timeout_s: float = START_S) -> None:
        """Until the page is there. Its address is known a little before it answers."""
        self.server: dict[str, Any] = wait_for(self._server, timeout_s, "the server's address")
        wait_for(self._answers, START_S, "an answer")

    def _server(self) -> Any:
        assert self.process.poll() is None, self.log.read_text()
        return next((json.loads(file.read_text()) for file in self._addresses() if file.read_text()), None)

    def _addresses(self) -> list[Path]:
        return list(self.runtime.glob("jpserver-*.json"))

    def _answers(self) -> bool:
        try:
            return "started" in self.ask("api/status")
        except urllib.error.HTTPError:
            raise
        except urllib.error.URLError:
            return False

    def ask(self, path: str, *, data: dict[str, Any] | None = None, token: str | None = None) -> Any:
        """A request to the server's API, with its token unless another is given."""
        request = urllib.request.Request(self.server["url"] + path)
        request.add_header("Authorization", f"token {self.server['token'] if token is None else token}")
        if data is not None:
            request.data = json.dumps(data).encode()
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def processes(self) -> list[psutil.Process]:
        """Everything that the command started and that runs."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
        return found

    def end(self, number: signal.Signals) -> int:
        """Send ``number`` and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(STOP_S)

    def assert_nothing_stayed(self) -> None:
        """No process, and no address of a server that is gone."""
        assert self.processes() == []
        assert self._addresses() == []

    def clear(self) -> None:
        """End what a failed test left running."""
        for process in self.processes():
            process.kill()
        self.process.wait(STOP_S)
