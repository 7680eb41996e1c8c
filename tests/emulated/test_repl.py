"""The raw REPL where things come that nobody asked for: timers, restarts, interrupts, errors in mid-sending."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

import iotlab
from iotlab.errors import RemoteError, RestartedError, StuckError
from iotlab.micropython.board import MicroPythonBoard
from iotlab.micropython.interrupts import Interrupted
from iotlab.sim import Bench

TIMER = """from machine import Timer
ticks = 0
def tick(t):
    global ticks
    ticks += 1
    print("tick", ticks)
timer = Timer(0)
timer.init(period=2, callback=tick)"""


@pytest.fixture
def board(bench: Bench) -> Iterator[MicroPythonBoard]:
    with iotlab.connect("esp32") as board:
        assert isinstance(board, MicroPythonBoard)
        yield board


@pytest.mark.parametrize("lines", [10, 50, 1000])
def test_a_syntax_error_early_in_long_code(board: MicroPythonBoard, lines: int) -> None:
    """The board stops taking the code in the middle of the sending."""
    with pytest.raises(RemoteError, match="SyntaxError"):
        board.exec("x = = 1\n" + "y = 'enough to fill the window of raw-paste'\n" * lines)
    assert board.eval("6 * 7") == 42


def test_a_timer_that_prints_all_the_time_breaks_nothing_and_loses_nothing(board: MicroPythonBoard) -> None:
    heard: list[str] = []
    board.exec(TIMER, output=heard.append)
    long_code = "\n".join(f"value_{n} = {n}" for n in range(300))
    while board.eval("ticks") < 50:
        board.exec(long_code, output=heard.append)
        assert board.eval("value_299") == 299
    board.exec("timer.deinit()", output=heard.append)
    board.exec("pass", output=heard.append)  # takes what was on its way
    ticks = board.eval("ticks")
    assert "".join(heard) == "".join(f"tick {n}\n" for n in range(1, ticks + 1))


def test_what_was_printed_before_a_value_raised(board: MicroPythonBoard) -> None:
    heard: list[str] = []
    code = "class A:\n def __repr__(self): raise ValueError('no text')\nprint('before', A())"
    with pytest.raises(RemoteError, match="no text"):
        board.exec(code, output=heard.append)
    assert "".join(heard) == "before "
    assert board.exec("print('after')") == "after\n"


def test_code_that_exits_only_ends(board: MicroPythonBoard) -> None:
    assert board.exec("kept = 1\nprint('here')\nimport sys\nsys.exit()\nprint('not here')") == "here\n"
    assert board.eval("kept") == 1


def test_code_that_restarts_the_board(board: MicroPythonBoard) -> None:
    board.exec("gone = 1")
    with pytest.raises(RestartedError, match="variables are lost"):
        board.exec("import machine\nmachine.reset()")
    assert board.eval("6 * 7") == 42  # told once, then one goes on
    with pytest.raises(RemoteError, match="NameError"):
        board.eval("gone")


def test_a_restart_between_two_calls_is_told_once(board: MicroPythonBoard, bench: Bench) -> None:
    board.exec("gone = 1")
    bench["esp32"].reset()
    with pytest.raises(RestartedError, match="variables are lost"):
        board.exec("gone")
    assert board.eval("6 * 7") == 42


def test_an_interrupt_brings_the_boards_traceback(board: MicroPythonBoard) -> None:
    def interrupt(text: str) -> None:
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted) as caught:
        board.exec("print('running')\nwhile True:\n    pass", output=interrupt)
    assert "KeyboardInterrupt" in caught.value.traceback
    assert 'File "<stdin>", line ' in caught.value.traceback
    assert board.eval("6 * 7") == 42


def test_ctrl_c_twice_is_one_interrupt(board: MicroPythonBoard) -> None:
    def interrupt(text: str) -> None:
        signal.raise_signal(signal.SIGINT)

    code = "print('running')\ntry:\n while True: pass\nfinally: print('tidied up')"
    with pytest.raises(Interrupted) as caught:
        board.exec(code, output=interrupt)
    assert "KeyboardInterrupt" in caught.value.traceback
    assert board.eval("6 * 7") == 42


def test_an_interrupt_that_comes_as_the_code_ends_is_not_lost(board: MicroPythonBoard) -> None:
    def interrupt(text: str) -> None:
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        board.exec("print('nearly over')", output=interrupt)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert board.eval("6 * 7") == 42


def test_what_the_listener_raises_stops_the_board(board: MicroPythonBoard) -> None:
    def listen(text: str) -> None:
        raise LookupError(text)

    code = "print('running')\ntry:\n while True: pass\nfinally: print('tidied up')"
    with pytest.raises(LookupError) as caught:
        board.exec(code, output=listen)
    assert str(caught.value).startswith("r")  # the first thing it heard, whatever came while it was stopped
    assert board.eval("6 * 7") == 42


def test_code_that_heeds_no_interrupt(board: MicroPythonBoard) -> None:
    def interrupt(text: str) -> None:
        signal.raise_signal(signal.SIGINT)

    # what only catches it is not in its "try" at every moment; each time it prints, Ctrl-C comes here once more
    code = "import micropython, time\nmicropython.kbd_intr(-1)\nwhile True:\n print('on')\n time.sleep(0.1)"
    with pytest.raises(StuckError, match="reset the board"):
        board.exec(code, output=interrupt)
    board.reset("hard")
    assert board.eval("6 * 7") == 42


def test_the_names_of_cells_go_with_the_notebook(board: MicroPythonBoard) -> None:
    usual = board.eval("repr(input)")
    board.exec("def display(value): return 'my own'")
    board.run_cell("mine = display(1)")
    assert board.eval("repr(input)") != usual
    board.close()
    with iotlab.connect("esp32") as again:
        assert again.eval("repr(input)") == usual
        assert again.eval("mine, display(2)") == ("my own", "my own")
        with pytest.raises(RemoteError, match="NameError"):
            again.eval("clear_output")


def test_another_thread_stops_a_call(board: MicroPythonBoard) -> None:
    ended: list[BaseException] = []

    def wait() -> None:
        try:
            board.exec("print('on')\nwhile True: pass", output=lambda _: started.set())
        except KeyboardInterrupt as error:
            ended.append(error)

    started = threading.Event()
    worker = threading.Thread(target=wait)
    worker.start()
    assert started.wait(20)
    board.stop_call()
    worker.join(20)
    assert [type(error) for error in ended] == [Interrupted]
    assert board.eval("1 + 1") == 2
