"""The contract of a board: what a user holds."""

from __future__ import annotations

import hashlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, get_args

from typing_extensions import Self

from iotlab.bus.gpio import ADC, PWM, Pin
from iotlab.bus.i2c import I2CBus
from iotlab.errors import ClosedError, InUseError, IotlabError, NotFoundError, UnsupportedError
from iotlab.table import Table

State = Literal["empty", "bootloader", "micropython", "linux", "other"]
ResetKind = Literal["soft", "hard", "bootloader"]
#: Called with (stage, done, total) while something long runs; ``total`` may be 0 when unknown.
Progress = Callable[[str, int, int], None]
#: Called with text as the board prints it.
Output = Callable[[str], None]
#: How long ``close`` waits for a call of another thread that it interrupted.
_END_S = 5.0


@dataclass(frozen=True)
class BoardInfo:
    """What is known of a board. Plain data: ``to_dict`` is JSON."""

    name: str
    port: str
    state: State
    kind: str = ""  # "esp32", "pico" ...; "" where nothing tells
    firmware: str = ""  # "MicroPython 1.26.0", "" where none runs
    machine: str = ""  # what the board says it is: os.uname().machine
    unique_id: str = ""  # hexadecimal
    verified: str = ""  # what of what is sent and printed is seen to arrive unchanged
    virtual: bool = False
    notes: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def _repr_html_(self) -> str:
        told = {**self.to_dict(), "virtual": "yes" if self.virtual else "", "notes": "; ".join(self.notes)}
        rows = [(key.replace("_", " "), value) for key, value in told.items() if value]
        return Table(("board", self.name), rows[1:])._repr_html_()


@dataclass(frozen=True)
class Endpoint:
    """Where a board is reached, before anybody talked to it. Plain data.

    ``port`` is a serial port or a URL, empty for a board that shows itself only as a drive; ``drive`` is the
    folder where its bootloader's drive appears, where that is known; ``firmware`` what it runs, as far as that
    is known without asking the board; ``holder`` the process that has the port; ``serial`` the serial number of
    the USB device.
    """

    name: str
    port: str
    kind: str = ""
    description: str = ""
    virtual: bool = False
    drive: str = ""
    firmware: str = ""
    holder: str = ""
    serial: str = ""

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class FileInfo:
    """A file or folder on a board. ``size`` in bytes."""

    path: str
    size: int
    is_dir: bool


