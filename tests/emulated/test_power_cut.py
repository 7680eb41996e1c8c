"""The power goes at every flash operation of an install, at three points of each: the board comes up every time.

Seen at the level of blocks: genuine MicroPython and its littlefs on a flash of which every erase and every
program is counted and can be cut short.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cut_lab import TEAR_POINTS, Cut, CutBoard, cut_board
from ota_lab import CONFIRM, COUNTER, FILES, packed, small_bench

import iotlab
from iotlab import ota
from iotlab.errors import DeadlineError, LinkError


def files(version: str) -> dict[str, str]:
    """Small files live in littlefs' metadata, large ones in blocks of their own: an application has both."""
    return {
        "main.py": f"VERSION = {version!r}\n",
        "lib/table.py": f"# {version}\n" + "TABLE = (1, 2, 3)\n" * 300,
        "lib/net/retry.py": f"# {version}\nTRIES = 3\n",
        "page.html": "<p>the same in every version</p>\n" * 40,
    }


OLD, NEW = packed("1.0.0", files("1.0.0")), packed("2.0.0", files("2.0.0"))


@pytest.fixture
def board(tmp_path: Path) -> Iterator[CutBoard]:
    with cut_board(tmp_path) as made:
        yield made


@pytest.fixture
def installed(board: CutBoard) -> bytes:
    """The flash of a board on which the old version is confirmed."""
    board.do("put('/factory.py', 'x = 1')")
    board.power_on()
    assert board.install(OLD)
    board.power_on()
    assert board.do("start()") == "1.0.0 on trial"
    assert board.do("__import__('iotlab_slots').confirm()") is None
    board.power_on()
    assert board.do("start()") == "1.0.0"
    return board.content


class Story:
    """What happens on a board from power-on on, again and again from the same flash, with a cut somewhere."""

    def __init__(self, board: CutBoard, flash: bytes, *steps: Callable[[CutBoard], object]) -> None:
        self.board, self.flash, self.steps = board, flash, steps

    def run(self, cut: Cut | None = None) -> int:
        """How many flash operations there were; the power is gone at the end where it was cut."""
        self.board.content = self.flash
        self.board.power_on(cut)
        before = self.board.flash.operations
        for step in self.steps:
            if not self.board.dead:
                step(self.board)
        assert self.board.dead == (cut is not None)
        return self.board.flash.operations - before

    def cuts(self) -> Iterator[Cut]:
        """Every operation with every tear point. The power is gone when a cut comes out of here."""
        for after in range(self.run()):
            for torn in TEAR_POINTS:
                cut = Cut(after, torn)
                self.run(cut)
                yield cut


def install(board: CutBoard) -> None:
    board.install(NEW)


def start(board: CutBoard) -> str:
    told: str = board.do("start()")
    return told


def confirm(board: CutBoard) -> None:
    board.do("__import__('iotlab_slots').confirm()")


def started(board: CutBoard) -> str:
    """The power comes back: what starts."""
    board.power_on()
    return start(board)


def retried(board: CutBoard) -> str:
    """The power comes back and the install is done again: what starts then."""
    board.power_on()
    assert board.install(NEW)
    return started(board)


def shown(what: str, outcomes: Counter[str]) -> None:
    """Into the test's output: how many cuts there were, and what came of them."""
    told = ", ".join(f"{outcome} {count} times" for outcome, count in sorted(outcomes.items()))
    sys.stdout.write(f"\n{what}: {outcomes.total()} cuts, then starts {told}\n")


@pytest.mark.timeout(900)
def test_every_cut_of_an_install(board: CutBoard, installed: bytes) -> None:
    outcomes: Counter[str] = Counter()
    for _ in Story(board, installed, install).cuts():
        outcomes[started(board)] += 1
        if board.do("__import__('iotlab_slots').slot") == "a":
            assert retried(board) == "2.0.0 on trial"
    shown("install", outcomes)
    assert outcomes.total() == 255
    assert set(outcomes) == {"1.0.0", "2.0.0 on trial"}
    assert outcomes["1.0.0"] > 245  # the new one starts only once its manifest is there


