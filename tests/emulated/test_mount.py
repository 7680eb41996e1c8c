"""A folder of this machine as a file system of a virtual board."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import iotlab
from iotlab import ota
from iotlab.board import Endpoint
from iotlab.errors import NotFoundError, RemoteError
from iotlab.link.serial import SerialLink
from iotlab.micropython.board import MicroPythonBoard
from iotlab.sim import Bench

EVERY = bytes(range(256)) * 41 + b"end"
TEXT = "Äpfel\nBirnen €\r\n" * 40 + "no newline at the end"


READ_FOR_EVER = """
while True:
    with open('every.bin', 'rb') as f:
        while f.read(500):
            pass"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "mounted"
    (made / "package").mkdir(parents=True)
    (made / "hello.py").write_text("def twice(x):\n    return 2 * x\n")
    (made / "package" / "__init__.py").write_text("from .part import value\n")
    (made / "package" / "part.py").write_text("value = 7\n")
    (made / "every.bin").write_bytes(EVERY)
    (made / "text.txt").write_bytes(TEXT.encode())
    (tmp_path / "secret.txt").write_text("not for the board")
    return made


@pytest.fixture
def board(bench: Bench) -> Iterator[MicroPythonBoard]:
    with iotlab.connect("esp32") as board:
        assert isinstance(board, MicroPythonBoard)
        board.reset()
        yield board


@pytest.fixture
def mounted(board: MicroPythonBoard, folder: Path) -> MicroPythonBoard:
    board.mount(folder)
    return board


# -- what a program sees ----------------------------------------------------------------------


def test_modules_are_imported_from_it_in_later_calls(mounted: MicroPythonBoard) -> None:
    mounted.exec("import hello, package")
    assert mounted.eval("hello.twice(package.value)") == 14
    assert mounted.eval("__import__('os').getcwd()") == "/remote"


def test_a_module_that_raises_tells_its_line(mounted: MicroPythonBoard, folder: Path) -> None:
    (folder / "broken.py").write_text("x = 1\nx / 0\n")
    with pytest.raises(RemoteError, match=r'File "broken\.py", line 2'):
        mounted.exec("import broken")


def test_bytes_come_as_they_are(mounted: MicroPythonBoard) -> None:
    assert mounted.eval("open('every.bin', 'rb').read()") == EVERY
    assert mounted.files.read("/remote/every.bin") == EVERY
    code = """
b = bytearray(1000)
with open('every.bin', 'rb') as f:
    n = f.readinto(b)
    place = f.seek(256), f.tell()
    line = f.readline()
    f.seek(-3, 2)
    end = f.read(100)"""
    mounted.exec(code)
    assert mounted.eval("n, bytes(b), place, line, end") == (
        1000, EVERY[:1000], (256, 256), bytes(range(11)), b"end"
    )  # fmt: skip


def test_text_comes_as_it_is(mounted: MicroPythonBoard) -> None:
    assert mounted.eval("open('text.txt').read()") == TEXT
    assert mounted.eval("list(open('text.txt'))") == TEXT.splitlines(keepends=True)
    assert mounted.eval("open('text.txt').read(3)") == "Äpf"
    assert mounted.eval("open('text.txt').readlines()[1]") == "Birnen €\r\n"


def test_what_is_written_is_here(mounted: MicroPythonBoard, folder: Path) -> None:
    code = """
with open('out.txt', 'w') as f:
    n = f.write('é€\\n' * 700)
with open('out.txt', 'a') as f:
    f.write('more')
with open('out.bin', 'wb') as f:
    f.write(bytes(range(256)) * 9)
    f.write(bytearray(b'array'))
with open('out.bin', 'r+b') as f:
    f.seek(1)
    f.write(b'!')"""
    mounted.exec(code)
    assert mounted.eval("n") == 2100
    assert (folder / "out.txt").read_bytes() == ("é€\n" * 700 + "more").encode()
    assert (folder / "out.bin").read_bytes() == b"\0!" + (bytes(range(256)) * 9 + b"array")[2:]


