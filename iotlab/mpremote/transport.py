"""mpremote's transport, over a board's session."""

from __future__ import annotations

import errno
import posixpath
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from mpremote.transport import Transport, TransportExecError

from iotlab.board import Output
from iotlab.errors import IotlabError, NotFoundError, RemoteError
from iotlab.micropython.board import MicroPythonBoard
from iotlab.micropython.mount import MOUNT_POINT

#: Takes bytes as the board prints them.
Consumer = Callable[[bytes], None]
#: The names that mpremote's own code uses on the board. They are no names of the user's.
_NAMES = "__import__('sys').modules.setdefault('_iotlab_mpremote',{})"
_STEP_S = 60.0


class Broken(Exception):
    """The session failed. mpremote takes an ``OSError``, which errors of a link are, for one of the board's files."""


class BoardTransport(Transport):  # type: ignore[misc]  # mpremote has no types
    """What mpremote's commands use of a board.

    Files go through ``board.files``: whole, verified. Code of the user runs among the user's names, mpremote's own
    among names of its own.
    """

    fs_hook_mount = MOUNT_POINT

    def __init__(self, board: MicroPythonBoard) -> None:
        self.board = board
        self.in_raw_repl = True
        #: Whether the code that comes is mpremote's, though it comes as a command.
        self.own = False
        self._waiting: str | None = None
        self._left = False  # a program runs that nobody waits for

    @property
    def device_name(self) -> str:
        return self.board.info.port

    @property
    def mounted(self) -> bool:
        return self.board.mounted is not None

    # -- the interpreter ----------------------------------------------------------------------

    def enter_raw_repl(self, soft_reset: bool = True, timeout_overall: float = 10) -> None:
        """The session is in the raw REPL; what is left to do is the soft reset."""
        if soft_reset:
            with _session():
                self.board.reset("soft", timeout_s=timeout_overall)

    def exit_raw_repl(self) -> None:
        """Nothing: the session goes on."""

    def close(self) -> None:
        """Nothing: the session goes on."""

    # -- code ---------------------------------------------------------------------------------

    def exec_raw_no_follow(self, command: str | bytes) -> None:
        """Take code of the user. It starts when :meth:`follow` or :meth:`leave_running` says how."""
        self._waiting = command.decode() if isinstance(command, bytes) else command

    def follow(self, timeout: float | None, data_consumer: Consumer | None = None) -> tuple[bytes, bytes]:
        """Run the code. What it raises is raised here."""
        code, self._waiting = self._waiting or "", None
        return self._run(_in_own_names(code) if self.own else code, timeout, data_consumer), b""

    def leave_running(self) -> None:
        """Start the code that nobody followed."""
        code, self._waiting = self._waiting, None
        if code is not None:
            with _session():
                self.board.start(code)
            self._left = True

    def exec(self, command: str | bytes, data_consumer: Consumer | None = None) -> bytes:
        """Run code of mpremote's own."""
        text = command.decode() if isinstance(command, bytes) else command
        try:
            return self._run(_in_own_names(text), _STEP_S, data_consumer)
        except RemoteError as error:
            raise TransportExecError(b"", error.traceback) from error

    def eval(self, expression: str, parse: bool = True) -> Any:
        """The value of an expression of mpremote's own."""
        text = expression if parse else f"str({expression})"
        try:
            with _session():
                value = self.board.eval(f"eval({text!r},{_NAMES})", timeout_s=_STEP_S)
        except RemoteError as error:
            raise TransportExecError(b"", error.traceback) from error
        return value if parse else value.encode()

    def end(self, output: Output) -> None:
        """Take mpremote's own names from the board, unless a program runs; ``output`` hears of what was lost."""
        if not self._left:
            with suppress(IotlabError):  # what went wrong was told, or the board is in its bootloader now
                self.board.exec(
                    "__import__('sys').modules.pop('_iotlab_mpremote',0)", output=output, timeout_s=_STEP_S
                )

    def _run(self, code: str, timeout_s: float | None, consumer: Consumer | None) -> bytes:
        def output(text: str) -> None:
            if consumer:
                consumer(text.encode())

        self._left = False
        with _session():
            said = self.board.exec(code, output=output, timeout_s=timeout_s)
        return b"" if consumer else said.encode()

    # -- files --------------------------------------------------------------------------------

    def absolute(self, path: str) -> str:
        """``path`` from the root of the board's files."""
        here = "" if path.startswith("/") else self.eval("__import__('os').getcwd()")
        return posixpath.normpath(posixpath.join(here, path))

    def is_mounted(self, path: str) -> bool:
        """Whether ``path`` is in the folder of this machine that is mounted."""
        return self.mounted and (path + "/").startswith(f"{MOUNT_POINT}/")

    def fs_readfile(self, src: str, chunk_size: int = 256, progress_callback: Any = None) -> bytes:
        path = self.absolute(src)
        if self.is_mounted(path):
            return bytes(super().fs_readfile(src, chunk_size, progress_callback))
        with _session(), _as_os_error(src):
            return self.board.files.read(path)

    def fs_writefile(
        self, dest: str, data: bytes, chunk_size: int = 256, progress_callback: Any = None
    ) -> None:
        path = self.absolute(dest)
        if self.is_mounted(path):
            super().fs_writefile(dest, data, chunk_size, progress_callback)
            return
        with _session(), _as_os_error(dest):
            self.board.files.write(path, bytes(data))

    def fs_printfile(self, src: str, chunk_size: int = 256) -> None:
        sys.stdout.write(self.fs_readfile(src).decode("utf-8", "replace"))

    def fs_hashfile(self, path: str, algo: str, chunk_size: int = 256) -> bytes:
        whole = self.absolute(path)
        if algo != "sha256" or self.is_mounted(whole):
            digest: bytes = super().fs_hashfile(path, algo, chunk_size)
            return digest
        with _session(), _as_os_error(path):
            found = self.board.files.sha256(whole)
        if found is None:
            raise FileNotFoundError(errno.ENOENT, path)
        return bytes.fromhex(found)

    def mount_local(self, path: str, unsafe_links: bool = False) -> None:
        with _session():
            self.board.mount(path, follow_links=unsafe_links)

    def umount_local(self) -> None:
        mounted = self.board.mounted
        if mounted:
            mounted.close()


def _in_own_names(code: str) -> str:
    return f"exec({code!r},{_NAMES})"


@contextmanager
def _session() -> Iterator[None]:
    try:
        yield
    except IotlabError as error:
        if isinstance(error, OSError):
            raise Broken from error
        raise


@contextmanager
def _as_os_error(path: str) -> Iterator[None]:
    """What ``board.files`` raises as mpremote expects it."""
    try:
        yield
    except NotFoundError as error:
        raise FileNotFoundError(errno.ENOENT, path) from error
    except RemoteError as error:
        if error.code is None:
            raise
        raise OSError(error.code, path) from error
