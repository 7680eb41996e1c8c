"""Every way a virtual board starts anew, and what it does then."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
from raw_port import GREETING, RawPort, wait_for

from iotlab.errors import ConfigError, DisconnectedError
from iotlab.link.serial import SerialLink
from iotlab.sim import Bench
from iotlab.sim.client import BenchBoard

PROMPT = b">>> "
REBOOT = b"MPY: soft reboot\r\n"


@pytest.fixture(scope="module")
def esp32(bench: Bench) -> BenchBoard:
    return bench["esp32"]


@pytest.fixture
def port(esp32: BenchBoard) -> Iterator[RawPort]:
    """The raw REPL of a board without files, fresh from power-on."""
    with RawPort(esp32) as talk:
        esp32.plug_cable()
        esp32.power_cycle()
        talk.until(PROMPT)
        talk.enter()
        yield talk
        esp32.power_cycle()
        talk.enter()  # whatever its files do
        talk.run("import os\nfor name in os.listdir():\n os.remove(name)")


def put(port: RawPort, name: str, text: str) -> None:
    port.run(f"with open({name!r}, 'w') as file: file.write({text!r})")


def cause(port: RawPort) -> str:
    names = "PWRON_RESET", "HARD_RESET", "WDT_RESET", "DEEPSLEEP_RESET", "SOFT_RESET"
    told = port.run("import machine; print(machine.reset_cause())")
    return next(name for name in names if port.run(f"print(machine.{name})") == told)


def test_soft_reset_in_the_raw_repl_runs_boot_but_not_main(port: RawPort) -> None:
    put(port, "boot.py", "print('booting')\nbooted = 1\n")
    put(port, "main.py", "print('main')\n")
    port.run("left = 1")
    port.link.write(b"\x04")
    assert port.until(GREETING) == b"OK\r\n" + REBOOT + b"booting\r\n" + GREETING
    assert port.run("print(booted, 'left' in globals())") == "1 False"
    assert cause(port) == "SOFT_RESET"


def test_soft_reset_at_the_friendly_prompt_runs_both(port: RawPort) -> None:
    put(port, "boot.py", "print('booting')\n")
    put(port, "main.py", "print('main')\n")
    port.link.write(b"\x02")
    port.until(PROMPT)
    port.link.write(b"\x04")
    told = port.until(PROMPT)
    assert told.startswith(b"\r\n" + REBOOT + b"booting\r\nmain\r\nMicroPython ")


@pytest.mark.parametrize(
    "code", ["raise SystemExit", "import machine; machine.soft_reset()", "import sys; sys.exit(3)"]
)
def test_a_program_may_ask_for_a_soft_reset(port: RawPort, code: str) -> None:
    boots = port.board.status()["boots"]
    port.start(code)
    assert REBOOT in port.until(GREETING)
    assert cause(port) == "SOFT_RESET"
    assert port.board.status()["boots"] == boots, "the chip itself was not reset"


def test_what_main_raises_is_printed_and_the_repl_comes(port: RawPort) -> None:
    put(port, "main.py", "def f():\n    return 1 / 0\nf()\n")
    port.board.reset()
    told = port.until(PROMPT).decode()
    assert 'File "main.py", line 2, in f\r\nZeroDivisionError: divide by zero\r\nMicroPython' in told


def test_main_may_be_interrupted(port: RawPort) -> None:
    put(port, "main.py", "print('on')\nwhile True: pass\n")
    port.board.reset()
    port.until(b"on\r\n")
    port.link.write(b"\x03")
    assert b'File "main.py", line 2, in <module>\r\nKeyboardInterrupt' in port.until(PROMPT)


def test_an_interrupt_that_comes_too_early_reaches_main(port: RawPort) -> None:
    """A host that resets a board and sends Ctrl-C at once must get it, whatever main.py does."""
    put(port, "main.py", "while True: pass\n")
    for _ in range(5):
        port.board.reset()
        port.enter()


def test_main_stays_out_of_the_way_after_a_soft_reset_that_boot_hangs(port: RawPort) -> None:
    put(port, "boot.py", "print('on')\nwhile True: pass\n")
    port.link.write(b"\x04")
    port.until(b"on\r\n")
    port.link.write(b"\x03")
    assert b"KeyboardInterrupt" in port.until(GREETING)
    assert port.run("print(6 * 7)") == "42"


def test_files_survive_and_variables_do_not(port: RawPort) -> None:
    put(port, "kept.txt", "kept")
    port.run("lost = 1")
    for restart in (port.board.reset, port.board.power_cycle):
        restart()
        port.until(PROMPT)
        port.enter()
        assert port.run("print(open('kept.txt').read(), 'lost' in globals())") == "kept False"


def test_the_cause_of_a_reset(port: RawPort) -> None:
    port.board.power_cycle()
    port.until(PROMPT)
    port.enter()
    assert cause(port) == "PWRON_RESET"
    port.board.reset()
    port.until(PROMPT)
    port.enter()
    assert cause(port) == "HARD_RESET"
    port.start("import machine; machine.reset()")
    assert b"rst:0xc (SW_CPU_RESET)" in port.until(PROMPT)
    port.enter()
    assert cause(port) == "HARD_RESET"
    port.start("import machine; machine.deepsleep(50)")
    wait_for(lambda: port.board.status()["state"], lambda state: state == "asleep")
    port.until(PROMPT)
    port.enter()
    assert cause(port) == "DEEPSLEEP_RESET"


def test_a_watchdog_that_is_fed_and_then_not(port: RawPort) -> None:
    port.run("from machine import WDT\nimport time\ndog = WDT(timeout=300)\n"
             "for _ in range(10):\n time.sleep_ms(60)\n dog.feed()")  # fmt: skip
    assert b"rst:" in port.until(PROMPT)
    port.enter()
    assert cause(port) == "WDT_RESET"


def test_an_interpreter_that_crashes_resets_the_board(port: RawPort, bench: Bench) -> None:
    port.start("import uctypes; uctypes.bytearray_at(8, 1)[0] = 1")
    assert b"rst:" in port.until(PROMPT)
    port.enter()
    assert cause(port) == "WDT_RESET"
    assert "ended with -11" in (bench.folder / "esp32.log").read_text()


def test_the_lines_reset_the_chip(port: RawPort, esp32: BenchBoard) -> None:
    """RTS alone holds the chip in reset (the auto-reset circuit of development boards)."""
    port.run("left = 1")
    port.link.set_lines(dtr=False, rts=True)
    assert esp32.status()["state"] == "held"
    assert esp32.status()["pid"] is None
    port.link.set_lines(rts=False)
    port.until(PROMPT)
    port.enter()
    assert port.run("print('left' in globals())") == "False"


@pytest.mark.parametrize("together", [False, True])
def test_the_lines_lead_into_the_loader(port: RawPort, esp32: BenchBoard, together: bool) -> None:
    """esptool's ClassicReset sets one line after the other; UnixTightReset passes through both asserted."""
    link = port.link
    if together:
        link.set_lines(dtr=False, rts=False)
        link.set_lines(dtr=True, rts=True)
    link.set_lines(dtr=False, rts=True)
    wait_for(lambda: esp32.status()["state"], lambda state: state == "held")
    link.set_lines(dtr=True)
    link.set_lines(rts=False)
    port.until(b"waiting for download\r\n")
    link.set_lines(dtr=False)
    assert esp32.status()["state"] == "download"
    link.set_lines(rts=True)
    link.set_lines(rts=False)
    port.until(PROMPT)


