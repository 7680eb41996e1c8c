"""Cells in the board's kernel: output, values, errors, what survives."""

from __future__ import annotations

import ast
import base64
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from iotlab.sim import Bench
from iotlab.testing.kernels import KernelSession, Message


@pytest.fixture(scope="module")
def kernel(
    kernelspec: str, bench: Bench, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[KernelSession]:
    folder = tmp_path_factory.mktemp("notebook")
    with KernelSession(kernelspec, environment={"IOTLAB_BOARD": "esp32"}, folder=folder) as kernel:
        yield kernel


def test_output_comes_while_the_cell_runs(kernel: KernelSession, bench: Bench) -> None:
    """The cell waits for a button that the test presses when it has seen the cell's first line."""

    def press(message: Message) -> None:
        if "waiting" in str(message["content"]):
            bench["esp32"].chip("button").press()

    code = """from machine import Pin
import time
button = Pin(4, Pin.IN, Pin.PULL_UP)
print("waiting")
while button.value():
    time.sleep_ms(5)
print("pressed")"""
    ran = kernel.run(code, on_message=press)
    bench["esp32"].chip("button").release()
    assert (ran.status, ran.text) == ("ok", "waiting\npressed\n")


def test_many_lines_come_whole_and_in_few_messages(kernel: KernelSession) -> None:
    ran = kernel.run(
        "import time\nt0 = time.ticks_ms()\nfor n in range(5000): print(n)\ntime.ticks_diff(time.ticks_ms(), t0)"
    )
    assert ran.text == "".join(f"{n}\n" for n in range(5000))
    assert ran.value is not None
    # the board's own time is the shortest it can have taken: at most one message in 20 ms of it, the first, the
    # last, and as much again for what was on its way when the board had printed it
    assert len(ran.of("stream")) <= 2 * (int(ran.value) / 20) + 10
    assert ran.kinds[-1] == "execute_result"


def test_the_last_value_is_shown_and_kept(kernel: KernelSession) -> None:
    assert kernel.run("x = 40\nx + 2").value == "42"
    assert kernel.run("_").value == "42"
    assert kernel.run("x + 2;").value is None
    assert kernel.run("None").kinds == []
    assert kernel.run("x = 1").kinds == []


def test_order_of_prints_and_pictures(kernel: KernelSession) -> None:
    code = """class Dot:
    def _repr_svg_(self): return '<svg xmlns="http://www.w3.org/2000/svg"/>'
    def _repr_png_(self): return bytes(range(256))
    def __repr__(self): return 'a dot'
print('before')
display(Dot())
print('after')
Dot()"""
    ran = kernel.run(code)
    assert ran.kinds == ["stream", "display_data", "stream", "execute_result"]
    shown = ran.of("display_data")[0]["data"]
    assert shown["text/plain"] == "a dot"
    assert shown["image/svg+xml"].startswith("<svg")
    assert base64.b64decode(shown["image/png"]) == bytes(range(256))
    assert ran.of("execute_result")[0]["data"] == shown
    assert ran.text == "before\nafter\n"


def test_output_is_cleared(kernel: KernelSession) -> None:
    ran = kernel.run("clear_output(True)\nprint('new')")
    assert ran.kinds == ["clear_output", "stream"]
    assert ran.of("clear_output") == [{"wait": True}]


def test_an_error_points_at_the_line(kernel: KernelSession) -> None:
    ran = kernel.run("def half(text):\n    return int(text) / 2\n\nprint(half('10'))\nhalf('ten')")
    assert (ran.status, ran.text) == ("error", "5.0\n")
    assert ran.reply["ename"] == "ValueError"
    assert ran.reply["evalue"] == "invalid syntax for integer with base 10: 'ten'"
    assert ran.reply["traceback"] == ran.of("error")[0]["traceback"]
    number = ran.reply["execution_count"]
    assert f"Cell In[{number}], line 5" in ran.error
    assert "----> 5 half('ten')" in ran.error
    assert f"Cell In[{number}], line 2, in half" in ran.error
    assert "----> 2     return int(text) / 2" in ran.error


def test_an_error_in_an_older_cells_function_points_there(kernel: KernelSession) -> None:
    defined = kernel.run("def inverse(x):\n    y = 1 / x\n    return y")
    ran = kernel.run("# a line more\ninverse(0)")
    assert f"Cell In[{ran.reply['execution_count']}], line 2" in ran.error
    assert f"Cell In[{defined.reply['execution_count']}], line 2, in inverse" in ran.error
    assert "----> 2     y = 1 / x" in ran.error


def test_a_function_that_calls_itself_without_end(kernel: KernelSession) -> None:
    ran = kernel.run("def deeper(n):\n    return deeper(n + 1)\ndeeper(0)")
    assert ran.reply["ename"] == "RuntimeError"
    assert ran.error.count(", in deeper") == 3
    assert re.search(r"\[the same \d+ more times\]", ran.error)


def test_a_syntax_error_points_at_the_line(kernel: KernelSession) -> None:
    ran = kernel.run("x = 1\nx = = 2")
    assert ran.reply["ename"] == "SyntaxError"
    assert "----> 2 x = = 2" in ran.error


def test_a_cell_that_breaks_off_points_at_its_end(kernel: KernelSession) -> None:
    ran = kernel.run("x = 1\ny = [1, 2,")
    assert ran.reply["ename"] == "SyntaxError"
    assert f"Cell In[{ran.reply['execution_count']}], line 2" in ran.error
    assert "----> 2 y = [1, 2," in ran.error


def test_the_next_cell_works(kernel: KernelSession) -> None:
    assert kernel.run("1 // 0").status == "error"
    assert kernel.run("1 // 1").value == "1"


def test_what_cpython_cannot_read_runs(kernel: KernelSession) -> None:
    """MicroPython takes some things that CPython refuses: the cell goes there as it is."""
    with pytest.raises(SyntaxError):
        ast.parse('print(b"é")')
    assert kernel.run('print(b"é")').text == "b'\\xc3\\xa9'\n"


def test_input_asks_the_user(kernel: KernelSession) -> None:
    ran = kernel.run("name = input('Who? ')\nprint(name)", answer="Zoë \\ 'q' 日")
    assert ran.text == "Zoë \\ 'q' 日\n"


def test_input_where_nobody_can_be_asked(kernel: KernelSession) -> None:
    ran = kernel.run("input('Who? ')")
    assert ran.reply["ename"] == "RuntimeError"
    assert "front end that can ask" in ran.reply["evalue"]
    assert kernel.run("1").value == "1"


def test_what_a_timer_prints_between_cells_is_not_lost(kernel: KernelSession) -> None:
    code = """from machine import Timer
ticks = []
def tick(t):
    ticks.append(1)
    print('tick', len(ticks))
timer = Timer(0)
timer.init(period=5, callback=tick)"""
    seen = kernel.run(code).text
    while "tick 5\n" not in seen:
        seen += kernel.run("time.sleep_ms(10)").text
    seen += kernel.run("timer.deinit()").text
    ran = kernel.run("len(ticks)")
    assert ran.value is not None
    assert seen + ran.text == "".join(f"tick {n}\n" for n in range(1, int(ran.value) + 1))


def test_silence(kernel: KernelSession) -> None:
    request = kernel.client.execute(
        "6 * 7", silent=True, user_expressions={"y": "2 ** 10", "no": "nothing_there"}
    )
    reply = kernel.client.get_shell_msg(timeout=60)
    assert reply["parent_header"]["msg_id"] == request
    assert reply["content"]["user_expressions"]["y"]["data"] == {"text/plain": "1024"}
    assert reply["content"]["user_expressions"]["no"]["status"] == "error"
    assert kernel.run("'loud'").kinds == ["execute_result"]


def test_the_kernel_tells_what_it_runs_on(kernel: KernelSession) -> None:
    kernel.run("1")
    info = kernel.info()
    firmware = kernel.run(
        "import sys\nprint('.'.join(str(n) for n in sys.implementation[1] if n != ''))"
    ).text.strip()
    assert info["language_info"]["version"] == firmware
    assert "on esp32" in info["banner"]


def test_names_of_the_board_complete(kernel: KernelSession) -> None:
    kernel.run(
        "from machine import Pin\nclass Lamp:\n    def glow(self): pass\nlamp = Lamp()\nlamp.lamp_level = 1"
    )
    assert kernel.complete("x = lam") == ["lambda", "lamp"]
    assert kernel.complete("lamp.") == ["glow", "lamp_level"]
    assert "__class__" in kernel.complete("lamp.__")
    assert "PULL_UP" in kernel.complete("led = Pin(4, Pin.IN, Pin.PU")
    assert kernel.complete("print(lamp.gl)", 13) == ["glow"]
    assert kernel.complete("lamp.glow().") == []  # a call is never made for a completion
    assert "asyncio" in kernel.complete("import os, asy")


def test_a_module_on_the_boards_file_system_completes(kernel: KernelSession) -> None:
    kernel.run("with open('/thermostat.py', 'w') as f: f.write('limit_c = 21')")
    assert kernel.complete("import ther") == ["thermostat"]
    assert kernel.complete("from thermostat import li") == []  # its code is not run for a completion
    kernel.run("import thermostat")
    assert kernel.complete("from thermostat import li") == ["limit_c"]


def test_names_are_told_about(kernel: KernelSession) -> None:
    kernel.run(
        'def mean(values, digits=1):\n    """The mean."""\n    return round(sum(values) / len(values), digits)'
    )
    told = kernel.inspect("mean(", 5)
    assert "def mean(values, digits=1)" in told
    assert "The mean." in told
    assert "return round" not in told
    assert "return round" in kernel.inspect("mean", detail=1)
    kernel.run("level = 17")
    assert "int" in kernel.inspect("level")
    assert "17" in kernel.inspect("level")
    assert kernel.inspect("nothing_of_that_name") == ""
    assert "17" in kernel.run("level?").reply["payload"][0]["data"]["text/plain"]
    assert "no nothing_of_that_name" in kernel.run("nothing_of_that_name?").text


def test_files_go_and_come(kernel: KernelSession, tmp_path: Path) -> None:
    source = tmp_path / "settings.txt"
    source.write_bytes(bytes(range(256)) * 20)
    assert kernel.run(f"%put '{source}'").status == "ok"
    assert "/settings.txt" in kernel.run("%ls").of("display_data")[0]["data"]["text/plain"]
    ran = kernel.run(f"%get /settings.txt '{tmp_path / 'back.txt'}'\nopen('/settings.txt', 'rb').read(4)")
    assert ran.value == r"b'\x00\x01\x02\x03'"
    assert (tmp_path / "back.txt").read_bytes() == source.read_bytes()


@pytest.mark.parametrize(
    ("line", "name", "words"),
    [
        ("%nothing", "NotFoundError", "%boards, %connect"),
        ("%conect esp32", "NotFoundError", "did you mean %connect?"),
        ("%%hots\n1", "NotFoundError", "did you mean %%host?"),
        ("%pip install x", "NotFoundError", "put it into a %%host cell"),
        ("%timeit", "ConfigError", "nothing to time"),
        ("%timeit -n many 1", "ConfigError", "takes a number"),
        ("%connect esp32 pico", "ConfigError", "use it as %connect"),
        ("%push nowhere", "NotFoundError", "there is no nowhere on this machine"),
        ("%pull nowhere", "ConfigError", "the board has no variable nowhere"),
        ("%pull 1", "ConfigError", "use it as %pull"),
        ("%sync /no/such/folder", "NotFoundError", "no folder /no/such/folder"),
        ("%reset never", "ConfigError", "%reset soft or %reset hard"),
        ("%put", "ConfigError", "use it as %put local"),
        ("%put /no/such/file", "NotFoundError", "no file /no/such/file"),
        ("%get /no/such/file", "NotFoundError", "there is no /no/such/file"),
        ("%ls 'open", "ConfigError", "close the quotation"),
        ("%connect nobody", "NotFoundError", "there is no board 'nobody'"),
        ("x = 1\n%ls", "ConfigError", "at the top of the cell"),
        ("%%time\nx = 1", "NotFoundError", "did you mean %%timeit?"),
        ("x = 1\n%%host", "ConfigError", "at the top of the cell"),
    ],
)
def test_a_wrong_line_is_told_in_a_sentence(kernel: KernelSession, line: str, name: str, words: str) -> None:
    ran = kernel.run(line)
    assert ran.status == "error"
    assert ran.reply["ename"] == name
    assert words in ran.reply["evalue"]
    assert len(ran.reply["traceback"]) == 1


def test_help_lists_every_command(kernel: KernelSession) -> None:
    text = kernel.run("%help").of("display_data")[0]["data"]["text/plain"]
    for name in ("connect", "boards", "reset", "put", "get", "ls", "info", "probe"):
        assert f"%{name}" in text


def test_the_board_is_told_about(kernel: KernelSession) -> None:
    text = kernel.run("%info").of("display_data")[0]["data"]["text/plain"]
    assert "esp32" in text
    assert "MicroPython" in text
    boards = kernel.run("%boards").of("display_data")[0]["data"]
    assert "esp32" in boards["text/plain"]
    assert "<table" in boards["text/html"]


def test_the_bus_is_probed(kernel: KernelSession) -> None:
    shown = kernel.run("%probe 0").of("display_data")[0]["data"]
    assert "BME280" in shown["text/plain"]
    assert "<table" in shown["text/html"]


def test_another_board(kernel: KernelSession) -> None:
    kernel.run("only_here = 1")
    assert kernel.run("%connect pico\nimport os\nos.uname().sysname").value == "'rp2'"
    assert kernel.run("only_here").reply["ename"] == "NameError"
    assert kernel.run("%connect esp32\nimport os\nos.uname().sysname").value == "'esp32'"


@pytest.mark.parametrize("kind", ["soft", "hard"])
def test_a_reset_forgets_names_and_keeps_files(kernel: KernelSession, kind: str) -> None:
    kernel.run("gone = 1\nwith open('/kept.txt', 'w') as f: f.write('kept')")
    assert kernel.run(f"%reset {kind}").status == "ok"
    assert kernel.run("gone").reply["ename"] == "NameError"
    assert kernel.run("open('/kept.txt').read()").value == "'kept'"
