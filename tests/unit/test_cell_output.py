"""What a cell prints goes out in few messages, in order, and soon."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from iotlab.kernel.commands import Cut, misplaced, split
from iotlab.kernel.history import History
from iotlab.kernel.names import under_cursor
from iotlab.kernel.outbox import HASTY, INTERVAL_S, Outbox


class Clock:
    """Calls that are due later, called when the test says so."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, Callable[[], None]]] = []

    def later(self, delay_s: float, call: Callable[[], None]) -> None:
        self.calls.append((delay_s, call))


class Page:
    """A notebook's messages, and the calls that are due."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.outbox = Outbox(lambda kind, content: self.sent.append((kind, content)), self.clock.later)

    @property
    def texts(self) -> list[str]:
        return [content["text"] for kind, content in self.sent if kind == "stream"]


@pytest.fixture
def page() -> Page:
    return Page()


def shown(text: str, display_id: str = "") -> dict[str, Any]:
    return {"data": {"text/plain": text}, "transient": {"display_id": display_id}}


def test_many_lines_become_few_messages(page: Page) -> None:
    for n in range(1000):
        page.outbox.text(f"{n}\n")
    assert page.texts[0] == "0\n"  # the first at once
    assert len(page.sent) + len(page.clock.calls) <= 1 + 1000 * INTERVAL_S  # all in far less than a second
    assert all(0 < delay_s <= INTERVAL_S for delay_s, _ in page.clock.calls)
    for _, call in page.clock.calls:
        call()
    page.outbox.flush()
    assert "".join(page.texts) == "".join(f"{n}\n" for n in range(1000))


def test_nothing_is_sent_twice(page: Page) -> None:
    page.outbox.text("a\n")
    page.outbox.text("b")
    page.outbox.flush()
    page.outbox.flush()
    page.clock.calls[0][1]()
    assert page.texts == ["a\n", "b"]


def test_half_a_line_waits_for_its_end_but_not_for_long(page: Page) -> None:
    page.outbox.text("Name? ")
    page.outbox.text("\n")
    assert page.sent == []
    ((delay_s, call),) = page.clock.calls
    assert delay_s == INTERVAL_S
    call()
    assert page.texts == ["Name? \n"]


def test_a_cell_that_goes_on_is_in_less_of_a_hurry(page: Page) -> None:
    for _ in range(HASTY):
        page.outbox.text("x\n")
        page.outbox.flush()
    page.outbox.text("y\n")
    assert page.clock.calls[-1][0] > INTERVAL_S


def test_order_is_kept(page: Page) -> None:
    page.outbox.text("first\n")
    for kind in ("a", "b"):
        page.outbox.text(kind)
        page.outbox.text("!", "stderr")
        page.outbox.put("display_data", shown(kind))
    page.outbox.flush()
    assert [content.get("text") or content["data"]["text/plain"] for _, content in page.sent] == [
        "first\n", "a", "!", "a", "b", "!", "b",
    ]  # fmt: skip


def test_what_nobody_would_see_is_not_sent(page: Page) -> None:
    page.outbox.text("first\n")
    for n in range(100):
        page.outbox.clear(wait=True)
        page.outbox.put("display_data", shown(str(n)))
        for level in range(10):
            page.outbox.put("update_display_data", shown(str(level), "level"))
    page.outbox.flush()
    assert page.sent[1:] == [
        ("clear_output", {"wait": True}),
        ("display_data", shown("99")),
        ("update_display_data", shown("9", "level")),
    ]


def test_wiping_at_once_is_not_put_off(page: Page) -> None:
    page.outbox.text("first\n")
    page.outbox.clear(wait=False)
    page.outbox.clear(wait=True)
    page.outbox.flush()
    assert page.sent[-1] == ("clear_output", {"wait": False})


def test_what_is_to_be_wiped_later_stays_where_nothing_comes(page: Page) -> None:
    page.outbox.text("first\n")
    page.outbox.text("second\n")
    page.outbox.clear(wait=True)
    page.outbox.put("update_display_data", shown("renewed", "level"))  # where it stands: no new output
    page.outbox.clear(wait=True)
    page.outbox.flush()  # a pause, or the cell's end
    assert page.sent[1:] == [
        ("stream", {"name": "stdout", "text": "second\n"}),
        ("clear_output", {"wait": True}),
        ("update_display_data", shown("renewed", "level")),
    ]
    page.outbox.text("third\n")
    page.outbox.flush()
    assert page.sent[4:] == [("stream", {"name": "stdout", "text": "third\n"})]


def test_what_comes_soon_spares_what_it_would_wipe(page: Page) -> None:
    page.outbox.text("first\n")
    page.outbox.clear(wait=False)
    page.outbox.text("second\n")
    page.outbox.clear(wait=True)
    page.outbox.put("display_data", shown("third"))
    page.outbox.text("fourth\n")
    page.outbox.flush()
    assert page.sent[1:] == [
        ("clear_output", {"wait": False}),
        ("display_data", shown("third")),
        ("stream", {"name": "stdout", "text": "fourth\n"}),
    ]


def test_wiping_spares_an_update_of_another_cells_display(page: Page) -> None:
    page.outbox.text("first\n")
    page.outbox.put("update_display_data", shown("1", "elsewhere"))
    page.outbox.clear(wait=False)
    page.outbox.put("display_data", shown("here", "here"))
    page.outbox.put("update_display_data", shown("2", "elsewhere"))
    page.outbox.flush()
    assert page.sent[1:] == [
        ("clear_output", {"wait": False}),
        ("display_data", shown("here", "here")),
        ("update_display_data", shown("2", "elsewhere")),
    ]


@pytest.mark.parametrize(
    ("source", "commands", "rest"),
    [
        ("%ls", ["%ls"], ""),
        ("\n# first\n%connect esp32\n%ls /\nx = 1", ["%connect esp32", "%ls /"], "\n# first\n\n\nx = 1"),
        ("x = (5\n% 3)", [], "x = (5\n% 3)"),
        ("x = 1\n%ls", [], "x = 1\n%ls"),
    ],
)
def test_commands_stand_at_the_top(source: str, commands: list[str], rest: str) -> None:
    assert split(source) == Cut(commands, "", rest)


def test_a_line_with_two_signs_takes_the_cell() -> None:
    assert split("%ls /\n\n%%host\nx = 1\n%ls") == Cut(["%ls /"], "%%host", "\n\n\nx = 1\n%ls")


def test_a_command_further_down_is_seen() -> None:
    assert misplaced("x = 1\n%ls /") == "%ls /"
    assert misplaced("%%time\nx = 1") == "%%time"
    assert misplaced("x = (5\n% 3)") == ""


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("machine.Pin|", "machine.Pin"),
        ("machine.P|in(2)", "machine.Pin"),
        ("mach|ine.Pin", "machine"),
        ("Pin(|", "Pin"),
        ("x = foo(bar, b|", "b"),
        ("a\nb.c|\nd", "b.c"),
        ("|", ""),
        ("1 + |", ""),
    ],
)
def test_the_name_at_the_cursor(code: str, name: str) -> None:
    assert under_cursor(code.replace("|", ""), code.index("|")) == name


def test_history() -> None:
    history = History()
    for number, source in enumerate(["a", "b", "a", "c"], 1):
        history.add(number, source, source.upper())
    assert history.tail(2) == [(3, "a", "A"), (4, "c", "C")]
    assert history.tail(0) == []
    assert history.range(0, 2, 4) == [(2, "b", "B"), (3, "a", "A")]
    assert history.range(-1, 1, None) == []  # older sessions are not kept
    assert history.search("a", None, unique=False) == [(1, "a", "A"), (3, "a", "A")]
    assert history.search("a*", None, unique=True) == [(3, "a", "A")]
    assert history.search("?", 1, unique=False) == [(4, "c", "C")]
