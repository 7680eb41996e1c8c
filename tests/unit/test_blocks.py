"""How much is under way to a board that holds the host back."""

from __future__ import annotations

import os
import pty
import random
import threading
import tty

import pytest

from iotlab.link.serial import SerialLink
from iotlab.micropython.blocks import BLOCK, BlockSender
from iotlab.micropython.frames import DATA, Frame
from iotlab.micropython.pace import Pace

END = b"~END~"


class Line:
    """A port that somebody reads at the other end."""

    def __init__(self) -> None:
        self._master, self._slave = pty.openpty()
        tty.setraw(self._slave)
        self.link = SerialLink(os.ttyname(self._slave))
        self._got = b""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while not self._got.endswith(END):
            self._got += os.read(self._master, 65536)

    def close(self) -> bytes:
        """What came until now."""
        self.link.write(END)
        self._reader.join()
        self.link.close()
        os.close(self._master)
        os.close(self._slave)
        return self._got.removesuffix(END)


@pytest.fixture
def data() -> bytes:
    return random.Random(1).randbytes(4 * BLOCK)


@pytest.mark.parametrize(("bytes_per_s", "blocks"), [(0, 1), (1_000, 1), (BLOCK, 2), (250_000, 3)])
def test_as_many_blocks_are_under_way_as_a_board_soon_takes(
    data: bytes, bytes_per_s: float, blocks: int
) -> None:
    line = Line()
    sender = BlockSender(line.link, data, pace=Pace(bytes_per_s=bytes_per_s))
    assert sender.count == 4
    sender.on_frame(Frame(DATA, 0, b"+\0\0"))
    came = len(line.close())
    assert round(came / BLOCK) == blocks  # some of their bytes are escaped