def test_folders(mounted: MicroPythonBoard, folder: Path) -> None:
    many = {f"file number {k:03}": k for k in range(60)}
    for name, size in many.items():
        (folder / "package" / name).write_bytes(bytes(size))
    found = mounted.eval("[(e[0], e[1], e[3]) for e in __import__('os').ilistdir('package')]")
    assert {name: size for name, kind, size in found if name in many and kind == 0x8000} == many
    mounted.exec(
        "import os\nos.mkdir('new')\nos.rename('hello.py', 'new/bye.py')\nos.chdir('new')\n"
        "import bye\nhere = os.getcwd(), os.listdir()\nos.remove('bye.py')\nos.chdir('/remote')\nos.rmdir('new')"
    )
    assert mounted.eval("here") == ("/remote/new/", ["bye.py"])
    assert not (folder / "new").exists()
    assert not (folder / "hello.py").exists()
    assert mounted.eval("os.stat('text.txt')[6], os.stat('package')[0]") == (len(TEXT.encode()), 0x4000)


@pytest.mark.parametrize(
    ("code", "number"),
    [
        ("open('nope')", 2),
        ("open('nope/x', 'w')", 2),
        ("open('package')", 21),
        ("os.mkdir('package')", 17),
        ("os.rmdir('package')", 39),
        ("os.listdir('text.txt')", 20),
        ("os.chdir('text.txt')", 20),
        ("open('text.txt', 'rw')", 22),
        ("os.stat('nope')", 2),
    ],
)
def test_errors_have_their_number(mounted: MicroPythonBoard, code: str, number: int) -> None:
    with pytest.raises(RemoteError) as caught:
        mounted.exec(f"import os\n{code}")
    assert caught.value.code == number


def test_a_file_that_was_closed(mounted: MicroPythonBoard) -> None:
    with pytest.raises(RemoteError) as caught:
        mounted.exec("f = open('text.txt')\nf.close()\nf.close()\nf.read(1)")
    assert caught.value.code == 9


def test_many_files_that_nobody_closes(mounted: MicroPythonBoard) -> None:
    with pytest.raises(RemoteError) as caught:
        mounted.exec("n = 0\nwhile True:\n    open('text.txt')\n    n += 1")
    assert caught.value.code == 24
    assert mounted.eval("n") >= 100


# -- nothing else is reached ------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["../secret.txt", "/remote/../secret.txt", "/remote//../secret.txt", "package/../../secret.txt", "..",
     "/remote/package/../../secret.txt", "//../secret.txt"],
)  # fmt: skip
def test_nothing_above_the_folder(mounted: MicroPythonBoard, folder: Path, path: str) -> None:
    for call in (
        "open(p).read()",
        "open(p, 'w')",
        "os.stat(p)",
        "os.remove(p)",
        "os.listdir(p)",
        "os.mkdir(p)",
    ):
        with pytest.raises(RemoteError, match="OSError"):
            mounted.exec(f"import os\np = {path!r}\n{call}")
    with pytest.raises(RemoteError, match="OSError"):
        mounted.exec(f"import os\nos.rename('hello.py', {path!r})")
    assert (folder.parent / "secret.txt").read_text() == "not for the board"
    assert sorted(entry.name for entry in folder.parent.iterdir()) == ["mounted", "secret.txt"]


def test_links_that_lead_out_only_when_that_is_wanted(board: MicroPythonBoard, folder: Path) -> None:
    (folder / "link.txt").symlink_to(folder.parent / "secret.txt")
    (folder / "above").symlink_to(folder.parent)
    (folder / "inside.txt").symlink_to("text.txt")
    board.mount(folder)
    for path in ("link.txt", "above/secret.txt"):
        with pytest.raises(RemoteError) as caught:
            board.exec(f"open({path!r}).read()")
        assert caught.value.code == 1
    assert not {"link.txt", "above"} & set(board.eval("__import__('os').listdir()"))
    assert board.eval("open('inside.txt').read()") == TEXT
    board.exec("import os\nos.remove('link.txt')")  # the link itself is in the folder
    assert (folder.parent / "secret.txt").exists()
    board.mount(folder, follow_links=True)
    assert board.eval("open('above/secret.txt').read()") == "not for the board"
    with pytest.raises(RemoteError):
        board.exec("open('../secret.txt')")


