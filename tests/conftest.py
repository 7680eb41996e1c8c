"""What all tests share: layers by folder, parts that a machine may lack, a lab of their own."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import system_parts

from iotlab.sim import Bench

LAYERS = {
    "unit": "one module, no process besides the test's own",
    "contract": "what every link, bus, chip and board has to keep",
    "emulated": "boards of the virtual bench, in processes of their own",
    "firmware": "genuine firmware that is built first, in an emulator",
    "notebooks": "the tutorials, run from the first cell to the last",
    "browser": "pages in a real browser",
    "hardware": "needs a real board",
}
ROOT = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    # a shell starts what it puts into the background with Ctrl-C ignored, and tests press it
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for layer, meaning in LAYERS.items():
        config.addinivalue_line("markers", f"{layer}: {meaning}")
    config.addinivalue_line("markers", "needs(part): a part of scripts/system_parts.py that pip cannot bring")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test's folder is its layer; the tests in a browser need one."""
    for item in items:
        layer = item.path.relative_to(ROOT).parts[0]
        if layer in LAYERS:
            item.add_marker(layer)
        if layer == "browser":
            item.add_marker(pytest.mark.needs("browser"))


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        part = system_parts.PARTS[marker.args[0]]
        if part.name in system_parts.left_out_on_purpose():
            pytest.skip(f"IOTLAB_WITHOUT leaves out {part.tests}")
        if part.missing:
            message = f"no {part.lacks} here: make test installs it where it may"
            if system_parts.all_required():
                pytest.fail(message, pytrace=False)
            pytest.skip(message)


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser's program."""
    found = system_parts.chromium()
    assert found is not None, "mark the test with @pytest.mark.needs('browser')"
    return found


@pytest.fixture(scope="session")
def lab_environment() -> Iterator[dict[str, str]]:
    """A lab of the tests' own: no file, bench, kernel or setting of the user is read or written.

    Set in ``os.environ`` for the whole session, so that processes started by tests inherit it.
    """
    # A short path: the sockets of a bench live in it, and a Unix socket's path has at most 104 bytes.
    home = Path(tempfile.mkdtemp(prefix="iotlab-", dir="/tmp"))
    environment = {
        "IOTLAB_RUNTIME_DIR": str(home / "run"),
        "IOTLAB_STATE_DIR": str(home / "state"),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_DIR": str(home / "jupyter"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "jrun"),
        "MPLCONFIGDIR": str(home / "matplotlib"),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        yield environment
    shutil.rmtree(home)


@pytest.fixture(scope="session")
def kernelspec(lab_environment: dict[str, str]) -> str:
    """The name of the board's kernel, which Jupyter finds as it stands in ``kernels/``."""
    name = "iotlab-micropython"
    shutil.copytree(
        ROOT.parent / "kernels" / name, Path(lab_environment["JUPYTER_DATA_DIR"]) / "kernels" / name
    )
    return name


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A temporary folder whose path is short enough for Unix sockets, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="iotlab-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def bench(lab_environment: dict[str, str]) -> Iterator[Bench]:
    """The built-in bench, one for all tests of a module. Its boards carry what a new bench's do."""
    shutil.rmtree(lab_environment["IOTLAB_STATE_DIR"], ignore_errors=True)
    with Bench.start() as running:
        yield running