@pytest.mark.timeout(900)
def test_every_cut_of_the_recovery(board: CutBoard, installed: bytes) -> None:
    """The first start after a cut, and the install that is done again: each of their operations, each tear point."""
    outcomes: Counter[str] = Counter()
    first = Story(board, installed, install)
    first.run(Cut(first.run() // 3, 0.5))
    for _ in Story(board, board.content, start, install).cuts():
        outcomes[started(board)] += 1
        if board.do("__import__('iotlab_slots').slot") == "a":
            assert retried(board) == "2.0.0 on trial"
    shown("recovery", outcomes)
    assert outcomes.total() > 150
    assert set(outcomes) == {"1.0.0", "2.0.0 on trial"}


@pytest.mark.timeout(900)
def test_a_second_cut_after_every_first_one(board: CutBoard, installed: bytes) -> None:
    """After a cut at each operation of an install, the retry is cut at an operation that wanders."""
    outcomes: Counter[str] = Counter()
    first = Story(board, installed, install)
    for after in range(first.run()):
        first.run(Cut(after, TEAR_POINTS[after % 3]))
        if started(board) != "1.0.0":
            continue  # its last operation: it was through
        again = Story(board, board.content, start, install)
        count = again.run()
        for torn in TEAR_POINTS:
            again.run(Cut(after * 7 % count, torn))
            outcomes[started(board)] += 1
            if board.do("__import__('iotlab_slots').slot") == "a":
                assert retried(board) == "2.0.0 on trial"
    shown("two cuts", outcomes)
    assert outcomes.total() >= 252
    assert set(outcomes) <= {"1.0.0", "2.0.0 on trial"}


def test_cuts_while_a_trial_begins_is_confirmed_or_ends(board: CutBoard, installed: bytes) -> None:
    Story(board, installed, install).run()
    ready = board.content
    Story(board, ready, start).run()
    on_trial = board.content
    seen: dict[str, Counter[str]] = {}
    for what, story in {
        "trial": Story(board, ready, start),
        "confirmation": Story(board, ready, start, confirm),
        "rollback": Story(board, on_trial, start),
    }.items():
        seen[what] = Counter()
        for _ in story.cuts():
            after = board.content
            seen[what][started(board)] += 1
            for _ in Story(board, after, start).cuts() if Story(board, after, start).run() else ():
                assert started(board) in ("1.0.0", "2.0.0", "2.0.0 on trial")  # and once more
        shown(what, seen[what])
    assert set(seen["trial"]) == {"1.0.0", "2.0.0 on trial"}
    assert set(seen["confirmation"]) == {"1.0.0", "2.0.0", "2.0.0 on trial"}
    assert set(seen["rollback"]) == {"1.0.0"}
    assert sum(count.total() for count in seen.values()) == 24


def test_an_install_in_place_does_not_survive_it(board: CutBoard, installed: bytes) -> None:
    """The same harness finds what is wrong with the usual way: else it would prove nothing."""
    Story(board, installed, start).run()
    for path, text in files("1.0.0").items():
        board.do(f"put('/{path.replace('/', '_')}', {text!r})")
    usual = board.content
    old, new = ([list(files(v).values())] for v in ("1.0.0", "2.0.0"))
    work = [(f"/{path.replace('/', '_')}", text) for path, text in files("2.0.0").items()]
    outcomes: Counter[str] = Counter()
    for _ in Story(board, usual, lambda board: board.do(f"in_place({work!r})")).cuts():
        board.power_on()
        found = board.do(f"content({[path for path, _ in work]!r})")
        outcomes["broken" if found not in (*old, *new) else "whole"] += 1
    shown("in place", outcomes)
    assert outcomes["broken"] > outcomes.total() / 2


@pytest.mark.timeout(900)
def test_cuts_of_an_install_over_the_wire(lab_environment: dict[str, str]) -> None:
    """The whole way: a board of the bench whose power goes while its application runs and an update comes in."""
    application = {"main.py": CONFIRM + COUNTER.format(version="{}"), "lib/x.py": "# {}\n" * 60}
    old, new = (
        packed(v, {k: s.replace("{}", v) for k, s in application.items()}) for v in ("1.0.0", "2.0.0")
    )
    with small_bench() as bench, iotlab.connect("esp32") as board:
        esp32, slots = bench["esp32"], ota.slots(board, timeout_s=1.0)
        slots.install(old)
        board.reset("hard")
        assert slots.wait().version == "1.0.0"
        esp32.power_off()
        flash = esp32.flash_read(*FILES)
        esp32.power_on()
        board.look_again()
        before = esp32.flash_operations
        slots.install(new)
        count = esp32.flash_operations - before
        outcomes: Counter[str] = Counter()
        for after in range(count):
            esp32.power_off()
            esp32.flash_erase(*FILES)
            for k in range(0, len(flash), 4096):
                if flash[k : k + 4096] != b"\xff" * 4096:
                    esp32.flash_write(FILES[0] + k, flash[k : k + 4096])
            esp32.power_on()
            board.look_again()
            assert board.left_alone
            esp32.cut_power(after, TEAR_POINTS[after % 3])
            with pytest.raises((DeadlineError, LinkError)):
                slots.install(new)
            esp32.power_on()
            board.look_again()
            outcomes[slots.wait().version] += 1
    shown("over the wire", outcomes)
    assert outcomes.total() == count > 20
    assert set(outcomes) <= {"1.0.0", "2.0.0"}
    assert outcomes["1.0.0"] >= count - 1
