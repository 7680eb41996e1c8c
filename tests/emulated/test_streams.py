"""Generators on a board, iterated over here: everything that they yield, in order, or a gap that is told."""

from __future__ import annotations

import itertools
import logging
import os
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import iotlab
from iotlab.board import Endpoint
from iotlab.errors import (
    ClosedError,
    CorruptError,
    DeadlineError,
    DisconnectedError,
    InUseError,
    RemoteError,
    RestartedError,
    StuckError,
    UnsupportedError,
)
from iotlab.link.serial import SerialLink
from iotlab.micropython.board import MicroPythonBoard
from iotlab.micropython.streaming import Stream
from iotlab.sim import Bench
from iotlab.testing.bridges import Bridge
from iotlab.testing.faults import Fault, FaultyLink, Kind

HERE = os.path.realpath(__file__)


@pytest.fixture
def board(bench: Bench) -> Iterator[MicroPythonBoard]:
    with iotlab.connect("esp32") as board:
        assert isinstance(board, MicroPythonBoard)
        yield board


@pytest.fixture
def other(bench: Bench) -> Iterator[MicroPythonBoard]:
    with iotlab.connect("pico") as board:
        assert isinstance(board, MicroPythonBoard)
        yield board


# -- what arrives -----------------------------------------------------------------------------


def test_packed_samples(board: MicroPythonBoard) -> None:
    @board.stream(format="<If")
    def samples(count: int, step: float = 0.5) -> Iterator[tuple[int, float]]:
        """Counts."""
        n = 0
        while n < count:
            yield n, n * step
            n += 1

    stream = samples(20_000)
    assert list(stream) == [(n, n * 0.5) for n in range(20_000)]
    assert (stream.sent, stream.lost, stream.missed, stream.gaps) == (20_000, 0, 0, [])
    assert not stream.runs
    assert list(samples(0)) == []
    assert list(samples(3, step=2.0)) == [(0, 0.0), (1, 2.0), (2, 4.0)]
    assert samples.__doc__ == "Counts."
    assert board.eval("6 * 7") == 42


@pytest.mark.parametrize("format", ["<B", ">h", "!Q", "d", "3b", "<10s"])
def test_formats(board: MicroPythonBoard, format: str) -> None:
    @board.stream(format=format)
    def samples(value: Any) -> Iterator[Any]:
        for _ in range(300):
            yield value

    size = struct.calcsize("<" + format.lstrip("<>!"))
    order = format[0] if format[0] in "<>!" else "<"
    data = bytes((0, 3, 4, 10, 13, 16, 17, 19, 91, 31))[:size]
    packed = struct.unpack(order + format.lstrip("<>!"), data)
    value = packed[0] if len(packed) == 1 else packed
    assert list(samples(value)) == [value] * 300
    assert b"".join(block.data for block in samples(value).blocks()) == data * 300


def test_values_that_are_not_packed(board: MicroPythonBoard) -> None:
    @board.stream
    def words(count: int) -> Iterator[Any]:
        for n in range(count):
            yield n, "ü" * (n % 5), [b"\x03\x04", None], {"n": n}

    expected = [(n, "ü" * (n % 5), [b"\x03\x04", None], {"n": n}) for n in range(500)]
    stream = words(500)
    assert list(stream) == expected
    assert stream.sent == 500
    with pytest.raises(UnsupportedError, match="a format, as of struct"):
        words(1).blocks()


def test_blocks_that_the_generator_packs(board: MicroPythonBoard) -> None:
    @board.stream(format="<H", blocks=True)
    def measured(count: int) -> Iterator[bytes]:
        import struct

        values = bytearray(200)
        for n in range(count):
            for k in range(100):
                struct.pack_into("<H", values, 2 * k, 100 * n + k)
            yield values

    assert list(measured(30)) == list(range(3000))
    assert [block.index for block in measured(3).blocks()] == [0, 100, 200]

    @board.stream(format="<I", blocks=True)
    def odd() -> Iterator[bytes]:
        yield b"12345"

    with pytest.raises(RemoteError, match="a block is of whole items of 4 bytes"):
        list(odd())


