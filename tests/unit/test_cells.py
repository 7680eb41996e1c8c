"""A notebook's cells: what of them goes to the board, and where a traceback points in them."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotlab.micropython.calls import CELL_HELPER, helper_source
from iotlab.micropython.cells import Cells, Place, parsed, shown
from iotlab.micropython.tracebacks import raised, rendered


def wrapped(source: str) -> str:
    tree = parsed(source)
    assert tree is not None
    return shown(source, tree).replace(f"{CELL_HELPER}.show", "SHOW")


@pytest.mark.parametrize(
    ("source", "sent"),
    [
        ("1 + 1", "SHOW((1 + 1))"),
        ("x = 1\nx", "x = 1\nSHOW((x))"),
        ("x = 1; x", "x = 1; SHOW((x))"),
        ("1, 2  # two", "SHOW((1, 2))  # two"),
        ("(1 +\n 2)", "SHOW(((1 +\n 2)))"),
        ("f(\n  1,\n)\n\n", "SHOW((f(\n  1,\n)))\n\n"),
        ("s = 'é日'; s", "s = 'é日'; SHOW((s))"),
        ("'''é\n日'''; 'ü'", "'''é\n日'''; SHOW(('ü'))"),
        ("1 + 1;", "1 + 1;"),
        ("x = 1", "x = 1"),
        ("for x in y:\n    x", "for x in y:\n    x"),
        ("", ""),
        ("# nothing", "# nothing"),
    ],
)
def test_the_last_expression_is_shown(source: str, sent: str) -> None:
    assert wrapped(source) == sent


@given(st.text("ab日\n (),'#;=1+é", max_size=40))
def test_wrapping_keeps_lines_and_stays_python(source: str) -> None:
    tree = parsed(source)
    if tree is None or "\r" in source:
        return
    sent = shown(source, tree)
    assert sent.count("\n") == source.count("\n")
    before = [ast.dump(node) for node in tree.body]
    after = ast.parse(sent).body
    assert [ast.dump(node) for node in after[:-1]] == before[:-1]


def test_what_cpython_cannot_read_goes_as_it_is() -> None:
    assert Cells().code(1, "x = = 1") == "x = = 1"


TRACE = """Traceback (most recent call last):
  File "In[2]", line 2, in <module>
  File "In[1]", line 3, in f
  File "/lib/chip.py", line 7, in read
  File "_iotlab_cell", line 9, in show
OSError: [Errno 19] ENODEV"""


def test_a_traceback_points_into_the_cells() -> None:
    cells = Cells()
    cells.code(1, "def f():\n    x = 1\n    return chip.read()")
    cells.code(2, "\nf()")
    assert cells.places(TRACE, 2) == [
        Place("In[2]", 2, "<module>", 2),
        Place("In[1]", 3, "f", 1),
        Place("/lib/chip.py", 7, "read"),
    ]
    text = "\n".join(rendered(cells, TRACE, 2, "esp32"))
    assert "----> 3" in text
    assert "return chip.read()" in text
    assert "/lib/chip.py:7" in text
    assert text.endswith(": [Errno 19] ENODEV")


def test_a_function_from_who_knows_where_is_not_taken_for_the_cells() -> None:
    cells = Cells()
    cells.code(3, "g()")
    trace = (
        '  File "<string>", line 1, in <module>\n  File "<string>", line 1, in g\n'
        '  File "In[77]", line 1, in h\nE'
    )
    assert [place.cell for place in cells.places(trace, 3)] == [3, None, None]


def test_the_notebooks_own_text_is_shown() -> None:
    cells = Cells()
    cells.code(4, "\n\nx = 1 // 0", written="%connect esp32\n\nx = 1 // 0")
    text = "\n".join(
        rendered(cells, '  File "<string>", line 3, in <module>\nZeroDivisionError: no', 4, "esp32")
    )
    assert "%connect esp32" in text


def test_what_was_raised() -> None:
    assert raised(TRACE) == ("OSError", "[Errno 19] ENODEV")
    assert raised('T\n  File "<stdin>", line 1, in <module>\nKeyboardInterrupt: ') == (
        "KeyboardInterrupt",
        "",
    )
    assert raised('T\n  File "a", line 1\nValueError: one: two\nthree') == ("ValueError", "one: two\nthree")


def test_a_definition_is_found_again() -> None:
    cells = Cells()
    cells.code(1, "def f(a):\n    pass")
    cells.code(2, 'def f(a, b=2):\n    """Adds."""\n    return a + b')
    cells.code(3, "x = = 1")
    assert cells.definition("f") == (
        2,
        "def f(a, b=2)",
        "Adds.",
        'def f(a, b=2):\n    """Adds."""\n    return a + b',
    )
    assert cells.definition("nothing") is None


def test_the_cell_helper_fits_a_small_board() -> None:
    source = helper_source("_iotlab_cell")
    compile(source, "_iotlab_cell", "exec")
    assert len(source) < 4096