def test_a_pipe_is_not_opened(mounted: MicroPythonBoard, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(RemoteError) as caught:
        mounted.exec("open('pipe')", timeout_s=20)
    assert caught.value.code == 1


def test_requests_that_make_no_sense_are_refused(mounted: MicroPythonBoard, folder: Path) -> None:
    """Whatever the board sends, it gets an errno and the session goes on."""
    code = """
import _iotlab_mount as m, os
told = []
for request in requests:
    try:
        m.ask(request)
        told.append(0)
    except OSError as e:
        told.append(e.args[0])"""
    before = sorted(p.name for p in folder.iterdir())
    fixed = [b"", b"z", b"r", b"r\xff", b"r\xff\1\0\0\0", b"c\7", b"o", b"o\0", b"orb", b"orb\0\0x", b"k\0", b"l\1",
             b"s\xff\xfe", b"v", b"vx", b"x/", b"d/", b"m/", b"o\xc3r\0/x"]  # fmt: skip
    chance = random.Random(4)
    shots = [bytes([chance.choice(b"slrnfkx"), *chance.randbytes(chance.randrange(12))]) for _ in range(200)]
    mounted.exec(f"requests = {fixed + shots!r}")
    mounted.exec(code)
    told = mounted.eval("told")
    assert len(told) == len(fixed) + len(shots)
    assert all(told[: len(fixed)])
    assert sorted(p.name for p in folder.iterdir()) == before
    assert mounted.eval("open('every.bin', 'rb').read()") == EVERY


def test_board_files_change_nothing_here(mounted: MicroPythonBoard, folder: Path, tmp_path: Path) -> None:
    mounted.files.write("/on-the-board.txt", b"x")
    for path in ("/remote/every.bin", "/remote/new.bin"):
        with pytest.raises(RemoteError) as caught:
            mounted.files.write(path, EVERY * 4)
        assert caught.value.code == 1
    with pytest.raises(RemoteError):
        mounted.files.remove("/", recursive=True)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(RemoteError):
        mounted.files.sync(empty, "/", delete=True)
    assert (folder / "every.bin").read_bytes() == EVERY
    assert (folder / "package" / "part.py").exists()


# -- how long it lasts ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["soft", "hard"])
def test_a_reset_ends_it_and_the_next_to_listen_is_told(
    board: MicroPythonBoard, folder: Path, kind: str
) -> None:
    mount = board.mount(folder)
    board.exec("f = open('new.txt', 'w')\nf.write('kept')")
    board.reset("soft" if kind == "soft" else "hard")
    assert not mount.active
    assert board.mounted is None
    assert board.eval("6 * 7") == 42  # nobody listens here
    heard: list[str] = []
    assert board.exec("print('hi')", output=heard.append) == "hi\n"
    assert "".join(heard) == f"[iotlab] {folder} is no longer mounted at /remote: the board restarted\nhi\n"
    assert board.exec("print('hi')", output=heard.append) == "hi\n"
    assert "".join(heard).count("[iotlab]") == 1
    assert (folder / "new.txt").read_text() == "kept"
    with pytest.raises(RemoteError, match="ImportError"):
        board.exec("import hello")


def test_close_takes_it_away(bench: Bench, folder: Path) -> None:
    with iotlab.connect("esp32") as board:
        assert isinstance(board, MicroPythonBoard)
        mount = board.mount(folder)
        assert "at /remote" in repr(mount)
    assert not mount.active
    assert "no longer mounted" in repr(mount)
    with iotlab.connect("esp32") as board:
        assert board.eval("'remote' in __import__('os').listdir('/'), __import__('os').getcwd()") == (
            False,
            "/",
        )


def test_it_can_be_closed_by_itself_and_another_one_takes_its_place(
    board: MicroPythonBoard, folder: Path, tmp_path: Path
) -> None:
    with board.mount(folder) as first:
        assert board.mounted is first
    first.close()
    assert board.mounted is None
    assert board.eval("__import__('os').getcwd()") == "/"
    board.mount(folder)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "only-here.txt").write_text("x")
    board.mount(tmp_path / "other")
    assert board.eval("__import__('os').listdir()") == ["only-here.txt"]


