"""What the board's kernel answers while a cell runs, and in which order cells end."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from iotlab.sim import Bench
from iotlab.testing.kernels import KernelSession

#: Generous: what would wait for the cell waits for ever. docs/decisions/0008 has the figures.
SOON_S = 5.0
ENDLESS = "print('running')\nwhile True: pass"


#: As `pip install --target typings micropython-esp32-stubs` leaves it, with less in it.
STUB = """class Pin:
    \"\"\"A pin object is used to control I/O pins.\"\"\"
    def __init__(self, id, /, mode: int = -1) -> None: ...
    def irq(self, handler=None) -> object:
        \"\"\"Configure an interrupt handler.\"\"\"
"""


@pytest.fixture(scope="module")
def kernel(
    kernelspec: str, bench: Bench, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[KernelSession]:
    folder = tmp_path_factory.mktemp("notebook")
    about = folder / "typings/micropython_esp32_stubs-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: micropython-esp32-stubs\nVersion: 1.0\n")
    (about / "RECORD").write_text("machine.pyi,,\n")
    (folder / "typings/machine.pyi").write_text(STUB)
    with KernelSession(kernelspec, environment={"IOTLAB_BOARD": "esp32"}, folder=folder) as kernel:
        yield kernel


@pytest.fixture
def busy(kernel: KernelSession) -> Iterator[KernelSession]:
    """The kernel, while a cell runs that never ends by itself."""
    kernel.run("import machine\nfrom machine import Pin\nled = Pin(2)")
    kernel.run("class Lamp:\n    def glow(self): self.on = 1\nlamp = Lamp()")
    kernel.run("level = 17")
    while "machine" not in kernel.complete("import mach") or not kernel.complete("lamp."):
        time.sleep(0.01)
    assert "17" in kernel.inspect("level")
    request = kernel.start(f"beacon = Lamp()\n{ENDLESS}", seen="running")
    yield kernel
    kernel.manager.interrupt_kernel()
    assert kernel.finish(request).reply["ename"] == "KeyboardInterrupt"


def test_names_complete_while_a_cell_runs(busy: KernelSession) -> None:
    started = time.monotonic()
    assert busy.complete("lev") == ["level"]  # the board said so before
    assert busy.complete("beac") == ["beacon"]  # the running cell says so
    assert busy.complete("lamp.") == ["glow"]
    assert busy.complete("beacon.") == ["glow", "on"]  # as its class is written
    assert busy.complete("import mach") == ["machine"]
    assert busy.complete("memoryv") == ["memoryview"]
    assert busy.complete("whi") == ["while"]
    assert busy.complete("%conn") == ["%connect"]
    assert time.monotonic() - started < SOON_S


def test_names_are_told_about_while_a_cell_runs(busy: KernelSession) -> None:
    started = time.monotonic()
    told = busy.inspect("level")
    assert "17 (before the running cell)" in told
    assert "class Lamp" in busy.inspect("Lamp")
    told = busy.inspect("Pin(")
    assert "Signature: Pin(id, /, mode: int=-1)" in told
    assert "A pin object is used to control I/O pins." in told
    assert "micropython-esp32-stubs 1.0" in told
    assert "Configure an interrupt handler." in busy.inspect("led.irq")
    assert busy.inspect("nothing_of_that_name") == ""
    assert time.monotonic() - started < SOON_S


def test_the_rest_is_answered_too(busy: KernelSession) -> None:
    assert busy.info()["language_info"]["name"] == "micropython"
    history = busy.client.history(hist_access_type="tail", n=1, raw=True, output=False)
    assert busy._answer(history)["history"][0][2] == "level = 17"
    comms = busy._answer(busy.client.comm_info())
    assert (comms["status"], comms["comms"]) == ("ok", {})
    judged = busy.client.is_complete("for x in y:")
    assert busy._answer(judged)["status"] == "incomplete"


def test_a_running_cell_stays_busy(busy: KernelSession) -> None:
    """A front end goes by the last state: an answer beside the cell must not make the kernel look idle."""
    busy.statuses()
    busy.complete("lev")
    seen: list[tuple[str, str]] = []
    while ("busy", "execute_request") not in seen:
        seen += busy.statuses()
    assert seen[-3:] == [
        ("busy", "complete_request"),
        ("idle", "complete_request"),
        ("busy", "execute_request"),
    ]


def test_cells_keep_their_order(kernel: KernelSession) -> None:
    requests = [kernel.start(f"print({n})\n{n}") for n in range(20)]
    assert [kernel.finish(request).value for request in requests] == [str(n) for n in range(20)]


def test_an_error_ends_the_cells_that_wait(kernel: KernelSession) -> None:
    first = kernel.start("import time\ntime.sleep_ms(200)\n1 // 0")
    behind = [kernel.start("never = 1") for _ in range(3)]
    assert kernel.finish(first).reply["ename"] == "ZeroDivisionError"
    assert [kernel.finish(request).status for request in behind] == ["aborted"] * 3
    assert kernel.run("never").reply["ename"] == "NameError"


def test_names_in_an_unfinished_cell(kernel: KernelSession) -> None:
    """What was written and not run yet completes too, on the board's own word about its modules."""
    kernel.run("1")
    code = "import machine as m\nfrom machine import Pin as Leg\nvoltage_v = 3\n"
    assert kernel.complete(code + "volt") == ["voltage_v"]
    assert "Pin" in kernel.complete(code + "m.P")
    assert kernel.complete("for turn in range(3):\n    tur") == ["turn"]


def test_files_of_the_board_complete(kernel: KernelSession) -> None:
    kernel.run("import os\nopen('/greeting.txt', 'w').close()\nos.mkdir('/photos')")
    assert kernel.complete("open('/gree") == ["greeting.txt"]
    assert "photos/" in kernel.complete("os.listdir('/")
    kernel.run("os.remove('/greeting.txt')\nos.rmdir('/photos')")


def test_a_restart_seen_by_a_question_is_told_to_the_next_cell(kernel: KernelSession, bench: Bench) -> None:
    kernel.run("gone = 1")
    bench["esp32"].power_cycle()
    while kernel.complete("gon"):
        time.sleep(0.01)
    ran = kernel.run("gone")
    assert ran.reply["ename"] in ("RestartedError", "DisconnectedError")
    assert kernel.run("6 * 7").value == "42"


@pytest.mark.parametrize("restart", [False, True])
def test_a_kernel_ends_while_a_cell_runs(kernelspec: str, bench: Bench, restart: bool) -> None:
    environment = {"IOTLAB_BOARD": "pico"}
    with KernelSession(kernelspec, environment=environment) as kernel:
        kernel.start(ENDLESS, seen="running")
        if restart:
            kernel.manager.restart_kernel()
            kernel.client.wait_for_ready(timeout=60)
            assert kernel.run("6 * 7").value == "42"
    with KernelSession(kernelspec, environment=environment) as other:
        assert other.run("6 * 7").value == "42"
