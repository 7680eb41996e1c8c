"""Functions of this machine that run on a board, and objects of a board that are used from here."""

from __future__ import annotations

import gc
import inspect
import math
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

import iotlab
from iotlab.errors import (
    ClosedError,
    DeadlineError,
    RemoteError,
    RestartedError,
    UnsupportedError,
)
from iotlab.micropython.board import MicroPythonBoard
from iotlab.micropython.interrupts import Interrupted
from iotlab.sim import Bench
from iotlab.testing.kernels import KernelSession

LIMIT = 100
HERE = os.path.realpath(__file__)


@pytest.fixture
def board(bench: Bench) -> Iterator[MicroPythonBoard]:
    with iotlab.connect("esp32") as board:
        assert isinstance(board, MicroPythonBoard)
        yield board


def line_of(text: str) -> int:
    """The number of the only line of this file that has ``text`` in it; it is not to be found in its own call."""
    lines = [
        n
        for n, line in enumerate(inspect.getsource(inspect.getmodule(line_of)).split("\n"), 1)
        if text in line
    ]  # type: ignore[arg-type]
    assert len(lines) == 1
    return lines[0]


# -- tasks ------------------------------------------------------------------------------------


def test_a_task_runs_on_the_board(board: MicroPythonBoard) -> None:
    @board.task
    def machine(first: int, *more: int, word: str = "is") -> tuple[int, str, str]:
        """What the board is."""
        import os

        return first + sum(more), word, os.uname()[4]

    assert machine(1, 2, 3) == (6, "is", board.info.machine)
    assert machine(1, word="was")[1] == "was"
    assert machine.__doc__ == "What the board is."
    assert str(inspect.signature(machine)) == (
        "(first: 'int', *more: 'int', word: 'str' = 'is') -> 'tuple[int, str, str]'"
    )
    with pytest.raises(TypeError, match="missing a required argument"):
        machine()  # type: ignore[call-arg]


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        -(1 << 70),
        0.1,
        math.inf,
        "Grüße \x01\x03\x04\r\n'\"\\{}",
        b"",
        bytes(range(256)) * 20,
        bytearray(b"\x03\x10["),
        [],
        (1,),
        {"a": [1, (2.5, None)], 3: {b"\x04": "\x1f"}},
        [[]] * 500,
    ],
)
def test_plain_values_go_and_come(board: MicroPythonBoard, value: Any) -> None:
    @board.task
    def same(value: Any) -> Any:
        return value

    came = same(value)
    assert came == value
    assert type(came) is type(value)


def test_not_a_number_goes_and_comes(board: MicroPythonBoard) -> None:
    @board.task
    def same(value: float) -> float:
        return value

    assert math.isnan(same(math.nan))


def test_what_is_no_plain_value_is_refused(board: MicroPythonBoard) -> None:
    @board.task
    def pin(number: Any) -> Any:
        from machine import Pin

        return [Pin(number)]

    with pytest.raises(UnsupportedError, match=r"pin gives back .*Pin\(2\).* ask for a proxy"):
        pin(2)
    with pytest.raises(UnsupportedError, match=r"what pin was given holds a builtins\.object"):
        pin(object())


def test_a_task_may_give_back_what_stays_on_the_board(board: MicroPythonBoard) -> None:
    @board.task(proxy=True)
    def pin(number: int) -> Any:
        from machine import Pin

        return Pin(number, Pin.OUT) if number else None

    @board.task
    def read(pin: Any) -> int:
        return int(pin.value())

    led = pin(2)
    led.on()
    assert read(led) == 1
    assert pin(0) is None


