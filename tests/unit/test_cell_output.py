"""What a cell prints goes out in few messages, in order, and soon."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from iotlab.kernel.commands import Cut, misplaced, split
from iotlab.kernel.history import History
from iotlab.kernel.names import under_cursor
from iotlab.kernel.output import INTERVAL_S, Stream


class Clock:
    """Calls that are due later, called when the test says so."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, Callable[[], None]]] = []

    def later(self, delay_s: float, call: Callable[[], None]) -> None:
        self.calls.append((delay_s, call))


def test_many_lines_become_few_messages() -> None:
    sent: list[str] = []
    clock = Clock()
    stream = Stream(lambda text, _: sent.append(text), clock.later)
    for n in range(1000):
        stream.write(f"{n}\n")
    assert sent[0] == "0\n"  # the first at once
    assert (
        len(sent) + len(clock.calls) <= 1 + 1000 * INTERVAL_S
    )  # the loop above takes far less than a second
    assert all(0 < delay_s <= INTERVAL_S for delay_s, _ in clock.calls)
    for _, call in clock.calls:
        call()
    stream.flush()
    assert "".join(sent) == "".join(f"{n}\n" for n in range(1000))


def test_nothing_is_sent_twice() -> None:
    sent: list[str] = []
    clock = Clock()
    stream = Stream(lambda text, _: sent.append(text), clock.later)
    stream.write("a\n")
    stream.write("b")
    stream.flush()
    stream.flush()
    clock.calls[0][1]()
    assert sent == ["a\n", "b"]


def test_half_a_line_waits_for_its_end_but_not_for_long() -> None:
    sent: list[str] = []
    clock = Clock()
    stream = Stream(lambda text, _: sent.append(text), clock.later)
    stream.write("Name? ")
    stream.write("\n")
    assert sent == []
    ((delay_s, call),) = clock.calls
    assert delay_s == INTERVAL_S
    call()
    assert sent == ["Name? \n"]


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