def test_both_lines_asserted_change_nothing(port: RawPort) -> None:
    """As a terminal program sets them when it opens the port."""
    port.run("kept = 1")
    port.link.set_lines(dtr=True)
    port.link.set_lines(rts=True)
    assert port.run("print(kept)") == "1"
    port.link.set_lines(rts=False)
    port.link.set_lines(dtr=False)
    assert port.run("print(kept)") == "1"


def test_the_boot_button(port: RawPort, esp32: BenchBoard) -> None:
    esp32.hold_boot()
    esp32.reset()
    port.until(b"waiting for download\r\n")
    esp32.hold_boot(False)
    esp32.reset()
    port.until(PROMPT)


def test_without_power_nothing_answers(port: RawPort, esp32: BenchBoard) -> None:
    esp32.power_off()
    assert esp32.status()["state"] == "off"
    assert esp32.status()["pid"] is None
    esp32.reset()
    port.link.set_lines(rts=True)
    port.link.set_lines(rts=False)
    assert esp32.status()["state"] == "off"
    esp32.power_on()
    port.until(PROMPT)


def test_the_power_goes_in_a_flash_operation(port: RawPort, esp32: BenchBoard) -> None:
    put(port, "old.txt", "old")
    before = esp32.flash_operations
    esp32.cut_power(after=1, torn=0.5)
    port.start("with open('old.txt', 'w') as file: file.write('new' * 3000)")
    wait_for(lambda: esp32.status()["state"], lambda state: state == "off")
    assert esp32.flash_operations == before + 2
    esp32.power_on()
    port.until(PROMPT)
    port.enter()
    assert port.run("print(open('old.txt').read())") == "old", "littlefs keeps the old content"


