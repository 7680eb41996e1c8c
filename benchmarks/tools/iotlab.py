"""iotlab, as its users call it."""

from __future__ import annotations

from collections.abc import Iterator

import iotlab
from benchmarks.programs import FORMAT, Spec
from benchmarks.tools.base import Take, Tool
from iotlab.micropython.board import MicroPythonBoard
from iotlab.micropython.samples import BATCH


class Iotlab(Tool):
    def __init__(self, port: str) -> None:
        board = iotlab.connect(port)
        assert isinstance(board, MicroPythonBoard)
        self._board = board

    def evaluate(self, expression: str) -> object:
        return self._board.eval(expression)

    def put(self, path: str, data: bytes) -> None:
        self._board.files.write(path, data)

    def get(self, path: str) -> bytes:
        return self._board.files.read(path)

    def listen(self, program: str, take: Take) -> None:
        def output(text: str) -> None:
            take(text.encode())

        self._board.exec(program, output=output)

    def blocks(self, spec: Spec, take: Take) -> int:
        """At a pace the board's generator yields samples; as fast as it goes it packs them itself."""
        if spec.rate_hz:
            stream = self._board.stream(format=FORMAT, rate_hz=spec.rate_hz)(_samples)(spec.ms)
        else:
            stream = self._board.stream(format=FORMAT, blocks=True)(_packed)(spec.ms, BATCH)
        for block in stream.blocks():
            take(bytes(block.data))
        return stream.sent

    def items(self, spec: Spec) -> Iterator[tuple[int, float]]:
        return iter(self._board.stream(format=FORMAT)(_samples)(spec.ms))

    def close(self) -> None:
        self._board.close()


# -- on the board -----------------------------------------------------------------------------
# mypy and ruff read it as Python of this machine: MicroPython's time has more.


def _samples(ms):  # type: ignore[no-untyped-def]
    import time

    n = 0
    end = time.ticks_add(time.ticks_ms(), ms)  # type: ignore[attr-defined]
    while time.ticks_diff(end, time.ticks_ms()) > 0:  # type: ignore[attr-defined]
        yield n, n * 0.5
        n += 1


def _packed(ms, size):  # type: ignore[no-untyped-def]
    import struct
    import time

    n = 0
    pack = struct.pack_into
    block, places = bytearray(size), range(0, size, 8)
    end = time.ticks_add(time.ticks_ms(), ms)  # type: ignore[attr-defined]
    while time.ticks_diff(end, time.ticks_ms()) > 0:  # type: ignore[attr-defined]
        for place in places:
            pack("<If", block, place, n, n * 0.5)
            n += 1
        yield block


TOOL = Iotlab
