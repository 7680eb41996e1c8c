"""What % lines do: cells on this machine, variables both ways, folders, time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from iotlab.sim import Bench
from iotlab.testing.kernels import KernelSession


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notebook")


@pytest.fixture(scope="module")
def kernel(kernelspec: str, bench: Bench, folder: Path) -> Iterator[KernelSession]:
    with KernelSession(kernelspec, environment={"IOTLAB_BOARD": "esp32"}, folder=folder) as kernel:
        yield kernel


def test_a_cell_on_this_machine(kernel: KernelSession) -> None:
    ran = kernel.run("%%host\nimport sys\nprint('hi')\nprint('oh', file=sys.stderr)\nsys.implementation.name")
    assert (ran.text, ran.notes, ran.value) == ("hi\n", "oh\n", "'cpython'")
    kernel.run("%%host\nfrom IPython.display import display, HTML\ndisplay(HTML('<b>bold</b>'))\nx = 1")
    assert kernel.run("%%host\nx + 1").value == "2"
    shown = kernel.run("%%host\ndisplay(HTML('<b>bold</b>'))").of("display_data")
    assert shown[0]["data"]["text/html"] == "<b>bold</b>"
    assert kernel.run("x").reply["ename"] == "NameError"  # the board has another x, or none


def test_an_error_on_this_machine_points_at_the_line(kernel: KernelSession) -> None:
    ran = kernel.run("%%host\n\nx = 1\n1 / 0")
    assert (ran.status, ran.reply["ename"], ran.kinds) == ("error", "ZeroDivisionError", ["error"])
    assert "----> 4 1 / 0" in ran.error


@pytest.mark.parametrize("loop", ["while True: pass", "time.sleep(60)", "await asyncio.sleep(60)"])
def test_a_cell_on_this_machine_is_interrupted(kernel: KernelSession, loop: str) -> None:
    kernel.run("%%host\nimport asyncio, time")
    ran = kernel.run(f"%%host\nprint('running', flush=True)\n{loop}", interrupt_at="running")
    assert ran.status == "error"
    assert ran.reply["ename"] in ("KeyboardInterrupt", "CancelledError")
    assert kernel.run("6 * 7").value == "42"


def test_a_cell_on_this_machine_waits_for_what_it_awaits(kernel: KernelSession) -> None:
    assert kernel.run("%%host\nimport asyncio\nawait asyncio.sleep(0.01, 'done')").value == "'done'"


def test_a_cell_on_this_machine_asks(kernel: KernelSession) -> None:
    assert kernel.run("%%host\nprint(input('Who? '))", answer="me").text == "me\n"


def test_a_cell_on_this_machine_has_the_board(kernel: KernelSession) -> None:
    kernel.run("1")
    assert kernel.run("%%host\nboard.i2c(0).scan()").value == "[60, 119]"


def test_variables_go_both_ways(kernel: KernelSession) -> None:
    kernel.run("readings = [(1, 21.5), (2, None)]\nname = 'Zoë'")
    kernel.run("%pull readings, name")
    assert kernel.run("%%host\nreadings, name").value == "([(1, 21.5), (2, None)], 'Zoë')"
    kernel.run("%%host\nlimits = {'low': -1e-3, 'raw': b'\\x00\\xff'}")
    assert (
        kernel.run("%push limits\nsorted(limits.items())").value
        == "[('low', -0.001), ('raw', b'\\x00\\xff')]"
    )
    assert kernel.run("%%host\nf = open").status == "ok"
    assert kernel.run("%push f").reply["ename"] == "UnsupportedError"


def test_a_folder_goes_to_the_board(kernel: KernelSession, folder: Path) -> None:
    (folder / "app" / "parts").mkdir(parents=True)
    (folder / "app" / "gauge.py").write_text(
        "from parts import dial\n\ndef read():\n    return dial.turn(0)\n"
    )
    (folder / "app" / "parts" / "dial.py").write_text("def turn(n):\n    # a comment\n    return 1 // n\n")
    first = kernel.run("%sync app /lib")
    assert first.text == "/lib/gauge.py\n/lib/parts/dial.py\n2 files changed\n"
    assert kernel.run("%sync app /lib").text == "0 files changed\n"
    failed = kernel.run("import gauge\ngauge.read()")
    assert failed.reply["ename"] == "ZeroDivisionError"
    assert f"File {folder / 'app' / 'gauge.py'}:4, in read" in failed.error
    assert f"File {folder / 'app' / 'parts' / 'dial.py'}:3, in turn" in failed.error
    assert "----> 3     return 1 // n" in failed.error


def test_a_changed_module_is_imported_anew(kernel: KernelSession, folder: Path) -> None:
    (folder / "two").mkdir()
    (folder / "two" / "setting.py").write_text("level = 1\n")
    assert kernel.run("%sync two\nimport setting\nsetting.level").value == "1"
    (folder / "two" / "setting.py").write_text("level = 2\n")
    ran = kernel.run("%sync two")
    assert "import setting again" in ran.text
    assert kernel.run("import setting\nsetting.level").value == "2"


def test_a_file_that_changed_since_shows_no_lines(kernel: KernelSession, folder: Path) -> None:
    (folder / "late.py").write_text("def fail():\n    raise ValueError(1)\n")
    kernel.run("%put late.py\nimport late")
    (folder / "late.py").write_text("# another\n")
    error = kernel.run("late.fail()").error
    assert "late.py:2, in fail" in error
    assert "raise ValueError" not in error


def test_a_cell_becomes_a_file(kernel: KernelSession) -> None:
    kernel.run("%%writefile blink.py\nfor n in range(2):\n    print('on')\n")
    assert kernel.run("print(open('blink.py').read())").text == "for n in range(2):\n    print('on')\n\n"
    assert kernel.run("%rm blink.py\nimport os\n'blink.py' in os.listdir()").value == "False"


@pytest.mark.parametrize(
    "cell", ["%timeit -n 10 -r 3 time.sleep_ms(2)", "%%timeit -n 10 -r 3\ntime.sleep_ms(2)"]
)
def test_time_is_the_boards(kernel: KernelSession, cell: str) -> None:
    kernel.run("import time")
    ran = kernel.run(cell)
    match = re.match(
        r"([\d.]+) ms ± [\d.]+ [mμun]s per loop \(mean ± std. dev. of 3 runs, 10 loops each\)", ran.text
    )
    assert match, ran.text
    assert 1.5 <= float(match[1]) < 50.0
    assert "_iotlab_timed" not in str(kernel.run("dir()").value)


def test_time_of_what_raises(kernel: KernelSession) -> None:
    ran = kernel.run("%timeit 1 // 0")
    assert ran.reply["ename"] == "ZeroDivisionError"
    assert "_iotlab_timed" not in str(kernel.run("dir()").value)


def test_the_commands_are_listed(kernel: KernelSession) -> None:
    names = kernel.run("%lsmagic").text.split()
    assert {"%connect", "%sync", "%timeit", "%pull", "%push", "%%host", "%%writefile"} <= set(names)
    assert kernel.complete("%%ho") == ["%%host"]
    assert kernel.complete("%sy") == ["%sync"]


def test_an_error_of_the_system_has_a_name(kernel: KernelSession) -> None:
    assert kernel.run("open('/no/such/file')").reply["evalue"].startswith("[Errno 2] ENOENT")
    assert kernel.run("raise OSError(28)").reply["evalue"].startswith("[Errno 28] ENOSPC")
    assert kernel.run("raise OSError(-110)").reply["evalue"].startswith("[Errno 110] ETIMEDOUT")
