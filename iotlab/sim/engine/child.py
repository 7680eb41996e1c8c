"""A process that executes a board's firmware, on pipes: its output as it comes, its input as it takes it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence

from iotlab.sim.engine.loop import Loop

#: What may wait in a pipe: little, so that a board whose host does not read stops printing; and so that a host
#: has to wait for a board that reads slowly.
PIPE_SIZE = 16384
F_SETPIPE_SZ = 1031  # Linux, fcntl(2)


class Child:
    """One process.

    ``output(data)`` gets what it prints, ``ended(code)`` is called once when it has gone by itself
    (negative: the signal), and ``hungry(size)`` tells how much input waits. ``channels`` are our ends of
    the sockets whose numbers stand behind its arguments.
    """

    def __init__(
        self,
        loop: Loop,
        command: Sequence[str],
        *,
        channels: int,
        output: Callable[[bytes], None],
        ended: Callable[[int], None],
        hungry: Callable[[int], None],
        environment: Mapping[str, str],
        errors: bool = True,
        inherited: tuple[int, ...] = (),
        slow: bool = False,
    ) -> None:
        self._loop, self._output, self._ended, self._hungry = loop, output, ended, hungry
        self._input = bytearray()
        self._reading = True
        self._closed = False
        pairs = [socket.socketpair() for _ in range(channels)]
        self.channels = [ours for ours, _ in pairs]
        theirs = [other for _, other in pairs]
        self._stdin_read, self._stdin = os.pipe()
        self._stdout, stdout_write = os.pipe()
        if sys.platform == "linux":
            for pipe in (self._stdout, self._stdin) if slow else (self._stdout,):
                fcntl.fcntl(pipe, F_SETPIPE_SZ, PIPE_SIZE)
        numbers = [other.fileno() for other in theirs]
        try:
            self._process = subprocess.Popen(
                [*command, *(str(number) for number in numbers)],
                stdin=self._stdin_read,
                stdout=stdout_write,
                stderr=stdout_write if errors else None,
                pass_fds=(*numbers, *inherited),
                env=environment,
                cwd="/",
                start_new_session=True,
            )
        finally:
            os.close(stdout_write)
            for other in theirs:
                other.close()
        os.set_blocking(self._stdin, False)
        os.set_blocking(self._stdout, False)
        self._loop.watch(self._stdout, read=self._readable)

    @property
    def pid(self) -> int:
        return self._process.pid

    # -- output -------------------------------------------------------------------------------

    def pause(self) -> None:
        """Nobody takes its output now: it may fill the pipe and wait."""
        self._reading = False
        if not self._closed:
            self._loop.forget(self._stdout)

    def resume(self) -> None:
        if not self._reading and not self._closed:
            self._reading = True
            self._loop.watch(self._stdout, read=self._readable)

    def drain(self) -> None:
        """Take all the output that it has written until now."""
        while not self._closed and self._read():
            pass

    def _readable(self) -> None:
        self._read()

    def _read(self) -> bool:
        try:
            data = os.read(self._stdout, 65536)
        except BlockingIOError:
            return False
        if data:
            self._output(data)
            return True
        self._gone()
        return False

    def _gone(self) -> None:
        """Its output is closed: it has ended, or does so now."""
        self._loop.forget(self._stdout)
        try:
            code = self._process.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self.close()
        self._ended(code)

    # -- input --------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """What the host typed."""
        self._input += data
        self._feed()

    def _feed(self) -> None:
        """Give it what it takes now."""
        if self._closed:
            return
        while self._input:
            if not self._type(len(self._input)):
                break
        else:
            self._loop.forget(self._stdin)
        self._hungry(len(self._input))

    def _type(self, size: int) -> bool:
        """Hand over the first ``size`` bytes of the input, or fewer; whether it took any."""
        try:
            sent = os.write(self._stdin, self._input[:size])
        except BlockingIOError:
            self._loop.watch(self._stdin, write=self._feed)
            return False
        except BrokenPipeError:
            self._input.clear()
            return False
        del self._input[:sent]
        return True

    # -- the end ------------------------------------------------------------------------------

    def kill(self) -> None:
        """Its power goes: no code of it runs any more. ``ended`` is not called."""
        if not self._closed:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
            self.close()

    def close(self) -> None:
        """Let go of its pipes and sockets. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._loop.forget(self._stdout)
        self._loop.forget(self._stdin)
        for fd in (self._stdin_read, self._stdin, self._stdout):
            os.close(fd)
        for channel in self.channels:
            self._loop.forget(channel.fileno())
            channel.close()
