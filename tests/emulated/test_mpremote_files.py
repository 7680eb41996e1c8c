"""mpremote's commands that move files: fs, mount, mip, and the clock and the ROM."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from mpremote_lab import EVERY, emptied_board, paths

from iotlab import mpremote
from iotlab.errors import ConfigError, NotFoundError, RemoteError
from iotlab.micropython.board import MicroPythonBoard
from iotlab.sim import Bench


@pytest.fixture
def board(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MicroPythonBoard]:
    with emptied_board(tmp_path, monkeypatch) as emptied:
        yield emptied


# -- files ------------------------------------------------------------------------------------


def test_files_there_and_back(board: MicroPythonBoard) -> None:
    assert mpremote.run(board, "fs cp every.bin hello.py :") == "cp every.bin :\ncp hello.py :\n"
    assert board.files.read("/every.bin") == EVERY
    assert "Up to date: ./every.bin" in mpremote.run(board, "cp every.bin :")
    mpremote.run(board, "cp :every.bin back.bin")
    assert Path("back.bin").read_bytes() == EVERY
    assert mpremote.run(board, "cat hello.py") == "print('hello')\n"
    assert mpremote.run(board, "ls") == "ls :\n        5120 every.bin\n          15 hello.py\n"
    assert hashlib.sha256(EVERY).hexdigest() in mpremote.run(board, "sha256sum every.bin")
    mpremote.run(board, "rm :every.bin hello.py")
    assert paths(board) == []


def test_folders_and_trees(board: MicroPythonBoard) -> None:
    mpremote.run(board, "mkdir a a/b + touch a/b/empty")
    (Path("tree") / "deep").mkdir(parents=True)
    (Path("tree") / "deep" / "x.bin").write_bytes(EVERY)
    mpremote.run(board, "cp -r tree :a")
    assert paths(board) == ["/a/b/empty", "/a/tree/deep/x.bin"]
    tree = mpremote.run(board, "tree -s a")
    assert "└── [     5120]  x.bin" in tree
    mpremote.run(board, "cp -r :a copied")
    assert (Path("copied") / "tree" / "deep" / "x.bin").read_bytes() == EVERY
    mpremote.run(board, "rm -r a/tree + rm a/b/empty + rmdir a/b")
    assert paths(board) == []
    mpremote.run(board, "rm -r :a")
    assert board.files.ls() == []


def test_relative_paths_begin_where_the_board_is(board: MicroPythonBoard) -> None:
    board.exec("import os\nos.mkdir('sub')\nos.chdir('sub')")
    mpremote.run(board, "cp hello.py : + cp :hello.py :../up.py")
    assert paths(board) == ["/sub/hello.py", "/up.py"]
    assert mpremote.run(board, "cat ../up.py") == "print('hello')\n"
    assert mpremote.run(board, "eval os.getcwd()") == "/sub\n"


# -- mount ------------------------------------------------------------------------------------


def test_a_mounted_folder_lasts_as_long_as_the_session(board: MicroPythonBoard) -> None:
    told = mpremote.run(board, "mount . exec 'import hello'")
    assert told.endswith("served until the board is reset or closed.\nhello\n")
    Path("later.py").write_text("x = 42\n")
    board.exec("import later")
    assert board.eval("later.x") == 42
    listed = mpremote.run(board, "ls")
    assert "5120 every.bin" in listed
    assert mpremote.run(board, "df").count("VfsLfs2") == 1
    mpremote.run(board, "cp :every.bin :/on-the-board.bin + cp hello.py :copy.py")
    assert paths(board)[-1] == "/remote/later.py"
    assert board.files.read("/on-the-board.bin") == EVERY
    assert Path("copy.py").read_text() == "print('hello')\n"
    mpremote.run(board, "umount")
    assert board.mounted is None
    assert paths(board) == ["/on-the-board.bin"]
    with pytest.raises(RemoteError, match="ImportError"):
        board.exec("import every")


def test_a_soft_reset_tells_that_the_folder_is_gone(board: MicroPythonBoard) -> None:
    told = mpremote.run(board, "mount . soft-reset")
    assert f"{Path.cwd()} is no longer mounted" in told
    assert mpremote.run(board, "mount . reset").count("no longer mounted") == 1


@pytest.mark.parametrize("path", ["/", ":", ".", "/remote", ":/remote/sub", "sub/..", "/remote/../"])
def test_rm_r_spares_the_mounted_folder(board: MicroPythonBoard, path: str) -> None:
    Path("sub").mkdir()
    Path("sub/x").write_text("x")
    mpremote.run(board, "mount .")
    with pytest.raises(ConfigError, match="umount it before"):
        mpremote.run(board, ["rm", "-r", path])
    assert Path("sub/x").exists()
    assert Path("hello.py").exists()
    mpremote.run(board, "rm sub/x")  # a single file is what one asked for
    assert not Path("sub/x").exists()


# -- packages ---------------------------------------------------------------------------------


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """A package index of our own: the package ``greet`` at two versions, which needs ``words``."""
    root = tmp_path / "index"
    (root / "extra").mkdir(parents=True)
    (root / "extra" / "more.py").write_text("more = 'more'\n")

    def publish(name: str, version: str, files: dict[str, str], **more: object) -> None:
        hashes = []
        for path, text in files.items():
            short = hashlib.sha256(text.encode()).hexdigest()[:8]
            place = root / "file" / short[:2] / short
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
            hashes.append([path, short])
        for kind in ("py", "6"):
            place = root / "package" / kind / name / f"{version}.json"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(json.dumps({"v": 1, "version": version, "hashes": hashes, **more}))

    publish("words", "latest", {"words.py": "hi = 'hi'\n"})
    greet = {"greet/__init__.py": "from words import hi\n", "greet/deep/data.py": "x = 7\n"}
    publish("greet", "latest", greet, deps=[["words", "latest"]], urls=[["greet/more.py", "PLACEHOLDER"]])
    publish("greet", "1.0", {"greet.py": "old = True\n"})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(root))) as server:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        for described in root.rglob("latest.json"):
            described.write_text(described.read_text().replace("PLACEHOLDER", f"{url}/extra/more.py"))
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield url
        finally:
            server.shutdown()
            thread.join()


def test_packages_are_installed_with_what_they_need(board: MicroPythonBoard, index: str) -> None:
    told = mpremote.run(board, f"mip --index {index} install greet")
    assert "Installing: /lib/greet/__init__.py" in told
    assert told.endswith("Done\n")
    assert paths(board) == [
        "/lib/greet/__init__.py", "/lib/greet/deep/data.py", "/lib/greet/more.py", "/lib/words.py"
    ]  # fmt: skip
    board.exec("import greet.deep.data, greet.more")
    assert board.eval("greet.hi, greet.deep.data.x, greet.more.more") == ("hi", 7, "more")
    assert "Exists: /lib/words.py" in mpremote.run(board, f"mip --index {index} install greet")


def test_packages_at_a_version_a_place_and_from_a_url(board: MicroPythonBoard, index: str) -> None:
    mpremote.run(
        board, f"mip --index {index} --target /here --no-mpy install greet@1.0 {index}/extra/more.py"
    )
    assert paths(board) == ["/here/greet.py", "/here/more.py"]


def test_packages_that_are_not_there(board: MicroPythonBoard, index: str) -> None:
    with pytest.raises(NotFoundError, match="Package not found"):
        mpremote.run(board, f"mip --index {index} install nobody")
    with pytest.raises(NotFoundError, match="refused"):
        mpremote.run(board, "mip --index http://127.0.0.1:9 install greet")
    assert paths(board) == []


# -- clock, ROM -------------------------------------------------------------------------------


def test_the_clock(board: MicroPythonBoard) -> None:
    mpremote.run(board, ["exec", "import machine\nmachine.RTC().datetime((2001, 2, 3, 0, 4, 5, 6, 0))"])
    assert mpremote.run(board, "rtc").startswith("(2001, 2, 3,")
    mpremote.run(board, "rtc --set")
    assert not mpremote.run(board, "rtc").startswith("(2001,")


#: A board with a ROM partition, in RAM: the unix port has the file system but no partition.
ROM = """
import sys, vfs
class WithRom:
    part = bytearray(32768)
    mount, umount, VfsRom = vfs.mount, vfs.umount, vfs.VfsRom
    def rom_ioctl(self, op, *arguments):
        if op == 1: return 1
        if op == 2: return self.part if arguments[0] == 0 else -19
        if op == 3:
            self.part[:] = b'\\xff' * len(self.part)
            return 4
        if op == 4: self.part[arguments[1] : arguments[1] + len(arguments[2])] = arguments[2]
        if op == 6: return 4096
        return 0
