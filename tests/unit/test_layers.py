"""The contracts of the layers hold, and they do catch an import that points up."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """import-linter over the package in ``folder``."""
    program = [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache"]
    return subprocess.run(program, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package and its contracts, in a folder where they may be broken."""
    ignored = shutil.ignore_patterns("__pycache__", "static")
    shutil.copytree(ROOT / "iotlab", tmp_path / "iotlab", ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_layers_hold() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("bus/i2c.py", "import iotlab.link.base", "Imports point down"),
        ("board.py", "import iotlab.discovery", "Imports point down"),
        ("errors.py", "import iotlab.config", "Imports point down"),
        ("stream/source.py", "import iotlab.sim.world", "The virtual bench is reached only as a board"),
        ("link/serial.py", "import iotlab.testing", "What is for tests stays out of what runs"),
    ],
)
def test_a_wrong_import_is_caught(copy: Path, module: str, line: str, contract: str) -> None:
    path = copy / "iotlab" / module
    path.write_text(path.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")
    result = lint(copy)
    assert result.returncode != 0
    assert f"{contract} BROKEN" in result.stdout


def test_a_module_without_a_layer_is_caught(copy: Path) -> None:
    (copy / "iotlab" / "somewhere.py").touch()
    result = lint(copy)
    assert result.returncode != 0
    assert "iotlab.somewhere" in result.stdout