def test_a_folder_that_is_not_there(board: MicroPythonBoard, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no folder"):
        board.mount(tmp_path / "nope")
    assert board.mounted is None


def test_what_a_killed_program_left_behind(bench: Bench, folder: Path) -> None:
    """Nobody answers any more: the board gives up, goes on, and another mount works."""
    code = f"""
import iotlab, os, signal
board = iotlab.connect("esp32")
board.mount({str(folder)!r})
board.exec("kept = 5")
os.kill(os.getpid(), signal.SIGKILL)"""
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == -signal.SIGKILL
    with iotlab.connect("esp32") as board:
        assert isinstance(board, MicroPythonBoard)
        assert board.eval("__import__('os').getcwd()") == "/remote"
        with pytest.raises(RemoteError, match="ImportError"):
            board.exec("import hello")
        board.mount(folder)
        board.exec("import hello")
        assert board.eval("hello.twice(kept)") == 10


# -- interrupts, lost bytes, other users of the session ----------------------------------------


def test_interrupts_while_it_reads(mounted: MicroPythonBoard) -> None:
    """At random moments, also in the middle of an answer: the next call finds the session and the folder."""
    chance = random.Random(11)
    for _ in range(40):
        over = threading.Event()

        def stop(after_s: float = chance.uniform(0.0, 0.05), over: threading.Event = over) -> None:
            while not over.wait(after_s):  # the call may not have begun yet
                mounted.stop_call()

        stopper = threading.Thread(target=stop)
        stopper.start()
        with pytest.raises(KeyboardInterrupt):
            mounted.exec(READ_FOR_EVER, timeout_s=20)
        over.set()
        stopper.join()
        assert mounted.eval("open('text.txt').readline()") == "Äpfel\n"


class LossyLink(SerialLink):
    """Loses or changes a byte of one in seven messages to the board, while ``faulty``."""

    faulty = False

    def __init__(self, port: str) -> None:
        super().__init__(port)
        self._chance, self.faults = random.Random(3), 0

    def _write(self, data: bytes) -> None:
        if self.faulty and len(data) > 10 and data.endswith(b"\n") and self._chance.random() < 1 / 7:
            place = self._chance.randrange(len(data) - 1)  # a line that lost its end waits for Ctrl-C
            changed = bytes([data[place] ^ 1]) if self._chance.random() < 0.5 else b""
            data = data[:place] + changed + data[place + 1 :]
            self.faults += 1
        super()._write(data)


def test_answers_that_come_changed_are_asked_for_again(bench: Bench, folder: Path) -> None:
    links: list[LossyLink] = []

    def lossy(port: str) -> LossyLink:
        links.append(LossyLink(port))
        return links[-1]

    with MicroPythonBoard(
        Endpoint("esp32", bench["esp32"].port, "esp32", virtual=True), open_link=lossy
    ) as board:
        board.mount(folder)
        links[-1].faulty = True
        board.exec("data = open('every.bin', 'rb').read()\nwith open('copy.bin', 'wb') as f: f.write(data)")
        links[-1].faulty = False
        assert board.eval("data") == EVERY
    assert (folder / "copy.bin").read_bytes() == EVERY
    assert links[-1].faults > 3


def test_files_and_updates_work_beside_it(mounted: MicroPythonBoard, folder: Path, tmp_path: Path) -> None:
    """What talks to the board by itself is not disturbed by a program's requests."""
    text = "".join(f"value_{n} = {n}\n" for n in range(3000)).encode()
    for data in (EVERY, text):  # random, and such as is deflated on its way
        mounted.files.write("/data.bin", data)
        assert mounted.files.read("/data.bin") == data
    mounted.exec(text.decode())
    assert mounted.eval("value_2999") == 2999
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "main.py").write_text("print('app')\n")
    slots = ota.slots(mounted)
    assert "1.0" in str(slots.install(ota.bundle(tmp_path / "app", version="1.0", name="app")))
    assert mounted.mounted is not None
    assert mounted.eval("open('text.txt').readline()") == "Äpfel\n"


def test_a_program_that_nobody_listens_to_gets_an_error(mounted: MicroPythonBoard, bench: Bench) -> None:
    code = """
import os
from machine import Pin
led = Pin(2, Pin.OUT, value=0)
try:
    while True:  # the first one may come while the program is still watched
        os.stat('text.txt')
except OSError as e:
    number = e.args[0]
led.value(1)"""
    mounted.start(code)
    end = time.monotonic() + 30
    while not bench["esp32"].chip("led").on:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert mounted.eval("number") == 19
