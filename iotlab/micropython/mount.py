"""A folder of this machine as a file system of a board, served as long as the session lives.

The board's end is ``device/_iotlab_mount.py``. What it asks for comes from a program that may be anybody's, so
every path is checked here: nothing outside the folder is reached.
"""

from __future__ import annotations

import binascii
import contextlib
import errno
import os
import re
import stat
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from typing_extensions import Self

from iotlab.board import Board
from iotlab.errors import IotlabError, NotFoundError
from iotlab.micropython.frames import Frame
from iotlab.micropython.services import Services
from iotlab.micropython.session import OpenSession

#: Where the folder is on the board; mpremote's name for it.
MOUNT_POINT = "/remote"
#: The channel of its requests.
CHANNEL = 132
#: Data in one answer: with its head and CRC a line of 257 bytes (see the board's end).
_ROOM = 180
_MOST_FILES = 200  # a program that closes none of them, as MicroPython's own file systems do for it
_MODE = re.compile(r"[rwax](?:[bt]?\+?|\+[bt])")
_HELPER = "__import__('_iotlab_mount')"
#: A value and data, as a request is answered.
_Told = tuple[int, bytes]


class Mount:
    """A mounted folder. A context manager; ``close`` is idempotent. See :meth:`MicroPythonBoard.mount`."""

    def __init__(
        self, session: OpenSession, board: Board, services: Services, folder: Path, *, follow_links: bool
    ) -> None:
        if not folder.is_dir():
            raise NotFoundError(f"there is no folder {folder} on this machine: check the name")
        self._session, self._board, self._services = session, board, services
        self.folder, self.follow_links = folder.resolve(), follow_links
        self._files: dict[int, IO[Any]] = {}
        self._last: tuple[int, bytes] = (-1, b"")
        self._requests: Mapping[bytes, Callable[[bytes], _Told]] = {
            b"s": self._stat, b"l": self._list, b"o": self._open, b"c": self._close_file, b"r": self._read,
            b"n": self._read_line, b"w": self._write, b"f": self._flush, b"k": self._seek, b"d": self._remove,
            b"x": self._remove_folder, b"m": self._make_folder, b"v": self._rename,
        }  # fmt: skip
        with board.using("mount"):
            now = session()
            now.put("_iotlab_mount")
            services.offer(CHANNEL, self._answer, interpreter=now.repl.interpreter, farewell=self._gone)
            try:
                now.call(f"{_HELPER}.mount({MOUNT_POINT!r})", timeout_s=20.0)
            except BaseException:
                services.end(CHANNEL)
                raise

    @property
    def active(self) -> bool:
        """Whether the board has the folder: False after ``close``, and after the board was reset or closed."""
        try:
            return not self._board.closed and self._services.serves(CHANNEL, self._session().repl.interpreter)
        except IotlabError:  # it runs no interpreter now
            return False

    @contextmanager
    def away(self) -> Iterator[None]:
        """Take the folder from the board for a while: for code that runs without being listened to."""
        if self.active:
            self._session().call(f"{_HELPER}.umount({MOUNT_POINT!r})", timeout_s=20.0)
        yield
        if self.active:
            self._session().call(f"{_HELPER}.mount({MOUNT_POINT!r})", timeout_s=20.0)

    def close(self) -> None:
        """Take the folder away from the board. Idempotent."""
        if self.active:
            with contextlib.suppress(IotlabError), self._board.using("umount", wait_s=0.5):
                if not self._session().repl.left_alone:
                    self._session().call(f"{_HELPER}.umount({MOUNT_POINT!r})", timeout_s=5.0)
            self._services.end(CHANNEL)
        self._let_go()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = f"at {MOUNT_POINT}" if self.active else "no longer mounted"
        return f"<{self.folder} on {self._board.info.name}: {state}>"

    # -- answering ----------------------------------------------------------------------------

    def _answer(self, frame: Frame) -> bytes:
        if frame.sequence == self._last[0]:  # the answer was lost or changed on its way
            return self._last[1]
        try:
            code, (value, data) = 0, self._requests[frame.payload[:1]](frame.payload[1:])
        except OSError as error:
            code, value, data = error.errno or errno.EIO, 0, b""
        except (ValueError, LookupError, struct.error):  # no request that our end of the board makes
            code, value, data = errno.EINVAL, 0, b""
        body = struct.pack("<BBI", frame.sequence, code & 0xFF, value & 0xFFFFFFFF) + data
        line = binascii.b2a_base64(body + zlib.crc32(body).to_bytes(4, "big"))
        self._last = (frame.sequence, line)
        return line

    def _gone(self) -> str:
        self._let_go()
        return f"[iotlab] {self.folder} is no longer mounted at {MOUNT_POINT}: the board restarted\n"

    def _let_go(self) -> None:
        while self._files:
            with contextlib.suppress(OSError):
                self._files.popitem()[1].close()

    # -- paths --------------------------------------------------------------------------------

    def _place(self, path: bytes) -> Path:
        """The file or folder that the board calls ``path``, links followed."""
        plain = os.path.normpath(self.folder / path.decode().lstrip("/"))
        return self._inside(Path(plain if self.follow_links else os.path.realpath(plain)))

    def _entry(self, path: bytes) -> Path:
        """What stands in its folder under that name, be it a link: to be removed or renamed."""
        plain = Path(os.path.normpath(self.folder / path.decode().lstrip("/")))
        if plain == self.folder:
            raise PermissionError(errno.EPERM, "the mounted folder itself stays")
        above = plain.parent if self.follow_links else Path(os.path.realpath(plain.parent))
        return self._inside(above / plain.name)

    def _inside(self, place: Path) -> Path:
        if not place.is_relative_to(self.folder):
            raise PermissionError(errno.EPERM, "outside the mounted folder")
        return place

    # -- requests -----------------------------------------------------------------------------

    def _stat(self, path: bytes) -> _Told:
        told = self._place(path).stat()
        mode = 0x4000 if stat.S_ISDIR(told.st_mode) else 0x8000
        return 0, struct.pack("<III", mode, min(told.st_size, 0xFFFFFFFF), int(told.st_mtime) & 0xFFFFFFFF)

    def _list(self, request: bytes) -> _Told:
        (start,) = struct.unpack_from("<I", request)
        names = sorted(entry.name for entry in self._place(request[4:]).iterdir())
        data = b""
        for number, name in enumerate(names[start:], start):
            entry = self._told_of(request[4:], name)
            if data and len(data) + len(entry) > _ROOM:
                return number, data
            data += entry
        return 0, data

    def _told_of(self, path: bytes, name: str) -> bytes:
        """A name with its size, ``/`` for a folder; nothing of what could not be opened either."""
        try:
            encoded = name.encode()
            told = self._place(path + b"/" + encoded).stat()
        except (OSError, ValueError):
            return b""
        return encoded + b"\0" + (b"/" if stat.S_ISDIR(told.st_mode) else b"%d" % told.st_size) + b"\0"

    def _open(self, request: bytes) -> _Told:
        mode, _, path = request.decode().partition("\0")
        if not _MODE.fullmatch(mode):
            raise ValueError(mode)
        if not mode.startswith("r") or "+" in mode:
            self._check_user()
        place = self._place(path.encode())
        if place.exists() and not (place.is_file() or place.is_dir()):
            raise PermissionError(errno.EPERM, "a pipe or a device: it could wait for ever")
        number = next((k for k in range(_MOST_FILES) if k not in self._files), None)
        if number is None:
            raise OSError(errno.EMFILE, "too many open files")
        # as MicroPython does it: no newline is changed, and bytes that are no text stay what they are
        text = {} if "b" in mode else {"encoding": "utf-8", "errors": "surrogateescape", "newline": ""}
        self._files[number] = open(place, mode, **text)  # type: ignore[call-overload]  # noqa: SIM115
        return number, b""

    def _close_file(self, request: bytes) -> _Told:
        self._files.pop(request[0]).close()
        return 0, b""

    def _read(self, request: bytes) -> _Told:
        return 0, _encoded(self._files[request[0]].read(_size(request)))

    def _read_line(self, request: bytes) -> _Told:
        return 0, _encoded(self._files[request[0]].readline(_size(request)))

    def _write(self, request: bytes) -> _Told:
        file, data = self._files[request[0]], request[1:]
        file.write(data if "b" in file.mode else data.decode("utf-8", "surrogateescape"))
        return len(request) - 1, b""

    def _flush(self, request: bytes) -> _Told:
        self._files[request[0]].flush()
        return 0, b""

    def _seek(self, request: bytes) -> _Told:
        whence, offset = struct.unpack_from("<Bi", request, 1)
        return self._files[request[0]].seek(offset, whence), b""

    def _remove(self, path: bytes) -> _Told:
        self._check_user()
        self._entry(path).unlink()
        return 0, b""

    def _remove_folder(self, path: bytes) -> _Told:
        self._check_user()
        self._entry(path).rmdir()
        return 0, b""

    def _check_user(self) -> None:
        """``board.files`` may empty a board with ``/`` in it: that is not to empty this machine's folder. Nor can it
        write there: our answers would stand behind the parts of the file that are under way."""
        if self._board.holder == "files":
            raise PermissionError(errno.EPERM, "board.files changes nothing on this machine")

    def _make_folder(self, path: bytes) -> _Told:
        self._place(path).mkdir()
        return 0, b""

    def _rename(self, request: bytes) -> _Told:
        old, _, new = request.partition(b"\0")
        self._entry(old).replace(self._entry(new))
        return 0, b""


def _size(request: bytes) -> int:
    (size,) = struct.unpack_from("<I", request, 1)
    return min(int(size), _ROOM)


def _encoded(data: str | bytes) -> bytes:
    return data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
