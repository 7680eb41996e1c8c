"""What a program prints is verified on firmware with ``os.dupterm``, whatever prints it (docs/boards.md)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from iotlab.board import Endpoint
from iotlab.errors import CorruptError
from iotlab.link.serial import SerialLink
from iotlab.micropython.board import MicroPythonBoard
from iotlab.sim import Bench
from iotlab.testing.faults import Fault, FaultyLink

#: Ways to say a hundred bytes and more, and how that begins.
WAYS = {
    "print": ("print('x' * 200)", "x" * 200),
    "standard output": ("import sys\nsys.stdout.write('x' * 200)", "x" * 200),
    "its buffer": ("import sys\nsys.stdout.buffer.write(b'x' * 200)", "x" * 200),
    "help": ("import sys\nhelp(sys)", "object <module 'sys'> is of type module\n"),
    "a timer's traceback": (
        "import machine, time\n"
        "def late(timer):\n 1 / 0\n"
        "machine.Timer(mode=machine.Timer.ONE_SHOT, period=10, callback=late)\n"
        "time.sleep_ms(300)",
        'Traceback (most recent call last):\n  File "<stdin>", line 3, in late\nZeroDivisionError: divide by zero\n',
    ),
}
#: A byte from the board that is printed text, whatever prints it: ``OK`` and a frame of 16 bytes or so come before.
INSIDE = 60


@pytest.fixture(scope="module")
def link(bench: Bench) -> Iterator[FaultyLink]:
    with FaultyLink(SerialLink(bench["pico"].port)) as link:
        yield link


@pytest.fixture(scope="module")
def pico(bench: Bench, link: FaultyLink) -> Iterator[MicroPythonBoard]:
    endpoint = Endpoint("pico", bench["pico"].port, "pico", virtual=True)
    with MicroPythonBoard(endpoint, open_link=lambda _: link) as board:
        yield board


def test_it_says_that_all_is_verified(pico: MicroPythonBoard) -> None:
    assert pico.info.verified == "all that is sent and printed"


@pytest.mark.parametrize("way", WAYS)
def test_whatever_prints(pico: MicroPythonBoard, link: FaultyLink, way: str) -> None:
    code, begin = WAYS[way]
    assert pico.exec(code).startswith(begin)
    link.arm(Fault("flip", "from-board", INSIDE))
    with pytest.raises(CorruptError, match="the code ran, but what it printed arrived changed") as caught:
        pico.exec(code)
    assert link.applied
    assert len(caught.value.partial) >= INSIDE


def test_a_terminal_of_the_programs_own_stays(pico: MicroPythonBoard) -> None:
    """From then on nothing counts what is printed: there is only one place for a second terminal."""
    started = pico.exec(
        "import io, os\n"
        "class Terminal(io.IOBase):\n"
        " def write(self, data):\n"
        "  heard.append(bytes(data))\n"
        "  return len(data)\n"
        " def readinto(self, buffer): return None\n"
        "heard = []\n"
        "terminal = Terminal()\n"
        "print('once')\n"
        "os.dupterm(terminal)\n"
        "print('twice')"
    )
    assert started == "once\ntwice\n"
    assert pico.exec("print('again')") == "again\n"
    assert pico.eval("__import__('os').dupterm(None) is terminal")
    heard = b"".join(pico.eval("heard"))
    assert heard.startswith(b"twice\r\n")
    assert b"again\r\n" in heard
    assert pico.exec("print('counted')") == "counted\n"
