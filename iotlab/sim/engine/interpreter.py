"""The MicroPython process of a virtual board: its pipes, its interrupts, its end.

It runs on pipes, not on a terminal: the unix port flushes unread input whenever it changes the modes
of a terminal, which a UART never does. What a terminal would do for it, Ctrl-C, is done here.

**Ctrl-C.** The unix port has a SIGINT handler while it runs code, and the system's default action (the
end of the process) while it waits at a prompt or after ``micropython.kbd_intr(-1)``. The handler jumps out
of whatever it interrupts, also out of the memory allocator; so SIGINT is never sent, its handler only tells
what the port does now. SIGUSR1 is sent in its place: ``launch`` has bound it to the function of the port
that asks for a KeyboardInterrupt at the next safe point. Raised at a prompt, that would end the process,
too. So each 0x03 is held, with what follows it, until one of two things is certain: code runs (the process
is stopped, looked at, signalled and continued, so it cannot change its mind between), or it sleeps with all
its input read, and then 0x03 is a character like others.
"""

from __future__ import annotations

import array
import contextlib
import fcntl
import importlib.util
import os
import signal
import sys
import termios
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path

from iotlab.errors import ConfigError, UnavailableError
from iotlab.sim.engine.child import Child
from iotlab.sim.engine.loop import Loop, Timer
from iotlab.sim.engine.process import Doing, doing, in_futex

INTERRUPT = 0x03
#: How often a held Ctrl-C is looked at again.
AGAIN_S = 0.001
#: When a system call is ended that an interrupt may have missed.
KICKS_S = (0.003, 0.02, 0.1)


class Taking(Enum):
    """What an interpreter may be given: nothing before it has its modules, then all that is typed."""

    NOTHING, INTERRUPTS, ALL = range(3)


