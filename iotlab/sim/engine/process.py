"""What the operating system knows of a process: whether it is the one we mean, and what it does now."""

from __future__ import annotations

import contextlib
import os
import platform
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Doing:
    """What the main thread of an interpreter does.

    ``runs_code``: SIGINT has a handler. ``sleeping``: it waits for something. ``catches_interrupt`` and
    ``catches_kick``: SIGUSR1 and SIGUSR2 have handlers.
    """

    runs_code: bool
    sleeping: bool
    catches_interrupt: bool
    catches_kick: bool


#: sem_wait(3) waits in this system call, by machine (Linux, syscalls(2)).
FUTEX = {"x86_64": 202, "aarch64": 98}


def in_futex(pid: int) -> bool:
    """Whether a stopped process was stopped while its main thread waited for another thread."""
    with contextlib.suppress(OSError):
        told = Path(f"/proc/{pid}/syscall").read_text().split(None, 1)
        return told[:1] == [str(FUTEX.get(platform.machine()))]
    return False


def started(pid: int) -> str:
    """When ``pid`` started, in whatever form the system tells it; empty where there is no such process.

    A pid and this name a process for good: a pid alone may be somebody else's by now.
    """
    if sys.platform == "linux":
        fields = _stat(pid)
        return fields[19] if fields and fields[0] not in "ZX" else ""  # 22: starttime, proc_pid_stat(5)
    told = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return told.stdout.strip()


def doing(pid: int) -> Doing:
    """What the main thread of ``pid`` does now. ``ProcessLookupError`` where it is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        raise ProcessLookupError(pid) from None
    fields = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    caught = int(fields["SigCgt"].strip(), 16)
    return Doing(
        runs_code=bool(caught & 1 << (signal.SIGINT - 1)),
        sleeping=fields["State"].strip().startswith("S"),
        catches_interrupt=bool(caught & 1 << (signal.SIGUSR1 - 1)),
        catches_kick=bool(caught & 1 << (signal.SIGUSR2 - 1)),
    )


def kill(pid: int, since: str, number: int = signal.SIGKILL) -> bool:
    """Signal ``pid`` if it is still the process that started at ``since``; whether it was."""
    if not since or started(pid) != since:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
        return True
    return False


def _stat(pid: int) -> list[str]:
    """The fields of ``/proc/<pid>/stat`` behind the name, which may hold anything."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return []
