"""The power goes at every flash operation of an install, at three points of each: the board comes up every time.

Seen at the level of blocks: genuine MicroPython and its littlefs on a flash of which every erase and every
program is counted and can be cut short.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from cut_lab import TEAR_POINTS, Cut, CutBoard, cut_board
from ota_lab import packed

#: Small files live in littlefs' metadata, large ones in blocks of their own: an application has both.
FILES = ("main.py", "lib/table.py", "lib/net/retry.py", "page.html")


def files(version: str) -> dict[str, str]:
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


def operations(board: CutBoard, flash: bytes, *calls: str, install: bool = False) -> int:
    """How many flash operations that takes, without a cut."""
    board.content = flash
    board.power_on()
    before = board.flash.operations
    if install:
        assert board.install(NEW)
    for call in calls:
        board.do(call)
    return board.flash.operations - before


def test_every_cut_of_an_install(board: CutBoard, installed: bytes) -> None:
    count = operations(board, installed, install=True)
    outcomes: Counter[str] = Counter()
    for after in range(count):
        for torn in TEAR_POINTS:
            board.content = installed
            board.power_on(Cut(after, torn))
            board.install(NEW)
            assert board.dead, f"no cut at operation {after} of {count}"
            board.power_on()
            outcomes[board.do("start()")] += 1
            board.power_on()  # and what failed can be done again
            if board.do("start()") == "1.0.0":
                assert board.install(NEW)
                board.power_on()
                assert board.do("start()") == "2.0.0 on trial"
    print(f"\n{count} flash operations x {len(TEAR_POINTS)} tear points: {dict(outcomes)}")
    assert sum(outcomes.values()) == count * len(TEAR_POINTS)
    assert count > 50
    assert set(outcomes) <= {"1.0.0", "2.0.0 on trial"}
    assert outcomes["1.0.0"] > 100
