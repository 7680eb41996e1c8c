"""The floor: the least that a client can do in the plain raw REPL. Nothing is checked, repeated or recovered.

Enter the raw REPL once; then write the code and 0x04, and read to the end mark.
"""

from __future__ import annotations

import ast
import binascii
import contextlib
import os
import select
import time
import tty

from benchmarks.tools.base import Take, Tool

_GREETING = b"raw REPL; CTRL-B to exit\r\n>"
_END = b"\x04>"
_PUT_CHUNK, _PUT_WINDOW = 3072, 4
_PUT = """
def put(path, size):
    import binascii, sys
    read, write = sys.stdin.buffer.read, sys.stdout.write
    with open(path, "wb") as f:
        while size:
            n = min(size, {chunk})
            f.write(binascii.a2b_base64(read((n + 2) // 3 * 4)))
            size -= n
            write("+")
put({path!r}, {size})
"""
_GET = """
def get(path):
    import binascii, sys
    write = sys.stdout.buffer.write
    with open(path, "rb") as f:
        while True:
            part = f.read(4096)
            if not part:
                break
            write(binascii.b2a_base64(part))
get({path!r})
"""


class Minimal(Tool):
    """``enter=False`` leaves the board at whatever it does."""

    def __init__(self, port: str, *, enter: bool = True) -> None:
        self._fd = os.open(port, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self._fd)
        if enter:
            self.enter()

    def enter(self) -> None:
        """Into the raw REPL."""
        self._write(b"\r\x03\x03\r\x01")
        self.until(_GREETING)

    def leave(self) -> None:
        """Back to the friendly prompt."""
        self._write(b"\r\x02")
        self.until(b">>> ")

    def run(self, code: str, take: Take | None = None) -> bytes:
        """Run ``code``; returns what it printed, where nobody takes it."""
        self._start(code)
        return self._finish(take)

    def feed(self, code: str, data: bytes) -> None:
        """Run ``code``, which reads ``data``."""
        self._start(code)
        self._write(data)
        self._finish(None)

    def evaluate(self, expression: str) -> object:
        return ast.literal_eval(self.run(f"print(repr({expression}))").decode())

    def put(self, path: str, data: bytes) -> None:
        chunks = [data[at : at + _PUT_CHUNK] for at in range(0, len(data), _PUT_CHUNK)]
        lines = [binascii.b2a_base64(chunk, newline=False) for chunk in chunks]
        self._start(_PUT.format(path=path, size=len(data), chunk=_PUT_CHUNK))
        for line in lines[:_PUT_WINDOW]:
            self._write(line)
        sent = _PUT_WINDOW

        def acknowledged(marks: bytes) -> None:
            nonlocal sent
            for line in lines[sent : sent + len(marks)]:
                self._write(line)
            sent += len(marks)

        self._finish(acknowledged)

    def get(self, path: str) -> bytes:
        return b"".join(map(binascii.a2b_base64, self.run(_GET.format(path=path)).splitlines()))

    def listen(self, program: str, take: Take) -> None:
        self.run(program, take)

    def close(self) -> None:
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                self._write(b"\r\x02")
            os.close(self._fd)
            self._fd = -1

    def until(self, mark: bytes, timeout_s: float = 20.0) -> bytes:
        """What comes, up to ``mark`` at its end."""
        got, end_s = b"", time.monotonic() + timeout_s
        while not got.endswith(mark):
            if time.monotonic() > end_s:
                raise TimeoutError(f"{mark!r} did not come, but {got[-200:]!r}")
            got += self._read()
        return got

    # -- details ------------------------------------------------------------------------------

    def _start(self, code: str) -> None:
        self._write(code.encode() + b"\x04")

    def _finish(self, take: Take | None) -> bytes:
        """``OK``, the output, 0x04, a traceback if it raised, 0x04 and ``>``."""
        got = self._read()
        while len(got) < 2:
            got += self._read()
        if not got.startswith(b"OK"):
            raise RuntimeError(f"the board took no code, it said {got!r}")
        got = got[2:]
        if take:
            while b"\x04" not in got:
                if got:
                    take(got)
                got = self._read()
            out, got = got[: got.index(b"\x04")], got[got.index(b"\x04") :]
            if out:
                take(out)
        parts = [got]
        while not got.endswith(_END):
            parts.append(self._read())
            got = got[-1:] + parts[-1]
        out, _, error = b"".join(parts)[: -len(_END)].partition(b"\x04")
        if error:
            raise RuntimeError(error.decode())
        return out

    def _read(self) -> bytes:
        if not select.select([self._fd], [], [], 30.0)[0]:
            raise TimeoutError("the board has said nothing for 30 s")
        return os.read(self._fd, 65536)

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._fd, data) :]


TOOL = Minimal
