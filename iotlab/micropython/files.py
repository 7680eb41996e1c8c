"""Files on a MicroPython board: whole and verified, or not at all."""

from __future__ import annotations

import binascii
import hashlib
import time
from typing import Any

from iotlab.board import Board, FileInfo, Files, Progress
from iotlab.errors import CorruptError, DeadlineError, NotFoundError, RemoteError
from iotlab.micropython.blocks import BlockSender
from iotlab.micropython.frames import DATA, DATA_BASE64, Frame
from iotlab.micropython.session import OpenSession

#: Bytes of a file in one frame, and where the line is fast.
CHUNK, FAST_CHUNK = 2048, 4096
_TRIES = 3
#: What a line of 115200 baud carries in a second, and what a slow flash takes.
_SLOWEST_B_PER_S = 1000


class MicroPythonFiles(Files):
    """The files of a board, through the session that it has at the time. ``board`` lends its lock."""

    def __init__(self, session: OpenSession, board: Board) -> None:
        self._session, self._board = session, board

    def write(self, path: str, data: bytes, progress: Progress | None = None) -> None:
        path, digest = _absolute(path), hashlib.sha256(data).digest()
        with self._board.using("files"):
            for attempt in range(_TRIES):
                try:
                    session = self._session()
                    sender = BlockSender(session.link, data, pace=session.repl.pace, progress=progress)
                    with session.tidying(path + ".part"):
                        session.call(
                            f"put({path!r},{digest.hex()!r},{sender.count},{sender.piece})",
                            feeder=sender,
                            timeout_s=30.0 + len(data) / _SLOWEST_B_PER_S,
                        )
                    return
                except (CorruptError, DeadlineError):
                    if attempt == _TRIES - 1:
                        raise
                except RemoteError as error:
                    if error.kind == "KeyboardInterrupt" and attempt < _TRIES - 1:
                        continue  # nobody pressed Ctrl-C: a byte was changed into it
                    raise _as_file_error(error, path) from error

    def read(self, path: str, progress: Progress | None = None) -> bytes:
        path = _absolute(path)
        with self._board.using("files"):
            for attempt in range(_TRIES):
                try:
                    return self._get(path, progress)
                except CorruptError:
                    if attempt == _TRIES - 1:
                        raise
                except RemoteError as error:
                    if error.kind == "KeyboardInterrupt" and attempt < _TRIES - 1:
                        continue
                    raise _as_file_error(error, path) from error
        raise AssertionError("not reached")

    def sha256(self, path: str) -> str | None:
        with self._board.using("files"):
            digest = self._session().call(f"sha256({_absolute(path)!r})", timeout_s=60.0)
        return None if digest is None else digest.hex()

    def ls(self, path: str = "/") -> list[FileInfo]:
        path = _absolute(path)
        found = self._ask(f"ls({path!r})", path)
        base = path.rstrip("/")
        return [FileInfo(f"{base}/{name}", size, is_dir) for name, is_dir, size in sorted(found)]

    def remove(self, path: str, *, recursive: bool = False) -> None:
        path = _absolute(path)
        self._ask(f"remove({path!r}, {recursive!r})", path)

    def mkdir(self, path: str) -> None:
        path = _absolute(path)
        if path != "/":
            self._ask(f"mkdir({path!r})", path)

    # -- details ------------------------------------------------------------------------------

    def _ask(self, call: str, path: str) -> Any:
        try:
            with self._board.using("files"):
                return self._session().call(call, timeout_s=30.0)
        except RemoteError as error:
            raise _as_file_error(error, path) from error

    def _get(self, path: str, progress: Progress | None) -> bytes:
        parts, session = _Parts(progress), self._session()
        pace = session.repl.pace
        slow = 60_000 if not pace.bytes_per_s else -200_000 if pace.fast else 200_000
        chunk = FAST_CHUNK if pace.fast else CHUNK
        size, digest = session.call(
            f"get({path!r},0,None,{chunk},{slow})", on_frame=parts.take, timeout_s=600.0
        )
        pace.note(*parts.measured)
        for start, stop in parts.missing(size):
            session.call(f"get({path!r},{start},{stop},{CHUNK},200000)", on_frame=parts.take, timeout_s=60.0)
        data = parts.joined()
        if len(data) != size or hashlib.sha256(data).digest() != digest:
            raise CorruptError(f"{path} arrived changed: check the cable")
        return data


class _Parts:
    """The parts of a file, by where they belong."""

    def __init__(self, progress: Progress | None) -> None:
        self._parts: dict[int, bytes] = {}
        self._progress, self._size = progress, 0
        self._times: list[float] = []

    def take(self, frame: Frame) -> None:
        if frame.channel not in (DATA, DATA_BASE64):
            return
        payload = frame.payload if frame.channel == DATA else binascii.a2b_base64(frame.payload)
        part = payload[4:]
        self._parts[int.from_bytes(payload[:4], "big")] = part
        self._size += len(part)
        self._times.append(time.monotonic())
        if self._progress:
            self._progress("read", self._size, 0)

    @property
    def measured(self) -> tuple[int, float]:
        """How many bytes came after the first part, and in how many seconds."""
        if not self._times:
            return 0, 0.0
        return self._size - len(self._parts[min(self._parts)]), self._times[-1] - self._times[0]

    def missing(self, size: int) -> list[tuple[int, int]]:
        """From where to where nothing came."""
        gaps, at = [], 0
        for start, part in sorted(self._parts.items()):
            if start > at:
                gaps.append((at, start))
            at = max(at, start + len(part))
        return gaps if at >= size else [*gaps, (at, size)]

    def joined(self) -> bytes:
        return b"".join(part for _, part in sorted(self._parts.items()))


def _absolute(path: str) -> str:
    """``path`` from the root of the board's files."""
    return path if path.startswith("/") else "/" + path


def _as_file_error(error: RemoteError, path: str) -> Exception:
    if error.code == 2:
        return NotFoundError(f"there is no {path} on the board: board.files.ls() lists what there is")
    return error
