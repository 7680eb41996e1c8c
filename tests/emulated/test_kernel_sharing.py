"""Several notebooks and one board: who has it, how another one gets it, what a restart finds again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from iotlab.config import Settings
from iotlab.kernel.claim import Claim, notebook_name, take, who_has
from iotlab.sim import Bench
from iotlab.testing.kernels import KernelSession


@contextmanager
def notebook(kernelspec: str, name: str, board: str = "esp32") -> Iterator[KernelSession]:
    """A kernel that Jupyter's server started for the notebook ``name``."""
    with KernelSession(kernelspec, environment={"IOTLAB_BOARD": board, "JPY_SESSION_NAME": name}) as kernel:
        yield kernel


def test_the_second_notebook_is_told_who_has_the_board(kernelspec: str, bench: Bench) -> None:
    with notebook(kernelspec, "course/first.ipynb") as first, notebook(kernelspec, "second.ipynb") as second:
        first.run("1")
        ran = second.run("1")
        assert ran.reply["ename"] == "InUseError"
        assert "esp32 is held by the notebook course/first.ipynb" in ran.reply["evalue"]
        assert "%connect esp32 --take" in ran.reply["evalue"]


def test_the_second_notebook_takes_the_board(kernelspec: str, bench: Bench) -> None:
    with notebook(kernelspec, "first.ipynb") as first, notebook(kernelspec, "second.ipynb") as second:
        first.run("1")
        assert second.run("%connect --take\n6 * 7").value == "42"
        lost = first.run("1")
        assert lost.reply["ename"] == "InUseError"
        assert "the notebook second.ipynb took esp32" in lost.reply["evalue"]
        assert "held by the notebook second.ipynb" in first.run("1").reply["evalue"]
        assert first.run("%connect esp32 --take\n6 * 7").value == "42"
        assert "first.ipynb took" in second.run("1").reply["evalue"]


def test_a_board_is_taken_from_a_running_cell(kernelspec: str, bench: Bench) -> None:
    with notebook(kernelspec, "first.ipynb") as first, notebook(kernelspec, "second.ipynb") as second:
        running = first.start("print('running')\nwhile True: pass", seen="running")
        assert second.run("%connect esp32 --take\n6 * 7").value == "42"
        assert first.finish(running).status == "error"
        assert "second.ipynb took" in first.run("1").reply["evalue"]


def test_nobody_is_asked_where_no_notebook_has_the_board(kernelspec: str, bench: Bench) -> None:
    with notebook(kernelspec, "second.ipynb") as second:
        assert second.run("%connect esp32 --take\n6 * 7").value == "42"


def test_a_restarted_kernel_finds_its_board(kernelspec: str, bench: Bench) -> None:
    with notebook(kernelspec, "first.ipynb") as kernel:
        kernel.run("%connect pico")
        kernel.manager.restart_kernel()
        kernel.client.wait_for_ready(timeout=60)
        assert kernel.run("import os\nos.uname().sysname").value == "'rp2'"
    with notebook(kernelspec, "first.ipynb") as fresh:
        assert fresh.run("import os\nos.uname().sysname").value == "'esp32'"


def test_a_killed_kernel_leaves_the_board_free(kernelspec: str, bench: Bench) -> None:
    with notebook(kernelspec, "first.ipynb") as first:
        first.start("print('running')\nwhile True: pass", seen="running")
        first.manager.shutdown_kernel(now=True)
        with notebook(kernelspec, "second.ipynb") as second:
            assert second.run("6 * 7").value == "42"


def test_a_note_of_a_process_that_ended_says_nothing(tmp_path: Path, short_path: Path) -> None:
    settings = Settings(runtime_dir=short_path)
    asked: list[str] = []
    with Claim("/dev/ttyUSB0", settings, "the notebook a.ipynb", asked.append):
        note = who_has("/dev/ttyUSB0", settings)
        assert note is not None
        assert (note.notebook, note.pid) == ("the notebook a.ipynb", os.getpid())
        take(note, settings, "the notebook b.ipynb")
        assert asked == ["the notebook b.ipynb"]
        (place,) = (short_path / "held").glob("*.json")
        assert place.stat().st_mode & 0o077 == 0o044  # the folder is closed to others
        assert (short_path / "held").stat().st_mode & 0o777 == 0o700
        text = place.read_text()
    assert who_has("/dev/ttyUSB0", settings) is None
    place.write_text(text.replace(str(os.getpid()), "999999999"))
    assert who_has("/dev/ttyUSB0", settings) is None
    assert not place.exists()


def test_the_notebooks_name() -> None:
    assert notebook_name({"JPY_SESSION_NAME": "a/b.ipynb"}) == "the notebook a/b.ipynb"
    assert notebook_name({}) == "another kernel"
