"""The tools, one module each: the module's name is the tool's."""

from __future__ import annotations

import importlib

from benchmarks.tools.base import Tool


def kind_of(name: str) -> type[Tool]:
    """The class of the tool ``name``; what it needs is imported then."""
    kind: type[Tool] = importlib.import_module(f"benchmarks.tools.{name}").TOOL
    return kind
