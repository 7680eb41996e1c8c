"""Frames among text, whatever the text is and however the bytes arrive."""

from __future__ import annotations

import re
import zlib

from hypothesis import given
from hypothesis import strategies as st

from iotlab.micropython.frames import COUNT, ESCAPED, START, Broken, Decoder, Frame, Mark, Text, encode

payloads = st.binary(max_size=300)
text = st.binary(max_size=60).map(lambda data: re.sub(rb"[\x04\x10]", b"", data))


def events_of(stream: bytes, cuts: list[int]) -> list[object]:
    decoder, events, start = Decoder(), [], 0
    for cut in [*sorted(c % (len(stream) + 1) for c in cuts), len(stream)]:
        events += decoder.feed(stream[start:cut])
        start = cut
    joined: list[object] = []
    for event in events:
        if isinstance(event, Text) and joined and isinstance(joined[-1], Text):
            joined[-1] = Text(joined[-1].data + event.data)
        else:
            joined.append(event)
    return joined


@given(st.integers(0, 255), st.integers(0, 255), payloads)
def test_a_frame_holds_no_byte_that_a_terminal_takes(channel: int, sequence: int, payload: bytes) -> None:
    body = encode(channel, sequence, payload)[2:-2]
    assert not set(body) & set(ESCAPED[1:])


@given(st.lists(st.tuples(text, payloads)), st.lists(st.integers(0, 10_000)))
def test_text_and_frames_come_apart(parts: list[tuple[bytes, bytes]], cuts: list[int]) -> None:
    stream, expected = b"", []
    for number, (printed, payload) in enumerate(parts):
        stream += printed + encode(1, number & 255, payload) + b"\x04"
        expected += [Text(printed)] if printed else []
        expected += [Frame(1, number & 255, payload), Mark()]
    assert events_of(stream, cuts) == expected


@given(payloads, st.integers(0, 5000), st.integers(1, 255))
def test_a_changed_byte_is_never_a_frame(payload: bytes, place: int, change: int) -> None:
    stream = bytearray(encode(1, 7, payload))
    stream[place % len(stream)] ^= change
    assert not [e for e in Decoder().feed(bytes(stream)) if isinstance(e, Frame)]


@given(payloads, st.integers(0, 5000))
def test_a_lost_byte_is_never_a_wrong_frame(payload: bytes, place: int) -> None:
    stream = encode(1, 7, payload)
    place %= len(stream)
    events = Decoder().feed(stream[:place] + stream[place + 1 :] + b"\x04>")
    assert not [e for e in events if isinstance(e, Frame)]


def test_the_next_frame_is_found_after_a_broken_one() -> None:
    broken = encode(1, 0, b"hello").replace(b"hello", b"hallo")
    assert Decoder().feed(broken + encode(1, 1, b"again")) == [
        Broken(broken[2:-2]),
        Frame(1, 1, b"again"),
    ]


def test_a_lone_dle_is_text() -> None:
    assert events_of(b"a\x10b", [2]) == [Text(b"a\x10b")]


def test_a_cable_that_was_pulled_between_two_frames_leaves_the_count_right() -> None:
    printed = b"all that was printed\r\n"
    told = len(printed).to_bytes(4, "big") + zlib.crc32(printed).to_bytes(4, "big")
    decoder = Decoder()
    decoder.feed(encode(START, 0, b"\0\0\0\0") + printed)
    decoder.cut()
    assert decoder.feed(encode(COUNT, 1, told)) == [Frame(COUNT, 1, told)]
