"""iotlab, as its users call it."""

from __future__ import annotations

import iotlab
from benchmarks.tools.base import Take, Tool


class Iotlab(Tool):
    def __init__(self, port: str) -> None:
        self._board = iotlab.connect(port)

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

    def close(self) -> None:
        self._board.close()


TOOL = Iotlab