class Files(ABC):
    """The files of a board. Paths are the board's, absolute or relative to ``/``."""

    @abstractmethod
    def write(self, path: str, data: bytes, progress: Progress | None = None) -> None:
        """Replace ``path`` with ``data``: wholly, verified by SHA-256 on the board, or not at all."""

    @abstractmethod
    def read(self, path: str, progress: Progress | None = None) -> bytes:
        """The content of ``path``, verified by SHA-256. ``NotFoundError`` where there is none."""

    @abstractmethod
    def ls(self, path: str = "/") -> list[FileInfo]:
        """What is in the folder ``path``, by name."""

    @abstractmethod
    def remove(self, path: str, *, recursive: bool = False) -> None:
        """Remove a file, or an empty folder; a whole tree with ``recursive``."""

    @abstractmethod
    def mkdir(self, path: str) -> None:
        """Make a folder and the ones above it; nothing happens where it exists."""

    # sha256 and walk are derived where a board has nothing better

    def sha256(self, path: str) -> str | None:
        """SHA-256 of a file as hexadecimal digits; ``None`` where there is no such file."""
        try:
            return hashlib.sha256(self.read(path)).hexdigest()
        except NotFoundError:
            return None

    def put(self, source: str | Path, path: str = "", progress: Progress | None = None) -> None:
        """Copy a file from this machine; without ``path`` under its own name in ``/``."""
        source = Path(source)
        target = path or "/" + source.name
        if target.endswith("/"):
            target += source.name
        self.write(target, source.read_bytes(), progress)

    def get(self, path: str, target: str | Path = "", progress: Progress | None = None) -> Path:
        """Copy a file to this machine, wholly or not at all; returns where it is."""
        place = Path(target) if target else Path(path.rsplit("/", 1)[-1])
        if place.is_dir():
            place /= path.rsplit("/", 1)[-1]
        data = self.read(path, progress)
        part = place.with_name(place.name + ".part")
        part.write_bytes(data)
        part.replace(place)
        return place

    def walk(self, path: str = "/") -> Iterator[FileInfo]:
        """Every file below ``path``."""
        for entry in self.ls(path):
            if entry.is_dir:
                yield from self.walk(entry.path)
            else:
                yield entry

    def sync(
        self, folder: str | Path, path: str = "/", *, delete: bool = False, progress: Progress | None = None
    ) -> list[str]:
        """Make ``path`` on the board hold what ``folder`` holds; files with the right hash stay.

        Returns the board's paths that changed. With ``delete``, files that ``folder`` lacks go.
        ``NotFoundError`` where there is no such folder.
        """
        base = Path(folder)
        if not base.is_dir():  # else a slip of the pen would empty the board
            raise NotFoundError(f"there is no folder {base}: check the name")
        wanted = {p.relative_to(base).as_posix(): p for p in sorted(base.rglob("*")) if p.is_file()}
        root = ("/" + path.strip("/")).rstrip("/")
        self.mkdir(root or "/")
        changed = []
        for number, (name, source) in enumerate(wanted.items()):
            target = f"{root}/{name}"
            data = source.read_bytes()
            if self.sha256(target) != hashlib.sha256(data).hexdigest():
                self.mkdir(target.rsplit("/", 1)[0] or "/")
                self.write(target, data)
                changed.append(target)
            if progress:
                progress("sync", number + 1, len(wanted))
        if delete:
            for entry in list(self.walk(root or "/")):
                if entry.path.removeprefix(root).lstrip("/") not in wanted:
                    self.remove(entry.path)
                    changed.append(entry.path)
        return changed


