"""The board of a kernel is unplugged and comes back, under another name too."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from iotlab.config import Settings
from iotlab.kernel.claim import who_has
from iotlab.sim import Bench
from iotlab.testing.kernels import KernelSession, Message

ELSEWHERE = "esp32-elsewhere.tty"
#: Generous: what would wait for the board waits for ever.
SOON_S = 5.0


@pytest.fixture
def kernel(kernelspec: str, bench: Bench) -> Iterator[KernelSession]:
    environment = {"IOTLAB_BOARD": "esp32", "JPY_SESSION_NAME": "first.ipynb"}
    with KernelSession(kernelspec, environment=environment) as kernel:
        yield kernel
    bench["esp32"].unplug_cable()
    bench["esp32"].plug_cable("esp32.tty")


def test_the_board_comes_back_under_another_name(kernel: KernelSession, bench: Bench) -> None:
    kernel.run("kept = 41\nimport machine\nbus = machine.I2C(0)")
    bench["esp32"].unplug_cable()
    for _ in range(2):
        away = kernel.run("kept")
        assert away.reply["ename"] == "DisconnectedError"
        assert "esp32 is not plugged in: plug it in and go on" in away.reply["evalue"]
        assert len(away.reply["traceback"]) == 1
    bench["esp32"].plug_cable(ELSEWHERE)
    back = kernel.run("kept += 1\nprint(kept)\n0x77 in bus.scan()")
    first, *rest = back.text.split("\n")
    assert first.endswith("was away: what it printed meanwhile is lost]")
    assert (rest, back.value) == (["42", ""], "True")
    assert kernel.run("print(kept)").text == "42\n"
    assert ELSEWHERE in str(kernel.run("%info").of("display_data"))


def test_a_board_that_was_plugged_in_again_before_anybody_looked(kernel: KernelSession, bench: Bench) -> None:
    kernel.run("kept = 41")
    bench["esp32"].unplug_cable()
    bench["esp32"].plug_cable(ELSEWHERE)
    back = kernel.run("kept + 1")
    assert back.value == "42"
    assert "was away" in back.text


def test_variables_that_are_lost_are_named_once(kernel: KernelSession, bench: Bench) -> None:
    kernel.run("import time\nspeed, colour = 3, 'red'\ndef turn(): pass\nturn")
    bench["esp32"].unplug_cable()
    bench["esp32"].power_cycle()
    assert kernel.run("speed").reply["ename"] == "DisconnectedError"
    bench["esp32"].plug_cable(ELSEWHERE)
    lost = kernel.run("speed")
    assert lost.reply["ename"] == "RestartedError"
    assert "variables are lost (time, speed, colour, turn)" in lost.reply["evalue"]
    assert lost.text == ""
    assert kernel.run("6 * 7").value == "42"
    assert kernel.run("speed").reply["ename"] == "NameError"


@pytest.mark.parametrize("loses", [False, True])
def test_a_cable_pulled_in_mid_cell(kernel: KernelSession, bench: Bench, loses: bool) -> None:
    def pull(message: Message) -> None:
        if "running" in str(message["content"]) and message["msg_type"] == "stream":
            bench["esp32"].unplug_cable()

    kernel.run("kept = 7")
    ran = kernel.run("print('running')\nwhile True: pass", on_message=pull)
    assert ran.reply["ename"] == "DisconnectedError"
    assert ran.reply["evalue"] == "esp32 went away while the cell ran: plug it in and go on"
    if loses:
        bench["esp32"].power_cycle()
    bench["esp32"].plug_cable(ELSEWHERE)
    ran = kernel.run("kept")
    if loses:
        assert "variables are lost (kept)" in ran.reply["evalue"]
        ran = kernel.run("kept = 7\nkept")
    assert ran.value == "7"
    assert ("was away" in ran.text) != loses


def test_questions_beside_the_cells_while_the_board_is_away(kernel: KernelSession, bench: Bench) -> None:
    kernel.run("speed_of_light = 299792458")
    assert kernel.complete("speed_") == ["speed_of_light"]
    assert "299792458" in kernel.inspect("speed_of_light")
    bench["esp32"].unplug_cable()
    for _ in range(2):  # the first one sees that it is gone
        began = time.monotonic()
        assert kernel.complete("speed_") == ["speed_of_light"]
        assert "299792458 (before the board went away)" in kernel.inspect("speed_of_light")
        assert time.monotonic() - began < SOON_S
    assert kernel.run("1").reply["ename"] == "DisconnectedError"
    bench["esp32"].plug_cable(ELSEWHERE)
    assert "299792458" in kernel.inspect("speed_of_light")  # looks for it, once between two cells
    back = kernel.run("speed_of_light")
    assert back.value == "299792458"
    assert "was away" in back.text


def test_a_question_that_finds_everything_lost_leaves_it_to_the_cell(
    kernel: KernelSession, bench: Bench
) -> None:
    kernel.run("speed = 3")
    bench["esp32"].unplug_cable()
    bench["esp32"].power_cycle()
    bench["esp32"].plug_cable(ELSEWHERE)
    kernel.complete("spe")
    lost = kernel.run("speed")
    assert lost.reply["ename"] == "RestartedError"
    assert "variables are lost (speed)" in lost.reply["evalue"]
    assert kernel.run("6 * 7").value == "42"


def test_another_board_while_one_is_away(kernel: KernelSession, bench: Bench) -> None:
    kernel.run("kept = 41")
    bench["esp32"].unplug_cable()
    assert kernel.run("kept").reply["ename"] == "DisconnectedError"
    assert kernel.run("%connect esp32").reply["ename"] == "NotFoundError"
    bench["esp32"].plug_cable(ELSEWHERE)
    assert kernel.run("kept").value == "41"  # what failed took nothing away
    bench["esp32"].unplug_cable()
    assert kernel.run("%connect pico\nimport os\nos.uname().sysname").value == "'rp2'"
    bench["esp32"].plug_cable(ELSEWHERE)
    assert kernel.run("%connect esp32\nimport os\nos.uname().sysname").value == "'esp32'"


def test_a_board_is_kept_where_no_other_one_can_be_had(kernel: KernelSession) -> None:
    kernel.run("kept = 41")
    assert kernel.run("%connect esp23").reply["ename"] == "NotFoundError"
    assert kernel.run("kept").value == "41"
    assert kernel.run("%connect esp32\nkept").reply["ename"] == "NameError"


def test_who_has_a_board_is_known_under_its_new_name(
    kernel: KernelSession, kernelspec: str, bench: Bench
) -> None:
    kernel.run("1")
    before = who_has(bench["esp32"].port, Settings.load())
    bench["esp32"].unplug_cable()
    port = bench["esp32"].plug_cable(ELSEWHERE)
    kernel.run("1")
    now = who_has(port, Settings.load())
    assert before
    assert now
    assert (now.pid, now.port) == (before.pid, port)
    environment = {"IOTLAB_BOARD": "esp32", "JPY_SESSION_NAME": "second.ipynb"}
    with KernelSession(kernelspec, environment=environment) as second:
        assert "held by the notebook first.ipynb" in second.run("1").reply["evalue"]
        assert second.run("%connect esp32 --take\n6 * 7").value == "42"
        assert "second.ipynb took esp32" in kernel.run("1").reply["evalue"]


def test_a_board_that_came_back_to_another_notebook(
    kernel: KernelSession, kernelspec: str, bench: Bench
) -> None:
    kernel.run("speed = 3")
    bench["esp32"].unplug_cable()
    assert kernel.run("1").reply["ename"] == "DisconnectedError"
    bench["esp32"].plug_cable(ELSEWHERE)
    environment = {"IOTLAB_BOARD": "esp32", "JPY_SESSION_NAME": "second.ipynb"}
    with KernelSession(kernelspec, environment=environment) as second:
        assert second.run("6 * 7").value == "42"
        told = kernel.run("speed").reply
        assert told["ename"] == "InUseError"
        assert "esp32 is held by the notebook second.ipynb" in told["evalue"]
        assert "%connect esp32 --take" in told["evalue"]
    lost = kernel.run("speed")
    assert "variables are lost (speed)" in lost.reply["evalue"]
    assert kernel.run("6 * 7").value == "42"


def test_a_restarted_kernel_finds_the_port_that_its_board_came_back_to(kernelspec: str, bench: Bench) -> None:
    try:
        with KernelSession(kernelspec) as kernel:
            kernel.run(f"%connect {bench['esp32'].port}")
            bench["esp32"].unplug_cable()
            bench["esp32"].plug_cable(ELSEWHERE)
            assert "was away" in kernel.run("print(1)").text
            kernel.manager.restart_kernel()
            kernel.client.wait_for_ready(timeout=60)
            assert kernel.run("import os\nos.uname().sysname").value == "'esp32'"
    finally:
        bench["esp32"].unplug_cable()
        bench["esp32"].plug_cable("esp32.tty")
