"""Which notebook has a board, and how another one gets it.

A kernel that opened a port leaves a note in the runtime folder, which only its user can read, and listens on a Unix
socket beside it. Where there are no Unix sockets there is only the note.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

from typing_extensions import Self

from iotlab.config import Settings
from iotlab.errors import DeadlineError, InUseError

#: How long the other kernel may take to stop its cell and let go.
_LET_GO_S = 20.0
_LINE = 4096


@dataclass(frozen=True)
class Note:
    """Who has a port: ``notebook`` is its name, as far as that is known; ``since`` in seconds of ``time.time``."""

    port: str
    pid: int
    notebook: str
    since: float

    def __str__(self) -> str:
        return f"{self.notebook} (since {time.strftime('%H:%M', time.localtime(self.since))}, process {self.pid})"


def who_has(port: str, settings: Settings) -> Note | None:
    """The kernel that has ``port``; None where it is no kernel of iotlab, or one that ended without a word."""
    place = _place(port, settings)
    try:
        note = Note(**json.loads(place.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    if _lives(note.pid):
        return note
    for left in (place, place.with_suffix(".sock")):
        left.unlink(missing_ok=True)
    return None


def take(note: Note, settings: Settings, who: str, *, timeout_s: float = _LET_GO_S) -> None:
    """Ask the kernel that has the port to stop its cell and let go; ``who`` is what its user is told.

    Returns when it has; ``InUseError`` where it does not answer, ``DeadlineError`` where it takes too long.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(timeout_s)
            line.connect(str(_place(note.port, settings).with_suffix(".sock")))
            line.sendall(json.dumps({"take": who}).encode() + b"\n")
            if line.makefile("rb").readline(_LINE).strip() != b"ok":
                raise InUseError(f"{note} did not let go: close it there", holder=note.notebook)
    except TimeoutError as error:
        raise DeadlineError(f"{note} did not let go within {timeout_s:g} s: close it there") from error
    except (OSError, AttributeError) as error:
        raise InUseError(f"{note} does not answer: close it there", holder=note.notebook) from error


class Claim:
    """This kernel's note that it has ``port``. A context manager; ``close`` is idempotent.

    ``let_go`` is called from another thread, with the name of who asks, and returns when the port is free.
    """

    def __init__(self, port: str, settings: Settings, notebook: str, let_go: Callable[[str], None]) -> None:
        self._settings, self._place = settings, _place(port, settings)
        self._let_go = let_go
        self._place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._listener = self._listen()
        note = Note(port, os.getpid(), notebook, time.time())
        part = self._place.with_suffix(f".{os.getpid()}")
        part.write_text(json.dumps(asdict(note)), encoding="utf-8")
        part.replace(self._place)

    def is_for(self, port: str) -> bool:
        """Whether others find the note at ``port`` now: behind a name may be another device than before."""
        return _place(port, self._settings) == self._place

    def close(self) -> None:
        """Take the note away."""
        listener, self._listener = self._listener, None
        with suppress(OSError, ValueError):
            if json.loads(self._place.read_text(encoding="utf-8"))["pid"] == os.getpid():
                self._place.with_suffix(".sock").unlink(missing_ok=True)
                self._place.unlink()
        if listener:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # ends the thread's accept
            listener.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _listen(self) -> socket.socket | None:
        if not hasattr(socket, "AF_UNIX"):
            return None
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            place = self._place.with_suffix(".sock")
            place.unlink(missing_ok=True)
            listener.bind(str(place))
            listener.listen(1)
        except OSError:  # a path that is too long, a file system without sockets
            listener.close()
            return None
        threading.Thread(target=self._serve, args=(listener,), name="iotlab claim", daemon=True).start()
        return listener

    def _serve(self, listener: socket.socket) -> None:
        while True:
            try:
                line, _ = listener.accept()
            except OSError:
                return
            with line, suppress(OSError, ValueError, KeyError, TypeError):
                line.settimeout(5.0)
                asked = json.loads(line.makefile("rb").readline(_LINE))
                self._let_go(str(asked["take"]))
                line.sendall(b"ok\n")


def notebook_name(environment: Mapping[str, str]) -> str:
    """What this kernel's notebook is called: the server says so, else the program's command line that started it."""
    name = environment.get("JPY_SESSION_NAME", "")
    if not name:
        with suppress(OSError):
            words = Path(f"/proc/{os.getppid()}/cmdline").read_text(encoding="utf-8").split("\0")
            name = next((word for word in words if word.endswith(".ipynb")), "")
    return f"the notebook {name}" if name else "another kernel"


def _place(port: str, settings: Settings) -> Path:
    name = hashlib.sha256(os.path.realpath(port).encode()).hexdigest()[:16]
    return settings.runtime_dir / "held" / f"{name}.json"


def _lives(pid: int) -> bool:
    if os.name != "posix":  # signal 0 is another thing there
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's
        return True
    return True
