"""The magics in an ordinary Python kernel, on the virtual bench."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from iotlab.magics import MAGICS
from iotlab.sim import Bench
from iotlab.testing.kernels import KernelSession, Message


@pytest.fixture(scope="module")
def kernel(bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelSession]:
    with KernelSession("python3", folder=tmp_path_factory.mktemp("notebook")) as kernel:
        assert kernel.run("%load_ext iotlab").status == "ok"
        yield kernel


@pytest.fixture
def connected(kernel: KernelSession) -> KernelSession:
    assert kernel.run("%connect esp32").status == "ok"
    return kernel


def test_every_magic_is_there_and_explains_itself(kernel: KernelSession) -> None:
    assert MAGICS.names() == ["board", "boards", "connect", "flash", "live", "mpremote", "ota", "probe"]
    for name in MAGICS.names():
        ran = kernel.run(f"%%{name}?" if name == "board" else f"%{name}?")
        help_text = ran.reply["payload"][0]["data"]["text/plain"]
        assert f"%{name}" in help_text
        assert "--" in help_text


def test_boards(kernel: KernelSession) -> None:
    shown = kernel.run("%boards").of("execute_result")[0]["data"]
    assert "esp32" in shown["text/plain"]
    assert "<table" in shown["text/html"]


def test_connect_leaves_the_board_in_a_variable(kernel: KernelSession) -> None:
    assert "esp32" in str(kernel.run("%connect esp32").value)
    assert kernel.run("board.eval('6 * 7')").value == "42"
    kernel.run("%connect pico --as second")
    assert kernel.run("board.info.kind, second.info.kind").value == "('esp32', 'pico')"
    assert kernel.run("second.close()").status == "ok"


def test_a_connect_that_fails_keeps_the_board(connected: KernelSession) -> None:
    ran = connected.run("%connect nobody")
    assert ran.reply["ename"] == "NotFoundError"
    assert ran.error.count("\n") == 0
    assert connected.run("board.eval('1')").value == "1"


def test_connect_again(connected: KernelSession) -> None:
    connected.run("before = board")
    assert connected.run("%connect").status == "ok"
    assert connected.run("before.closed, board.closed, board.info.name").value == "(True, False, 'esp32')"


def test_a_cell_runs_on_the_board(connected: KernelSession) -> None:
    ran = connected.run("%%board\nimport os\nprint('on', os.uname().sysname)\n6 * 7")
    assert (ran.status, ran.text, ran.value) == ("ok", "on esp32\n", "42")
    assert connected.run("%%board pico\nimport os\nos.uname().sysname").value == "'rp2'"
    assert connected.run("%%board\nos.uname().sysname").value == "'esp32'"


def test_output_comes_while_the_cell_runs(connected: KernelSession, bench: Bench) -> None:
    def press(message: Message) -> None:
        if "waiting" in str(message["content"]):
            bench["esp32"].chip("button").press()

    code = """%%board
from machine import Pin
import time
button = Pin(4, Pin.IN, Pin.PULL_UP)
print("waiting")
while button.value():
    time.sleep_ms(5)
