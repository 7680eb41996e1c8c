"""What the package shows to the outside: names, docstrings, weight."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import iotlab

PACKAGE = Path(iotlab.__file__).parent
#: These run on the board, or as a program of their own.
NOT_THE_LIBRARY = {"device", "worker", "agent", "launch.py"}
#: The two halves of a command are described by ``iotlab.cli.base.Command``, a program by its module.
SAID_ELSEWHERE = {"cli": {"configure", "run"}, "__main__.py": {"main"}}
#: What a bare ``import iotlab`` must not bring along: it has to be quick, and work without any extra.
HEAVY = (
    "IPython",
    "adafruit_blinka",
    "asyncio",
    "esptool",
    "ipykernel",
    "jupyter_client",
    "matplotlib",
    "numpy",
)
HEAVY += ("pandas", "serial", "traitlets")


def modules() -> Iterator[tuple[Path, ast.Module]]:
    """Every module of the library with something in it, and its syntax tree."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if tree.body and not NOT_THE_LIBRARY & set(name.parts):
            yield name, tree


def public(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    """The public functions and classes that a module defines."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            yield node


def is_said_elsewhere(module: Path, name: str) -> bool:
    """Whether the docstring that ``name`` would have stands in another place."""
    return any(name in SAID_ELSEWHERE.get(part, ()) for part in module.parts)


def test_every_exported_name_is_there() -> None:
    for name in iotlab.__all__:
        assert getattr(iotlab, name) is not None
    assert set(iotlab.__all__) <= set(dir(iotlab))


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
        iotlab.no_such_name  # noqa: B018


def test_every_module_says_what_it_is_for() -> None:
    assert [str(name) for name, tree in modules() if not ast.get_docstring(tree)] == []


def test_every_module_postpones_annotations() -> None:
    wanted = "from __future__ import annotations"
    coded = ((name, tree) for name, tree in modules() if len(tree.body) > 1)
    assert [str(name) for name, tree in coded if wanted not in map(ast.unparse, tree.body)] == []


def test_every_public_class_and_function_has_a_docstring() -> None:
    without = {
        f"{name}: {node.name}"
        for name, tree in modules()
        for node in public(tree)
        if not ast.get_docstring(node) and not is_said_elsewhere(name, node.name)
    }
    assert without == set()


def test_importing_iotlab_is_light() -> None:
    code = "import iotlab, json, sys; print(json.dumps(sorted(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert set(HEAVY) & set(json.loads(told)) == set()
