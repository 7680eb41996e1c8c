"""Files on a board without the helper, whose file system is one folder: names, sizes, and nothing to rename with.

They travel as values, in pieces of a few hundred characters, each of which arrives whole or is sent again. A file is
written beside the old one, read back and compared; then the board copies it over the old one and compares the two.
"""

from __future__ import annotations

import contextlib
from typing import Any

from iotlab.board import Board, FileInfo, Files, Progress
from iotlab.errors import CorruptError, IotlabError, NotFoundError, RemoteError, UnsupportedError
from iotlab.micropython.session import OpenSession

#: Bytes of a file that are asked for at once, and characters of a piece of one on its way to the board.
_ASKED, _SENT = 128, 300
_TRIES = 3
#: The board keeps an open file under this name, and how many pieces of it went: one that is asked for again is the
#: same one, and one that comes again is not written again. Where a Ctrl-C comes between, a piece is missing, which is
#: seen at the end.
_NAME = "_iotlab"
_READER = """def _iotlab(k,s=[0,b''],f=open({name!r},'rb')):
 if k>s[0]:
  s[1]=f.read({size})
  s[0]=k
 return s[1]
"""
_WRITER = """def _iotlab(k,d,s=[0],f=open({name!r},'wb')):
 if k>s[0]:
  s[0]=k
  f.write(d)if d else f.close()
 return s[0]
"""
_COPIER = """def _iotlab(a,b):
 with open(a,'rb')as f,open(b,'wb')as g:
  d=1
  while d:
   d=f.read(64)
   g.write(d)
 with open(a,'rb')as f,open(b,'rb')as g:
  d=1
  while d:
   d=f.read(64)
   if d!=g.read(64):return False
 return True
"""
#: A file system that is full while it copies has lost the old file: whether there is room is tried before.
_ROOM = """def _iotlab(n,k):
 with open(n,'wb')as f:
  for _ in range(k):f.write(b'-'*64)
 __import__('os').remove(n)
"""
_OS = "__import__('os')"


class PlainFiles(Files):
    """The files of a board, through the session that it has at the time. ``board`` lends its lock."""

    def __init__(self, session: OpenSession, board: Board) -> None:
        self._session, self._board = session, board

    def write(self, path: str, data: bytes, progress: Progress | None = None) -> None:
        name = _name(path)
        if not name or "/" in name:
            raise NotFoundError(f"there is no folder for {path}: the board has one only, /")
        part, room = name + ".part", name + ".room"
        with self._board.using("files"):
            try:
                self._write_verified(part, data, progress)
                self._see_to_room(name, len(data), room)
            except BaseException:
                with contextlib.suppress(IotlabError):
                    self._end(part, room)
                raise
            try:
                self._copy(part, name)
            except KeyboardInterrupt:
                self._copy(part, name)  # it may have been in the middle of it
                self._end(part)
                raise
            self._end(part)

    def read(self, path: str, progress: Progress | None = None) -> bytes:
        with self._board.using("files"):
            try:
                for _ in range(_TRIES):
                    data, size = self._read(_name(path), progress)
                    if len(data) == size:
                        return data
                raise CorruptError(f"{path} has {size} bytes, and {len(data)} came: read it again")
            finally:
                with contextlib.suppress(IotlabError):
                    self._end()

    def ls(self, path: str = "/") -> list[FileInfo]:
        if _name(path):
            raise NotFoundError(f"there is no folder {path} on the board: it has one only, /")
        with self._board.using("files"):
            found = self._ask(f"[(n,{_OS}.size(n))for n in {_OS}.listdir()]")
        return [FileInfo(f"/{name}", size, is_dir=False) for name, size in sorted(found)]

    def remove(self, path: str, *, recursive: bool = False) -> None:
        with self._board.using("files"):
            if _name(path):
                self._ask(f"{_OS}.remove({_name(path)!r})", _name(path))
            elif recursive:
                self._ask(f"[{_OS}.remove(n)for n in {_OS}.listdir()]and None")
            else:
                raise UnsupportedError("/ itself cannot be removed: recursive=True removes what is in it")

    def mkdir(self, path: str) -> None:
        if _name(path):
            raise UnsupportedError(f"{self._board.info.name} has one folder only, /: there can be no {path}")

    # -- details ------------------------------------------------------------------------------

    def _write_verified(self, part: str, data: bytes, progress: Progress | None) -> None:
        """``data`` is in ``part``: it was read back."""
        for _ in range(_TRIES):
            self._define(_WRITER, part)
            sent = 0
            for number, piece in enumerate([*_pieces(data), b""], 1):
                self._ask(f"{_NAME}({number},{piece!r})")
                sent += len(piece)
                if progress and piece:
                    progress("write", sent, len(data))
            if self._read(part)[0] == data:
                return
        raise CorruptError(f"what the board keeps of {part} is not what was sent: remove files, or reset it")

    def _see_to_room(self, name: str, size: int, room: str) -> None:
        """Raise where a file that is there would grow to ``size`` bytes, and the board is too full for that."""
        there = self._ask(f"{_OS}.size({name!r})if {name!r}in {_OS}.listdir()else {size}")
        if there < size:
            self._define(_ROOM, room)
            self._ask(f"{_NAME}({room!r},{(size - there) // 64 + 3})")

    def _copy(self, part: str, name: str) -> None:
        """``name`` is what ``part`` is; the old file goes when the copying begins."""
        for _ in range(_TRIES):
            self._define(_COPIER, part)
            if self._ask(f"{_NAME}({part!r},{name!r})"):
                return
        raise CorruptError(
            f"{name} could not be copied from {part}, which is whole: rename it, or write again"
        )

    def _read(self, name: str, progress: Progress | None = None) -> tuple[bytes, int]:
        """What came of a file, and how long it is."""
        size = self._ask(f"{_OS}.size({name!r})", name)
        self._define(_READER, name)
        data = b""
        for number in range(1, size // _ASKED + 2):
            data += self._ask(f"{_NAME}({number})")
            if progress:
                progress("read", len(data), size)
        return data, size

    def _define(self, code: str, name: str) -> None:
        self._ask(f"exec({code.format(name=name, size=_ASKED)!r})", name)

    def _end(self, *removed: str) -> None:
        """Nothing of ours stays on the board."""
        self._ask(f"globals().pop({_NAME!r},None)and None")
        for name in removed:
            self._ask(f"{name!r}in {_OS}.listdir()and {_OS}.remove({name!r})")

    def _ask(self, expression: str, name: str = "") -> Any:
        """A value of the board. What is asked may be asked twice."""
        for attempt in range(_TRIES):
            try:
                return self._session().eval(expression, timeout_s=30.0, ours=True)
            except CorruptError:
                if attempt == _TRIES - 1:
                    raise
            except RemoteError as error:
                if error.kind == "KeyboardInterrupt" and attempt < _TRIES - 1:
                    continue  # nobody pressed Ctrl-C: a byte was changed into it
                if error.code == 2:
                    raise NotFoundError(
                        f"there is no /{name} on the board: board.files.ls() lists what there is"
                    ) from error
                raise
        raise AssertionError("not reached")


def _name(path: str) -> str:
    """What the file of ``path`` is called on the board."""
    return path.removeprefix("/")


def _pieces(data: bytes) -> list[bytes]:
    """``data`` in pieces whose repr is short."""
    pieces, start = [], 0
    while start < len(data):
        size = _SENT
        while len(repr(data[start : start + size])) > _SENT:
            size -= 8
        pieces.append(data[start : start + size])
        start += size
    return pieces