def test_what_a_task_prints_comes_out_here(
    board: MicroPythonBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    @board.task
    def told() -> int:
        print("from the board")
        return 1

    heard: list[str] = []

    @board.task(output=heard.append)
    def listened() -> None:
        print("for a listener")

    told()
    listened()
    assert capsys.readouterr().out == "from the board\n"
    assert "".join(heard) == "for a listener\n"


def test_a_traceback_points_to_the_line_in_this_file(board: MicroPythonBoard) -> None:
    @board.task
    def inner(by: int) -> float:
        return 1 / by  # here it fails

    @board.task
    def outer(by: int) -> float:
        return inner(by)  # from here it was called

    with pytest.raises(RemoteError) as caught:
        outer(0)
    assert caught.value.kind == "ZeroDivisionError"
    assert caught.value.traceback.split("\n") == [
        "Traceback (most recent call last):",
        f'  File "{HERE}", line {line_of("# from here it was" + " called")}, in outer',
        f'  File "{HERE}", line {line_of("# here it" + " fails")}, in inner',
        "ZeroDivisionError: divide by zero",
    ]


def test_an_error_of_the_boards_compiler_points_to_the_line_too(board: MicroPythonBoard) -> None:
    @board.task
    def newer(values: list[int]) -> list[int]:
        match values:
            case [first, *_]:  # which MicroPython does not know
                return first

    with pytest.raises(RemoteError, match="SyntaxError") as caught:
        newer([1])
    assert f'"{HERE}", line {line_of("match values" + ":")}' in caught.value.traceback


def test_tasks_call_tasks(board: MicroPythonBoard) -> None:
    @board.task
    def even(n: int) -> bool:
        return n == 0 or odd(n - 1)

    @board.task
    def odd(n: int) -> bool:
        return n != 0 and even(n - 1)

    assert [even(n) for n in range(4)] == [True, False, True, False]


def test_a_task_that_was_defined_anew_is_the_new_one(board: MicroPythonBoard) -> None:
    """As a cell of a notebook does that is run again."""

    def define(factor: int) -> dict[str, Any]:
        names: dict[str, Any] = {"board": board}
        source = f"@board.task\ndef scaled(x):\n    return x * {factor}\n"
        file = f"<cell {factor}>"
        import linecache

        linecache.cache[file] = (len(source), None, source.splitlines(True), file)
        exec(compile(source, file, "exec"), names)
        return names

    scaled = define(2)["scaled"]

    @board.task
    def twice(x: int) -> int:
        return scaled(scaled(x))

    assert twice(1) == 4
    scaled = define(3)["scaled"]
    assert twice(1) == 9


def test_constants_go_along(board: MicroPythonBoard) -> None:
    @board.task(consts={"LIMIT": 7, "NAMES": ["a", "b"]})
    def told() -> Any:
        return LIMIT, NAMES  # type: ignore[name-defined]  # noqa: F821

    assert told() == (7, ["a", "b"])


def test_what_a_task_cannot_use_is_named(board: MicroPythonBoard) -> None:
    local = 5

    def here() -> None: ...

    with pytest.raises(
        UnsupportedError, match=r"count .* cannot use .*LIMIT, a value of this machine: give it"
    ):

        @board.task
        def count() -> int:
            return LIMIT

    with pytest.raises(
        UnsupportedError, match=r"local, a value .*; math, a module .*: import it inside"
    ) as caught:

        @board.task
        def listed() -> Any:
            os = [1 for number in range(local)]  # its own name here
            return os, [math.pi for _ in ()], lambda: signal.SIGINT

    assert "signal, a module" in str(caught.value)
    assert "os, a module" not in str(caught.value)
    with pytest.raises(UnsupportedError, match="here, a function or class of this machine: make it a task"):

        @board.task
        def calls() -> None:
            here()

    @board.task
    def misspelt() -> None:
        lenght([])  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(UnsupportedError, match=r"misspelt .* cannot use lenght, which nobody defined"):
        misspelt()
    for wrong in (lambda: 1, print, 5):
        with pytest.raises(UnsupportedError):
            board.task(wrong)  # type: ignore[call-overload]


def test_annotations_and_own_globals_are_nobody_elses(board: MicroPythonBoard) -> None:
    @board.task
    def count(by: Bench | int = 1) -> list[Bench]:
        global counted
        step: Bench = by
        try:
            counted += step
        except NameError:
            counted = step
        return counted  # type: ignore[no-any-return]

    assert [count(), count(2)] == [1, 3]
    assert not board.eval("'counted' in globals()")


def test_a_task_with_a_text_over_several_lines(board: MicroPythonBoard) -> None:
    @board.task
    def text() -> str:
        return """
  two
    four
"""

    assert text() == "\n  two\n    four\n"


def test_a_task_that_does_not_end_is_stopped(board: MicroPythonBoard) -> None:
    @board.task(timeout_s=0.5)
    def endless() -> None:
        while True:
            pass

    with pytest.raises(DeadlineError):
        endless()
    assert board.eval("6 * 7") == 42


def test_ctrl_c_stops_a_task(board: MicroPythonBoard) -> None:
    def interrupt(text: str) -> None:
        signal.raise_signal(signal.SIGINT)

    @board.task(output=interrupt)
    def endless() -> None:
        print("running")
        while True:
            pass  # until somebody has enough

    with pytest.raises(Interrupted) as caught:
        endless()
    assert (
        f'File "{HERE}", line {line_of("# until somebody has" + " enough")}, in endless'
        in caught.value.traceback
    )
    assert board.eval("6 * 7") == 42


def test_after_a_restart_a_task_is_sent_again(board: MicroPythonBoard, bench: Bench) -> None:
    @board.task
    def count() -> int:
        global counted
        try:
            counted += 1
        except NameError:
            counted = 1
        return counted  # type: ignore[no-any-return]

    assert [count(), count()] == [1, 2]
    board.reset("soft")
    assert count() == 1
    bench["esp32"].reset()
    with pytest.raises(RestartedError):
        count()
    assert [count(), count()] == [1, 2]


def test_a_task_of_another_board_is_no_task_of_this_one(board: MicroPythonBoard, bench: Bench) -> None:
    with iotlab.connect("pico") as other:
        assert isinstance(other, MicroPythonBoard)

        @other.task
        def kind() -> str:
            import os

            return str(os.uname()[0])

        @board.task
        def calls() -> str:
            return kind()

        assert kind() == "rp2"
        with pytest.raises(UnsupportedError, match="calls calls kind, which is for another board"):
            calls()


def test_a_big_value_and_a_long_task(board: MicroPythonBoard) -> None:
    @board.task
    def long(text: str, count: int) -> tuple[str, list[int]]:
        # a comment of some length, so that the source goes over in blocks
        # a comment of some length, so that the source goes over in blocks
        # a comment of some length, so that the source goes over in blocks
        # a comment of some length, so that the source goes over in blocks
        # a comment of some length, so that the source goes over in blocks
        return text, list(range(count))

    assert long("x" * 20_000, 5000) == ("x" * 20_000, list(range(5000)))


def test_the_board_forgets_what_nobody_here_has(board: MicroPythonBoard) -> None:
    held = "len(__import__('_iotlab_remote').o)"

    def define() -> None:
        @board.task
        def one() -> int:
            return 1

        assert one() == 1
        things = [board.proxy("object()") for _ in range(5)]
        assert board.eval(held) == 6
        del things

    define()
    gc.collect()
    kept = board.proxy("object()")  # tells the board in passing
    assert board.eval(held) == 1
    del kept


# -- proxies ----------------------------------------------------------------------------------


def test_a_proxy_is_used_as_the_object_is(board: MicroPythonBoard) -> None:
    board.exec(
        """class Motor:
    speed = 3
    def turn(self, by, *, twice=False):
        self.speed += by * (2 if twice else 1)
        return self
    def __enter__(self):
        self.speed = 0
    def __exit__(self, *error):
        self.speed = -1
motor = Motor()
parts = [motor, 2, b"x"]"""
    )
    motor = board.proxy("motor")
    assert motor.speed == 3
    assert motor.turn(2).turn(1, twice=True).speed == 7
    motor.speed = 1.5
    assert board.eval("motor.speed") == 1.5
    assert hasattr(motor, "speed")
    assert not hasattr(motor, "nothing")
    assert not hasattr(motor, "_repr_html_")
    assert "turn" in dir(motor)
    parts = board.proxy("parts")
    assert len(parts) == 3
    assert parts[0] == motor
    assert parts[0].speed == 1.5
    assert parts[1:] == [2, b"x"]
    parts[1] = {"a": motor}
    assert board.eval("parts[1]['a'] is motor")
    del parts[2]
    assert [type(part).__name__ for part in parts] == ["Proxy", "Proxy"]
    assert motor in parts
    assert "<Motor object at " in repr(motor)
    assert repr(parts).endswith(" on esp32>")
    with motor:
        assert board.eval("motor.speed") == 0
    assert board.eval("motor.speed") == -1
    with pytest.raises(ClosedError, match="the proxy of a Motor was closed"):
        motor.turn(1)


def test_a_proxy_stands_for_plain_values_too(board: MicroPythonBoard) -> None:
    board.exec("nothing = None\nnumbers = {}\nfound = (n * n for n in range(40))")
    nothing = board.proxy("nothing")
    assert nothing == None  # noqa: E711
    assert not nothing
    numbers = board.proxy("numbers")
    numbers["a"] = 1
    assert board.eval("numbers") == {"a": 1}
    assert numbers == {"a": 1}
    assert numbers != {"a": 2}
    assert numbers != object()
    assert list(numbers) == ["a"]
    found = board.proxy("found")
    first = iter(found)
    assert [next(first), next(first)] == [0, 1]
    assert board.eval("next(found)") == 4  # nothing was taken ahead
    assert list(first)[-1] == 39 * 39
    assert list(board.proxy("range(100)")) == list(range(100))
    assert list(board.proxy("list(range(100))")) == list(range(100))


def test_an_error_through_a_proxy(board: MicroPythonBoard) -> None:
    items = board.proxy("[]")
    with pytest.raises(RemoteError, match="IndexError"):
        items[0]
    with pytest.raises(AttributeError, match="the list on the board has no nothing"):
        _ = items.nothing
    with pytest.raises(RemoteError, match="NameError"):
        board.proxy("no_such_name")
    with iotlab.connect("pico") as other:
        assert isinstance(other, MicroPythonBoard)
        with pytest.raises(UnsupportedError, match="means nothing on another board"):
            other.proxy("[]").append(items)


def test_a_proxy_after_a_restart(board: MicroPythonBoard) -> None:
    items = board.proxy("[1]")
    board.reset("soft")
    with pytest.raises(RestartedError, match="esp32 restarted: the list of a proxy is lost"):
        items.append(2)
    assert repr(items) == "<a list on esp32: esp32 restarted: the list of a proxy is lost, make it anew>"
    again = board.proxy("[2]")
    with pytest.raises(RestartedError):
        len(items)
    assert len(again) == 1
    board.close()
    with pytest.raises(ClosedError):
        len(again)


def test_tasks_from_several_threads_come_one_after_the_other(board: MicroPythonBoard) -> None:
    @board.task
    def add(a: int, b: int) -> int:
        return a + b

    sums: list[int] = []

    def work(start: int) -> None:
        sums.extend(add(start, n) for n in range(20))

    threads = [threading.Thread(target=work, args=(100 * n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(sums) == sorted(100 * k + n for k in range(3) for n in range(20))


# -- in a notebook ----------------------------------------------------------------------------


def test_the_cells_of_a_notebook(bench: Bench) -> None:
    with KernelSession("python3") as kernel:
        ran = kernel.run(
            """import iotlab
board = iotlab.connect("esp32")

@board.task
def inverse(x):
    # the line after this one fails
    return 1 / x

@board.stream
def endless():
    try:
        n = 0
        while True:
            yield n
            n += 1
    finally:
        print("tidied up")

inverse(4)"""
        )
        assert ran.value == "0.25"
        assert '  File "In[1]", line 7, in inverse\n' in kernel.run("inverse(0)").error
        ran = kernel.run('for n in endless():\n    if n == 99: print("seen")', interrupt_at="seen")
        assert ran.text == "seen\ntidied up\n"
        assert "KeyboardInterrupt" in ran.error
        ran = kernel.run("for n in endless():\n    n[0]\n")
        assert "TypeError" in ran.error
        assert ran.text == "tidied up\n"
        assert kernel.run("board.eval('6 * 7')").value == "42"
        kernel.run("@board.task\ndef inverse(x):\n    return 2 / x")
        assert kernel.run("inverse(4)").value == "0.5"
        assert kernel.run("board.close()").status == "ok"
