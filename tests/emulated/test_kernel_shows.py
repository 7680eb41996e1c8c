"""What a cell on the board shows: pictures, tables, plots, and more text than a notebook holds."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from iotlab.kernel.bounded import HEAD
from iotlab.kernel.front import MOST_VALUES
from iotlab.kernel.overflow import TAIL
from iotlab.sim import Bench
from iotlab.testing.kernels import KernelSession, Ran


@pytest.fixture(scope="module")
def kernel(kernelspec: str, bench: Bench) -> Iterator[KernelSession]:
    with KernelSession(kernelspec, environment={"IOTLAB_BOARD": "esp32"}) as kernel:
        yield kernel


def shown(ran: Ran) -> dict[str, object]:
    assert ran.status == "ok", ran.error
    (content,) = ran.of("display_data")
    data: dict[str, object] = content["data"]
    return data


def test_every_form_of_a_value(kernel: KernelSession) -> None:
    code = """class All:
    def _repr_html_(self): return '<b>x</b>'
    def _repr_svg_(self): return '<svg/>'
    def _repr_png_(self): return b'\\x89PNG\\x00'
    def _repr_jpeg_(self): return b'\\xff\\xd8'
    def _repr_markdown_(self): return '*x*'
    def _repr_json_(self): return {'x': [1, None]}
    def __repr__(self): return 'all'
display(All())"""
    assert shown(kernel.run(code)) == {
        "text/plain": "all",
        "text/html": "<b>x</b>",
        "image/svg+xml": "<svg/>",
        "image/png": base64.b64encode(b"\x89PNG\0").decode(),
        "image/jpeg": base64.b64encode(b"\xff\xd8").decode(),
        "text/markdown": "*x*",
        "application/json": {"x": [1, None]},
    }


def test_a_bundle_of_forms(kernel: KernelSession) -> None:
    code = """class Bundle:
    def _repr_mimebundle_(self):
        return {'text/plain': 'plain', 'application/vnd.vegalite.v5+json': {'mark': 'bar'}}
display(Bundle())"""
    assert shown(kernel.run(code)) == {
        "text/plain": "plain",
        "application/vnd.vegalite.v5+json": {"mark": "bar"},
    }


def test_a_form_that_is_no_json_is_told(kernel: KernelSession) -> None:
    ran = kernel.run("class Far:\n    def _repr_json_(self): return {'m': float('inf')}\ndisplay(Far())")
    assert set(shown(ran)) == {"text/plain"}
    assert "application/json left out" in ran.notes


def test_a_dict_of_lists_is_a_table(kernel: KernelSession) -> None:
    kernel.run("from collections import OrderedDict as D")
    data = shown(kernel.run("display(D((('t_s', [0, 1]), ('temperature_c', [21.5, None]))))"))
    assert data["text/plain"] == "t_s  temperature_c\n0    21.5\n1    None"
    assert str(data["text/html"]).count("<tr>") == 3
    assert "<table" in str(shown(kernel.run("display({'u': (1, 2), 'v': [3, 4]})"))["text/html"])
    assert kernel.run("{'t': [1]}").of("execute_result")[0]["data"] == {"text/plain": "{'t': [1]}"}
    assert set(shown(kernel.run("display({'t': [1], 'u': [1, 2]})"))) == {"text/plain"}


def test_what_is_shown_can_be_renewed(kernel: KernelSession) -> None:
    ran = kernel.run("display(1, display_id='level')\ndisplay(2, display_id='level', update=True)")
    assert ran.kinds == ["display_data", "update_display_data"]
    assert [m["content"]["transient"]["display_id"] for m in ran.messages] == ["level", "level"]


FORMATS = {
    "MONO_VLSB": 1,
    "MONO_HLSB": 1,
    "MONO_HMSB": 1,
    "GS2_HMSB": 3,
    "GS4_HMSB": 15,
    "GS8": 255,
    "RGB565": 65535,
}


@pytest.mark.parametrize("kind", FORMATS)
def test_a_frame_buffer_is_a_picture(kernel: KernelSession, kind: str) -> None:
    """Odd sizes, so that rows do not end where bytes do; each pixel is held against what was drawn."""
    top = FORMATS[kind]
    drawn = [[(x * 7 + y * 3) % (top + 1) for x in range(21)] for y in range(19)]
    code = f"""import framebuf
raw = bytearray(24 * 24 * 2)
fb = framebuf.FrameBuffer(raw, 21, 19, framebuf.{kind})
for y in range(19):
    for x in range(21):
        fb.pixel(x, y, (x * 7 + y * 3) % {top + 1})
before = bytes(raw)
display(fb)
before == bytes(raw)"""
    ran = kernel.run(code)
    assert ran.value == "True"  # looking changed nothing
    data = shown(ran)
    assert decoded(base64.b64decode(str(data["image/png"])), 21, 19) == [
        [shade(colour, top) for colour in row] for row in drawn
    ]


def shade(colour: int, top: int) -> bytes:
    if top == 65535:
        return bytes(((colour >> 11) * 255 // 31, (colour >> 5 & 63) * 255 // 63, (colour & 31) * 255 // 31))
    return bytes((colour * 255 // top,))


def decoded(png: bytes, width: int, height: int) -> list[list[bytes]]:
    """The picture, a pixel for each that was enlarged."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, place = {}, 8
    while place < len(png):
        (size,) = struct.unpack(">I", png[place : place + 4])
        chunks[png[place + 4 : place + 8]] = png[place + 8 : place + 8 + size]
        place += size + 12
    wide, high, depth, kind = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert depth == 8
    scale, each = wide // width, 3 if kind == 2 else 1
    assert high == height * scale
    lines = zlib.decompress(chunks[b"IDAT"])
    step = 1 + wide * each
    rows = [lines[y * scale * step + 1 : y * scale * step + step] for y in range(height)]
    return [[row[x * scale * each : x * scale * each + each] for x in range(width)] for row in rows]


