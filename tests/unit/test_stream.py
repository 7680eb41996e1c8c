"""Sampling and recording, with real threads and no browser."""

from __future__ import annotations

import csv
import math
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from iotlab.board import Board, BoardInfo, Files, Output, ResetKind
from iotlab.errors import ClosedError, ConfigError, DeadlineError, DisconnectedError
from iotlab.stream import Batch, Recording, Stream, quantity
from iotlab.stream.thin import thinned


class Gate:
    """A source that gives a reading each time it is opened, so that a test decides when samples come."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.open = threading.Semaphore(0)

    def read(self) -> dict[str, float]:
        self.entered.release()
        assert self.open.acquire(timeout=30)
        return {"temperature_c": 20.0}


def never(count: int) -> Exception | None:
    return None


class Counter:
    """Gives 0, 1, 2 ... and fails where told."""

    def __init__(self, fails: Callable[[int], Exception | None] = never) -> None:
        self.count = -1
        self._fails = fails

    def read(self) -> float:
        self.count += 1
        error = self._fails(self.count)
        if error:
            raise error
        return self.count


def wait_until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def columns(recording: Recording) -> dict[str, list[float]]:
    rows = recording.rows()
    return {name: list(column) for name, column in zip(rows.names, rows.columns, strict=True)}


# -- sampling ---------------------------------------------------------------------------------


def test_every_sample_is_recorded_in_order() -> None:
    with Stream(Counter(), 500) as stream:
        stream.recording.wait(100)
    values = columns(stream.recording)["value"]
    assert values == list(range(len(values)))
    times = list(stream.recording.rows().t_s)
    assert times == sorted(times)
    assert stream.state == "closed"


def test_the_schedule_does_not_drift() -> None:
    """Readings that take half of the period do not make the period longer."""

    def slow() -> float:
        time.sleep(0.01)
        return 1.0

    with Stream(slow, 50) as stream:
        stream.recording.wait(100, timeout_s=30)
        stream.stop()
    rows = stream.recording.rows()
    due = rows.t_s[0] + (len(rows) - 1 + stream.recording.missed) / 50
    assert rows.t_s[-1] - due < 0.5, "a drift of 10 ms per sample would be 1 s here"


def test_samples_that_were_not_read_are_counted_and_marked() -> None:
    gate = Gate()
    stream = Stream(gate, 100)
    stream.start()
    assert gate.entered.acquire(timeout=10)
    time.sleep(0.3)  # the reading is what takes long here: thirty periods
    gate.open.release()
    wait_until(lambda: stream.recording.missed > 0)
    assert stream.recording.missed >= 20
    assert {event.kind for event in stream.recording.events} == {"late"}
    for _ in range(3):
        gate.open.release()
    stream.recording.wait(3)
    gate.open.release(50)
    stream.close()


def test_pause_reads_nothing_and_leaves_a_gap() -> None:
    counter = Counter()
    with Stream(counter, 200) as stream:
        stream.recording.wait(10)
        stream.pause()
        wait_until(lambda: any(event.kind == "pause" for event in stream.recording.events))
        paused = counter.count
        assert not wait_for_change(lambda: counter.count, seconds=0.1)
        stream.resume()
        wait_until(lambda: counter.count > paused + 10)
    values = columns(stream.recording)["value"]
    assert sum(map(math.isnan, values)) == 1
    assert [v for v in values if not math.isnan(v)] == list(range(counter.count + 1))


def wait_for_change(value: Callable[[], int], seconds: float) -> bool:
    before, until = value(), time.monotonic() + seconds
    while time.monotonic() < until:
        if value() != before:
            return True
        time.sleep(0.005)
    return False


def test_stop_and_start_go_on_in_the_same_recording() -> None:
    stream = Stream(Counter(), 200)
    stream.start()
    stream.recording.wait(5)
    stream.stop()
    assert stream.state == "stopped"
    kept = len(stream.recording)
    stream.start()
    stream.recording.wait(kept + 5)
    stream.close()
    values = columns(stream.recording)["value"]
    assert math.isnan(values[kept])
    with pytest.raises(ClosedError, match="make a new one"):
        stream.start()


def test_stop_and_close_may_be_called_twice_and_before_start() -> None:
    stream = Stream(Counter(), 10)
    stream.stop()
    stream.close()
    stream.close()
    assert stream.state == "closed"


def test_stop_says_when_a_reading_does_not_end() -> None:
    gate = Gate()
    stream = Stream(gate, 10, name="slow chip")
    stream.start()
    assert gate.entered.acquire(timeout=10)
    with pytest.raises(DeadlineError, match="slow chip has not ended"):
        stream.stop(timeout_s=0.05)
    gate.open.release()
    stream.close()


# -- failures ---------------------------------------------------------------------------------


def test_a_failed_reading_is_a_gap_with_its_reason() -> None:
    stream = Stream(Counter(lambda n: OSError("no answer") if n in (3, 4) else None), 200)
    with stream:
        stream.recording.wait(10)
    values = columns(stream.recording)["value"]
    assert [math.isnan(v) for v in values[:7]] == [False, False, False, True, True, False, False]
    assert stream.recording.failed == 2
    assert stream.error == ""
    errors = [event for event in stream.recording.events if event.kind == "error"]
    assert [event.text for event in errors] == ["OSError: no answer"] * 2


def test_ends_after_failures_in_a_row_and_tries_again_when_asked() -> None:
    broken = True
    stream = Stream(
        Counter(lambda n: OSError("no answer") if broken and n >= 2 else None), 200, max_failures=5
    )
    stream.start()
    wait_until(lambda: stream.state == "failed")
    assert isinstance(stream.failure, OSError)
    assert stream.error == "OSError: no answer"
    assert stream.recording.failed == 5
    with pytest.raises(DeadlineError, match="the stream is failed, OSError: no answer"):
        stream.recording.wait(1000)
    broken = False
    stream.resume()
    stream.recording.wait(stream.recording.end + 5)
    assert (stream.error, stream.failure, stream.state) == ("", None, "running")
    stream.close()


@pytest.mark.parametrize("error", [DisconnectedError("unplugged"), ClosedError("closed")])
def test_ends_at_once_when_the_board_is_gone(error: Exception) -> None:
    stream = Stream(Counter(lambda n: error if n == 2 else None), 200, patience_s=0)
    stream.start()
    wait_until(lambda: stream.state == "failed")
    assert stream.failure is error
    assert stream.recording.failed == 1
    stream.close()


def test_goes_on_when_an_unplugged_board_is_back() -> None:
    stream = Stream(Counter(lambda n: DisconnectedError("unplugged") if 2 <= n <= 4 else None), 200)
    stream.start()
    wait_until(lambda: stream.recording.end >= 10)
    assert (stream.state, stream.error) == ("running", "")
    assert stream.recording.failed == 3
    assert stream.recording.missed > 0  # what was due while one only looked now and then is told
    stream.close()


def test_a_reading_that_is_no_number_fails() -> None:
    stream = Stream(lambda: {"temperature_c": "warm"}, 200, max_failures=2)
    stream.start()
    wait_until(lambda: stream.state == "failed")
    assert "could not convert" in stream.error
    stream.close()


@pytest.mark.parametrize("rate_hz", [0, -1, 20_001, math.nan])
def test_refuses_a_rate_that_makes_no_sense(rate_hz: float) -> None:
    with pytest.raises(ConfigError, match="give a rate above 0"):
        Stream(Counter(), rate_hz)


def test_refuses_what_cannot_be_sampled() -> None:
    with pytest.raises(TypeError, match=r"42 cannot be sampled: give a function, an object with read\(\)"):
        Stream(42, 10)
    with pytest.raises(ValueError, match="nothing to sample"):
        Stream({}, 10)


# -- boards -----------------------------------------------------------------------------------


class Desk(Board):
    """A board of this process, for a test of ``close`` alone."""

    def __init__(self) -> None:
        super().__init__(BoardInfo(name="desk", port="none", state="other"))

    def eval(self, expression: str, *, timeout_s: float | None = 10.0) -> float:
        self._check_open()
        return float(expression)

    def interrupt(self, *, timeout_s: float = 5.0) -> None: ...

    def _exec(self, code: str, output: Output | None, timeout_s: float | None) -> str:
        return ""

    def _files(self) -> Files:
        raise NotImplementedError

    def _reset(self, kind: ResetKind, timeout_s: float) -> None: ...


class Thermometer:
    def __init__(self, board: Board) -> None:
        self.board = board

    def read(self) -> dict[str, float]:
        return {"temperature_c": self.board.eval("21.5")}


def test_stops_when_its_board_is_closed() -> None:
    board = Desk()
    sensor = Thermometer(board)
    streams = [Stream(sensor, 200), Stream(sensor.read, 200), Stream({"room": sensor}, 200)]
    streams.append(Stream(lambda: sensor.board.eval("1"), 200, board=board))
    for stream in streams:
        stream.start()
        stream.recording.wait(3)
    board.close()
    assert [stream.state for stream in streams] == ["stopped"] * 4
    assert [stream.recording.failed for stream in streams] == [0] * 4
    for stream in streams:
        stream.close()


# -- subscribers ------------------------------------------------------------------------------


def test_subscribers_get_every_row_once() -> None:
    batches: list[Batch] = []
    stream = Stream(Counter(), 2000)
    stream.subscribe(batches.append)
    with stream:
        stream.recording.wait(1000, timeout_s=30)
    assert [value for batch in batches for value in batch.columns[0]] == columns(stream.recording)["value"]
    starts = [batch.first for batch in batches]
    assert starts == [sum(map(len, batches[:k])) for k in range(len(batches))]
    assert len(batches) <= stream.recording.rows().t_s[-1] / 0.02 + 2, "batches come every 20 ms at most"


def test_a_slow_rate_is_passed_on_sample_by_sample() -> None:
    batches: list[Batch] = []
    stream = Stream(Counter(), 20)
    stream.subscribe(batches.append)
    with stream:
        stream.recording.wait(5)
        wait_until(lambda: len(batches) >= 5)
    assert all(len(batch) == 1 for batch in batches[:5])


def test_a_subscriber_that_raises_costs_no_data(caplog: pytest.LogCaptureFixture) -> None:
    def broken(batch: Batch) -> None:
        raise RuntimeError("the page is gone")

    stream = Stream(Counter(), 200)
    stream.subscribe(broken)
    with stream:
        stream.recording.wait(10)
    assert stream.recording.failed == 0
    assert "a subscriber of <Stream" in caplog.text
    assert "the page is gone" in stream.recording.events[0].text


def test_a_program_ends_without_waiting_for_the_stream() -> None:
    """The thread is no daemon, yet a script (or kernel) that forgot ``close`` ends."""
    script = "from iotlab.stream import Stream\nStream(lambda: 1, 0.01).start()\nprint('last line')"
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True
    )
    assert (ended.stdout, ended.stderr) == ("last line\n", "")


def test_needs_neither_numpy_nor_jupyter() -> None:
    script = (
        "import sys\nimport iotlab.stream as s\nwith s.Stream(lambda: 1, 100) as stream:\n"
        "    stream.recording.wait(3)\nprint([m for m in ('numpy', 'matplotlib', 'IPython') if m in sys.modules])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True
    )
    assert ended.stdout == "[]\n"


# -- the recording ----------------------------------------------------------------------------


def test_keeps_the_newest_rows_in_bounded_memory() -> None:
    recording = Recording(max_samples=10_000)
    for n in range(30_000):
        recording.append(n / 100, {"n": n})
    assert 10_000 <= len(recording) <= 10_000 + 4096
    assert recording.dropped + len(recording) == recording.end == 30_000
    rows = recording.rows()
    assert list(rows.columns[0]) == list(range(recording.dropped, 30_000))
    assert list(recording.rows(20_000, 20_010).columns[0]) == list(range(20_000, 20_010))
    assert list(recording.since(299.95).columns[0]) == list(range(29_995, 30_000))
    assert len(recording.since(-1.0)) == len(recording)
    assert len(recording.since(300.0)) == 0


def test_a_trace_may_come_up_late_and_stay_away() -> None:
    recording = Recording()
    recording.append(0.0, {"a": 1.0})
    recording.append(1.0, {"b": 2.0})
    recording.append(2.0, {"a": 3.0, "b": 4.0})
    kept = columns(recording)
    assert kept["a"][::2] == [1.0, 3.0]
    assert math.isnan(kept["a"][1])
    assert math.isnan(kept["b"][0])
    assert kept["b"][1:] == [2.0, 4.0]


def test_csv_is_exact_and_whole(tmp_path: Path) -> None:
    recording = Recording()
    recording.append(0.0, {"temperature_c": 0.1 + 0.2, 'odd "name", here': 1})
    recording.fail(0.5, "no answer")
    recording.append(1.25, {"temperature_c": -40.0})
    path = recording.to_csv(tmp_path / "data.csv")
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["t_s", "temperature_c", 'odd "name", here']
    assert float(rows[1][1]) == 0.1 + 0.2
    assert rows[2] == ["0.500000", "", ""]
    assert rows[3] == ["1.250000", "-40.0", ""]
    assert [file.name for file in tmp_path.iterdir()] == ["data.csv"]


def test_csv_never_replaces_a_file_unasked(tmp_path: Path) -> None:
    recording = Recording()
    recording.append(0.0, {"a": 1.0})
    place = tmp_path / "data.csv"
    place.write_text("precious")
    with pytest.raises(ConfigError, match="exists: give another name, or overwrite=True"):
        recording.to_csv(place)
    assert place.read_text() == "precious"
    recording.to_csv(place, overwrite=True)
    assert place.read_text() == "t_s,a\n0.000000,1.0\n"
    assert [file.name for file in tmp_path.iterdir()] == ["data.csv"]


def test_dataframe_and_figure_show_the_same(tmp_path: Path) -> None:
    recording = Recording(started_at=1000.0)
    for n in range(5000):
        recording.append(n / 10, {"temperature_c": 20 + math.sin(n / 100), "humidity_percent": 40.0})
    recording.fail(500.0, "no answer")
    frame = recording.to_dataframe()
    assert list(frame.columns) == ["temperature_c", "humidity_percent"]
    assert frame.index.name == "t_s"
    assert len(frame) == 5001
    assert frame.attrs["started_at"] == 1000.0
    figure = recording.figure("Room")
    assert [ax.get_ylabel() for ax in figure.axes] == ["temperature (°C)", "humidity (%)"]
    drawn = figure.axes[0].lines[0].get_ydata()
    assert len(drawn) <= 3000
    assert max(v for v in drawn if not math.isnan(v)) == frame["temperature_c"].max()
    assert math.isnan(drawn[-1]), "the failed reading is a gap"
    assert figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]


def test_thinning_keeps_extremes_and_gaps() -> None:
    recording = Recording()
    for n in range(9000):
        if n == 4500:
            recording.pause(n / 10)
        recording.append(n / 10, {"a": 100.0 if n == 1234 else -5.0 if n == 8000 else n % 7})
    thin = thinned(recording.rows(), 300)
    values = list(thin.columns[0])
    assert len(values) <= 300
    assert (max(v for v in values if not math.isnan(v)), min(v for v in values if not math.isnan(v))) == (
        100.0,
        -5.0,
    )
    assert sum(map(math.isnan, values)) == 1
    assert list(thin.t_s) == sorted(thin.t_s)


@pytest.mark.parametrize(
    ("name", "label", "unit"),
    [
        ("temperature_c", "temperature", "°C"),
        ("acceleration_x_g", "acceleration x", "g"),
        ("rotation_z_dps", "rotation z", "°/s"),
        ("room light_lux", "room light", "lx"),
        ("c", "c", ""),
        ("button_pressed", "button pressed", ""),
    ],
)
def test_a_name_tells_its_unit(name: str, label: str, unit: str) -> None:
    assert (quantity(name).label, quantity(name).unit) == (label, unit)
