"""Cells that run on this machine, in the kernel's own process: IPython, with the board at hand."""

from __future__ import annotations

import asyncio
import builtins
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ipykernel.kernelbase import Kernel
from ipykernel.zmqshell import ZMQInteractiveShell

from iotlab.errors import NotFoundError

#: So that line numbers stay: IPython takes empty lines away at the top of a cell, but no comment.
_FIRST_LINE = "# %%host"


class ShownError(Exception):
    """A cell on this machine raised, and the notebook shows it already; ``content`` is the error message's."""

    def __init__(self, content: dict[str, Any]) -> None:
        super().__init__(content["evalue"])
        self.content = content


class HostShell:
    """IPython's shell, made when the first cell needs it. Its names stay until the kernel ends."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._shell: Any = None

    @property
    def names(self) -> dict[str, Any]:
        """The variables of ``%%host`` cells."""
        names: dict[str, Any] = self._ready().user_ns
        return names

    def value(self, name: str) -> Any:
        """The variable ``name``; ``NotFoundError`` where there is none."""
        if name not in self.names:
            raise NotFoundError(f"there is no {name} on this machine: assign it in a %%host cell first")
        return self.names[name]

    async def run(self, code: str, number: int, *, silent: bool) -> None:
        """Run ``code``, whose first line is empty, as cell ``number``.

        What it shows goes to the notebook; ``ShownError`` where it raised.
        """
        shell = self._ready()
        shell.set_parent(self._kernel.get_parent("shell"))
        shell.execution_count = number
        whole = code.lstrip() if code.lstrip().startswith("%%") else _FIRST_LINE + code
        options = {"store_history": False, "silent": silent}
        with _asking(self._kernel):
            transformed = shell.transform_cell(whole)
            if shell.should_run_async(whole, transformed_cell=transformed):
                result = await _interruptible(
                    shell.run_cell_async(whole, transformed_cell=transformed, **options)
                )
            else:
                result = shell.run_cell(whole, **options)
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            lines = list(getattr(shell, "_last_traceback", None) or [])
            raise ShownError(
                {"ename": type(error).__name__, "evalue": str(error), "traceback": lines}
            ) from error

    @contextmanager
    def showing(self) -> Iterator[None]:
        """Objects of this machine can show themselves here, behind the cell that runs."""
        shell = self._ready()
        shell.set_parent(self._kernel.get_parent("shell"))
        yield

    def _ready(self) -> Any:
        if self._shell is None:
            kernel: Any = self._kernel
            os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
            config = kernel.config.copy()
            config.HistoryManager.enabled = False  # the user's IPython keeps its own
            shell: Any = ZMQInteractiveShell.instance(
                parent=kernel, config=config, profile_dir=kernel.profile_dir, user_ns={}, kernel=kernel
            )
            for part in (shell.displayhook, shell.display_pub):
                part.session, part.pub_socket = kernel.session, kernel.iopub_socket
            shell.displayhook.topic = f"kernel.{kernel.ident}.execute_result".encode()
            self._shell = shell
        return self._shell


@contextmanager
def _asking(kernel: Kernel) -> Iterator[None]:
    """``input`` asks in the notebook."""
    usual = builtins.input
    builtins.input = kernel.raw_input
    try:
        yield
    finally:
        builtins.input = usual


async def _interruptible(running: Any) -> Any:
    """Await ``running``; Ctrl-C cancels it, as raising in the event loop would end the kernel."""
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(running)
    held = signal.signal(signal.SIGINT, lambda *_: loop.call_soon_threadsafe(task.cancel))
    try:
        return await task
    except asyncio.CancelledError as error:
        raise KeyboardInterrupt from error
    finally:
        signal.signal(signal.SIGINT, held)
