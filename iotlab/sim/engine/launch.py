"""Starts a MicroPython unix port that ends when the board's process ends. Run with ``python -I -S``.

Arguments: the folder of the wheel's extension module, or an executable; then MicroPython's own. The
module holds the unix port as a whole, with its own ``main``.
"""

import os
import sys


def end_with_parent(parent: int) -> None:
    """Linux only: elsewhere the end of the standard input does it, as soon as it is read."""
    if sys.platform == "linux":
        import ctypes
        import signal

        ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:  # it ended before that
        os._exit(1)


def interruptible() -> None:
    """SIGUSR2 ends a system call that waits, and does nothing else: how a callback gets its turn."""
    import signal

    signal.signal(signal.SIGUSR2, lambda *_: None)
    signal.siginterrupt(signal.SIGUSR2, True)


def main(parent: str, place: str, *arguments: str) -> None:
    end_with_parent(int(parent))
    if os.path.isfile(place):  # noqa: PTH113 - pathlib takes longer to import than this takes to run
        os.execv(place, ["micropython", *arguments])
    interruptible()
    sys.path.append(place)
    from micropython_run import run_main

    code = run_main(["micropython", *arguments])
    os._exit((code or 0) & 0xFF)


if __name__ == "__main__":
    main(*sys.argv[1:])
