"""What is done over the faulty link, and how it is told whether the right bytes arrived."""

from __future__ import annotations

import hashlib
import random
import tempfile
from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from fault_rig import ALIVE, IotlabRig, Rig, counted

from iotlab.ota import Bundle, bundle

#: What a case left on the board: what was to come, what was there before, or neither.
Left = Literal["new", "old", "neither"]

SIZE = 6 * 1024
#: A list on the board, which a program makes longer.
_COUNT = "_fault_count"
_SAMPLES = 600
FOLDER = "/faults"
#: What an install leaves on the board, without the loader.
_SLOT_FILES = ("/main.py", "/slots", "/factory.py")
#: A program that was on the board before: it lives for ever, and prints. It has the name that tells a restart.
_PROGRAM = f"""
import time
{ALIVE} = True
while True:
    print('the program goes on')
    time.sleep_ms(20)
"""


def content(name: str, size: int = SIZE) -> bytes:
    """Random bytes, the same ones at every run."""
    return random.Random(name).randbytes(size)


#: Runs on the board: what stands below a folder, as path and SHA-256. A board may be short of memory.
_LOOK = """
import os, hashlib, binascii
def _look(base):
    try:
        entries = sorted(os.ilistdir(base))
    except OSError:
        return
    for e in entries:
        path = base + '/' + e[0]
        if e[1] & 0x4000:
            _look(path)
        else:
            h = hashlib.sha256()
            with open(path, 'rb') as f:
                while True:
                    data = f.read(256)
                    if not data:
                        break
                    h.update(data)
            print(path, binascii.hexlify(h.digest()).decode())
def _drop(path):
    try:
        if os.stat(path)[0] & 0x4000:
            for e in list(os.ilistdir(path)):
                _drop(path + '/' + e[0])
            os.rmdir(path)
        else:
            os.remove(path)
    except OSError:
        pass
"""


def look(rig: Rig, folder: str) -> dict[str, str]:
    """The files below ``folder``: path and SHA-256, asked over a link without a fault, by plain code."""
    printed = rig.exec(f"{_LOOK}\n_look({folder!r})")
    return dict(line.rsplit(" ", 1) for line in printed.splitlines())


class Case(ABC):
    """One thing a user does. ``name`` is the one in the table."""

    name = ""
    #: How long it may take in all, with everything that it tries by itself.
    deadline_s = 60.0
    #: Whether opening the link is a part of it.
    opens = False
    #: Whether it may end with another interpreter, so that nobody has to be told what is lost.
    renews = False
    #: What it has to return. Where that is nothing, what counts is on the board.
    wanted: Any = None

    def prepare(self, rig: Rig) -> None:
        """Put the board into the state before, over a link without a fault."""
        rig.eval("1")  # what a tool keeps on the board is there, as in the middle of a day

    @abstractmethod
    def run(self, rig: Rig) -> Any:
        """Do it; what it returns has to be ``wanted``."""

    def left(self, rig: Rig) -> tuple[Left, list[str]]:
        """What is on the board afterwards, and the paths of what should not be there."""
        return "new", []


class Put(Case):
    """6 KiB of random bytes over a file that was there before."""

    name = "put"
    _path = f"{FOLDER}/put.bin"
    _new, _old = content("new"), content("old", 256)

    def prepare(self, rig: Rig) -> None:
        super().prepare(rig)
        rig.exec(f"{_LOOK}\n_drop({FOLDER!r})\nos.mkdir({FOLDER!r})")
        rig.exec(f"with open({self._path!r}, 'wb') as _f: _n = _f.write({self._old!r})\ndel _f, _n")

    def run(self, rig: Rig) -> None:
        rig.put(self._path, self._new)

    def left(self, rig: Rig) -> tuple[Left, list[str]]:
        found = look(rig, FOLDER)
        digest = found.pop(self._path, "")
        known: dict[str, Left] = {_sha(self._new): "new", _sha(self._old): "old"}
        return known.get(digest, "neither"), list(found)


class Get(Case):
    """6 KiB of random bytes from the board."""

    name = "get"
    _folder = "/faults-get"
    _path = f"{_folder}/get.bin"
    wanted = _data = content("get")

    def prepare(self, rig: Rig) -> None:
        super().prepare(rig)
        if look(rig, self._folder).get(self._path) != _sha(self._data):
            rig.exec(f"import os\nos.mkdir({self._folder!r})")
            rig.put(self._path, self._data)

    def run(self, rig: Rig) -> bytes:
        return rig.get(self._path)


class Once(Case):
    """Code with a side effect: it may happen once at the most, also where something is sent again."""

    deadline_s = 25.0

    def prepare(self, rig: Rig) -> None:
        super().prepare(rig)
        rig.exec(f"{_COUNT} = []")

    def left(self, rig: Rig) -> tuple[Left, list[str]]:
        times = int(rig.exec(f"print(len(globals().get({_COUNT!r}, '')))"))
        known: dict[int, Left] = {0: "old", 1: "new"}
        return known.get(times, "neither"), []


