"""What a board says to a call, where a byte of it was changed on the way."""

from __future__ import annotations

import pytest

from iotlab.micropython.answer import Answer
from iotlab.micropython.frames import DATA, END, PRINT, START, Decoder, encode


def answer_to(stream: bytes) -> tuple[Answer, str]:
    """The answer, and what was put out meanwhile."""
    heard: list[str] = []
    answer = Answer(heard.append)
    for event in Decoder().feed(stream):
        answer.take(event)
    return answer, "".join(heard)


def test_what_a_timer_prints_before_the_code_runs_is_told_first() -> None:
    stream = b"OKtick\r\n" + encode(START, 0, b"\0\0\0\0") + encode(PRINT, 1, b"code\n")
    answer, heard = answer_to(stream + encode(END, 2, b"\0\0\0\2") + b"\x04\x04>")
    assert heard == "tick\ncode\n"
    assert (answer.text, answer.lost, answer.complete) == ("code\n", False, True)


@pytest.mark.parametrize("place", range(10))
def test_a_frame_that_arrived_changed_before_the_code_runs_is_no_text(place: int) -> None:
    frame = bytearray(encode(DATA, 0, b"+\0\1"))
    frame[place] ^= 0x80
    after = encode(START, 1, b"\0\0\0\1") + encode(PRINT, 2, b"code\n") + encode(END, 3, b"\0\0\0\3")
    answer, heard = answer_to(b"OKtick\r\n" + encode(DATA, 0, b"+\0\0") + bytes(frame) + after + b"\x04\x04>")
    assert heard == "tick\ncode\n"
    assert (answer.lost, answer.complete) == (False, True)
