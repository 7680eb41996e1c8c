"""The examples in docstrings do what they say, on the virtual bench."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
from pathlib import Path

import pytest

import iotlab
from iotlab.sim import Bench

PACKAGE = Path(iotlab.__file__).parent


def shows_an_example(source: str) -> bool:
    """Whether a docstring does; a prompt elsewhere is somebody's REPL."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    documented = (node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds))
    return any(re.search(r"^\s*>>> ", ast.get_docstring(node) or "", re.M) for node in documented)


def with_examples() -> list[str]:
    """The names of the modules that show an example."""
    paths = (path for path in PACKAGE.rglob("*.py") if shows_an_example(path.read_text(encoding="utf-8")))
    parts = (path.relative_to(PACKAGE.parent).with_suffix("").parts for path in paths)
    return sorted(".".join(part for part in names if part != "__init__") for names in parts)


@pytest.mark.parametrize("name", with_examples())
def test_examples(name: str, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.attempted > 0
    assert result.failed == 0
