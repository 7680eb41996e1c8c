"""Boards without room for the helper: what of code goes to their prompt, and what comes back from there."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from iotlab.errors import CorruptError
from iotlab.link.serial import SerialLink
from iotlab.micropython.cells import PLAIN, parsed, shown
from iotlab.micropython.ending import Ending
from iotlab.micropython.frames import Decoder, Frame, Mark, Text
from iotlab.micropython.plain import ShownText, printed, value_of
from iotlab.micropython.quiet import quiet
from iotlab.micropython.repl import RawRepl

RAW = b"\r\nraw REPL; CTRL-B to exit\r\n>"
ERROR = b'Traceback (most recent call last):\r\n  File "<stdin>", line 3, in f\r\nValueError: no\r\n'


@pytest.mark.parametrize(
    ("code", "sent"),
    [
        ("f(1)", "[f(1)]and None"),
        ("'text'; x = 1; 2", "['text']and None; x = 1; [2]and None"),
        (
            "if x:\n    (1 +\n     2)  # é\nelse: 3",
            "if x:\n    [(1 +\n     2)]and None  # é\nelse: [3]and None",
        ),
        ("with f() as g: g()", "with f() as g: [g()]and None"),
        ("try: f()\nexcept E: g()", "try: [f()]and None\nexcept E: [g()]and None"),
        ("'é'; f()", "['é']and None; [f()]and None"),
        ("def f():\n    'doc'\n    g()", "def f():\n    'doc'\n    g()"),
        ("class A:\n    g()", "class A:\n    g()"),
        ("print(1)\nexec('2')", "print(1)\nexec('2')"),
        ("x = [f() for f in g]", "x = [f() for f in g]"),
        ("", ""),
    ],
)
def test_the_prompt_has_nothing_to_print(code: str, sent: str) -> None:
    assert quiet(code) == sent
    ast.parse(sent)


def test_a_shown_cell_is_quiet_too() -> None:
    source = "a = 1\n(a +\n 1)"
    tree = parsed(source)
    assert tree is not None
    sent = quiet(shown(source, tree, PLAIN))
    assert sent.split("\n")[1].endswith("for v in[((a +")
    assert sent.endswith(" 1))]]]and None")


def test_a_value_is_told_twice() -> None:
    assert value_of("printed\x1e42\x1e42\n") == "42"
    for changed in ("\x1e42\x1e43\n", "\x1e42\n", "42", ""):
        with pytest.raises(CorruptError):
            value_of(changed)


@pytest.mark.parametrize("size", [1, 3, 100])
def test_the_value_of_a_cell_stands_between_marks(size: int) -> None:
    text = "before\n\x1e[1,\n2]\n\x1eafter\n"
    said, frames = list[str](), list[Frame]()
    shown_text = ShownText(said.append, frames.append)
    for start in range(0, len(text), size):
        shown_text.take(text[start : start + size])
    shown_text.finish()
    assert "".join(said) == printed(text) == "before\nafter\n"
    assert [frame.payload for frame in frames] == [b"[1,\n2]"]


def test_half_a_value_is_printed() -> None:
    said = list[str]()
    shown_text = ShownText(said.append, None)
    shown_text.take("a\x1e[1, 2")
    shown_text.finish()
    assert "".join(said) == "a[1, 2"


@pytest.fixture
def repl() -> Iterator[RawRepl]:
    with SerialLink("loop://") as link:
        yield RawRepl(link)


def told(repl: RawRepl, said: bytes, size: int, then: bytes = RAW) -> tuple[bytes, bytes]:
    """Output and error of a board that said ``said``, in parts of ``size``, and ``then`` when it was asked."""
    ending, decoder, parts = Ending(repl), Decoder(), [b""]

    def feed(data: bytes) -> None:
        for start in range(0, len(data), size):
            for event in decoder.feed(data[start : start + size]):
                for one in ending.events(event):
                    if isinstance(one, Mark):
                        parts.append(b"")
                    elif isinstance(one, Text):
                        parts[-1] += one.data

    feed(said)
    assert repl.link.read_now() == b"\x01"
    feed(then)
    output, error, last = parts
    assert last == b">"
    return output, error


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize(
    ("said", "output", "error"),
    [
        (b"1\r\n\x04", b"1\r\n", b""),
        (b"no end of line\x04", b"no end of line", b""),
        (b"\x04", b"", b""),
        (b"1\r\n" + ERROR, b"1\r\n", ERROR),
        (b"1" + b"\r\n" + ERROR, b"1\r\n", ERROR),
        (ERROR, b"", ERROR),
        (ERROR + b"\x04", ERROR, b""),  # code printed it, and went on to its end
        (ERROR + b"more\r\n" + ERROR, ERROR + b"more\r\n", ERROR),
        (b"1\r\nMemoryError: \r\n", b"1\r\n", b"MemoryError: \r\n"),
        (b"exits\r\n", b"exits\r\n", b""),
        (b"\x04 in the text\r\n\x04", b"\x04 in the text\r\n", b""),
    ],
)
def test_how_code_ends(repl: RawRepl, said: bytes, output: bytes, error: bytes, size: int) -> None:
    assert told(repl, said + b">>> ", size) == (output, error)
    assert not repl.littered


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_ctrl_c_at_the_prompt_is_no_output(repl: RawRepl, size: int) -> None:
    assert told(repl, b"1\r\n" + ERROR + b">>> ", size, b"\r\n>>> " + RAW) == (b"1\r\n", ERROR)


def test_an_error_of_several_lines(repl: RawRepl) -> None:
    error = ERROR.replace(b"no\r\n", b"one\r\ntwo\r\n")
    assert told(repl, b"1\r\n" + error + b">>> ", 1000) == (b"1\r\n", error)


def test_a_prompt_that_is_lost_is_asked_for(repl: RawRepl) -> None:
    ending = Ending(repl)
    assert list(ending.events(Mark())) == []
    assert list(ending.events(Text(b">> "))) == []
    for _ in range(30):
        assert list(ending.idle()) == []
    assert repl.link.read_now() == b"\x01"
    assert repl.littered
    assert list(ending.events(Text(RAW))) == [Mark(), Mark(), Text(b">")]


def test_what_may_be_an_error_is_given_out_when_nothing_more_comes(repl: RawRepl) -> None:
    ending = Ending(repl)
    assert list(ending.events(Text(b"a\r\nValueError: printed\r\n"))) == [Text(b"a\r\n")]
    assert [event for _ in range(30) for event in ending.idle()] == [Text(b"ValueError: printed\r\n")]
    assert repl.link.read_now() == b""
