"""Starts a MicroPython unix port, or an emulator, that ends when the board's process does. Run with ``python -I -S``.

Arguments: the board's process, a folder with the wheel's extension module or an executable, and then
MicroPython's own. The module holds the unix port as a whole, with its own ``main``; an executable binds the
signals by itself (see ``device/start.py``).
"""

import ctypes
import os
import signal
import sys


def end_with_parent(parent: int) -> None:
    """Linux only: elsewhere the end of the standard input does it, as soon as it is read."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:  # it ended before that
        os._exit(1)


def bind_signals(module: str) -> None:
    """SIGUSR1 asks for a KeyboardInterrupt. SIGUSR2 only ends a system call that waits.

    A C function that takes nothing serves as a handler: the signal's number stays in its register.
    """
    port, libc = ctypes.CDLL(module), ctypes.CDLL(None)
    libc.signal.argtypes = (ctypes.c_int, ctypes.c_void_p)
    handlers = (signal.SIGUSR1, port.mp_sched_keyboard_interrupt), (signal.SIGUSR2, libc.getpid)
    for number, function in handlers:
        libc.signal(number, ctypes.cast(function, ctypes.c_void_p))
        libc.siginterrupt(number, 1)


def main(parent: str, place: str, *arguments: str) -> None:
    end_with_parent(int(parent))
    if os.path.isfile(place):  # noqa: PTH113 - pathlib takes longer to import than this takes to run
        os.execv(place, [place, *arguments])
    sys.path.append(place)
    import micropython_run

    bind_signals(micropython_run.__file__)
    code = micropython_run.run_main(["micropython", *arguments])
    os._exit((code or 0) & 0xFF)


if __name__ == "__main__":
    main(*sys.argv[1:])
