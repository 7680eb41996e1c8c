"""belay through ``Device``: calls for values and files, ``stream_out`` for output, a task for a generator."""

from __future__ import annotations

from collections.abc import Iterator

import belay

from benchmarks.programs import Spec
from benchmarks.tools.base import BAUD, CHUNK, Take, Tool


class Belay(Tool):
    """Without what costs time and is not asked for here: time stamps, minifying, a record for reconnecting."""

    def __init__(self, port: str) -> None:
        self.device = belay.Device(port, baudrate=BAUD, auto_sync_time=False)

    def _call(self, code: str) -> object:
        return self.device(code, minify=False, record=False)

    def evaluate(self, expression: str) -> object:
        return self._call(expression)

    def put(self, path: str, data: bytes) -> None:
        self._call(f"f = open({path!r}, 'wb')")
        for at in range(0, len(data), CHUNK):
            self._call(f"f.write({data[at : at + CHUNK]!r})")
        self._call("f.close()")

    def get(self, path: str) -> bytes:
        self._call(f"f = open({path!r}, 'rb')")
        parts = []
        while part := self._call(f"f.read({CHUNK})"):
            parts.append(part)
        self._call("f.close()")
        return b"".join(parts)  # type: ignore[arg-type]

    def listen(self, program: str, take: Take) -> None:
        self.device(program, minify=False, record=False, stream_out=_Sink(take))

    def items(self, spec: Spec) -> Iterator[tuple[int, float]]:
        @self.device.task
        def samples(ms):  # type: ignore[no-untyped-def]
            n = 0
            end = time.ticks_add(time.ticks_ms(), ms)  # type: ignore[name-defined]  # noqa: F821  # on the board
            while time.ticks_diff(end, time.ticks_ms()) > 0:  # type: ignore[name-defined]  # noqa: F821
                yield n, n * 0.5
                n += 1

        yield from samples(spec.ms)

    def close(self) -> None:
        self.device.close()


class _Sink:
    """A text file for ``stream_out``, which gets line after line."""

    def __init__(self, take: Take) -> None:
        self._take = take

    def write(self, text: str) -> None:
        self._take(text.encode())


TOOL = Belay
