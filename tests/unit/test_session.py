"""Values as MicroPython prints them, as values here."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotlab.errors import RemoteError, UnsupportedError
from iotlab.micropython import calls
from iotlab.micropython.values import literal

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(plain)
def test_a_plain_value_survives_its_repr(value: object) -> None:
    assert literal(repr(value)) == value


def test_what_micropython_prints_that_is_no_literal() -> None:
    assert math.isnan(literal("nan"))
    assert literal("(-inf, bytearray(b'x'))") == (-math.inf, bytearray(b"x"))


@pytest.mark.parametrize("text", ["<Pin 2>", "Pin(2)", "__import__('os')", "open('x')", "name", "", "[1,"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UnsupportedError, match="plain values"):
        literal(text)


def test_an_errno_is_found_in_every_form_that_micropython_prints() -> None:
    for text, code in (("[Errno 19] ENODEV", 19), ("19", 19), ("-110", 110), ("ENOENT", 2), ("words", None)):
        assert RemoteError(f"Traceback (most recent call last):\nOSError: {text}").code == code


@pytest.mark.parametrize(
    "path", sorted(Path(calls.__file__).with_name("device").glob("*.py")), ids=lambda p: p.stem
)
def test_a_helper_goes_without_its_comments(path: Path) -> None:
    source = calls.helper_source(path.stem)
    assert ast.dump(ast.parse(source)) == ast.dump(ast.parse(path.read_text()))
    assert "#" not in source


def test_the_helper_fits_a_small_board() -> None:
    assert len(calls.helper_source()) < 9728
