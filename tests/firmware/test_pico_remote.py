"""Tasks, proxies, streams and clocks on genuine firmware in an emulated RP2040, which is slow."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

import iotlab
from iotlab.errors import RemoteError
from iotlab.micropython.board import MicroPythonBoard
from iotlab.sim import Bench


@pytest.fixture(scope="module")
def pico(bench: Bench) -> Iterator[MicroPythonBoard]:
    with iotlab.connect("pico") as board:
        assert isinstance(board, MicroPythonBoard)
        yield board


def test_tasks_and_proxies(pico: MicroPythonBoard) -> None:
    @pico.task
    def inverse(x: int) -> float:
        return 1 / x

    assert inverse(4) == 0.25
    with pytest.raises(RemoteError, match="ZeroDivisionError") as caught:
        inverse(0)
    assert __file__ in caught.value.traceback
    led = pico.proxy("__import__('machine').Pin(25, 1)")
    led.on()
    assert led.value() == 1


def test_streams(pico: MicroPythonBoard) -> None:
    @pico.stream(format="<If")
    def samples(count: int) -> Iterator[tuple[int, float]]:
        for n in range(count):
            yield n, n * 0.5

    stream = samples(400)
    assert list(stream) == [(n, n * 0.5) for n in range(400)]
    assert stream.gaps == []
    for n, _ in samples(1_000_000):
        if n == 100:
            break
    assert pico.eval("6 * 7") == 42

    @pico.stream(rate_hz=10, stamped=True)
    def words() -> Iterator[str]:
        yield from ("a", "b", "c")

    paced = words()
    stamps, said = zip(*paced, strict=True)
    assert said == ("a", "b", "c")
    # where an item takes longer than its time, up to two periods are made up for and not left out
    assert 0.15 < stamps[-1] - stamps[0] - paced.missed / 10 < 0.45


def test_its_clock_is_its_own(pico: MicroPythonBoard) -> None:
    """An emulated chip's seconds are not this machine's, so that only the order is certain."""
    first = pico.clock()
    assert 0 < first.error_s < 5
    now_s = time.monotonic()
    assert first.host_s(first.board_s(now_s)) == pytest.approx(now_s)