"pressed" """
    ran = connected.run(code, on_message=press)
    bench["esp32"].chip("button").release()
    assert ran.value == "'pressed'"


def test_variables_go_both_ways(connected: KernelSession) -> None:
    connected.run("limit = 21.5\nnames = ['é', None, (1,), {2: b'\\x00'}, {3}, float('inf')]")
    ran = connected.run("%%board -i limit,names -o hot,back\nhot = 22 > limit\nback = names")
    assert ran.status == "ok"
    assert connected.run("hot, back == names, back is names").value == "(True, True, False)"


@pytest.mark.parametrize(
    ("line", "kind", "words"),
    [
        ("%%board -i array\n1", "UnsupportedError", "array holds a numpy.ndarray"),
        ("%%board -i nothing\n1", "NotFoundError", "no variable nothing in this notebook"),
        ("%%board -o nothing\n1", "ConfigError", "the board has no such variable"),
        ("%%board -o machine\nimport machine", "UnsupportedError", "-o machine: eval returns plain values"),
        ("%%board -i 1x\n1", "ConfigError", "names of variables"),
        ("%%board nobody\n1", "NotFoundError", "there is no board 'nobody'"),
        ("%connect esp32 --as 1x", "ConfigError", "name of a variable"),
        ("%flash nothing.bin", "NotFoundError", "nothing.bin"),
        ("%flash nothing.bin --offset here", "ConfigError", "--offset takes a number"),
        ("%live nothing_there", "ConfigError", "none of the chips"),
        ("%ota install", "ConfigError", "%ota install BUNDLE"),
        ("%ota install nothing.zip", "NotFoundError", "nothing.zip"),
        ("%ota confirm", "SlotError", "no slots yet"),
    ],
)
def test_a_wrong_line_is_told_in_a_sentence(
    connected: KernelSession, line: str, kind: str, words: str
) -> None:
    connected.run("import numpy\narray = numpy.zeros(3)")
    ran = connected.run(line)
    assert ran.status == "error"
    assert ran.reply["ename"] == kind
    assert words in ran.error
    assert ran.error.count("\n") == 0


def test_what_the_board_raises_is_raised_here(connected: KernelSession) -> None:
    defined = connected.run("%%board\ndef inverse(x):\n    return 1 / x")
    ran = connected.run("%%board\n# a line more\ninverse(0)")
    assert ran.reply["ename"] == "RemoteError"
    assert f"Cell In[{ran.reply['execution_count']}], line 3" in ran.error
    assert f"Cell In[{defined.reply['execution_count']}], line 3, in inverse" in ran.error
    assert "----> 3     return 1 / x" in ran.error
    assert "iotlab/magics" not in ran.error


def test_an_interrupt_stops_the_board(connected: KernelSession) -> None:
    ran = connected.run("%%board\nkept = 7\nprint('running')\nwhile True: pass", interrupt_at="running")
    assert ran.reply["ename"] == "KeyboardInterrupt"
    assert "----> 4 while True: pass" in ran.error
    assert ran.stopped_after_s < 1.0
    assert connected.run("%%board\nkept").value == "7"


def test_the_board_can_ask(connected: KernelSession) -> None:
    assert connected.run("%%board\nprint(input('Who? '))", answer="Zoë").text == "Zoë\n"
    assert "front end that can ask" in connected.run("%%board\ninput('Who? ')").error


def test_pictures_from_the_board(connected: KernelSession) -> None:
    code = "%%board\nclass Dot:\n    def _repr_svg_(self): return '<svg/>'\ndisplay(Dot())\nclear_output()\nDot()"
    ran = connected.run(code)
    assert ran.kinds == ["display_data", "clear_output", "execute_result"]
    assert ran.of("display_data")[0]["data"]["image/svg+xml"] == "<svg/>"
    assert ran.of("execute_result")[0]["data"]["image/svg+xml"] == "<svg/>"


def test_without_a_named_board_the_users_own_is_meant(kernel: KernelSession) -> None:
    kernel.run("import iotlab\nif 'board' in globals(): board.close()")
    kernel.run("mine = iotlab.connect('esp32')\nmine.exec('here = 1')")
    assert kernel.run("%%board\nhere").value == "1"
    assert kernel.run("mine.close()").status == "ok"


def test_probe(connected: KernelSession) -> None:
    shown = connected.run("%probe").of("execute_result")[0]["data"]
    assert "BME280" in shown["text/plain"]
    assert "<table" in shown["text/html"]
    assert "DS3231" in str(connected.run("%probe 0 --board pico").value)


@pytest.mark.parametrize("source", ["bme280", "", "lambda: board.eval('20 + 1')", "board.eval('20 + 1')"])
def test_live(connected: KernelSession, source: str) -> None:
    ran = connected.run(f"%live {source} --rate 50 --as plot")
    assert ran.status == "ok"
    assert "application/vnd.jupyter.widget-view+json" in ran.of("display_data")[0]["data"]
    connected.run("plot.recording.wait(3, timeout_s=30)")
    quantity = "value" if "board" in source else "temperature_c"
    ran = connected.run(f"plot.close()\nplot.recording.last[{quantity!r}]")
    assert ran.value is not None
    assert 15 < float(ran.value) < 30


def test_flash(connected: KernelSession) -> None:
    connected.run("from iotlab.flash import firmware\nimage = firmware.sample('esp32')")
    ran = connected.run("%flash image --board esp32", timeout_s=110)
    assert ran.status == "ok", ran.error
    bars = [c["data"]["text/plain"] for c in ran.of("display_data") + ran.of("update_display_data")]
    assert any("write" in bar and "%" in bar for bar in bars)
    assert "done in" in bars[-1]
    assert 'role="progressbar"' in ran.of("display_data")[0]["data"]["text/html"]
    assert connected.run("%%board\n6 * 7").value == "42"


def test_ota(kernel: KernelSession, tmp_path: Path) -> None:
    with Bench.start({"boards": {"esp32": {"kind": "esp32"}}}, name="ota-magic") as bench:
        assert kernel.run(f"%connect {bench['esp32'].port}").status == "ok"
        assert "no slots yet" in str(kernel.run("%ota").value)
        (tmp_path / "counter").mkdir()
        (tmp_path / "counter" / "main.py").write_text("import time\nwhile True: time.sleep_ms(20)\n")
        pack = f"ota.bundle({str(tmp_path / 'counter')!r}, version='1.0.0', trial_s=120)"
        assert kernel.run(f"from iotlab import ota\nfirst = {pack}").status == "ok"
        ran = kernel.run("%ota install first")
        assert ran.status == "ok", ran.error
        assert "counter 1.0.0 is in slot" in ran.text
        assert "starts on trial" in str(ran.value)
        kernel.run("board.reset('hard')")
        assert "on trial" in str(kernel.run("%ota").value)
        assert "confirmed" in str(kernel.run("%ota confirm").value)
        assert "confirmed" not in str(kernel.run("%ota revert").value)
        assert kernel.run("board.close()").status == "ok"
