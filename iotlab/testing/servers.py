"""JupyterLab and Voila as servers for tests: on the loopback address, with folders of their own."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from typing_extensions import Self

from iotlab.errors import DeadlineError

#: Where Jupyter and IPython keep settings and state; each server gets fresh ones.
_OWN_FOLDERS = (
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
    "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR",
    "IPYTHONDIR",
)


class Server:
    """A web server in a process of its own, stopped with its kernels on ``close``. A context manager."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        port: int,
        token: str,
        environment: Mapping[str, str] | None = None,
        timeout_s: float = 90.0,
    ) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.token = token
        self._folder = tempfile.TemporaryDirectory(prefix="iotlab-browser-", ignore_cleanup_errors=True)
        home = Path(self._folder.name)
        self._log = home / "log.txt"
        own = {name: str(home / name.lower()) for name in _OWN_FOLDERS}
        _quiet(Path(own["JUPYTERLAB_SETTINGS_DIR"]))
        beside = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PATH": beside, **own, **(environment or {})},
            )
        try:
            self._wait(timeout_s)
        except BaseException:
            self.close()
            raise

    @property
    def log(self) -> str:
        """What the server has written so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def close(self) -> None:
        """End the server and its kernels. Idempotent."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _wait(self, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while not self._answers():
            if self._process.poll() is not None:
                raise DeadlineError(f"the server ended before it answered:\n{self.log[-3000:]}")
            if time.monotonic() > deadline:
                raise DeadlineError(f"the server did not answer in {timeout_s} s:\n{self.log[-3000:]}")
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.url}/api", timeout=5).close()
        except urllib.error.HTTPError as answer:
            answer.close()  # Voila has no /api: any answer will do
        except OSError:
            return False
        return True


def _quiet(settings: Path) -> None:
    """No questions about news and updates over the page."""
    folder = settings / "@jupyterlab" / "apputils-extension"
    folder.mkdir(parents=True)
    (folder / "notification.jupyterlab-settings").write_text(
        '{"fetchNews": "false", "checkForUpdates": false}'
    )


def free_port() -> int:
    """A port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def lab_server(folder: str | Path, *, environment: Mapping[str, str] | None = None) -> Server:
    """JupyterLab on ``folder``."""
    port, token = free_port(), secrets.token_hex(16)
    arguments = [
        *("-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser"),
        *("--ServerApp.ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"),
        *(f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={Path(folder).resolve()}"),
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    ]
    return Server(arguments, port=port, token=token, environment=environment)


def voila_server(
    path: str | Path, *, environment: Mapping[str, str] | None = None, theme: str = "light"
) -> Server:
    """Voila on one notebook, or on a folder of them."""
    port, token = free_port(), ""
    arguments = [
        *("-m", "voila", str(Path(path).resolve()), "--no-browser", "--Voila.ip=127.0.0.1", f"--port={port}"),
        *(f"--theme={theme}", "--show_tracebacks=True"),
        # Notebook 7's own extension, where that is installed too, wants what Voila's older core lacks
        "--VoilaConfiguration.extension_denylist=@jupyter-notebook/lab-extension",
    ]
    return Server(arguments, port=port, token=token, environment=environment)
