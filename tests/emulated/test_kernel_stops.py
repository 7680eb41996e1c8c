"""What ends a cell early in the board's kernel: an interrupt, a reset, a cable, a power cut."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from iotlab.sim import Bench
from iotlab.testing.kernels import KernelSession, Message


@pytest.fixture(scope="module")
def kernel(kernelspec: str, bench: Bench) -> Iterator[KernelSession]:
    with KernelSession(kernelspec, environment={"IOTLAB_BOARD": "esp32"}) as kernel:
        yield kernel


@pytest.mark.parametrize(
    "loop",
    [
        "while True: pass",
        "while True: time.sleep(60)",
        "while True: print('running on and on')",
        "while True: machine.I2C(0).scan()",
        "sys.stdin.readline()",
    ],
)
def test_an_interrupt_stops_the_board_within_a_second(kernel: KernelSession, loop: str) -> None:
    kernel.run("import machine, sys, time\nkept = 7")
    ran = kernel.run(f"print('running')\n{loop}", interrupt_at="running")
    assert ran.status == "error"
    assert ran.reply["ename"] == "KeyboardInterrupt"
    # the first line is still at work when what it printed was seen
    assert f"----> 2 {loop}" in ran.error or "----> 1 print('running')" in ran.error
    assert ran.stopped_after_s < 1.0
    assert kernel.run("kept").value == "7"


def test_a_cell_that_catches_the_interrupt_comes_to_its_end(kernel: KernelSession) -> None:
    code = "try:\n    print('running')\n    while True: pass\nexcept KeyboardInterrupt:\n    print('stopped')\n'end'"
    ran = kernel.run(code, interrupt_at="running")
    assert (ran.status, ran.text, ran.value) == ("ok", "running\nstopped\n", "'end'")
    assert ran.stopped_after_s < 1.0


def test_a_question_can_be_interrupted(kernel: KernelSession) -> None:
    ran = kernel.run("name = input('Who? ')", interrupt_at="Who?")
    assert ran.reply["ename"] == "KeyboardInterrupt"
    assert kernel.run("1 + 1").value == "2"


def test_a_cell_that_heeds_no_interrupt_ends_in_a_reset(kernel: KernelSession) -> None:
    code = "import micropython\nmicropython.kbd_intr(-1)\nprint('running')\nwhile True: pass"
    ran = kernel.run(code, interrupt_at="running")
    assert ran.reply["ename"] == "KeyboardInterrupt"
    assert "the board was reset: variables are lost" in ran.reply["evalue"]
    assert kernel.run("1 + 1").value == "2"


def test_a_cell_that_exits_only_ends(kernel: KernelSession) -> None:
    ran = kernel.run("kept = 1\nimport sys\nsys.exit()\nprint('not here')")
    assert (ran.reply["status"], ran.text) == ("ok", "")
    assert kernel.run("kept").value == "1"


def test_a_cell_that_restarts_the_board_says_so(kernel: KernelSession) -> None:
    kernel.run("gone = 1")
    ran = kernel.run("print('before')\nimport machine\nmachine.reset()")
    assert ran.text.startswith("before\n")
    assert ran.reply["ename"] == "RestartedError"
    assert "variables are lost" in ran.reply["evalue"]
    assert kernel.run("gone").reply["ename"] == "NameError"
    assert kernel.run("6 * 7").value == "42"


def test_a_power_cut_between_cells_is_not_passed_over(kernel: KernelSession, bench: Bench) -> None:
    for _ in range(10):  # a question of the kernel's own may see it first, at any moment
        kernel.run("gone = 1")
        bench["esp32"].power_cycle()
        ran = kernel.run("gone")
        assert ran.reply["ename"] == "RestartedError"
        assert "variables are lost (gone)" in ran.reply["evalue"]
        assert kernel.run("gone").reply["ename"] == "NameError"
        assert kernel.run("6 * 7").value == "42"


def test_a_board_that_forgot_without_a_word(kernel: KernelSession) -> None:
    """As after a reset that nobody heard of: the helper is gone, and the cell says what that means."""
    kernel.run("1")
    kernel.run("import sys\nfor name in ('_iotlab', '_iotlab_cell'): del sys.modules[name]")
    ran = kernel.run("1 + 1")
    assert ran.reply["ename"] == "RestartedError"
    assert kernel.run("1 + 1").value == "2"


def test_a_power_cut_in_mid_cell(kernel: KernelSession, bench: Bench) -> None:
    def cut(message: Message) -> None:
        if "running" in str(message["content"]) and message["msg_type"] == "stream":
            bench["esp32"].power_cycle()

    ran = kernel.run("print('running')\nwhile True: pass", on_message=cut)
    assert ran.status == "error"
    assert ran.reply["ename"] in ("RestartedError", "DisconnectedError")
    assert kernel.run("6 * 7").value == "42"


def test_without_a_board_a_cell_says_what_to_do(
    kernelspec: str, lab_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    nowhere = str(tmp_path_factory.mktemp("n"))
    with KernelSession(kernelspec, environment={"IOTLAB_RUNTIME_DIR": nowhere}) as kernel:
        ran = kernel.run("1 + 1")
        assert ran.reply["ename"] == "NotFoundError"
        assert "iotlab bench up" in ran.reply["evalue"]
        assert kernel.complete("pri") == []
        assert kernel.complete("%hel") == ["%help"]


def test_two_boards_and_no_name(kernelspec: str, bench: Bench) -> None:
    with KernelSession(kernelspec) as kernel:
        ran = kernel.run("1 + 1")
        assert ran.reply["ename"] == "ConfigError"
        assert "esp32, pico" in ran.reply["evalue"]
        assert kernel.run("%connect pico\n6 * 7").value == "42"


def test_a_board_that_another_kernel_has(kernel: KernelSession, kernelspec: str, bench: Bench) -> None:
    kernel.run("1")
    with KernelSession(kernelspec, environment={"IOTLAB_BOARD": "esp32"}) as other:
        ran = other.run("1 + 1")
        assert ran.reply["ename"] == "InUseError"
        assert "held by" in ran.reply["evalue"]


def test_a_blank_board(kernelspec: str, lab_environment: dict[str, str]) -> None:
    with Bench.start(name="blank") as blank:
        blank["esp32"].power_off()
        blank["esp32"].flash_erase()
        blank["esp32"].power_on()
        with KernelSession(kernelspec, environment={"IOTLAB_BOARD": blank["esp32"].port}) as kernel:
            ran = kernel.run("1 + 1")
            assert ran.status == "error"
            assert "the flash is empty" in ran.reply["evalue"]
            assert "flash it" in ran.reply["evalue"]


def test_a_new_kernel_finds_a_fresh_board_and_leaves_it_free(kernelspec: str, bench: Bench) -> None:
    environment = {"IOTLAB_BOARD": "pico"}
    with KernelSession(kernelspec, environment=environment) as first:
        first.run("old = 1")
    with KernelSession(kernelspec, environment=environment) as second:
        assert second.run("old").reply["ename"] == "NameError"