def test_the_power_goes_and_comes_again(port: RawPort, esp32: BenchBoard) -> None:
    port.run("led = __import__('machine').Pin(2, 1, value=1)")
    esp32.cut_power(after=0, again=True)
    port.start("open('new.txt', 'w').close()")
    port.until(PROMPT)
    port.enter()
    assert cause(port) == "PWRON_RESET"
    assert esp32.chip("led").on is False
    assert port.run("import os; print(os.listdir())") == "[]"


def test_the_programmer_wants_a_board_without_power(port: RawPort, esp32: BenchBoard) -> None:
    with pytest.raises(ConfigError, match=r"power_off\(\) first"):
        esp32.flash_write(0, b"x")
    esp32.power_off()
    kept = esp32.flash_read(0x1000, 4096)
    esp32.flash_erase(0x1000, 4096)
    esp32.power_on()
    port.until(b"invalid header: 0xffffffff")
    assert esp32.status()["state"] == "loop"
    port.until(b"invalid header: 0xffffffff")
    esp32.power_off()
    esp32.flash_write(0x1000, kept)
    assert esp32.flash_read(0x1000, 4096) == kept
    esp32.power_on()
    port.until(PROMPT)


def test_the_cable_is_pulled_and_put_back_elsewhere(port: RawPort, esp32: BenchBoard) -> None:
    port.run("kept = 1")
    esp32.unplug_cable()
    assert not os.path.lexists(esp32.port)
    with pytest.raises(DisconnectedError):
        port.run("1")
    port.close()
    elsewhere = esp32.plug_cable("elsewhere.tty")
    assert elsewhere.endswith("/elsewhere.tty")
    with SerialLink(elsewhere) as link:
        link.write(b"print(kept)\x04")
        assert link.read_until(b"\x04>", timeout_s=20) == b"OK1\r\n\x04\x04>"
    esp32.unplug_cable()
    esp32.plug_cable("esp32.tty")
    port.link = SerialLink(esp32.port)


def test_a_program_goes_on_while_nobody_listens(esp32: BenchBoard, port: RawPort) -> None:
    """A UART with nobody at its other end loses what it sends, and never stops the program."""
    port.start(
        "from machine import Pin\nled = Pin(2, Pin.OUT)\nn = 0\n"
        "while n < 20000:\n n += 1\n print('line', n)\nled.on()"
    )
    port.close()
    wait_for(lambda: esp32.chip("led").on)
    port.link = SerialLink(esp32.port)
    assert port.run("print(n)") == "20000"


def test_the_process_of_a_held_interpreter_is_gone(esp32: BenchBoard, port: RawPort) -> None:
    pid = esp32.status()["pid"]
    esp32.power_off()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)
    esp32.power_on()
    port.until(PROMPT)
