"""The NOR flash of a virtual board: bits fall by programming, rise by erasing, and stay in the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from iotlab.sim.flash import SECTOR, Flash, PowerCutError

SIZE = 8 * SECTOR


@pytest.fixture
def flash(tmp_path: Path) -> Iterator[Flash]:
    made = Flash(tmp_path / "flash", SIZE)
    yield made
    made.close()


def test_a_new_one_is_erased(flash: Flash) -> None:
    assert flash.read(0, SIZE) == b"\xff" * SIZE


def test_programming_only_clears_bits(flash: Flash) -> None:
    flash.program(10, b"\xf0\x0f")
    flash.program(10, b"\x33\xff")
    assert flash.read(9, 4) == b"\xff\x30\x0f\xff"


def test_erasing_sets_whole_sectors(flash: Flash) -> None:
    flash.program(0, bytes(3 * SECTOR))
    flash.erase(SECTOR)
    assert flash.read(0, 3 * SECTOR) == bytes(SECTOR) + b"\xff" * SECTOR + bytes(SECTOR)
    flash.erase(0, 3 * SECTOR)
    assert flash.read(0, SIZE) == b"\xff" * SIZE


def test_the_content_stays(tmp_path: Path, flash: Flash) -> None:
    flash.program(100, b"kept")
    flash.close()
    again = Flash(tmp_path / "flash", SIZE)
    assert again.read(100, 4) == b"kept"
    again.close()


def test_another_size_is_another_flash(tmp_path: Path, flash: Flash) -> None:
    flash.program(0, b"old")
    other = Flash(tmp_path / "flash", 2 * SIZE)
    assert other.read(0, 3) == b"\xff\xff\xff"
    other.close()


@pytest.mark.parametrize(("offset", "size"), [(-1, 1), (SIZE, 1), (SIZE - 1, 2), (0, -1)])
def test_outside_is_refused(flash: Flash, offset: int, size: int) -> None:
    with pytest.raises(ValueError, match="outside a flash"):
        flash.read(offset, size)


@pytest.mark.parametrize(("offset", "size"), [(1, SECTOR), (0, SECTOR - 1)])
def test_erasing_a_part_of_a_sector_is_refused(flash: Flash, offset: int, size: int) -> None:
    with pytest.raises(ValueError, match="whole sectors"):
        flash.erase(offset, size)


def test_a_size_without_whole_sectors_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="whole sectors"):
        Flash(tmp_path / "odd", SECTOR + 1)


@pytest.mark.parametrize("torn", [0.0, 0.5, 1.0])
def test_power_cut_while_programming(flash: Flash, torn: float) -> None:
    flash.cut_power(1, torn)
    flash.program(0, bytes(100))
    with pytest.raises(PowerCutError, match="operation 1"):
        flash.program(200, bytes(100))
    kept = int(100 * torn)
    assert flash.read(200, 100) == bytes(kept) + b"\xff" * (100 - kept)
    flash.program(300, b"\0")
    assert flash.operations == 3, "the cut came once"


def test_power_cut_while_erasing_several_sectors(flash: Flash) -> None:
    flash.program(0, bytes(3 * SECTOR))
    flash.cut_power(1, 0.5)
    with pytest.raises(PowerCutError):
        flash.erase(0, 3 * SECTOR)
    half = SECTOR // 2
    assert flash.read(0, 3 * SECTOR) == b"\xff" * SECTOR + b"\xff" * half + bytes(half) + bytes(SECTOR)


def test_a_cut_may_be_forgotten(flash: Flash) -> None:
    flash.cut_power(0, 0.0)
    flash.keep_power()
    flash.program(0, b"\0")
    assert flash.read(0, 1) == b"\0"
