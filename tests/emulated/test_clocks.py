"""The clocks of two boards beside this machine's. Both are its own monotonic clock, so the truth is known."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

import iotlab
from iotlab.board import Endpoint
from iotlab.errors import UnsupportedError
from iotlab.link.serial import SerialLink
from iotlab.micropython.board import MicroPythonBoard
from iotlab.micropython.clocks import DRIFT_PPM, MASK, Clock, Exchange, Ticks, fitted
from iotlab.sim import Bench

WRAP_S = (MASK + 1) / 1e6


class LateLink(SerialLink):
    """Everything that comes from the board comes late; nothing that goes there does."""

    late_s = 0.02

    def _read(self, max_size: int, timeout_s: float) -> bytes:
        data = super()._read(max_size, timeout_s)
        if data:
            time.sleep(self.late_s)
        return data


@pytest.fixture
def boards(bench: Bench) -> Iterator[list[MicroPythonBoard]]:
    with iotlab.connect("esp32") as first, iotlab.connect("pico") as second:
        assert isinstance(first, MicroPythonBoard)
        assert isinstance(second, MicroPythonBoard)
        yield [first, second]


def wrong_s(clock: Clock, host_s: float) -> float:
    """How far it is from the truth: MicroPython's unix port counts this machine's monotonic clock."""
    apart_s = clock.board_s(host_s) - host_s
    return abs((apart_s + WRAP_S / 2) % WRAP_S - WRAP_S / 2)


def test_a_clock_is_within_its_bound(boards: list[MicroPythonBoard]) -> None:
    for board in boards:
        first = board.clock()
        assert first.drift_error_ppm == DRIFT_PPM
        assert wrong_s(first, first.at_s) <= first.error_s < 1.0
        time.sleep(1.0)
        second = board.clock()
        now_s = time.monotonic()
        assert wrong_s(second, now_s) <= second.error_at(now_s)
        assert abs(second.drift_ppm) <= second.drift_error_ppm <= DRIFT_PPM
        assert second.host_s(second.board_s(now_s)) == pytest.approx(now_s, abs=1e-6)


def test_a_link_that_is_late_in_one_direction_widens_the_bound(bench: Bench) -> None:
    endpoint = Endpoint("esp32", bench["esp32"].port, "esp32", virtual=True)
    with MicroPythonBoard(endpoint, open_link=LateLink) as board:
        clock = board.clock(rounds=5)
    assert LateLink.late_s / 2 <= clock.error_s < 1.0
    assert wrong_s(clock, clock.at_s) <= clock.error_s
    assert wrong_s(clock, clock.at_s) > LateLink.late_s / 4  # it is late, and half of it nobody can know


def test_a_drift_is_found() -> None:
    true = [Exchange(at, 5.0 + at * 40e-6, 0.0002) for at in (1000.0, 1010.0, 1020.0, 1300.0)]
    noise = (0.0001, -0.0002, 0.00015, 0.0)
    clock = fitted([Exchange(t.host_s, t.offset_s + n, t.error_s) for t, n in zip(true, noise, strict=True)])
    assert abs(clock.drift_ppm - 40) <= clock.drift_error_ppm < 4
    for at in (1000.0, 1150.0, 1300.0, 2000.0, 0.0):
        assert abs(clock.board_s(at) - at - 5.0 - at * 40e-6) <= clock.error_at(at)
    soon = fitted([*true[:1], Exchange(1000.1, 5.0402, 0.0002)])
    assert (soon.drift_ppm, soon.drift_error_ppm) == (0.0, DRIFT_PPM)  # too short a time to tell


def test_one_bad_exchange_spoils_nothing() -> None:
    points = [Exchange(float(at), 1.0, 0.0001) for at in range(0, 100, 10)]
    clock = fitted([*points, Exchange(105.0, 1.05, 0.06)])
    assert clock.error_s < 0.001
    assert clock.error_at(105.0) < 0.001


@pytest.mark.parametrize("apart_us", [0, 123_456])
def test_ticks_come_round(apart_us: int) -> None:
    """Every 18 minutes those of microseconds do, every 12 days those of milliseconds."""
    ticks, start_us = Ticks(), (1 << 30) * 1000 - 5_000_000
    told = [
        ticks.us(now & MASK, (now - apart_us) // 1000 & MASK)
        for now in (start_us + step for step in (0, 1, 10_000_000, 1_300_000_000, 90_000_000_000))
    ]
    assert [later - told[0] for later in told] == [0, 1, 10_000_000, 1_300_000_000, 90_000_000_000]


def stamped(board: MicroPythonBoard, rate_hz: float) -> Any:
    @board.stream(format="<I", rate_hz=rate_hz, stamped=True)
    def numbers(count: int) -> Iterator[int]:
        yield from range(count)

    return numbers


def test_streams_in_the_order_of_time(boards: list[MicroPythonBoard]) -> None:
    fast, slow = stamped(boards[0], 200), stamped(boards[1], 20)
    start_s = time.monotonic()
    with iotlab.aligned(fast(400), slow(40)) as merged:
        moments = list(merged)
    end_s = time.monotonic()
    times = [moment.at_s for moment in moments]
    assert times == sorted(times)
    assert [m.sample for m in moments if m.stream == 0] == list(range(400))
    assert [m.sample for m in moments if m.stream == 1] == list(range(40))
    error_s = merged.error_at(end_s)
    assert error_s < 1.0
    assert all(start_s - error_s <= at <= end_s + error_s for at in times)
    for moment in moments:  # the clocks as they are known at the end
        clock = merged.clocks[moment.stream]
        assert clock.host_s(moment.board_s) == pytest.approx(moment.at_s, abs=error_s)
    assert [board.eval("6 * 7") for board in boards] == [42, 42]


def test_leaving_the_loop_stops_every_board(boards: list[MicroPythonBoard]) -> None:
    streams = [stamped(board, 100)(100_000) for board in boards]
    for moment in iotlab.aligned(*streams):
        if moment.sample == 5:
            break
    assert [stream.runs for stream in streams] == [False, False]
    assert [board.eval("6 * 7") for board in boards] == [42, 42]


def test_what_cannot_be_aligned(boards: list[MicroPythonBoard]) -> None:
    @boards[0].stream
    def plain() -> Iterator[int]:
        yield 1

    with pytest.raises(ValueError, match=r"plain has no time stamps"):
        iotlab.aligned(plain())
    running = stamped(boards[0], 100)(10_000)
    with running:
        running.start()
        with pytest.raises(UnsupportedError, match=r"call board\.clock\(\) before"):
            list(iotlab.aligned(running))
