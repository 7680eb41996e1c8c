"""Values that a cell takes to the board."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotlab.errors import UnsupportedError
from iotlab.micropython.values import to_literal

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
plain = st.recursive(
    scalars | st.sets(scalars) | st.frozensets(scalars) | st.binary().map(bytearray),
    lambda inner: (
        st.lists(inner) | st.tuples(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner)
    ),
    max_leaves=8,
)


@given(plain)
def test_a_value_is_what_its_literal_says(value: object) -> None:
    back = eval(to_literal("x", value))
    assert back == value
    assert type(back) is type(value)


def test_what_has_no_literal_but_a_call() -> None:
    assert math.isnan(eval(to_literal("x", math.nan)))
    assert eval(to_literal("x", [-math.inf])) == [-math.inf]


class Row(tuple[int, ...]):
    """Looks like a tuple, and is more."""


@pytest.mark.parametrize("value", [Fraction(1, 2), [object()], {"a": Row()}, len, type])
def test_anything_else_is_refused_by_name(value: object) -> None:
    with pytest.raises(UnsupportedError, match=r"limit holds a .*convert it first"):
        to_literal("limit", value)


def test_a_value_inside_itself_is_refused() -> None:
    value: list[object] = []
    value.append(value)
    with pytest.raises(UnsupportedError, match="deep"):
        to_literal("x", value)
