"""The board's kernel under the programs that run notebooks: nbconvert, papermill, the console."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from iotlab.sim import Bench

BIN = Path(sys.executable).parent


@pytest.fixture
def notebook(kernelspec: str, bench: Bench, tmp_path: Path) -> Path:
    """A notebook for the board, with a cell that papermill may fill in."""
    told = nbformat.v4.new_notebook(
        metadata={
            "kernelspec": {"name": kernelspec, "display_name": "MicroPython", "language": "micropython"}
        }
    )
    parameters = nbformat.v4.new_code_cell("%connect esp32\nlimit = 20", metadata={"tags": ["parameters"]})
    cells = ["print('limit', limit)", "limit * 2", "display({'n': [1, 2]})", "import sys\nsys.platform"]
    told.cells = [parameters, *(nbformat.v4.new_code_cell(cell) for cell in cells)]
    path = tmp_path / "measure.ipynb"
    nbformat.write(told, path)
    return path


def run(*command: str, folder: Path, answer: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        input=answer,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        env=os.environ,
    )


def shown(path: Path) -> list[str]:
    """The text of every output."""
    return [
        output.get("text") or output["data"]["text/plain"]
        for cell in nbformat.read(path, 4).cells
        for output in cell.outputs
    ]


def test_nbconvert(notebook: Path) -> None:
    done = run(
        str(BIN / "jupyter-nbconvert"), "--execute", "--to", "notebook", "--inplace", notebook.name,
        folder=notebook.parent,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert shown(notebook)[1:4] == ["limit 20\n", "40", "n\n1\n2"]


def test_nbconvert_fails_where_a_cell_fails(notebook: Path) -> None:
    told = nbformat.read(notebook, 4)
    told.cells.append(nbformat.v4.new_code_cell("1 // 0"))
    nbformat.write(told, notebook)
    done = run(
        str(BIN / "jupyter-nbconvert"), "--execute", "--to", "notebook", "--stdout", notebook.name,
        folder=notebook.parent,
    )  # fmt: skip
    assert done.returncode != 0
    assert "ZeroDivisionError" in done.stderr


def test_papermill(notebook: Path) -> None:
    done = run(
        str(BIN / "papermill"), "--language", "python", "--no-progress-bar", "-p", "limit", "7",
        notebook.name, "out.ipynb",
        folder=notebook.parent,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [text for text in shown(notebook.parent / "out.ipynb") if "Input Notebook" not in text][1:3] == [
        "limit 7\n",
        "14",
    ]


def test_the_console(kernelspec: str, bench: Bench, tmp_path: Path) -> None:
    typed = "%connect esp32\n6 * 7\nimport sys\nprint(sys.platform)\n1 // 0\nexit()\n"
    done = run(
        str(BIN / "jupyter-console"), "--kernel", kernelspec, "--simple-prompt", folder=tmp_path, answer=typed
    )
    assert "MicroPython; the board is connected with the first cell" in done.stdout
    assert "42" in done.stdout
    assert "linux" in done.stdout
    assert "ZeroDivisionError" in done.stdout + done.stderr