def test_what_makes_no_sense_is_told_at_once(board: MicroPythonBoard) -> None:
    for wrong in ({"format": "<y"}, {"format": "<"}, {"rate_hz": -1.0}, {"blocks": True}, {"rate_hz": 1e9}):
        with pytest.raises(ValueError, match=r"format|rate_hz"):
            board.stream(**wrong)  # type: ignore[call-overload]
    with pytest.raises(UnsupportedError, match=r"one does not yield: decorate it with board\.task"):

        @board.stream
        def one() -> Any:
            return 1

    with pytest.raises(UnsupportedError, match=r"many yields: decorate it with board\.stream"):

        @board.task
        def many() -> Any:
            yield 1


def test_a_slow_generator_comes_soon(board: MicroPythonBoard) -> None:
    @board.stream
    def ticks() -> Iterator[int]:
        import time

        for n in range(1000):
            yield n
            time.sleep(0.1)

    start_s = time.monotonic()
    with ticks() as stream:
        assert [n for n, _ in zip(stream, range(4), strict=False)] == [0, 1, 2, 3]
    assert time.monotonic() - start_s < 10  # and not the hundred seconds that it would take to the end


def test_a_host_that_reads_slowly_loses_nothing(board: MicroPythonBoard) -> None:
    @board.stream(format="<II")
    def samples(count: int) -> Iterator[tuple[int, int]]:
        for n in range(count):
            yield n, n

    stream, came = samples(40_000), 0
    for n, block in enumerate(stream.blocks()):
        if n < 10:
            time.sleep(0.1)  # slow on purpose
        assert block.index == came
        came += len(block)
        if n == 9:
            assert stream.sent < 20_000  # the board waits meanwhile
    assert (came, stream.gaps) == (40_000, [])


def test_what_the_board_prints_meanwhile(board: MicroPythonBoard, capsys: pytest.CaptureFixture[str]) -> None:
    heard: list[str] = []

    @board.stream(format="<I", output=heard.append)
    def noisy(count: int) -> Iterator[int]:
        for n in range(count):
            print("sample", n)
            yield n

    @board.stream
    def shown() -> Iterator[int]:
        print("once")
        yield 1

    assert list(noisy(300)) == list(range(300))
    assert "".join(heard) == "".join(f"sample {n}\n" for n in range(300))
    assert list(shown()) == [1]
    assert capsys.readouterr().out == "once\n"


# -- pace and time ----------------------------------------------------------------------------


def test_a_pace_is_kept_on_the_boards_clock(board: MicroPythonBoard) -> None:
    @board.stream(format="<I", rate_hz=300, stamped=True)
    def counted(count: int) -> Iterator[int]:
        yield from range(count)

    stream = counted(600)
    stamps, numbers = zip(*stream, strict=True)
    assert list(numbers) == list(range(600))
    lasted = stamps[-1] - stamps[0]
    # 599 periods and those that were left out; never faster than the pace, whatever the machine does
    assert lasted == pytest.approx((599 + stream.missed) / 300, abs=0.1)
    assert all(later > earlier for earlier, later in itertools.pairwise(stamps))


def test_what_a_paced_stream_leaves_out_is_told(board: MicroPythonBoard) -> None:
    @board.stream(rate_hz=1000, stamped=True)
    def stumbling() -> Iterator[int]:
        import time

        for n in range(20):
            if n == 10:
                time.sleep(0.5)
            yield n

    stream = stumbling()
    samples = list(stream)
    assert [n for _, n in samples] == list(range(20))
    assert stream.missed >= 470
    assert samples[-1][0] - samples[0][0] == pytest.approx((19 + stream.missed) / 1000, abs=0.1)
    assert stream.gaps == []


# -- the end ----------------------------------------------------------------------------------


