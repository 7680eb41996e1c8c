"""``%mpremote`` in both kernels: whose board it is, where its output and errors go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from iotlab.sim import Bench
from iotlab.testing.kernels import KernelSession


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("notebook")
    (made / "hello.py").write_text("def twice(x):\n    return 2 * x\nprint('hello')\n")
    return made


@pytest.fixture(scope="module")
def python(bench: Bench, folder: Path) -> Iterator[KernelSession]:
    with KernelSession("python3", folder=folder) as kernel:
        assert kernel.run("%load_ext iotlab\n%connect esp32").status == "ok"
        yield kernel


# -- an ordinary Python kernel ----------------------------------------------------------------


def test_the_magic_shares_the_board_with_the_cells(python: KernelSession) -> None:
    python.run("%%board\nx = 20")
    assert python.run("%mpremote exec 'x += 1' eval x*2").text == "42\n"
    assert python.run("board.eval('x')").value == "21"
    python.run("%mpremote cp hello.py :")
    assert "hello.py" in python.run("%mpremote ls").text


def test_the_magic_takes_another_board(python: KernelSession) -> None:
    python.run("%connect pico --as second\n%connect esp32")
    ran = python.run("%mpremote --board second eval \"__import__('os').uname().sysname\"")
    assert (ran.status, ran.text) == ("ok", "rp2\n")
    python.run("second.close()")


def test_the_magic_raises_in_one_sentence(python: KernelSession) -> None:
    ran = python.run("%mpremote exec 1/0")
    assert (ran.status, ran.reply["ename"]) == ("error", "RemoteError")
    assert "ZeroDivisionError" in ran.error
    assert "site-packages" not in ran.error
    refused = python.run("%mpremote a0")
    assert refused.reply["ename"] == "ConfigError"
    assert "%connect" in refused.error
    assert refused.error.count("\n") == 0
    caught = python.run(
        "try:\n    get_ipython().run_line_magic('mpremote', 'cat nope')\nexcept LookupError: print('caught')"
    )
    assert caught.text == "caught\n"


def test_a_mounted_folder_serves_cells_of_the_python_kernel(python: KernelSession, folder: Path) -> None:
    assert "/remote" in python.run("%mpremote mount .").text
    ran = python.run(
        "%%board\nimport hello\nwith open('from-board.txt', 'w') as f: f.write('é')\nhello.twice(21)"
    )
    assert (ran.status, ran.value) == ("ok", "42")
    assert (folder / "from-board.txt").read_text(encoding="utf-8") == "é"
    assert python.run("board.eval('hello.twice(4)')").value == "8"
    python.run("board.reset()")
    assert "no longer mounted" in python.run("%%board\nprint('next')").text
    assert python.run("%%board\nprint('next')").text == "next\n"


# -- the board's kernel -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def kernel(kernelspec: str, bench: Bench, folder: Path) -> Iterator[KernelSession]:
    with KernelSession(kernelspec, environment={"IOTLAB_BOARD": "pico"}, folder=folder) as kernel:
        yield kernel


def test_the_kernels_line_runs_before_the_cell(kernel: KernelSession) -> None:
    kernel.run("x = 20")
    ran = kernel.run("%mpremote exec 'x += 1'\nx * 2")
    assert (ran.status, ran.value) == ("ok", "42")
    assert kernel.run("%mpremote eval 'x + 1'").text == "22\n"


def test_a_mounted_folder_serves_cells_of_the_boards_kernel(kernel: KernelSession, folder: Path) -> None:
    ran = kernel.run("%mpremote mount .\nimport hello\nhello.twice(21)")
    assert (ran.status, ran.value) == ("ok", "42")
    assert ran.text.endswith("hello\n")
    (folder / "later.txt").write_text("later")
    assert kernel.run("open('later.txt').read()").value == "'later'"
    kernel.run("%reset")
    assert "no longer mounted" in kernel.run("print('next')").text
    assert kernel.run("import later").status == "error"


def test_the_stop_button_stops_the_board(kernel: KernelSession, folder: Path) -> None:
    (folder / "loop.py").write_text("print('running')\nn = 0\nwhile True: n += 1\n")
    ran = kernel.run("%mpremote run loop.py", interrupt_at="running")
    assert (ran.status, ran.reply["ename"]) == ("error", "KeyboardInterrupt")
    assert kernel.run("n - n").value == "0"


def test_errors_in_the_kernel(kernel: KernelSession) -> None:
    ran = kernel.run("%mpremote repl")
    assert (ran.status, ran.reply["ename"]) == ("error", "ConfigError")
    assert kernel.run("%mpremote cat nope").reply["ename"] == "NotFoundError"
    assert "usage: mip" in kernel.run("%mpremote mip --help").text
    assert kernel.run("1 + 1").value == "2"
