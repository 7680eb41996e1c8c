"""What a board says to code, taken apart: what reads as an error of its own and is none."""

from __future__ import annotations

import pytest

from iotlab.errors import CorruptError, RemoteError
from iotlab.micropython.answer import Answer
from iotlab.micropython.frames import ANSWER, DATA, END, ERROR, PRINT, START, Decoder, encode

TRACEBACK = (
    b'Traceback (most recent call last):\r\n  File "<stdin>", line 1, in <module>\r\nValueError: seven\r\n'
)


def answered(said: bytes, *, own: bool = False) -> Answer:
    answer = Answer(own=own)
    for event in Decoder().feed(said):
        answer.take(event)
    return answer


@pytest.mark.parametrize(
    "traceback",
    [
        TRACEBACK,
        b"MemoryError: memory allocation failed, allocating 1000 bytes\r\n",
        b"KeyboardInterrupt: \r\n",
        TRACEBACK.replace(b"seven", "sieben \N{SNOWMAN}\r\nacht".encode()),
    ],
)
def test_an_error_that_the_repl_prints_by_itself(traceback: bytes) -> None:
    answer = answered(b"OKprinted\x04" + traceback + b"\x04>")
    assert answer.complete
    assert answer.unframed.encode() == traceback
    with pytest.raises(RemoteError) as caught:
        answer.raise_error()
    assert caught.value.traceback.encode() == traceback.replace(b"\r\n", b"\n").rstrip(b"\n")
    answer.again()
    assert (answer.unframed, answer.earlier.encode()) == ("", traceback)


@pytest.mark.parametrize(
    "garbage",
    [b"\xa6W\x10", b"W", b"\r\n", TRACEBACK.replace(b"most", b"mo\xf3t"), TRACEBACK.replace(b"(", b"h")],
)
def test_what_stands_in_the_place_of_an_error_and_is_none(garbage: bytes) -> None:
    answer = answered(b"OKprinted\x04" + garbage + b"\x04>", own=True)
    assert answer.complete
    assert answer.unframed == ""
    with pytest.raises(CorruptError, match="check the cable") as caught:
        answer.raise_error()
    assert caught.value.partial == garbage


def test_a_byte_that_became_the_mark_of_an_error_makes_none_of_a_call_that_came_to_its_end() -> None:
    changed = encode(START, 7, b"\0\0\0\7").replace(b"\0\0\0", b"\0\4\0", 1)
    answer = answered(b"OK" + changed + encode(ANSWER, 8, b"42") + b"\x04\x04>")
    assert answer.complete
    assert answer.error != b""
    answer.raise_error()
    assert answer.traceback == ""


def test_a_traceback_in_a_frame_is_believed() -> None:
    answer = answered(b"OK" + encode(ERROR, 8, b"\0\0\0\0" + TRACEBACK) + b"\x04\x04>")
    with pytest.raises(RemoteError, match="seven"):
        answer.raise_error()
    answered(b"OK" + encode(END, 8, b"\0\0\0\0") + b"\x04\x04>").raise_error()


def test_what_a_timer_prints_before_the_code_runs_is_told_first() -> None:
    heard, answer = told(b"OKtick\r\n" + encode(START, 0, b"\0\0\0\0") + encode(PRINT, 1, b"code\n"), last=2)
    assert heard == "tick\ncode\n"
    assert (answer.text, answer.lost, answer.complete) == ("code\n", False, True)


@pytest.mark.parametrize("place", range(10))
def test_a_frame_that_arrived_changed_before_the_code_runs_is_no_text(place: int) -> None:
    frame = bytearray(encode(DATA, 0, b"+\0\1"))
    frame[place] ^= 0x80
    after = encode(START, 1, b"\0\0\0\1") + encode(PRINT, 2, b"code\n")
    heard, answer = told(b"OKtick\r\n" + encode(DATA, 0, b"+\0\0") + bytes(frame) + after, last=3)
    assert heard == "tick\ncode\n"
    assert (answer.lost, answer.complete) == (False, True)


def told(said: bytes, *, last: int) -> tuple[str, Answer]:
    """What is put out, and the answer; frame number ``last`` is the end."""
    heard: list[str] = []
    answer = Answer(heard.append)
    for event in Decoder().feed(said + encode(END, last, bytes((0, 0, 0, last))) + b"\x04\x04>"):
        answer.take(event)
    return "".join(heard), answer