def test_leaving_the_loop_stops_the_generator(board: MicroPythonBoard) -> None:
    heard: list[str] = []

    @board.stream(format="<I", output=heard.append)
    def endless() -> Iterator[int]:
        n = 0
        try:
            while True:
                yield n
                n += 1
        finally:
            print("tidied up")

    def first() -> int:
        for n in endless():
            if n == 1000:
                return n
        return 0

    assert first() == 1000
    assert board.eval("6 * 7") == 42
    for n in endless():
        if n == 10:
            break
    assert board.eval("6 * 7") == 42

    def raising() -> None:
        for n in endless():
            raise LookupError(n)

    with pytest.raises(LookupError):
        raising()
    assert board.eval("6 * 7") == 42
    with endless() as stream:
        for n in stream:
            if n == 10:
                stream.close()
    assert board.eval("6 * 7") == 42
    stream.close()
    assert list(stream) == []
    assert "".join(heard) == "tidied up\n" * 4


def test_ctrl_c_stops_the_generator(board: MicroPythonBoard) -> None:
    heard: list[str] = []

    @board.stream(output=heard.append)
    def endless() -> Iterator[int]:
        import time

        try:
            while True:
                yield 1
                time.sleep(0.01)
        finally:
            print("tidied up")

    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        for _ in endless():
            pass
    timer.join()
    assert heard == ["tidied up\n"]
    assert board.eval("6 * 7") == 42


def test_what_the_generator_raises(board: MicroPythonBoard) -> None:
    @board.stream(format="<I")
    def failing() -> Iterator[int]:
        yield from range(10)
        yield 1 // 0  # here

    stream = failing()
    came: list[int] = []
    with pytest.raises(RemoteError, match="ZeroDivisionError") as caught:
        came.extend(stream)
    assert came == list(range(10))
    assert f'File "{HERE}", line ' in caught.value.traceback
    assert caught.value.traceback.count("File ") == 1
    assert board.eval("6 * 7") == 42


def test_what_the_generator_raises_as_it_is_stopped(board: MicroPythonBoard) -> None:
    @board.stream
    def failing() -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            raise OSError(19)

    stream = failing()
    for _ in stream:
        break
    with pytest.raises(RemoteError, match="OSError"):
        stream.close()
    stream.close()
    assert board.eval("6 * 7") == 42


def test_a_generator_that_does_not_stop(board: MicroPythonBoard) -> None:
    @board.stream
    def stubborn() -> Iterator[int]:
        import time

        import micropython

        micropython.kbd_intr(-1)  # what only catches it is not in its "try" at every moment
        yield 1
        while True:
            time.sleep(1)

    stream = stubborn()
    samples = iter(stream)
    assert next(samples) == 1
    with pytest.raises(StuckError, match="reset the board"):
        stream.close()
    board.reset("hard")
    assert board.eval("6 * 7") == 42


def test_a_stream_occupies_the_board(board: MicroPythonBoard) -> None:
    @board.stream(format="<I")
    def endless() -> Iterator[int]:
        n = 0
        while True:
            yield n
            n += 1

    with endless() as stream:
        for n in stream:
            for call in (lambda: board.eval("1"), lambda: board.files.ls(), lambda: board.exec("")):
                with pytest.raises(InUseError, match="held by the stream endless: close that first"):
                    call()
            if n == 500:
                break
    with endless() as stream:
        assert next(iter(stream)) == 0
    assert board.eval("6 * 7") == 42
    stream = endless()
    stream.start()
    board.interrupt()
    with pytest.raises(ClosedError, match="somebody interrupted the board"):
        list(stream)
    assert board.eval("6 * 7") == 42
    stream = endless()
    stream.start()
    board.reset("soft")
    assert not stream.runs
    assert board.eval("6 * 7") == 42
    stream = endless()
    assert next(iter(stream)) == 0
    board.close()
    assert not stream.runs


def endless(board: MicroPythonBoard, **options: Any) -> Callable[[], Stream[int]]:
    @board.stream(format="<I", **options)
    def counting() -> Iterator[int]:
        n = 0
        while True:
            yield n
            n += 1

    return counting


def test_a_stream_whose_board_restarts(board: MicroPythonBoard, bench: Bench) -> None:
    stream = endless(board)()
    stream.start()
    bench["esp32"].reset()
    with pytest.raises(RestartedError):
        list(stream)
    assert next(iter(endless(board)())) == 0


board_unplugged = pytest.mark.parametrize("port", ["esp32.tty", "esp32-again.tty"])


