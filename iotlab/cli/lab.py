"""``iotlab lab [folder]``: the virtual bench, and JupyterLab on the tutorials."""

from __future__ import annotations

import contextlib
import os
import signal
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from iotlab.cli._notebooks import copy_notebooks, shipped_notebooks
from iotlab.cli.base import Command
from iotlab.errors import ConfigError, NotFoundError, UnavailableError
from iotlab.sim import Bench

FOLDER = "iotlab-notebooks"
FIRST = "00-welcome.ipynb"
#: What asks for the end of the lab: Ctrl-C, a supervisor, a closed terminal.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=Path(FOLDER),
        help=f"where your notebooks are (default: {FOLDER})",
    )
    parser.add_argument("--no-browser", action="store_true", help="print the address, open no browser")
    parser.add_argument("--port", type=int, help="the port of the page (default: 8888, or the next free one)")


def run(arguments: Namespace) -> int:
    try:
        from jupyterlab.labapp import LabApp
    except ImportError as error:
        raise UnavailableError.extra("iotlab lab", "lab") from error
    if arguments.port is not None and not 0 <= arguments.port < 65536:
        raise ConfigError(f"there is no port {arguments.port}: take one from 1024 to 65535")
    folder = arguments.folder.expanduser()
    for line in copy_notebooks(shipped_notebooks(), folder).lines():
        print(line)
    os.environ["JUPYTER_CONFIG_PATH"] = _config_path(os.environ.get("JUPYTER_CONFIG_PATH"))
    with _ending_in_good_order(), _bench():
        try:
            LabApp.launch_instance(_jupyter(folder.resolve(), arguments))
        finally:
            for number in SIGNALS:  # a second Ctrl-C must not leave half a bench: what is left takes a moment
                signal.signal(number, signal.SIG_IGN)
    return 0


@contextlib.contextmanager
def _bench() -> Iterator[None]:
    """The virtual bench for as long as the lab runs; one that runs already is used, and left running."""
    with contextlib.ExitStack() as stack:
        try:
            print(f"the bench {Bench.running().name!r} runs already: the lab uses it", flush=True)
        except NotFoundError:
            try:
                print(stack.enter_context(Bench.start()), flush=True)
            except UnavailableError as error:
                print(f"no virtual bench, only real boards: {error}", flush=True)
        yield


@contextlib.contextmanager
def _ending_in_good_order() -> Iterator[None]:
    """Whatever asks for the end ends the kernels and the bench too.

    Jupyter takes care of its kernels on SIGTERM only, and on Ctrl-C where it has a terminal.
    """

    def end(number: int, frame: FrameType | None) -> None:
        jupyters = signal.getsignal(signal.SIGTERM)
        if callable(jupyters) and jupyters is not end:
            jupyters(number, frame)
        else:
            raise KeyboardInterrupt

    before = [signal.signal(number, end) for number in SIGNALS]
    try:
        yield
    finally:
        for number, handler in zip(SIGNALS, before, strict=True):
            signal.signal(number, handler)


def _config_path(users: str | None) -> str:
    """Our few settings of JupyterLab (no news, no look for newer versions) before the user's own."""
    ours = str(Path(__file__).parent / "jupyter")
    return os.pathsep.join([ours, users] if users else [ours])


def _jupyter(folder: Path, arguments: Namespace) -> list[str]:
    """The arguments of JupyterLab. It listens on this machine only, and asks for its token."""
    told = [
        f"--ServerApp.root_dir={folder}",
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.answer_yes=True",  # one Ctrl-C ends the lab
        f"--ServerApp.open_browser={not arguments.no_browser}",
    ]
    if (folder / FIRST).exists():
        told.append(f"--LabApp.default_url=/lab/tree/{FIRST}")
    if arguments.port is not None:
        told += [f"--ServerApp.port={arguments.port}", "--ServerApp.port_retries=0"]
    if os.geteuid() == 0:  # in a container; Jupyter's warning is about servers that others can reach
        told.append("--allow-root")
    return told


COMMAND = Command("the virtual bench, and JupyterLab on the tutorials", configure, run)
