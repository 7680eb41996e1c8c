"""A board whose program is left alone: what it prints is heard, and nothing is said."""

from __future__ import annotations

import codecs
import time

from iotlab.board import Output
from iotlab.errors import DeadlineError
from iotlab.link.base import Link
from iotlab.micropython.frames import PRINT, Decoder, Frame, Text


class Watched:
    """Listens on ``link``. What an earlier session made a board print in frames is text as well."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self._decoder = Decoder()
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")

    def listen(self, timeout_s: float, output: Output | None) -> str:
        """What comes within ``timeout_s``; ``output`` gets it as it comes."""
        heard, end = "", time.monotonic() + timeout_s
        while (left := end - time.monotonic()) > 0:
            try:
                data = self.link.read(timeout_s=min(left, 0.1))
            except DeadlineError:
                continue
            text = self._text(data)
            heard += text
            if output and text:
                output(text)
        return heard

    def _text(self, data: bytes) -> str:
        said = b""
        for event in self._decoder.feed(data):
            if isinstance(event, Text):
                said += event.data
            elif isinstance(event, Frame) and event.channel == PRINT:
                said += event.payload
        return self._utf8.decode(said).replace("\r\n", "\n")