@pytest.fixture(autouse=True)
def own_port(request: pytest.FixtureRequest, bench: Bench) -> Iterator[None]:
    """Where a test plugged the board in as another port, it gets its own one back."""
    yield
    if "port" in request.fixturenames:
        bench["esp32"].unplug_cable()
        bench["esp32"].plug_cable("esp32.tty")


@board_unplugged
def test_an_unplugged_board_is_waited_for(board: MicroPythonBoard, bench: Bench, port: str) -> None:
    @board.stream(format="<I", rate_hz=200)
    def counting() -> Iterator[int]:
        n = 0
        while True:
            yield n
            n += 1

    came: list[int] = []
    with counting() as stream:
        for value in stream:
            came.append(value)
            if len(came) == 20:
                bench["esp32"].unplug_cable()
                threading.Timer(0.5, bench["esp32"].plug_cable, [port]).start()
            if len(came) == 60:
                break
    (gap,) = stream.gaps
    assert gap.samples > 50
    assert came == [*range(gap.at), *range(gap.at + gap.samples, 60 + gap.samples)]
    assert board.info.port.endswith(port)
    assert board.eval("6 * 7") == 42


@board_unplugged
def test_a_generator_that_ends_while_its_board_is_away(
    board: MicroPythonBoard, bench: Bench, port: str
) -> None:
    board.exec("kept = 41")

    @board.stream(format="<I")
    def short() -> Iterator[int]:
        import time

        yield 1
        time.sleep_ms(300)  # type: ignore[attr-defined]
        yield 2

    came = iter(short())
    assert next(came) == 1
    bench["esp32"].unplug_cable()
    threading.Timer(1.0, bench["esp32"].plug_cable, [port]).start()
    with pytest.raises(CorruptError, match="ended while its board was unplugged"):
        next(came)
    assert board.eval("kept") == 41


@board_unplugged
def test_a_board_that_comes_back_without_its_memory(board: MicroPythonBoard, bench: Bench, port: str) -> None:
    board.exec("kept = 41")
    came = iter(endless(board)())
    assert next(came) == 0
    bench["esp32"].unplug_cable()
    bench["esp32"].power_cycle()
    bench["esp32"].plug_cable(port)
    with pytest.raises(RestartedError, match="kept"):
        list(came)
    assert board.eval("6 * 7") == 42


def test_other_calls_are_refused_while_its_board_is_away(board: MicroPythonBoard, bench: Bench) -> None:
    stream = endless(board)()
    stream.start()
    bench["esp32"].unplug_cable()
    while stream.receive(timeout_s=0.05):
        pass
    with pytest.raises(InUseError, match="the stream counting"):
        board.eval("1")
    bench["esp32"].plug_cable()
    with pytest.raises(InUseError, match="the stream counting"):
        board.eval("1")
    assert board.files is not None
    while not stream.receive(timeout_s=1.0):
        pass
    assert stream.gaps
    board.interrupt()
    with pytest.raises(ClosedError, match="somebody interrupted"):
        stream.receive(timeout_s=1.0)
    assert board.eval("6 * 7") == 42


def test_a_server_that_hangs_up_at_once_is_no_board_that_is_back(bench: Bench) -> None:
    class Deserted(Bridge):
        board_is_there = True

        def welcome(self, client: socket.socket, link: SerialLink) -> bool:
            return self.board_is_there

    with Deserted(bench["esp32"].port) as server, iotlab.connect(server.url) as board:
        assert isinstance(board, MicroPythonBoard)
        stream = endless(board, away_s=1.0)()
        stream.start()
        server.board_is_there = False
        server.hang_up()
        with pytest.raises(DisconnectedError):
            list(stream)


def test_a_board_that_stays_away(board: MicroPythonBoard, bench: Bench) -> None:
    came = iter(endless(board, away_s=0.3)())
    assert next(came) == 0
    bench["esp32"].unplug_cable()
    try:
        with pytest.raises(DisconnectedError, match="plug it in"):
            list(came)
    finally:
        bench["esp32"].plug_cable()
    assert board.eval("6 * 7") == 42


