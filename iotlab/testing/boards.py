"""The contract of a board, as tests. Subclass it for every kind of board; ``board`` yields a connected one."""

from __future__ import annotations

import hashlib
import random
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar, TypeVar

import pytest

from iotlab.board import Board
from iotlab.errors import ClosedError, DeadlineError, InUseError, NotFoundError, RemoteError, UnsupportedError

Test = TypeVar("Test", bound=Callable[..., None])
#: What a firmware may lack, each a name that tests are marked with: ``folders`` in its file system, ``machine.I2C``,
#: and ``sys.stdin``.
CAPABILITIES = ("folders", "machine.I2C", "sys.stdin")


def needs(capability: str) -> Callable[[Test], Test]:
    """Marks a test that only boards with ``capability`` can pass."""
    if capability not in CAPABILITIES:
        raise ValueError(f"a capability is one of {', '.join(CAPABILITIES)}, not {capability!r}")

    def mark(test: Test) -> Test:
        test.__dict__["capability"] = capability
        return test

    return mark


class BoardContract:
    """What every board that runs MicroPython does, but for what its class says that the firmware ``lacks``."""

    #: How many times longer than usual one waits for what is to happen: more for a board that is emulated slowly.
    patience: ClassVar[float] = 1.0
    #: Which of the ``CAPABILITIES`` the firmware has not; their tests are skipped, with the name as the reason.
    lacks: ClassVar[frozenset[str]] = frozenset()
    #: Lines of the longest code and of the longest output, bytes of the largest file: less for a board that is
    #: emulated slowly, or has little memory.
    code_lines: ClassVar[int] = 800
    output_lines: ClassVar[int] = 5000
    file_size: ClassVar[int] = 40_000

    @pytest.fixture
    def board(self) -> Iterator[Board]:
        raise NotImplementedError("a subclass connects a board")

    @pytest.fixture(autouse=True)
    def _has_what_it_takes(self, request: pytest.FixtureRequest) -> None:
        capability = getattr(request.function, "capability", "")
        if capability in self.lacks:
            pytest.skip(f"lacks {capability}")

    @pytest.fixture
    def folder(self, board: Board) -> Iterator[str]:
        """A folder on the board, empty, gone afterwards; ``""``, the root, where there is no other."""
        board.files.mkdir("/contract")
        yield "/contract"
        board.files.remove("/contract", recursive=True)

    # -- code ---------------------------------------------------------------------------------

    def test_it_says_what_it_is(self, board: Board) -> None:
        assert board.info.state == "micropython"
        assert board.info.firmware.startswith("MicroPython ")
        assert board.info.machine
        assert bytes.fromhex(board.info.unique_id)

    def test_what_is_printed_comes_back(self, board: Board) -> None:
        assert board.exec("for i in range(3): print('line', i)") == "line 0\nline 1\nline 2\n"

    def test_text_beyond_ascii(self, board: Board) -> None:
        assert board.exec("print('21 °C, 日本')") == "21 °C, 日本\n"

    def test_long_code(self, board: Board) -> None:
        last = self.code_lines - 1
        code = "\n".join(f"value_{n} = {n}" for n in range(last + 1)) + f"\nprint(value_0 + value_{last})"
        assert board.exec(code) == f"{last}\n"

    def test_much_output(self, board: Board) -> None:
        text = board.exec(f"for i in range({self.output_lines}): print(i)")
        assert text == "".join(f"{i}\n" for i in range(self.output_lines))

    def test_output_comes_while_the_code_runs(self, board: Board) -> None:
        seen: list[str] = []
        first = threading.Event()

        def output(text: str) -> None:
            seen.append(text)
            first.set()

        code = "print('first')\nimport time\nwhile not done(): time.sleep_ms(1)"
        board.exec("import time\nt0 = time.ticks_ms()")
        board.exec("def done(): return time.ticks_diff(time.ticks_ms(), t0) > 1500")
        worker = threading.Thread(target=lambda: board.exec(code, output=output))
        worker.start()
        assert first.wait(20 * self.patience)
        assert worker.is_alive()
        worker.join(20 * self.patience)
        assert "".join(seen) == "first\n"

    @pytest.mark.parametrize(
        "value",
        [
            0,
            -7,
            2**40,
            1.5,
            float("inf"),
            "text\n",
            "é",
            b"\x00\x03\x04\n\r\x10\x11\x13\xff",
            None,
            True,
            (),
            (1,),
        ],
    )
    def test_plain_values_come_over(self, board: Board, value: object) -> None:
        assert board.eval(repr(value).replace("inf", "float('inf')")) == value

    def test_nested_values_come_over(self, board: Board) -> None:
        assert board.eval("{'a': [1, (2.5, None)], 'b': bytearray(b'x')}") == {
            "a": [1, (2.5, None)],
            "b": bytearray(b"x"),
        }

    def test_a_value_that_is_no_literal(self, board: Board) -> None:
        with pytest.raises(UnsupportedError, match="plain values"):
            board.eval("object()")

    def test_names_stay(self, board: Board) -> None:
        board.exec("kept = 41")
        assert board.eval("kept + 1") == 42

    def test_the_helper_leaves_no_name(self, board: Board) -> None:
        board.eval("1")
        assert [name for name in board.eval("list(globals())") if "iotlab" in name] == []

    # -- errors and stopping ------------------------------------------------------------------

    def test_an_exception_is_the_boards_own(self, board: Board) -> None:
        with pytest.raises(RemoteError) as caught:
            board.exec("def f():\n    return 1 // 0\n\nf()")
        assert caught.value.kind == "ZeroDivisionError"
        assert "line 2, in f" in caught.value.traceback
        assert "line 4, in <module>" in caught.value.traceback

    def test_an_oserror_keeps_its_errno(self, board: Board) -> None:
        with pytest.raises(RemoteError) as caught:
            board.exec("open('/no/such/file')")
        assert (caught.value.kind, caught.value.code) == ("OSError", 2)

    def test_a_syntax_error(self, board: Board) -> None:
        with pytest.raises(RemoteError, match="SyntaxError"):
            board.exec("def f(:\n  pass")

    @pytest.mark.parametrize("control", ["\x01", "\x03", "\x04"])
    def test_code_that_the_prompt_would_obey(self, board: Board, control: str) -> None:
        board.exec(f"text = 'a{control}b'")
        assert board.eval("text") == f"a{control}b"

    @pytest.mark.parametrize("code", ["while True: pass", "import time\ntime.sleep(60)"])
    def test_code_that_takes_too_long_is_stopped(self, board: Board, code: str) -> None:
        with pytest.raises(DeadlineError):
            board.exec(code, timeout_s=0.5)
        assert board.eval("6 * 7") == 42

    @needs("sys.stdin")
    def test_code_that_waits_for_input_is_stopped(self, board: Board) -> None:
        with pytest.raises(DeadlineError):
            board.exec("import sys\nsys.stdin.read(1)", timeout_s=0.5)
        assert board.eval("6 * 7") == 42

    def test_what_was_printed_before_the_deadline_is_kept(self, board: Board) -> None:
        with pytest.raises(DeadlineError) as caught:
            board.exec("print('before')\nwhile True: pass", timeout_s=1.0)
        assert caught.value.partial == b"before\n"

    @pytest.mark.parametrize(
        "loop",
        [
            "while True: pass",
            "import time\nwhile True: time.sleep(0.1)",
            "while True:\n try: pass\n except KeyboardInterrupt: pass",
            "import time\nfor _ in range(2):\n try: time.sleep(60)\n except KeyboardInterrupt: pass",
        ],
    )
    def test_ctrl_c_here_stops_the_board(self, board: Board, loop: str) -> None:
        """Code that catches the first one too: it gets others."""

        def interrupt(_: str) -> None:
            signal.raise_signal(signal.SIGINT)

        with pytest.raises(KeyboardInterrupt):
            board.exec(f"print('running')\n{loop}", output=interrupt)
        assert board.eval("6 * 7") == 42

    def test_another_thread_can_interrupt(self, board: Board) -> None:
        loop, caught = self._loop(board)
        board.interrupt()
        loop.join(20 * self.patience)
        assert caught == ["KeyboardInterrupt"]
        assert board.eval("6 * 7") == 42

    def test_closing_ends_the_call_of_another_thread(self, board: Board) -> None:
        loop, caught = self._loop(board)
        board.close()
        loop.join(20 * self.patience)
        assert caught == ["KeyboardInterrupt"]
        with pytest.raises(ClosedError):
            board.eval("1")

    def test_a_soft_reset_forgets_names(self, board: Board) -> None:
        board.exec("gone = 1")
        board.reset("soft")
        with pytest.raises(RemoteError, match="NameError"):
            board.eval("gone")

    def test_a_hard_reset_forgets_names_and_keeps_files(self, board: Board, folder: str) -> None:
        board.files.write(f"{folder}/kept.txt", b"still here")
        board.exec("gone = 1")
        board.reset("hard")
        assert board.files.read(f"{folder}/kept.txt") == b"still here"
        with pytest.raises(RemoteError, match="NameError"):
            board.eval("gone")

    def test_one_user_at_a_time(self, board: Board) -> None:
        with board.using("the first"), pytest.raises(InUseError, match="the first") as caught:
            self._from_another_thread(lambda: board.using("the second", wait_s=0.05).__enter__())
        assert caught.value.holder == "the first"

    def test_closed_is_closed(self, board: Board) -> None:
        board.close()
        board.close()
        with pytest.raises(ClosedError):
            board.exec("1")

    # -- files --------------------------------------------------------------------------------

    @pytest.mark.parametrize("size", [0, 1, 187, 188, 189, 4096, None])
    def test_a_file_comes_back_as_it_went(self, board: Board, folder: str, size: int | None) -> None:
        size = self.file_size if size is None else size
        data = random.Random(size).randbytes(size)
        board.files.write(f"{folder}/data.bin", data)
        assert board.files.read(f"{folder}/data.bin") == data
        assert board.files.sha256(f"{folder}/data.bin") == hashlib.sha256(data).hexdigest()
        assert [(e.path, e.size, e.is_dir) for e in board.files.ls(folder)] == [
            (f"{folder}/data.bin", size, False)
        ]

    def test_a_file_is_replaced(self, board: Board, folder: str) -> None:
        board.files.write(f"{folder}/a.txt", b"a longer text than the second")
        board.files.write(f"{folder}/a.txt", b"short")
        assert board.files.read(f"{folder}/a.txt") == b"short"

    def test_put_and_get(self, board: Board, folder: str, tmp_path: Path) -> None:
        (tmp_path / "here.py").write_text("print('hello')\n")
        board.files.put(tmp_path / "here.py", f"{folder}/")
        fetched = board.files.get(f"{folder}/here.py", tmp_path / "back.py")
        assert fetched.read_text() == "print('hello')\n"

    def test_no_such_file(self, board: Board) -> None:
        with pytest.raises(NotFoundError, match=r"/no/such\.txt"):
            board.files.read("/no/such.txt")
        with pytest.raises(NotFoundError):
            board.files.ls("/no")
        with pytest.raises(NotFoundError):
            board.files.write("/no/such.txt", b"x")
        assert board.files.sha256("/no/such.txt") is None

    @needs("folders")
    def test_folders(self, board: Board, folder: str) -> None:
        board.files.mkdir(f"{folder}/a/b")
        board.files.mkdir(f"{folder}/a/b")
        board.files.write(f"{folder}/a/b/c.txt", b"c")
        assert [e.path for e in board.files.walk(folder)] == [f"{folder}/a/b/c.txt"]
        with pytest.raises(RemoteError):
            board.files.remove(f"{folder}/a")
        board.files.remove(f"{folder}/a", recursive=True)
        assert board.files.ls(folder) == []

    def test_sync_sends_only_what_changed(self, board: Board, folder: str, tmp_path: Path) -> None:
        for name in ("main.py", "more.py"):
            (tmp_path / name).write_text("one = 1\n")
        assert board.files.sync(tmp_path, folder) == [f"{folder}/main.py", f"{folder}/more.py"]
        assert board.files.sync(tmp_path, folder) == []
        (tmp_path / "main.py").write_text("one = 11\n")
        (tmp_path / "more.py").unlink()
        assert board.files.sync(tmp_path, folder, delete=True) == [f"{folder}/main.py", f"{folder}/more.py"]
        assert [e.path for e in board.files.walk(folder)] == [f"{folder}/main.py"]
        assert board.files.read(f"{folder}/main.py") == b"one = 11\n"

    @needs("folders")
    def test_sync_of_folders(self, board: Board, folder: str, tmp_path: Path) -> None:
        (tmp_path / "sub").mkdir()
        (tmp_path / "main.py").write_text("one = 1\n")
        (tmp_path / "sub" / "more.py").write_text("two = 2\n")
        assert board.files.sync(tmp_path, folder) == [f"{folder}/main.py", f"{folder}/sub/more.py"]
        assert board.files.sync(tmp_path, folder) == []
        (tmp_path / "main.py").write_text("one = 11\n")
        (tmp_path / "sub" / "more.py").unlink()
        assert board.files.sync(tmp_path, folder, delete=True) == [
            f"{folder}/main.py",
            f"{folder}/sub/more.py",
        ]
        assert [e.path for e in board.files.walk(folder)] == [f"{folder}/main.py"]

    def test_sync_to_a_path_from_the_root(self, board: Board, folder: str, tmp_path: Path) -> None:
        (tmp_path / "main.py").write_text("one = 1\n")
        assert board.files.sync(tmp_path, folder.lstrip("/"), delete=True) == [f"{folder}/main.py"]
        assert [e.path for e in board.files.walk(folder)] == [f"{folder}/main.py"]

    def test_sync_of_nothing(self, board: Board, folder: str, tmp_path: Path) -> None:
        board.files.write(f"{folder}/kept.txt", b"kept")
        with pytest.raises(NotFoundError, match="no folder"):
            board.files.sync(tmp_path / "mistyped", folder, delete=True)
        assert board.files.read(f"{folder}/kept.txt") == b"kept"

    @needs("folders")
    def test_sync_of_nothing_to_a_new_folder(self, board: Board, folder: str, tmp_path: Path) -> None:
        assert board.files.sync(tmp_path, f"{folder}/new", delete=True) == []
        assert [(e.path, e.is_dir) for e in board.files.ls(folder)] == [(f"{folder}/new", True)]

    @needs("folders")
    def test_a_file_does_not_replace_a_folder(self, board: Board, folder: str) -> None:
        board.files.mkdir(f"{folder}/a")
        with pytest.raises(RemoteError):
            board.files.write(f"{folder}/a", b"x")
        assert [(e.path, e.is_dir) for e in board.files.ls(folder)] == [(f"{folder}/a", True)]

    def test_files_that_were_opened_work_after_a_hard_reset(self, board: Board) -> None:
        files = board.files
        before = files.ls()
        board.reset("hard")
        assert files.ls() == before

    @needs("machine.I2C")
    def test_a_bus_that_was_opened_works_after_a_hard_reset(self, board: Board) -> None:
        bus = board.i2c(0)
        before = bus.scan()
        board.reset("hard")
        assert bus.scan() == before

    def test_a_reset_of_no_kind(self, board: Board) -> None:
        with pytest.raises(ValueError, match='"soft", "hard" or "bootloader"'):
            board.reset("warm")  # type: ignore[arg-type]

    def _loop(self, board: Board) -> tuple[threading.Thread, list[str]]:
        """A thread in which the board runs for ever, and what that ends in."""
        running, caught = threading.Event(), list[str]()

        def loop() -> None:
            try:
                board.exec("print('running')\nwhile True: pass", output=lambda _: running.set())
            except RemoteError as error:
                caught.append(error.kind)

        thread = threading.Thread(target=loop)
        thread.start()
        assert running.wait(20 * self.patience)
        return thread, caught

    def _from_another_thread(self, run: object) -> None:
        caught: list[BaseException] = []

        def body() -> None:
            try:
                run()  # type: ignore[operator]
            except BaseException as error:
                caught.append(error)

        worker = threading.Thread(target=body)
        worker.start()
        worker.join(20 * self.patience)
        if caught:
            raise caught[0]
