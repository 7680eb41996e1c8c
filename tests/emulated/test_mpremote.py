"""mpremote's own commands over a session that was open before and stays open."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mpremote_lab import emptied_board

from iotlab import mpremote
from iotlab.cli.main import main
from iotlab.errors import ConfigError, ConnectError, IotlabError, NotFoundError, RemoteError, RestartedError
from iotlab.micropython.board import MicroPythonBoard
from iotlab.sim import Bench


@pytest.fixture
def board(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MicroPythonBoard]:
    with emptied_board(tmp_path, monkeypatch) as emptied:
        yield emptied


# -- the session ------------------------------------------------------------------------------


def test_variables_and_the_session_stay(board: MicroPythonBoard) -> None:
    board.exec("x = 40")
    assert mpremote.run(board, "exec 'x += 2' eval x") == "42\n"
    assert mpremote.run(board, ["resume", "eval", "x", "+", "eval", "x + 1"]) == "42\n43\n"
    assert board.eval("x") == 42


def test_names_of_the_user_are_left_alone(board: MicroPythonBoard) -> None:
    """mpremote's own code uses names like f, h, n, buf: it may not overwrite a notebook's variables."""
    before = sorted(board.eval("list(globals())"))
    for line in (
        "df", "cp every.bin :", "cp :every.bin back.bin", "sha256sum every.bin", "fs sha1sum every.bin", "ls", "tree",
        "touch new", "cat new", "rm new", "rtc", "romfs query", "mount .", "cp every.bin :again.bin", "rm again.bin",
        "umount",
    ):  # fmt: skip
        mpremote.run(board, line)
    assert sorted(board.eval("list(globals())")) == before
    assert "_iotlab_mpremote" not in board.eval("list(__import__('sys').modules)")


def test_output_comes_while_the_command_runs(board: MicroPythonBoard, bench: Bench) -> None:
    """The code waits for a button, which is pressed when its first line was heard."""
    code = """from machine import Pin
import time
button = Pin(4, Pin.IN, Pin.PULL_UP)
print("waiting")
while button.value():
    time.sleep_ms(5)