class Exec(Once):
    """A program of 1.5 KB with a text in it, which prints 1.5 KB that depend on every byte of that text."""

    name = "exec"
    _text = content("exec", 600).hex()

    code = (
        f"{_COUNT}.append(1)\nx = 1\nfor c in {_text!r}:\n    x = (x * 31 + ord(c)) % 65521\n"
        "for n in range(120):\n    x = (x * 31 + n) % 65521\n    print('value', n, x)\n"
    )

    def run(self, rig: Rig) -> str:
        return rig.exec(self.code)

    @cached_property
    def wanted(self) -> str:
        """Computed here as it is on the board."""
        x = 1
        for c in self._text:
            x = (x * 31 + ord(c)) % 65521
        lines = []
        for n in range(120):
            x = (x * 31 + n) % 65521
            lines.append(f"value {n} {x}\n")
        return "".join(lines)


class Eval(Once):
    """An expression of 0.5 KB whose value is a tuple with every byte of it in it."""

    name = "eval"
    _bytes = content("eval", 150)
    wanted = (_bytes.hex(), list(_bytes[:40]), None, -1.5)

    def run(self, rig: Rig) -> Any:
        return rig.eval(
            f"({self._bytes.hex()!r}, [{', '.join(map(str, self._bytes[:40]))}], {_COUNT}.append(1), -1.5)"
        )


class Cell(Exec):
    """The same program as a notebook's cell, which is shown what is printed as it comes."""

    name = "cell"

    def prepare(self, rig: Rig) -> None:
        super().prepare(rig)
        assert isinstance(rig, IotlabRig)
        rig.cell("1")  # the helper of cells is there too

    def run(self, rig: Rig) -> str:
        assert isinstance(rig, IotlabRig)
        return rig.cell(self.code)


class Stream(Case):
    """600 samples of a generator on the board, packed; the stream tells which of them were lost, if any."""

    name = "stream"
    deadline_s = 25.0
    _format = "<HH"

    @cached_property
    def wanted(self) -> list[tuple[int, int]]:
        """The generator, run here."""
        return list(counted(_SAMPLES))

    def prepare(self, rig: Rig) -> None:
        super().prepare(rig)
        assert isinstance(rig, IotlabRig)
        rig.stream(self._format, 1)  # the function is on the board

    def run(self, rig: Rig) -> list[tuple[int, int]]:
        assert isinstance(rig, IotlabRig)
        return rig.stream(self._format, _SAMPLES)


class Items(Stream):
    """The same samples, not packed: a stream of plain values."""

    name = "items"
    _format = ""


class Connect(Case):
    """The port is opened, the prompt found, and a first call made."""

    name = "connect"
    opens = renews = True  # whoever opens a port knows of nothing that could be lost
    wanted = 42

    def run(self, rig: Rig) -> Any:
        return rig.eval("6 * 7")


class Helper(Connect):
    """The same, where the board lacks the helper: it is sent first, and nothing on the board checks that yet."""

    name = "helper"

    def prepare(self, rig: Rig) -> None:
        super().prepare(rig)
        rig.exec("__import__('sys').modules.pop('_iotlab', None)")
        rig.link.disconnect()  # else it is sent again for the leave-taking


class Install(Case):
    """An application of 3 KB into a slot, where none was; nothing runs on the board."""

    name = "install"
    renews = True  # the program that was stopped for it is started anew
    _app = f"{_SLOT_FILES[1]}/a/app"

    def prepare(self, rig: Rig) -> None:
        if not isinstance(rig, IotlabRig):
            raise ValueError(f"{rig.name} has no slots")
        drop = "\n".join(f"_drop({path!r})" for path in _SLOT_FILES)
        if not {"/iotlab_slots.py", "/iotlab_update.py"} <= set(look(rig, "")):
            rig.fresh(power=True)  # a helper that was sent again and again leaves no memory in one piece
            rig.install(self._bundle)
        rig.reopen()  # without the attendant that the install before left with the board
        rig.exec(f"{_LOOK}\n{drop}")
        super().prepare(rig)

    def run(self, rig: Rig) -> None:
        assert isinstance(rig, IotlabRig)
        rig.install(self._bundle)

    def left(self, rig: Rig) -> tuple[Left, list[str]]:
        """A slot without a manifest is none, whatever else is in it."""
        found = look(rig, _SLOT_FILES[1])
        if not any(path.endswith("/manifest") for path in found):
            return "old", []
        files = {
            path.removeprefix(f"{self._app}/"): digest for path, digest in found.items() if "/app/" in path
        }
        whole = files == {path: _sha(data) for path, data in self._bundle.files.items()}
        return ("new" if whole else "neither"), []

    @cached_property
    def _bundle(self) -> Bundle:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "main.py").write_text("print('the application')\n")
            Path(folder, "data.bin").write_bytes(content("application", 3000))
            return bundle(folder, name="faults", version="1.0.0")


class Update(Install):
    """The same install beside a program that runs and prints, and is not stopped for it."""

    name = "update"

    def prepare(self, rig: Rig) -> None:
        super().prepare(rig)
        assert isinstance(rig, IotlabRig)
        rig.put("/main.py", _PROGRAM.encode())
        rig.prepare_slots()
        rig.board.reset("hard")


CASES: dict[str, Case] = {
    case.name: case
    for case in (
        Put(),
        Get(),
        Exec(),
        Eval(),
        Cell(),
        Stream(),
        Items(),
        Connect(),
        Helper(),
        Install(),
        Update(),
    )
}


def _sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
