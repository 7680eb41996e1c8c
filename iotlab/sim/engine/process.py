"""What the operating system knows of a process: whether it is the one we mean, and what it does now."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
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
    caught, sleeping = _SIGNALS[sys.platform](pid)

    def catches(number: int) -> bool:
        return bool(caught & 1 << (number - 1))

    return Doing(
        runs_code=catches(signal.SIGINT),
        sleeping=sleeping,
        catches_interrupt=catches(signal.SIGUSR1),
        catches_kick=catches(signal.SIGUSR2),
    )


def _signals_linux(pid: int) -> tuple[int, bool]:
    """The signals that have handlers, and whether it sleeps: proc_pid_status(5)."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        raise ProcessLookupError(pid) from None
    fields = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
    return int(fields["SigCgt"].strip(), 16), fields["State"].strip().startswith("S")


class _ExternProc(ctypes.Structure):
    """The begin of what sysctl(KERN_PROC) tells on macOS: xnu, bsd/sys/proc.h, ``struct extern_proc``."""

    _fields_ = (
        ("p_un", ctypes.c_int64 * 2),
        ("p_vmspace", ctypes.c_void_p),
        ("p_sigacts", ctypes.c_void_p),
        ("p_flag", ctypes.c_int),
        ("p_stat", ctypes.c_char),
        ("p_pid", ctypes.c_int32),
        ("p_oppid", ctypes.c_int32),
        ("p_dupfd", ctypes.c_int),
        ("user_stack", ctypes.c_void_p),
        ("exit_thread", ctypes.c_void_p),
        ("p_debugger_sigwait", ctypes.c_int * 2),
        ("p_estcpu_cpticks_pctcpu", ctypes.c_uint32 * 3),
        ("p_wchan", ctypes.c_void_p),
        ("p_wmesg", ctypes.c_void_p),
        ("p_swtime_slptime", ctypes.c_uint * 2),
        ("p_realtimer_rtime", ctypes.c_int64 * 6),
        ("p_ticks", ctypes.c_uint64 * 3),
        ("p_traceflag", ctypes.c_int),
        ("p_tracep", ctypes.c_void_p),
        ("p_siglist", ctypes.c_int),
        ("p_textvp", ctypes.c_void_p),
        ("p_holdcnt", ctypes.c_int),
        ("p_sigmask", ctypes.c_uint32),
        ("p_sigignore", ctypes.c_uint32),
        ("p_sigcatch", ctypes.c_uint32),
    )


_KINFO_PROC_SIZE = 648
_CTL_KERN, _KERN_PROC, _KERN_PROC_PID = 1, 14, 1


def _signals_macos(pid: int) -> tuple[int, bool]:
    """The same of macOS, which does not tell whether a process sleeps: it counts as asleep."""
    name = (ctypes.c_int * 4)(_CTL_KERN, _KERN_PROC, _KERN_PROC_PID, pid)
    told, size = ctypes.create_string_buffer(_KINFO_PROC_SIZE), ctypes.c_size_t(_KINFO_PROC_SIZE)
    failed = ctypes.CDLL(None).sysctl(name, 4, told, ctypes.byref(size), None, 0)
    if failed or not size.value:
        raise ProcessLookupError(pid)
    return int(_ExternProc.from_buffer(told).p_sigcatch), True


_SIGNALS: Mapping[str, Callable[[int], tuple[int, bool]]] = {
    "linux": _signals_linux,
    "darwin": _signals_macos,
}


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