print("pressed")"""
    heard: list[str] = []

    def output(text: str) -> None:
        heard.append(text)
        print("listeners may print")  # to where it went before, not round in a circle
        if "waiting" in text:
            bench["esp32"].chip("button").press()

    assert mpremote.run(board, ["exec", code], output=output) == "waiting\npressed\n"
    bench["esp32"].chip("button").release()
    assert heard[0].startswith("waiting")


def test_what_other_threads_print_goes_where_it_went(
    board: MicroPythonBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    def output(text: str) -> None:
        other = threading.Thread(target=lambda: print("from another thread"))
        other.start()
        other.join()

    out = sys.stdout
    assert mpremote.run(board, "eval 6*7", output=output) == "42\n"
    assert capsys.readouterr().out == "from another thread\n"
    assert sys.stdout is out


def test_output_of_any_kind(board: MicroPythonBoard) -> None:
    assert mpremote.run(board, ["exec", "print('é€😀' * 500)"]) == "é€😀" * 500 + "\n"
    assert len(mpremote.run(board, ["exec", "for n in range(3000): print(n)"])) == 2890 + 12_000 - 1_000


def test_a_soft_reset_first_only_where_it_is_wanted(board: MicroPythonBoard) -> None:
    board.exec("x = 1")
    assert mpremote.run(board, "eval x") == "1\n"
    assert mpremote.run(board, "resume eval x", fresh=True) == "1\n"
    with pytest.raises(RemoteError, match="NameError"):
        mpremote.run(board, "eval x", fresh=True)
    board.exec("x = 1")
    assert mpremote.run(board, "soft-reset") == ""
    with pytest.raises(RemoteError, match="NameError"):
        board.eval("x")


def test_no_board_is_needed_for_help(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> MicroPythonBoard:
        raise NotFoundError("no board")

    assert "soft-reset" in mpremote.run(nobody, "help")
    assert "Not over an open session: connect" in mpremote.run(nobody, "help")
    assert "usage: fs" in mpremote.run(nobody, "fs --help")
    assert mpremote.run(nobody, "version").startswith("mpremote 1.")
    assert mpremote.run(nobody, "sleep 1") == ""
    with pytest.raises(NotFoundError, match="no board"):
        mpremote.run(nobody, "ls")


# -- code -------------------------------------------------------------------------------------


def test_an_exception_on_the_board(board: MicroPythonBoard) -> None:
    heard: list[str] = []
    with pytest.raises(RemoteError, match="ZeroDivisionError") as caught:
        mpremote.run(board, ["exec", "print('before')\n1/0", "exec", "print('never')"], output=heard.append)
    assert caught.value.traceback.startswith("Traceback")
    assert "line 2" in caught.value.traceback
    assert "".join(heard) == "before\n"
    with pytest.raises(RemoteError) as missing:
        mpremote.run(board, ["exec", "open('nope')"])
    assert missing.value.code == 2


def test_run(board: MicroPythonBoard) -> None:
    assert mpremote.run(board, "run hello.py") == "hello\n"
    with pytest.raises(NotFoundError, match=r"no nope\.py on this machine"):
        mpremote.run(board, "run nope.py")
    Path("binary.py").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError):
        mpremote.run(board, "run binary.py")


def test_code_that_nobody_waits_for_ends_with_the_next_call(board: MicroPythonBoard, bench: Bench) -> None:
    code = "from machine import Pin\nled = Pin(2, Pin.OUT, value=1)\ntry:\n while True: pass\nfinally: led.value(0)"
    assert mpremote.run(board, ["exec", "--no-follow", code]) == ""
    end = time.monotonic() + 20
    while not bench["esp32"].chip("led").on:
        assert time.monotonic() < end
        time.sleep(0.01)
    assert mpremote.run(board, "eval 6*7") == "42\n"
    assert not bench["esp32"].chip("led").on


def test_an_interrupt_stops_the_board(board: MicroPythonBoard) -> None:
    heard: list[str] = []

    def output(text: str) -> None:
        heard.append(text)
        board.stop_call()

    with pytest.raises(KeyboardInterrupt):
        mpremote.run(board, ["exec", "print('on')\nn = 0\nwhile True: n += 1"], output=output)
    n = board.eval("n")
    assert board.eval("n") == n
    assert heard == ["on\n"]


def test_code_that_restarts_the_board(board: MicroPythonBoard) -> None:
    with pytest.raises(RestartedError):
        mpremote.run(board, ["exec", "import machine\nmachine.reset()"])
    assert mpremote.run(board, "eval 1") == "1\n"


def test_resets(board: MicroPythonBoard) -> None:
    board.exec("x = 1")
    assert "MicroPython" in mpremote.run(board, "reset")
    with pytest.raises(RemoteError, match="NameError"):
        board.eval("x")
    assert "bootloader" in mpremote.run(board, "bootloader")
    assert board.info.state == "bootloader"
    with pytest.raises(ConnectError, match="runs no MicroPython"):
        mpremote.run(board, "eval 1")
    board.reset("hard")
    assert mpremote.run(board, "eval 1") == "1\n"


# -- errors -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "error", "message"),
    [
        ("cat nope", NotFoundError, "no /nope on the board"),
        ("ls nope", NotFoundError, "nope"),
        ("rm nope", NotFoundError, "nope"),
        ("sha256sum nope", NotFoundError, "nope"),
        ("cp :nope .", NotFoundError, "no /nope on the board"),
        ("cp nope.txt :", NotFoundError, r"no nope\.txt on this machine"),
        ("cp hello.py :nope/x.py", NotFoundError, "nope"),
        ("cp hello.py nowhere/x.py", NotFoundError, "nowhere"),
        ("cp hello.py :there/", ConfigError, "not a directory"),
        ("mkdir there there", RemoteError, "EEXIST"),
        ("rmdir nope", NotFoundError, "nope"),
        ("cp hello.py", ConfigError, "missing destination"),
        ("fs", ConfigError, "required: command"),
        ("fs ls --nonsense", ConfigError, "--nonsense"),
        ("fs shred x", ConfigError, "fs has no shred"),
        ("shred x", ConfigError, "no command shred"),
        ("sleep soon", ConfigError, "soon"),
        ("mount nope", NotFoundError, "no folder nope"),
        ("romfs deploy", ConfigError, "source path"),
        ("romfs build nope", NotFoundError, "nope"),
        ("mip erase x", ConfigError, "erase"),
        ("exec 'unfinished", ConfigError, "close the quotation"),
        ("", ConfigError, "say a command"),
    ],
)
def test_errors_say_what_is_wrong(
    board: MicroPythonBoard, line: str, error: type[IotlabError], message: str
) -> None:
    try:
        raise FileNotFoundError(2, "an error that was being handled before", "unrelated")
    except FileNotFoundError:
        with pytest.raises(error, match=message):
            mpremote.run(board, line)
    assert board.eval("6 * 7") == 42


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("connect /dev/ttyUSB0", "%connect"),
        ("connect list", "%boards"),
        ("devs", "%boards"),
        ("a0", r"a0 \(connect /dev/ttyACM0\).*%connect"),
        ("u3 ls", "%connect"),
        ("c1", "%connect"),
        ("disconnect", r"board\.close"),
        ("repl", "%%board"),
        ("edit main.py", "cp :FILE"),
        ("eval 1 repl --capture x", "%%board"),
    ],
)
def test_what_would_end_the_session_is_refused(board: MicroPythonBoard, line: str, instead: str) -> None:
    with pytest.raises(ConfigError, match=instead):
        mpremote.run(board, line)
    assert not board.closed


def test_shortcuts_of_the_user(board: MicroPythonBoard, tmp_path: Path) -> None:
    folder = tmp_path / "config" / "mpremote"
    folder.mkdir(parents=True)
    (folder / "config.py").write_text(
        "commands = {'double x=4': 'eval x*2', 'mine': 'connect id:1234', 'again': 'reset', 'both': 'eval 1 eval 2'}"
    )
    here = Path.cwd()
    assert mpremote.run(board, "double 21") == "42\n"
    assert mpremote.run(board, "double") == "8\n"
    assert mpremote.run(board, "both") == "1\n2\n"
    with pytest.raises(ConfigError, match=r"mine \(connect id:1234\)"):
        mpremote.run(board, "mine")
    with pytest.raises(ConfigError, match="unexpected argument y"):
        mpremote.run(board, "double y=3")
    mpremote.run(board, "again")
    assert board.eval("6 * 7") == 42
    (folder / "config.py").write_text("commands = {1/0: ''}")
    with pytest.raises(ConfigError, match="configuration file"):
        mpremote.run(board, "eval 1")
    (folder / "config.py").write_text("raise SystemExit")
    with pytest.raises(ConfigError):
        mpremote.run(board, "eval 1")
    assert Path.cwd() == here


# -- the command line -------------------------------------------------------------------------


def test_the_command(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "app.py").write_text("print('from here')\n")
    assert main(["mpremote", "--board", "pico", "exec", "x = 1", "eval", "x"]) == 0
    assert main(["mpremote", "--board", "pico", "mount", "-l", ".", "exec", "import app"]) == 0
    assert main(["mpremote", "version"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("1\nLocal directory . is mounted at /remote\n")
    assert "from here\n[iotlab] " in out
    assert "goes with the end of this command" in out
    assert "mpremote 1." in out
    assert main(["mpremote", "--board", "pico", "eval", "x"]) == 1  # a fresh interpreter, as with mpremote
    assert "NameError" in capsys.readouterr().err
    assert main(["mpremote", "--board", "pico", "connect", "list"]) == 1
    assert "iotlab boards" in capsys.readouterr().err
    assert main(["mpremote", "--board", "pico", "ls", "/remote"]) == 1


def test_without_mpremote_the_extra_is_named(bench: Bench, tmp_path: Path) -> None:
    """The package is hidden by a module of its name that is none."""
    (tmp_path / "mpremote.py").write_text("raise ImportError('not here')\n")
    code = "from iotlab.cli.main import main; raise SystemExit(main(['mpremote', 'version']))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "pip install 'iotlab[mpremote]'" in done.stderr
