"""Ctrl-C stops whatever a virtual board does, at any moment, and never the board itself."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest
from raw_port import RawPort

from iotlab.sim import Bench

#: What a program may be doing: computing, sleeping, printing, asking the bench, writing files, waiting for input,
#: collecting garbage, with callbacks coming in between, running out of stack.
PROGRAMS = {
    "computes": "while True: pass",
    "sleeps": "import time\ntime.sleep(1000)",
    "naps": "import time\nwhile True: time.sleep_ms(1)",
    "prints": "while True: print('x' * 50)",
    "reads": "import sys\nsys.stdin.read(1)",
    "allocates": "while True: [i * i for i in range(1000)]",
    "recurses": "def f(): f()\nwhile True:\n try: f()\n except RuntimeError: pass",
    "scans": "from machine import I2C\ni2c = I2C(0)\nwhile True: i2c.scan()",
    "toggles": "from machine import Pin\nled = Pin(2, Pin.OUT)\nwhile True: led.toggle()",
    "writes": "while True:\n f = open('t.txt', 'w'); f.write('x' * 5000); f.close()",
    "ticks": "from machine import Timer\nt = Timer(0, period=1, callback=lambda t: None)\nwhile True: pass",
    "ended": "1 + 1",
}
INTERRUPTS = 1000


@pytest.fixture
def port(bench: Bench) -> Iterator[RawPort]:
    with RawPort(bench["esp32"]) as talk:
        talk.enter()
        yield talk
        talk.link.write(b"\x04")
        talk.until(b"raw REPL; CTRL-B to exit\r\n>")


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name != "ended"])
@pytest.mark.parametrize("mode", ["classic", "paste"])
def test_each_is_stopped_within_a_second(port: RawPort, name: str, mode: str) -> None:
    run = port.start if mode == "classic" else port.paste
    run(PROGRAMS[name])
    time.sleep(0.05)  # into the program, wherever it then is
    start_s = time.monotonic()
    port.link.write(b"\x03")
    _, error = port.finish()
    assert "KeyboardInterrupt" in error
    assert time.monotonic() - start_s < 1.0
    assert port.run("print(6 * 7)") == "42"


@pytest.mark.timeout(600)
def test_a_thousand_interrupts_at_random_moments(port: RawPort, bench: Bench) -> None:
    """The board answers after each, and it is the same interpreter to the end."""
    dice = random.Random(1)
    pid = bench["esp32"].status()["pid"]
    stopped = 0
    for _ in range(INTERRUPTS):
        name = dice.choice(list(PROGRAMS))
        dice.choice([port.start, port.paste])(PROGRAMS[name])
        time.sleep(dice.choice([0.0, dice.uniform(0.0, 0.002), dice.uniform(0.0, 0.02)]))
        port.link.write(b"\x03")
        _, error = port.finish()
        assert ("KeyboardInterrupt" in error) == (name != "ended") or name == "ended", (name, error)
        stopped += "KeyboardInterrupt" in error
        assert port.run("print(6 * 7)") == "42"
    assert stopped > INTERRUPTS * 0.8
    assert bench["esp32"].status()["pid"] == pid


def test_a_burst_at_the_prompt_is_only_typing(port: RawPort, bench: Bench) -> None:
    pid = bench["esp32"].status()["pid"]
    port.link.write(b"\x03" * 500)
    assert port.run("print(6 * 7)") == "42"
    assert bench["esp32"].status()["pid"] == pid


def test_a_burst_while_code_runs(port: RawPort, bench: Bench) -> None:
    pid = bench["esp32"].status()["pid"]
    port.start("while True: pass")
    port.link.write(b"\x03" * 100)
    assert "KeyboardInterrupt" in port.finish()[1]
    assert port.run("print(6 * 7)") == "42"
    assert bench["esp32"].status()["pid"] == pid


def test_a_program_that_catches_it_gets_the_next_one_as_well(port: RawPort) -> None:
    port.start(
        "n = 0\nwhile n < 3:\n try:\n  print('on')\n  while True: pass\n except KeyboardInterrupt: n += 1\nprint(n)"
    )
    for _ in range(3):
        port.until(b"on\r\n")
        port.link.write(b"\x03")
    assert port.finish() == ("3\r\n", "")


def test_a_program_may_take_it_as_a_byte(port: RawPort) -> None:
    port.start(
        "import micropython, sys\nmicropython.kbd_intr(-1)\n"
        "print('on')\nprint(sys.stdin.buffer.read(5))\nmicropython.kbd_intr(3)"
    )
    port.until(b"on\r\n")
    port.link.write(b"a\x03b\x03c")
    assert port.finish() == (r"b'a\x03b\x03c'" + "\r\n", "")


def test_what_was_typed_before_it_stays(port: RawPort) -> None:
    port.start("while True: pass")
    port.link.write(b"print('kept')\x03\x04")
    assert "KeyboardInterrupt" in port.finish()[1]
    assert port.until(b"\x04>") == b"OKkept\r\n\x04\x04>"


def test_a_file_system_that_was_interrupted_often_is_whole(port: RawPort) -> None:
    """Ctrl-C in the middle of a file operation waits for its end: littlefs is never left half-way."""
    port.run("data = bytes(range(256)) * 20")
    for _ in range(40):
        port.start("while True:\n with open('a', 'wb') as file: file.write(data)")
        time.sleep(0.005)
        port.link.write(b"\x03")
        assert "KeyboardInterrupt" in port.finish()[1]
        assert port.run("import os; print(os.stat('a')[6] in (0, len(data)))") == "True"
    port.run("with open('b', 'wb') as file: file.write(data)")
    assert port.run("print(open('b', 'rb').read() == data); os.remove('a'); os.remove('b')") == "True"
