"""The kernel's side of the live plot, and the progress bar; the page's side is tested in a browser."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from iotlab.errors import ConfigError, UnavailableError
from iotlab.progress import Bar, progress_bar
from iotlab.stream import Stream
from iotlab.widgets.base import built
from iotlab.widgets.live import LivePlot, live


class Overheard(LivePlot):
    """A live plot whose messages to the page are kept."""

    def __init__(self, stream: Stream, **options: Any) -> None:
        self.sent: list[tuple[Mapping[str, Any], bytes]] = []
        super().__init__(stream, **options)

    def send(self, content: Mapping[str, Any], buffers: Any = None) -> None:
        self.sent.append((content, bytes(buffers[0])))

    def heard(self, **message: Any) -> None:
        """A message of the page, by the way that ipywidgets brings it."""
        self._handle_custom_msg(message, [])


@pytest.fixture
def plot() -> Iterator[Overheard]:
    """A plot of 100 rows, stopped."""
    count = iter(range(10**9))
    stream = Stream(lambda: {"temperature_c": 20.0, "count": next(count)}, 1000)
    shown = Overheard(stream, title="Room", window_s=60)
    stream.start()
    stream.recording.wait(100)
    stream.stop()
    yield shown
    shown.close()


def floats(data: bytes) -> list[float]:
    return list(struct.unpack(f"<{len(data) // 4}f", data))


def rows_of(sent: list[tuple[Mapping[str, Any], bytes]], column: int) -> list[float]:
    out = []
    for head, data in sent:
        rows = head["rows"]
        out += floats(data)[(column + 1) * rows : (column + 2) * rows]
    return out


def test_the_page_gets_every_row(plot: Overheard) -> None:
    assert [trace["label"] for trace in plot.traces] == ["temperature", "count"]
    assert rows_of(plot.sent, 1) == list(range(plot.recording.end))
    assert plot.counts["samples"] == plot.recording.end
    assert plot.state == "stopped"
    for head, data in plot.sent:
        assert len(data) == 4 * head["rows"] * 3


def test_hello_is_answered_with_the_newest_window(plot: Overheard) -> None:
    plot.sent.clear()
    plot.heard(action="hello")
    [(head, data)] = plot.sent
    assert (head["kind"], head["end"], head["traces"]) == ("snapshot", plot.recording.end, 2)
    assert rows_of([(head, data)], 1) == list(range(plot.recording.end))


@pytest.mark.parametrize(
    "message",
    [
        {"action": "close"},
        {"action": "_hello"},
        {"action": ["hello"]},
        {"action": "csv", "id": "x", "start": 0, "end": -1},
        {"action": "csv", "id": "0123456789abcdef", "start": -1, "end": -1},
        {"action": "csv", "id": "0123456789abcdef", "start": "0", "end": -1},
        {"action": "csv", "id": "0123456789abcdef", "start": True, "end": -1},
        {},
    ],
)
def test_anything_else_from_the_page_is_refused(plot: Overheard, message: dict[str, Any]) -> None:
    plot.sent.clear()
    plot.heard(**message)
    assert plot.sent == []
    assert plot.stream.state == "stopped"


def test_the_page_cannot_set_the_state(plot: Overheard, caplog: pytest.LogCaptureFixture) -> None:
    plot.set_state({"title": "evil", "_esm": "evil"})
    assert plot.title == "Room"
    assert "evil" not in plot.get_state()["_esm"]
    assert "refused a change by the page" in caplog.text


def test_the_page_cannot_wake_a_stopped_stream(plot: Overheard) -> None:
    plot.heard(action="resume")
    assert plot.stream.state == "stopped"


def test_csv_goes_in_portions_of_one_recording(plot: Overheard) -> None:
    for n in range(25_000):
        plot.recording.append(10 + n / 1000, {"temperature_c": 1.0, "count": n})
    plot.sent.clear()
    text, start, end = "", 0, -1
    while end < 0 or start < end:
        plot.heard(action="csv", id="0123456789abcdef", start=start, end=end)
        head, data = plot.sent[-1]
        text, start, end = text + data.decode(), head["next"], head["end"]
    assert len(plot.sent) == 3
    lines = text.splitlines()
    assert lines[0] == "t_s,temperature_c,count"
    assert len(lines) == plot.recording.end + 1
    assert lines[-1] == "34.999000,1.0,24999.0"


def test_the_output_carries_a_picture_once_there_is_data(plot: Overheard) -> None:
    data, _ = plot._repr_mimebundle_()
    assert set(data) == {"text/plain", "application/vnd.jupyter.widget-view+json", "image/png"}
    empty = LivePlot(Stream(lambda: 1, 10))
    assert "image/png" not in empty._repr_mimebundle_()[0]
    empty.close()


def test_live_returns_at_once_and_stops() -> None:
    plot = live(lambda: {"light_lux": 300}, rate_hz=100, title="Desk")
    plot.recording.wait(5)
    assert plot.recording.last == {"light_lux": 300.0}
    plot.close()
    assert plot.stream.state == "closed"


def test_refuses_a_window_that_makes_no_sense() -> None:
    with pytest.raises(ConfigError, match="window_s is 0"):
        live(lambda: 1, window_s=0)


def test_a_file_that_was_not_built_is_told() -> None:
    with pytest.raises(UnavailableError, match=r"nothing\.js was not built: run 'python hatch_build\.py'"):
        built("nothing.js")


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    """Where anywidget is not installed, which a module of that name that cannot be imported stands for."""
    (tmp_path / "anywidget.py").write_text("raise ImportError('no module named anywidget')")
    script = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nimport iotlab.errors\n"
        "try:\n    import iotlab.widgets.live\nexcept iotlab.errors.UnavailableError as error:\n    print(error)"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert told.stdout == "a widget needs the extra 'widgets': pip install 'iotlab[widgets]'\n"


def test_a_progress_bar_in_a_log_is_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    with progress_bar("esp32") as bar:
        bar("write", 1, 2)
        bar("write", 2, 2)
    assert capfd.readouterr().err.startswith("████████████████████████ esp32: done in ")


def test_a_progress_bar_says_where_it_stopped(capfd: pytest.CaptureFixture[str]) -> None:
    def flash() -> None:
        with progress_bar("esp32") as bar:
            bar("write", 1, 2)
            raise OSError("unplugged")

    with pytest.raises(OSError, match="unplugged"):
        flash()
    assert "esp32: stopped at write after" in capfd.readouterr().err


def test_a_progress_bar_is_escaped() -> None:
    html = Bar("<b>esp32</b>", "write", 1, 3)._repr_html_()
    assert "<b>" not in html
    assert 'aria-valuenow="33"' in html
    assert "&lt;b&gt;esp32&lt;/b&gt;: write 33%" in html
