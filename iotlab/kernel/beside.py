"""Requests that need no cell are answered beside the cell that runs.

Cells run in the main thread, where Ctrl-C comes to and where pictures and widgets of this machine want to be.
ipykernel's thread that reads the shell channel answers everything else itself instead of queueing it behind the
cell. Decision record 8 says why not the other way round.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from ipykernel.kernelbase import Kernel

Message = dict[str, Any]
T = TypeVar("T")

#: What is answered beside a running cell. The rest keeps its order behind it, as everywhere in Jupyter.
BESIDE = frozenset(
    (
        "complete_request",
        "inspect_request",
        "is_complete_request",
        "history_request",
        "kernel_info_request",
        "comm_info_request",
        "connect_request",
    )
)


class BesideKernel(Kernel):
    """A kernel that completes and inspects while a cell runs. Needs ipykernel 7, which reads in a thread."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # type: ignore[no-untyped-call]
        self._status = threading.Lock()
        self._running: Message | None = None
        self._questions = 0
        self._asked_early = False  # an interrupt came before the cell began
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="iotlab beside")

    @property
    def cell_runs(self) -> bool:
        """Whether a cell runs now."""
        return self._running is not None

    @property
    def is_asked(self) -> bool:
        """Whether a question waits for its answer now, or is being answered."""
        return self._questions > 0

    async def beside(self, answer: Callable[..., T], *arguments: object) -> T:
        """What ``answer`` returns, from the thread that may wait for a board; one answer at a time."""
        self._questions += 1  # only the thread that reads the shell channel counts
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, answer, *arguments)
        finally:
            self._questions -= 1

    def soon(self, delay_s: float, call: Callable[[], object]) -> None:
        """From the main thread: call something in that thread after a while, when no cell runs."""

        def submit() -> None:
            with suppress(RuntimeError):  # the kernel ended meanwhile
                self._thread.submit(call)

        self.io_loop.call_later(delay_s, submit)

    def interrupt_cell(self) -> None:
        """From another thread: Ctrl-C for the cell that runs, wherever it waits."""
        if hasattr(signal, "pthread_kill"):
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        else:
            signal.raise_signal(signal.SIGINT)

    def end_beside(self) -> None:
        """Take no more of it. Idempotent."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """In here Ctrl-C raises ``KeyboardInterrupt``: while a cell runs, and not while its reply is on its way."""
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            if self._asked_early:
                raise KeyboardInterrupt
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    # -- ipykernel's -----------------------------------------------------------------------------

    def pre_handler_hook(self) -> None:
        parent = self.get_parent("shell")  # type: ignore[no-untyped-call]
        if parent["header"]["msg_type"] != "execute_request":
            super().pre_handler_hook()  # type: ignore[no-untyped-call]
            return
        self._asked_early = False
        self.saved_sigint_handler = signal.signal(signal.SIGINT, self._note_interrupt)

    def _note_interrupt(self, *_: object) -> None:
        self._asked_early = True

    async def shell_channel_thread_main(self, msg: Any) -> None:
        """A message came on the shell channel; runs in the thread that reads it."""
        request = self._request(msg)
        if request is None:
            await super().shell_channel_thread_main(msg)  # type: ignore[no-untyped-call]
            return
        idents, parent = request
        self._publish_status("busy", "shell", parent)
        try:
            await self.shell_handlers[parent["header"]["msg_type"]](self.shell_stream, idents, parent)
        except Exception:  # the edge of a thread, which has to live on
            self.log.exception("%s", parent["header"]["msg_type"])
        finally:
            self._publish_status("idle", "shell", parent)

    def _publish_status(self, status: str, channel: str, parent: Message | None = None) -> None:
        """Busy or idle. While a cell runs, somebody else's idle is followed by the cell's busy.

        A front end, and the server's culling, go by the last status, and would take the kernel for idle.
        """
        parent = parent or self.get_parent(channel)  # type: ignore[no-untyped-call]
        with self._status:
            super()._publish_status(status, channel, parent)  # type: ignore[no-untyped-call]
            if parent.get("header", {}).get("msg_type") == "execute_request":
                self._running = parent if status == "busy" else None
            elif status == "idle" and self._running:
                super()._publish_status("busy", "shell", self._running)  # type: ignore[no-untyped-call]

    def _request(self, msg: Any) -> tuple[Any, Message] | None:
        """The message's sender and its content, where it is one that is answered here."""
        if self.session is None:
            return None
        try:
            idents, frames = self.session.feed_identities(msg, copy=False)
            parts: Any = frames
            header = self.session.unpack(parts[1].bytes)  # a look at it; the signature is checked below
            if header["msg_type"] not in BESIDE or header.get("subshell_id"):
                return None
            return idents, self.session.deserialize(parts, content=True, copy=False)
        except Exception:  # the base class says what is wrong with it
            return None
