"""Running cells in a real kernel, for tests."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager
from typing_extensions import Self

Message = dict[str, Any]


@dataclass
class Ran:
    """What came of a cell. ``reply`` is the content of its reply, ``messages`` what it published, in order."""

    reply: Message
    messages: list[Message] = field(default_factory=list)
    #: From the interrupt to the reply, where there was one.
    stopped_after_s: float = 0.0

    @property
    def status(self) -> str:
        return str(self.reply["status"])

    @property
    def text(self) -> str:
        """What it printed."""
        return self._stream("stdout")

    @property
    def notes(self) -> str:
        """What came on the standard error."""
        return self._stream("stderr")

    @property
    def kinds(self) -> list[str]:
        """The types of the messages, in order."""
        return [str(m["msg_type"]) for m in self.messages]

    @property
    def value(self) -> str | None:
        """The text of its value."""
        found = self.of("execute_result")
        return str(found[0]["data"]["text/plain"]) if found else None

    @property
    def error(self) -> str:
        """Its error as one sees it, without colours."""
        found = self.of("error")
        return _plain("\n".join(found[0]["traceback"])) if found else ""

    def of(self, kind: str) -> list[Message]:
        """The contents of the messages of a type."""
        return [m["content"] for m in self.messages if m["msg_type"] == kind]

    def _stream(self, name: str) -> str:
        return "".join(c["text"] for c in self.of("stream") if c["name"] == name)


class KernelSession:
    """A kernel in a process of its own. A context manager that ends it.

    ``environment`` is added to this process's own for the kernel.
    """

    def __init__(
        self, name: str, *, environment: Mapping[str, str] | None = None, folder: Path | None = None
    ) -> None:
        self.manager = KernelManager(kernel_name=name)
        started = time.monotonic()
        self.manager.start_kernel(env={**os.environ, **(environment or {})}, cwd=str(folder or Path.cwd()))
        self.client: BlockingKernelClient = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)
        self._replies: dict[str, Message] = {}  # that came while another one was waited for
        #: From the start of the process until it answers.
        self.ready_s = time.monotonic() - started

    def run(
        self,
        code: str,
        *,
        timeout_s: float = 60.0,
        answer: str | None = None,
        interrupt_at: str = "",
        on_message: Callable[[Message], None] | None = None,
    ) -> Ran:
        """Run a cell. ``answer`` is given to the first question that it asks; without one nobody can be asked.

        With ``interrupt_at`` the kernel is interrupted when that text was printed (or asked).
        """
        ran = Ran({})
        interrupted_at = 0.0

        def seen(text: str) -> None:
            nonlocal interrupted_at
            if interrupt_at and interrupt_at in text and not interrupted_at:
                interrupted_at = time.monotonic()
                self.manager.interrupt_kernel()

        def output(message: Message) -> None:
            if message["msg_type"] in ("status", "execute_input"):
                return
            ran.messages.append(message)
            if on_message:
                on_message(message)
            seen(ran.text)

        def question(message: Message) -> None:
            if interrupt_at:
                seen(message["content"]["prompt"])
            else:
                self.client.input(answer or "")

        asked = answer is not None or bool(interrupt_at)
        reply = self.client.execute_interactive(
            code, allow_stdin=asked, output_hook=output, stdin_hook=question, timeout=timeout_s
        )
        ran.reply = reply["content"]
        ran.stopped_after_s = time.monotonic() - interrupted_at if interrupted_at else 0.0
        return ran

    def start(self, code: str, *, seen: str = "") -> str:
        """Send a cell without waiting for its end: the request, for :meth:`finish`. Nobody can be asked.

        With ``seen``, returns when the cell printed that.
        """
        request = self.client.execute(code, allow_stdin=False)
        while seen:
            message = self.client.get_iopub_msg(timeout=60)
            if message["msg_type"] == "stream" and seen in message["content"]["text"]:
                break
        return str(request)

    def finish(self, request: str, *, timeout_s: float = 60.0) -> Ran:
        """Wait for a cell that :meth:`start` sent; what it published since ``seen``."""
        ran, end = Ran({}), time.monotonic() + timeout_s
        while True:
            message = self.client.get_iopub_msg(timeout=max(0.0, end - time.monotonic()))
            if message["parent_header"].get("msg_id") != request:
                continue
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                break
            if message["msg_type"] not in ("status", "execute_input"):
                ran.messages.append(message)
        ran.reply = self._answer(request)
        return ran

    def statuses(self) -> list[tuple[str, str]]:
        """The states that the kernel published and nobody read yet: each with the request's type."""
        found = []
        while self.client.iopub_channel.msg_ready():
            message = self.client.get_iopub_msg(timeout=1)
            if message["msg_type"] == "status":
                found.append(
                    (message["content"]["execution_state"], message["parent_header"].get("msg_type", ""))
                )
        return found

    def complete(self, code: str, cursor: int | None = None) -> list[str]:
        """The matches of a completion at ``cursor`` (the end)."""
        return list(self._answer(self.client.complete(code, cursor))["matches"])

    def inspect(self, code: str, cursor: int | None = None, *, detail: int = 0) -> str:
        """What is told of the name at ``cursor`` (the end); empty where nothing is found."""
        found = self._answer(self.client.inspect(code, cursor, detail))
        return str(found["data"].get("text/plain", "")) if found["found"] else ""

    def info(self) -> Message:
        """The kernel's own account of itself."""
        return self._answer(self.client.kernel_info())

    def close(self) -> None:
        """End the kernel. Idempotent."""
        if self.client.channels_running:
            self.client.stop_channels()
        if self.manager.has_kernel:
            self.manager.shutdown_kernel()
        self.manager.cleanup_resources()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _answer(self, request: str) -> Message:
        while request not in self._replies:
            message = self.client.get_shell_msg(timeout=60)
            self._replies[message["parent_header"].get("msg_id", "")] = message["content"]
        return self._replies.pop(request)


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
