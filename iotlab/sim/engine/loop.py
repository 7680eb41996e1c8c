"""One loop that waits for files and for moments. Nothing in a board's process waits anywhere else."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import os
import selectors
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(order=True)
class Timer:
    """A call at a moment of ``time.monotonic``."""

    at_s: float
    number: int
    call: Callable[[], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """Calls back when a file is ready or a moment has come."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._timers: list[Timer] = []
        self._numbers = itertools.count()
        self._running = True
        self._calls: deque[Callable[[], None]] = deque()
        self._wake_read, self._wake = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake, False)
        self.watch(self._wake_read, read=self._woken)

    def watch(
        self, fd: int, *, read: Callable[[], None] | None = None, write: Callable[[], None] | None = None
    ) -> None:
        """Call ``read`` while ``fd`` can be read and ``write`` while it takes bytes; neither: forget it."""
        events = (selectors.EVENT_READ if read else 0) | (selectors.EVENT_WRITE if write else 0)
        known = self._selector.get_map().get(fd)
        if not events:
            if known is not None:
                self._selector.unregister(fd)
        elif known is None:
            self._selector.register(fd, events, (read, write))
        else:
            self._selector.modify(fd, events, (read, write))

    def forget(self, fd: int) -> None:
        self.watch(fd)

    def after(self, delay_s: float, call: Callable[[], None]) -> Timer:
        """Call ``call`` once, ``delay_s`` seconds from now."""
        return self.at(time.monotonic() + delay_s, call)

    def at(self, moment_s: float, call: Callable[[], None]) -> Timer:
        """Call ``call`` once, at ``moment_s`` of ``time.monotonic``."""
        timer = Timer(moment_s, next(self._numbers), call)
        heapq.heappush(self._timers, timer)
        return timer

    def soon(self, call: Callable[[], None]) -> None:
        """Call ``call`` in the loop as soon as it can. The one method that other threads may use."""
        self._calls.append(call)
        with contextlib.suppress(BlockingIOError):  # full: it wakes up anyway
            os.write(self._wake, b".")

    def stop(self) -> None:
        """``run`` returns when what runs now has returned."""
        self._running = False

    def run(self) -> None:
        while self._running:
            self._run_once()

    def close(self) -> None:
        self._selector.close()
        os.close(self._wake_read)
        os.close(self._wake)

    def _woken(self) -> None:
        os.read(self._wake_read, 4096)
        while self._calls:
            self._calls.popleft()()

    def _run_once(self) -> None:
        while self._timers and self._timers[0].cancelled:
            heapq.heappop(self._timers)
        wait_s = self._timers[0].at_s - time.monotonic() if self._timers else None
        ready = self._selector.select(None if wait_s is None else max(0.0, wait_s))
        for key, events in ready:
            # an earlier callback of this round may have closed, or changed, what comes later
            if self._selector.get_map().get(key.fd) is not key:
                continue
            read, write = key.data
            if events & selectors.EVENT_READ and read:
                read()
            if events & selectors.EVENT_WRITE and write and self._selector.get_map().get(key.fd) is key:
                write()
        now = time.monotonic()
        while self._timers and self._timers[0].at_s <= now:
            timer = heapq.heappop(self._timers)
            if not timer.cancelled:
                timer.call()
