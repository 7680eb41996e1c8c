"""mpytool through ``Mpy`` and its ``comm``, which its commands use; it chooses chunks and compression itself."""

from __future__ import annotations

import mpytool

from benchmarks.tools.base import BAUD, Take, Tool


class Mpytool(Tool):
    def __init__(self, port: str) -> None:
        self._connection = mpytool.ConnSerial(port=port, baudrate=BAUD)
        self._mpy = mpytool.Mpy(self._connection)
        self._mpy.comm.enter_raw_repl()

    def evaluate(self, expression: str) -> object:
        return self._mpy.comm.exec_eval(expression)

    def put(self, path: str, data: bytes) -> None:
        self._mpy.put(data, path)

    def get(self, path: str) -> bytes:
        return bytes(self._mpy.get(path))

    def listen(self, program: str, take: Take) -> None:
        for part in self._mpy.comm.exec_raw_paste(program, timeout=None, stream=True):
            take(part)

    def close(self) -> None:
        self._mpy.comm.exit_raw_repl()
        self._connection.close()


TOOL = Mpytool