class Board(ABC):
    """A board. A context manager; ``close`` is idempotent.

    Kinds of board supply at most five hooks: ``_exec``, ``_open``, ``_files``, ``_reset``, and, where
    they can, ``_flash``.
    """

    def __init__(self, info: BoardInfo) -> None:
        self._info = info
        self._lock = threading.RLock()
        self._holder = ""
        self._closed = False
        self._closers: list[Callable[[], None]] = []

    # -- what a user calls --------------------------------------------------------------------

    @property
    def info(self) -> BoardInfo:
        """What is known of the board now."""
        return self._info

    def exec(self, code: str, *, output: Output | None = None, timeout_s: float | None = None) -> str:
        """Run ``code`` on the board; returns what it printed, and gives it to ``output`` as it comes.

        Raises ``RemoteError`` with the board's traceback where it raised, ``DeadlineError`` where it
        did not end in ``timeout_s`` (None: no limit). A ``KeyboardInterrupt`` here stops the board first.
        """
        with self.using("exec"):
            return self._exec(code, output, timeout_s)

    @abstractmethod
    def eval(self, expression: str, *, timeout_s: float | None = 10.0) -> Any:
        """The value of ``expression`` on the board, as a Python object here (literals only)."""

    @abstractmethod
    def interrupt(self, *, timeout_s: float = 5.0) -> None:
        """Stop what runs; returns when the board has shown that it stopped."""

    @property
    def files(self) -> Files:
        """The board's files."""
        self._check_open()
        return self._files()

    def i2c(
        self, bus: int = 0, *, scl: int | None = None, sda: int | None = None, freq_hz: int = 400_000
    ) -> I2CBus:
        """The I2C bus number ``bus``; on the board's usual pins unless ``scl`` and ``sda`` are given."""
        opened: I2CBus = self._open_checked("i2c", bus=bus, scl=scl, sda=sda, freq_hz=freq_hz)
        return opened

    def pin(self, number: int, *, mode: str = "out", pull: str = "", value: bool | None = None) -> Pin:
        """A digital pin: ``mode`` "in", "out" or "open-drain"; ``pull`` "", "up" or "down"."""
        opened: Pin = self._open_checked("pin", number=number, mode=mode, pull=pull, value=value)
        return opened

    def adc(self, number: int) -> ADC:
        """The analogue input on pin ``number``."""
        opened: ADC = self._open_checked("adc", number=number)
        return opened

    def pwm(self, number: int) -> PWM:
        """A PWM output on pin ``number``."""
        opened: PWM = self._open_checked("pwm", number=number)
        return opened

    def reset(self, kind: ResetKind = "soft", *, timeout_s: float = 10.0) -> None:
        """Start anew. "soft" restarts the interpreter, "hard" the chip, "bootloader" ends in its bootloader."""
        if kind not in get_args(ResetKind):
            raise ValueError(f'a reset is "soft", "hard" or "bootloader", not {kind!r}')
        with self.using("reset"):
            self._reset(kind, timeout_s)

    def flash(
        self, image: str | Path, *, progress: Progress | None = None, offset: int | None = None
    ) -> None:
        """Write firmware. Chip and offset are checked against ``image`` before a byte is written."""
        with self.using("flash"):
            self._flash(Path(image), progress, offset)

    def close(self) -> None:
        """Stop what was started on the board's behalf and let go of it. Idempotent.

        A call of another thread that waits for the board is interrupted first.
        """
        if self._closed:
            return
        with ExitStack() as ending:  # each of them, the last first, whatever another one raises
            ending.callback(self._end)
            for closer in self._closers:
                ending.callback(closer)

    @property
    def closed(self) -> bool:
        return self._closed

    def on_close(self, closer: Callable[[], None]) -> None:
        """``closer`` is called once, before the link goes."""
        self._closers.append(closer)

    @property
    def holder(self) -> str:
        """What the board is used for now; empty where nobody uses it."""
        return self._holder

    @contextmanager
    def using(self, holder: str, *, wait_s: float = 10.0) -> Iterator[None]:
        """Hold the board: one user at a time. ``InUseError`` names who has it after ``wait_s``."""
        self._check_open()
        if not self._lock.acquire(timeout=wait_s):
            raise InUseError(
                f"{self.info.name} is held by {self._holder}: wait for it or interrupt it",
                holder=self._holder,
            )
        before, self._holder = self._holder, self._holder or holder
        try:
            self._check_open()
            yield
        finally:
            self._holder = before
            self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        told = self.info
        return f"<{told.kind or 'board'} {told.name!r} on {told.port}: {told.firmware or told.state}>"

    # -- hooks --------------------------------------------------------------------------------

    @abstractmethod
    def _exec(self, code: str, output: Output | None, timeout_s: float | None) -> str: ...

    @abstractmethod
    def _files(self) -> Files: ...

    @abstractmethod
    def _reset(self, kind: ResetKind, timeout_s: float) -> None: ...

    def _open(self, kind: str, **options: Any) -> Any:
        raise UnsupportedError(f"{self.info.kind or 'this board'} has no {kind}")

    def _flash(self, image: Path, progress: Progress | None, offset: int | None) -> None:
        raise UnsupportedError(f"{self.info.kind or 'this board'} cannot be flashed from here")

    def _close(self) -> None:
        """Let go of the link."""

    # -- details ------------------------------------------------------------------------------

    def _end(self) -> None:
        held = self._lock.acquire(blocking=False)
        if not held:
            with suppress(IotlabError):
                self.interrupt()
            held = self._lock.acquire(timeout=_END_S)
        self._closed = True
        try:
            self._close()
        finally:
            if held:
                self._lock.release()

    def _open_checked(self, kind: str, **options: Any) -> Any:
        with self.using(kind):
            return self._open(kind, **options)

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError(f"{self.info.name} was closed: connect again")