def test_a_display_driver_shows_what_it_draws(kernel: KernelSession) -> None:
    """A driver is a FrameBuffer with more to it."""
    code = """import framebuf
class Display(framebuf.FrameBuffer):
    def __init__(self):
        self.buffer = bytearray(128 * 64 // 8)
        super().__init__(self.buffer, 128, 64, framebuf.MONO_VLSB)
oled = Display()
oled.text('hi', 0, 0)
oled"""
    (result,) = kernel.run(code).of("execute_result")
    assert result["data"]["image/png"]


def test_a_live_plot(kernel: KernelSession) -> None:
    code = """import time
for n in range(25):
    plot(temperature_c=20 + n, humidity_percent=50 - n)
    time.sleep_ms(50)"""
    ran = kernel.run(code)
    data = shown(ran)
    assert "application/vnd.jupyter.widget-view+json" in data
    opened = [m for m in ran.of("comm_open") if m["data"]["state"].get("_esm")]
    assert len(opened) == 1
    traces = [
        m["data"]["state"]["traces"] for m in ran.of("comm_msg") if "traces" in m["data"].get("state", {})
    ]
    assert {trace["name"] for trace in traces[-1]} == {"temperature_c", "humidity_percent"}
    rates = [
        m["data"]["state"]["rate_hz"] for m in ran.of("comm_msg") if "rate_hz" in m["data"].get("state", {})
    ]
    assert 0 < rates[-1] < 25  # what came; a busy machine's board may be late, and is never early
    (update,) = ran.of("update_display_data")[-1:]
    assert update["data"]["image/png"]  # for places where no widget runs
    assert kernel.run("plot(1)\nplot(2)\nplot({'a': 3})").status == "ok"


@pytest.mark.parametrize("wrong", ["None", "[1, 2]", "level='high'", ""])
def test_what_cannot_be_plotted_is_told_where_it_stands(kernel: KernelSession, wrong: str) -> None:
    ran = kernel.run(f"plot(1)\nplot({wrong})")
    assert ran.reply["ename"] in ("TypeError", "ValueError")
    assert f"----> 2 plot({wrong})" in ran.error


@pytest.mark.parametrize("lines", [200_000])
def test_a_cell_that_prints_ten_megabytes(
    kernel: KernelSession, lab_environment: dict[str, str], lines: int
) -> None:
    code = f"for n in range({lines}): print('%06d' % n, 'x' * 42)\n'done'"
    whole = "".join(f"{n:06d} {'x' * 42}\n" for n in range(lines))
    ran = kernel.run(code)
    assert ran.value == "'done'"
    assert len(ran.text) <= HEAD + TAIL
    head = ran.of("stream")[0]["text"]
    assert whole.startswith(head)
    tail = ran.of("stream")[-1]["text"]
    assert whole.endswith(tail)
    assert tail.count("\n") > 10
    (notice,) = ran.of("display_data")
    last = ran.of("update_display_data")[-1]
    assert last["transient"] == notice["transient"]
    sentence = last["data"]["text/plain"]
    assert "9.3 MB left out here" in sentence
    path = Path(sentence.split(" in ")[-1])
    assert path.is_relative_to(lab_environment["IOTLAB_STATE_DIR"])
    assert path.read_text() == whole


def test_wiping_makes_room(kernel: KernelSession) -> None:
    pieces = HEAD // 1000
    code = f"for n in range(3):\n    for k in range({pieces}): print('y' * 999)\n    clear_output()\nprint('end')"
    ran = kernel.run(code)
    assert ran.kinds[-1] == "stream"
    assert ran.text.endswith("end\n")
    assert not ran.of("display_data")


@pytest.mark.parametrize("lines", [1, 9000])
def test_what_would_be_wiped_by_more_stays_where_no_more_comes(kernel: KernelSession, lines: int) -> None:
    ran = kernel.run(f"for n in range({lines}): print('v' * 50)\nprint('last')\nclear_output(wait=True)")
    assert ran.text.endswith("last\n")
    assert ran.kinds[-1] == "clear_output"


def test_a_long_value_is_cut(kernel: KernelSession) -> None:
    value = kernel.run("'z' * 200000").value
    assert value is not None
    assert len(value) < 50_000
    assert "161002 characters left out here" in value


def test_errors_stand_behind_the_end_of_what_was_printed(kernel: KernelSession) -> None:
    ran = kernel.run("for n in range(9000): print('w' * 50)\nprint('last')\n1 // 0")
    assert ran.kinds[-1] == "error"
    assert ran.of("stream")[-1]["text"].endswith("last\n")


def test_errors_go_apart(kernel: KernelSession) -> None:
    ran = kernel.run(
        "import sys\nprint('a')\nprint('b', file=sys.stderr)\nprint('c')\nsys.stderr.write('d')\n"
    )
    assert (ran.text, ran.notes) == ("a\nc\n", "b\nd")
    assert [m["name"] for m in ran.of("stream")] == ["stdout", "stderr", "stdout", "stderr"]


def test_a_cell_that_shows_without_end(kernel: KernelSession) -> None:
    ran = kernel.run("for n in range(3000): display(n)\n'done'")
    assert ran.value == "'done'"
    assert len(ran.of("display_data")) == MOST_VALUES
    assert "more than 1000 values" in ran.notes
    ran = kernel.run("for n in range(3000):\n    clear_output(True)\n    display(n)")
    assert ran.of("display_data")[-1]["data"]["text/plain"] == "2999"
    assert len(ran.of("display_data")) < 1000  # what would be wiped at once was never sent