rom = WithRom()
sys.modules['vfs'] = rom"""


def test_a_rom_image_is_built_deployed_and_read(board: MicroPythonBoard) -> None:
    """The image is mounted with MicroPython's own VfsRom, which knows nothing of mpremote."""
    Path("rom").mkdir()
    Path("rom/in_rom.py").write_text("value = 42\n")
    Path("rom/every.bin").write_bytes(EVERY)
    assert "Writing" in mpremote.run(board, "romfs --no-mpy build rom")
    assert "not enabled" in mpremote.run(board, "romfs query")
    with pytest.raises(ConfigError, match="not enabled"):
        mpremote.run(board, "romfs deploy rom.romfs")
    board.exec(ROM)
    told = mpremote.run(board, "romfs query + romfs --no-mpy deploy rom + romfs query")
    assert "Not a valid ROMFS" in told
    assert "ROMFS image deployed" in told
    assert told.endswith(f"ROMFS image size: {Path('rom.romfs').stat().st_size - 5}\n")  # without its head
    board.exec("vfs.mount(vfs.VfsRom(memoryview(rom.part)), '/rom')\nsys.path.append('/rom')\nimport in_rom")
    assert board.eval("in_rom.value") == 42
    assert board.files.read("/rom/every.bin") == EVERY
    Path("rom/big.bin").write_bytes(bytes(40_000))
    with pytest.raises(ConfigError, match="too big"):
        mpremote.run(board, "romfs --no-mpy deploy rom")