class Interpreter(Child):
    """One MicroPython process. ``asking()`` says whether its program asked the bridge something just now."""

    def __init__(
        self,
        loop: Loop,
        command: Sequence[str],
        *,
        channels: int,
        output: Callable[[bytes], None],
        ended: Callable[[int], None],
        hungry: Callable[[int], None],
        asking: Callable[[], bool],
    ) -> None:
        super().__init__(
            loop,
            command,
            channels=channels,
            output=output,
            ended=ended,
            hungry=hungry,
            environment={"PATH": os.defpath},  # no HOME: it would keep a history of the REPL there
        )
        self._asking = asking
        self._taking = Taking.NOTHING
        self._again: Timer | None = None
        self._put_off = False  # an interrupt that is to be raised at a better moment

    # -- input --------------------------------------------------------------------------------

    def take_input(self, *, interrupts_only: bool = False) -> None:
        """It is far enough to be given input, or at least to be interrupted."""
        self._taking = Taking.INTERRUPTS if interrupts_only else Taking.ALL
        self._feed()

    def type_first(self, data: bytes) -> None:
        """A few bytes that go before all that the host typed."""
        os.write(self._stdin, data)

    def interrupt_again(self) -> None:
        """The last interrupt came at a bad moment and was put off: raise it again now, it waits for it."""
        self._put_off = True
        self._interrupt_late()

    def _feed(self) -> None:
        if self._closed or self._taking is Taking.NOTHING:
            return
        if self._taking is Taking.INTERRUPTS:
            self._pull_interrupt()
            return
        if self._put_off and self._again is None:
            self._interrupt_late()
        while self._input and self._again is None:
            if self._input[0] == INTERRUPT:
                self._interrupt()
                continue
            end = self._input.find(INTERRUPT)
            if not self._type(end if end >= 0 else len(self._input)):
                self._pull_interrupt()
                break
        else:
            self._loop.forget(self._stdin)
        self._hungry(len(self._input))

    def _pull_interrupt(self) -> None:
        """A UART sees a Ctrl-C at once, however much unread input is before it."""
        if INTERRUPT in self._input and doing(self.pid).runs_code:
            self._input.remove(INTERRUPT)
            self._input[:0] = bytes([INTERRUPT])
            self._interrupt()

    def _interrupt(self) -> None:
        """Deal with the 0x03 in front, or hold it a little longer."""
        try:
            now = doing(self.pid)
            done = self._signal() if now.runs_code else self._waits(now) and self._type_one(INTERRUPT)
        except ProcessLookupError:
            done = True
        if done:
            del self._input[0]
        else:
            self._hold()

    def _interrupt_late(self) -> None:
        """Raise what was put off; at a prompt there is nothing to stop any more."""
        try:
            now = doing(self.pid)
            self._put_off = not (self._signal() if now.runs_code else self._waits(now))
        except ProcessLookupError:
            self._put_off = False
        if self._put_off:
            self._hold()

    def _waits(self, before: Doing) -> bool:
        """Whether it waits for input, all of which it has read."""
        return before.sleeping and self._unread() == 0 and not doing(self.pid).runs_code

    def _type_one(self, character: int) -> bool:
        try:
            return os.write(self._stdin, bytes([character])) == 1
        except (BlockingIOError, BrokenPipeError):
            return False

    def _signal(self) -> bool:
        """Ask for a KeyboardInterrupt, if code still runs while the process stands still."""
        if not self._send(signal.SIGUSR1, lambda now: now.runs_code and now.catches_interrupt):
            return False
        for delay_s in KICKS_S:
            self._loop.after(delay_s, self._kick_running)
        return True

    def _send(self, number: int, wanted: Callable[[Doing], bool]) -> bool:
        """Send a signal, if it is wanted while the process stands still; true where that is settled.

        Not while it waits for another of its threads: the port's collector of garbage takes the end of
        that wait for the thread's answer (sem_wait in ports/unix/mpthreadport.c).
        """
        os.kill(self.pid, signal.SIGSTOP)
        _, status = os.waitpid(self.pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            self._process.returncode = os.waitstatus_to_exitcode(status)
            return True  # it has ended; its closed output tells the rest
        ready = wanted(doing(self.pid)) and not in_futex(self.pid)
        if ready:
            os.kill(self.pid, number)
        os.kill(self.pid, signal.SIGCONT)
        return ready

    def _kick_running(self) -> None:
        """An interrupt that came just before a system call, or in a callback during one, is not seen in it."""
        if not self._closed:
            with contextlib.suppress(ProcessLookupError):
                if doing(self.pid).runs_code:
                    self.kick()

    def _hold(self) -> None:
        if self._again is None and not self._closed:
            self._again = self._loop.after(AGAIN_S, self._look_again)

    def _look_again(self) -> None:
        self._again = None
        self._feed()

    def _unread(self) -> int:
        size = array.array("i", [0])
        fcntl.ioctl(self._stdin_read, termios.FIONREAD, size)
        return size[0]

    def kick(self) -> None:
        """End a system call that waits, so that what was scheduled runs. It asks again if that was no use."""
        with contextlib.suppress(ProcessLookupError):
            now = doing(self.pid)
            if now.catches_kick and now.sleeping and not self._asking():
                self._send(signal.SIGUSR2, lambda _: True)

    # -- the end ------------------------------------------------------------------------------

    def close(self) -> None:
        if self._again:
            self._again.cancel()
        super().close()


def command(micropython: Path | None, script: Path, heap_kib: int) -> list[str]:
    """How to start the unix port: ours from the extra ``bench``, or the executable ``micropython``."""
    place = str(micropython) if micropython else _wheel()
    if micropython and not (micropython.is_file() and os.access(micropython, os.X_OK)):
        raise ConfigError(f"{micropython} is no executable MicroPython: correct the setting 'micropython'")
    launcher = Path(__file__).with_name("launch.py")
    start = [sys.executable, "-I", "-S", str(launcher), str(os.getpid()), place]
    signals = [str(int(number)) for number in (signal.SIGUSR1, signal.SIGUSR2)]
    return [*start, "-i", "-X", f"heapsize={heap_kib}k", str(script), *signals]


def _wheel() -> str:
    found = importlib.util.find_spec("micropython_run")
    if found is None or found.origin is None:
        raise UnavailableError.extra("the virtual bench", "bench")
    return str(Path(found.origin).parent)
