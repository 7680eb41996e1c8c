"""Source code out of Debian's archive, checked against Debian's keyring, for what is built from it here.

Needs Debian or Ubuntu with apt-get and dpkg-dev; no root. apt runs on lists and settings of its own, not on the
machine's. The packages come from the mirror that this machine's apt uses, or from the one that is told.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from typing_extensions import Self

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
#: What is run here, and the package that brings it.
TOOLS = {"apt-get": "apt", "dpkg-source": "dpkg-dev"}


class BuildError(Exception):
    """It cannot be built here. The message says what to do next."""


def check_tools(tools: Mapping[str, str], *, missing: list[str] | None = None) -> None:
    """``BuildError`` with the packages of those ``tools`` that are not here, and with ``missing`` ones."""
    wanted = {package for tool, package in {**TOOLS, **tools}.items() if shutil.which(tool) is None}
    wanted.update(missing or ())
    if not KEYRING.exists():
        wanted.add("debian-archive-keyring")
    if wanted:
        raise BuildError(f"this needs packages that are not here: apt-get install {' '.join(sorted(wanted))}")


def run(*command: str, cwd: Path, environment: Mapping[str, str] | None = None) -> None:
    """Run a command; what it prints goes to the standard error."""
    done = subprocess.run(command, cwd=cwd, env=environment, stdout=sys.stderr, check=False)
    if done.returncode:
        raise BuildError(f"{' '.join(command[:3])} failed with {done.returncode}: what it printed tells why")


class Debian:
    """One suite of Debian's archive. A context manager: ``folder`` is its own, and gone at the end."""

    def __init__(self, folder: Path, suite: str, mirror: str = "") -> None:
        self._folder, self._suite = folder, suite
        self._mirror = mirror or _mirror()
        self._environment = {**os.environ, "APT_CONFIG": str(folder / "apt.conf")}

    def source(self, package: str, into: Path) -> Path:
        """The source package, unpacked and with Debian's patches, in a new folder of ``into``."""
        there = set(into.iterdir())
        run("apt-get", "-q", "source", "--only-source", package, cwd=into, environment=self._environment)
        return next(path for path in into.iterdir() if path.is_dir() and path not in there)

    def package(self, package: str, into: Path) -> Path:
        """The files of a binary package (one that holds source code, say), in a new folder of ``into``."""
        fetched, unpacked = self._folder / package, into / package
        fetched.mkdir()
        run("apt-get", "-q", "download", package, cwd=fetched, environment=self._environment)
        run("dpkg-deb", "--extract", str(next(fetched.glob("*.deb"))), str(unpacked), cwd=fetched)
        return unpacked

    def __enter__(self) -> Self:
        folder = self._folder
        for part in ("lists/partial", "cache/archives/partial", "state"):
            (folder / part).mkdir(parents=True)
        (folder / "state/status").touch()
        (folder / "debian.sources").write_text(
            f"Types: deb deb-src\nURIs: {self._mirror}\nSuites: {self._suite}\nComponents: main\n"
            f"Signed-By: {KEYRING}\n"
        )
        (folder / "apt.conf").write_text(
            f'Dir::State "{folder}/state";\nDir::State::lists "{folder}/lists";\nDir::Cache "{folder}/cache";\n'
            f'Dir::Etc::sourcelist "{folder}/debian.sources";\nDir::Etc::sourceparts "/dev/null";\n'
            'Acquire::Languages "none";\nAPT::Sandbox::User "";\n'
        )
        run("apt-get", "-q", "update", cwd=folder, environment=self._environment)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        shutil.rmtree(self._folder)


def _mirror() -> str:
    """The mirror of Debian that this machine's apt uses."""
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Label: Debian", "Created-By: Packages"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
    except FileNotFoundError:
        told = []
    if not told:
        raise BuildError("apt knows no mirror of Debian here: give one with --mirror, or run apt-get update")
    return told[0]
