"""mpremote through the transport that its commands use, without the soft reset that its commands begin with."""

from __future__ import annotations

from mpremote.transport_serial import SerialTransport

from benchmarks.tools.base import BAUD, CHUNK, Take, Tool


class Mpremote(Tool):
    chunk_size = CHUNK

    def __init__(self, port: str) -> None:
        self._transport = SerialTransport(port, baudrate=BAUD)
        if self._transport.is_pty:
            raise RuntimeError("mpremote treats this port unlike hardware: give it another name")
        self._transport.enter_raw_repl(soft_reset=False)

    def evaluate(self, expression: str) -> object:
        return self._transport.eval(expression)

    def put(self, path: str, data: bytes) -> None:
        self._transport.fs_writefile(path, data, chunk_size=self.chunk_size)

    def get(self, path: str) -> bytes:
        return bytes(self._transport.fs_readfile(path, chunk_size=self.chunk_size))

    def listen(self, program: str, take: Take) -> None:
        line = bytearray()

        def consume(character: bytes) -> None:  # it gives one byte at a time
            line.extend(character)
            if character == b"\n":
                take(bytes(line))
                line.clear()

        self._transport.exec(program, data_consumer=consume)

    def close(self) -> None:
        self._transport.exit_raw_repl()
        self._transport.close()


TOOL = Mpremote