def test_a_stream_is_closed_while_its_board_is_away(board: MicroPythonBoard, bench: Bench) -> None:
    stream = endless(board)()
    stream.start()
    bench["esp32"].unplug_cable()
    while stream.receive(timeout_s=0.05):
        pass
    stream.close()
    assert not stream.runs
    bench["esp32"].plug_cable()
    assert board.eval("6 * 7") == 42


def test_nothing_comes_for_too_long(board: MicroPythonBoard) -> None:
    @board.stream(timeout_s=0.5)
    def silent() -> Iterator[int]:
        import time

        yield 1
        time.sleep(100)

    came: list[int] = []
    with pytest.raises(DeadlineError, match=r"sent nothing for 0\.5 s"):
        came.extend(silent())
    assert came == [1]
    assert board.eval("6 * 7") == 42


# -- what gets lost ---------------------------------------------------------------------------


@pytest.fixture
def faulty(bench: Bench) -> Iterator[tuple[MicroPythonBoard, FaultyLink]]:
    """A board behind a link that does what it is told to do wrong."""
    links: list[FaultyLink] = []

    def opened(port: str) -> FaultyLink:
        links.append(FaultyLink(SerialLink(port)))
        return links[-1]

    endpoint = Endpoint("esp32", bench["esp32"].port, "esp32", virtual=True)
    with MicroPythonBoard(endpoint, open_link=opened) as board:
        yield board, links[-1]


@pytest.mark.parametrize("kind", ["drop", "flip", "duplicate"])
@pytest.mark.parametrize("offset", [2, 3000, 6001, 20_000])
def test_a_fault_is_a_gap_or_nothing(
    faulty: tuple[MicroPythonBoard, FaultyLink], kind: Kind, offset: int, caplog: pytest.LogCaptureFixture
) -> None:
    board, link = faulty

    @board.stream(format="<If")
    def samples(count: int) -> Iterator[tuple[int, float]]:
        for n in range(count):
            yield n, n * 0.5

    list(samples(10))
    stream = samples(5000)
    stream.start()
    link.arm(Fault(kind, "from-board", offset))
    with caplog.at_level(logging.WARNING):
        came = list(stream)
    assert link.applied
    lost = {n for gap in stream.gaps for n in range(gap.at, gap.at + gap.samples)}
    assert came == [(n, n * 0.5) for n in range(5000) if n not in lost]
    assert stream.lost == len(lost) == 5000 - len(came)
    assert stream.sent == 5000
    assert len(stream.gaps) == len(caplog.messages) <= 1
    if kind == "flip":
        assert lost
    assert board.eval("6 * 7") == 42


@pytest.mark.parametrize("from_the_end", range(1, 90, 4))
def test_a_fault_near_the_end_is_not_overlooked(
    faulty: tuple[MicroPythonBoard, FaultyLink], from_the_end: int
) -> None:
    board, link = faulty

    @board.stream(format="<I")
    def samples(count: int) -> Iterator[int]:
        yield from range(count)

    list(samples(10))
    stream = samples(8)
    stream.start()
    link.arm(None)
    assert list(stream) == list(range(8))
    whole = link.counted("from-board")
    stream = samples(8)
    stream.start()
    link.arm(Fault("flip", "from-board", max(0, whole - from_the_end)))
    came: list[int] = []
    error: Exception | None = None
    try:
        came.extend(stream)
    except CorruptError as caught:
        error = caught
    lost = {n for gap in stream.gaps for n in range(gap.at, gap.at + gap.samples)}
    assert came == [n for n in range(8) if n not in lost] or error is not None
    assert stream.sent == 8 or error is not None
    assert board.eval("6 * 7") == 42


# -- several boards ---------------------------------------------------------------------------


def test_streams_of_two_boards_in_one_loop(board: MicroPythonBoard, other: MicroPythonBoard) -> None:
    def counting(on: MicroPythonBoard) -> Any:
        @on.stream(format="<I")
        def samples(start: int) -> Iterator[int]:
            n = start
            while True:
                yield n
                n += 1

        return samples

    pairs = zip(counting(board)(0), counting(other)(1000), strict=False)
    for n, pair in enumerate(pairs):
        assert pair == (n, 1000 + n)
        if n == 5000:
            break
    del pairs
    assert board.eval("6 * 7") == other.eval("6 * 7") == 42
