"""Files on a MicroPython board: whole and verified, or not at all."""

from __future__ import annotations

import binascii
import hashlib
import zlib
from typing import Any

from iotlab.board import Board, FileInfo, Files, Progress
from iotlab.errors import CorruptError, DeadlineError, NotFoundError, RemoteError
from iotlab.micropython.frames import ANSWER, Frame
from iotlab.micropython.session import HELPER, OpenSession, Session

#: Bytes of a file in one chunk. With its CRC-32 it makes 256 characters of base64, which the smallest
#: receive buffer of a board holds (260 bytes on an ESP32, ports/esp32/uart.c).
PUT_CHUNK = 188
GET_CHUNK = 1024
_TRIES = 3


class MicroPythonFiles(Files):
    """The files of a board, through the session that it has at the time. ``board`` lends its lock."""

    def __init__(self, session: OpenSession, board: Board) -> None:
        self._session, self._board = session, board

    def write(self, path: str, data: bytes, progress: Progress | None = None) -> None:
        path = _absolute(path)
        with self._board.using("files"):
            for attempt in range(_TRIES):
                try:
                    self._session().with_helper(lambda: self._put(path, data, progress))
                    return
                except (CorruptError, DeadlineError):
                    if attempt == _TRIES - 1:
                        raise
                except RemoteError as error:
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
                    raise _as_file_error(error, path) from error
        raise AssertionError("not reached")

    def sha256(self, path: str) -> str | None:
        with self._board.using("files"):
            digest = self._session().ask(f"sha256({_absolute(path)!r})", timeout_s=60.0)
        return None if digest is None else digest.hex()

    def ls(self, path: str = "/") -> list[FileInfo]:
        path = _absolute(path)
        found = self._ask(f"ls({path!r})", path)
        base = path.rstrip("/")
        return [FileInfo(f"{base}/{name}", size, is_dir) for name, is_dir, size in sorted(found)]

    def remove(self, path: str, *, recursive: bool = False) -> None:
        path = _absolute(path)
        self._ask(f"answer({HELPER}.remove({path!r}, {recursive!r}))", path)

    def mkdir(self, path: str) -> None:
        path = _absolute(path)
        if path != "/":
            self._ask(f"answer({HELPER}.mkdir({path!r}))", path)

    # -- details ------------------------------------------------------------------------------

    def _ask(self, call: str, path: str) -> Any:
        try:
            with self._board.using("files"):
                return self._session().ask(call)
        except RemoteError as error:
            raise _as_file_error(error, path) from error

    def _put(self, path: str, data: bytes, progress: Progress | None) -> None:
        session, digest = self._session(), hashlib.sha256(data).digest()
        session.repl.start(f"{HELPER}.put({path!r},{len(data)},{digest!r},{PUT_CHUNK})")
        chunks = [data[start : start + PUT_CHUNK] for start in range(0, len(data), PUT_CHUNK)]
        sender = _Sender(session, chunks, progress)
        try:
            session.repl.finish(on_frame=sender.on_frame, timeout_s=30.0 + len(data) / 1000)
        except RemoteError:
            if not sender.failed:
                raise
        if sender.failed:
            raise CorruptError(f"{path} did not arrive whole: check the cable")

    def _get(self, path: str, progress: Progress | None) -> bytes:
        session, frames = self._session(), list[bytes]()
        taken = _Sequence()

        def on_frame(frame: Frame) -> None:
            taken.check(frame)
            frames.append(frame.payload)
            if progress:
                progress("read", min(len(frames) * GET_CHUNK, int(frames[0])), int(frames[0]))

        def run() -> None:
            session.exec(f"{HELPER}.get({path!r},{GET_CHUNK})", on_frame=on_frame, timeout_s=600.0)

        def again() -> None:
            frames.clear()
            taken.forget()

        session.with_helper(run, again)
        if len(frames) < 2 or taken.gaps:
            raise CorruptError(f"{path} did not arrive whole: check the cable")
        data = b"".join(frames[1:-1])
        if len(data) != int(frames[0]) or hashlib.sha256(data).digest() != frames[-1]:
            raise CorruptError(f"{path} arrived changed: check the cable")
        return data


class _Sender:
    """Gives the board chunk after chunk, each when the one before was acknowledged."""

    def __init__(self, session: Session, chunks: list[bytes], progress: Progress | None) -> None:
        self._session, self._chunks, self._progress = session, chunks, progress
        self._next = 0
        self._refused = 0
        self.failed = False

    def on_frame(self, frame: Frame) -> None:
        if frame.channel != ANSWER or self.failed:
            return
        if frame.payload == b"-":
            self._refused += 1
            if self._refused > 2 * _TRIES:
                self.failed = True
                self._session.link.write(b"\x03")  # it waits for a chunk: end it
                return
            self._next -= 1
        if self._progress:
            self._progress("write", self._next, max(1, len(self._chunks)))
        if self._next < len(self._chunks):
            self._send(self._chunks[self._next])
            self._next += 1

    def _send(self, chunk: bytes) -> None:
        checked = chunk + zlib.crc32(chunk).to_bytes(4, "big")
        self._session.link.write(binascii.b2a_base64(checked, newline=False))


class _Sequence:
    """Sees whether a frame is missing."""

    def __init__(self) -> None:
        self.gaps = 0
        self._last: int | None = None

    def check(self, frame: Frame) -> None:
        if self._last is not None and frame.sequence != (self._last + 1) & 255:
            self.gaps += 1
        self._last = frame.sequence

    def forget(self) -> None:
        self._last = None


def _absolute(path: str) -> str:
    """``path`` from the root of the board's files."""
    return path if path.startswith("/") else "/" + path


def _as_file_error(error: RemoteError, path: str) -> Exception:
    if error.code == 2:
        return NotFoundError(f"there is no {path} on the board: board.files.ls() lists what there is")
    return error
