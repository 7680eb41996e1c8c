"""What the kernel knows of names without a board: from cells, from stubs."""

from __future__ import annotations

from pathlib import Path

import pytest

from iotlab.kernel.complete import judged
from iotlab.kernel.stubs import Stubs
from iotlab.kernel.written import Written, without_line
from iotlab.micropython.cells import Cells

MACHINE = '''"""Functions related to the hardware."""
from typing import Any, Final, overload

class Pin:
    """A pin of the chip."""

    OUT: Final[int] = 3
    """Selects the pin mode."""

    def __init__(self, id: Any, /, mode: int = -1, *, value: Any = None) -> None: ...
    @overload
    def value(self) -> int:
        """Set and get the value."""
    @overload
    def value(self, x: Any, /) -> None: ...
    @staticmethod
    def board(name: str) -> Pin: ...

def freq(hz: int = ...) -> int:
    """The CPU's frequency."""
'''


def install(folder: Path, port: str, **modules: str) -> None:
    """Stubs as pip puts them into a folder."""
    name = f"micropython-{port}-stubs"
    about = folder / f"micropython_{port}_stubs-1.2.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
    files = {f"{module.replace('__', '/')}.pyi": text for module, text in modules.items()}
    for file, text in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text)
    (about / "RECORD").write_text("".join(f"{file},,\n" for file in files))


@pytest.fixture
def stubs(tmp_path: Path) -> Stubs:
    install(tmp_path, "rp2", machine="class Pin: ...\n", rp2="def bootsel() -> int: ...\n")
    install(tmp_path, "esp32", machine=MACHINE, umachine="from machine import *\n", broken="def (\n")
    install(
        tmp_path,
        "stdlib",
        stdlib__sys="maxsize: int\n",
        stdlib__builtins="def print(*values: object, sep: str = ' ') -> None: ...\n",
    )
    return Stubs("esp32", [tmp_path])


def test_a_stub_tells_how_to_call(stubs: Stubs) -> None:
    pin = stubs.describe("machine.Pin")
    assert pin is not None
    assert pin.headings == ("Pin(id: Any, /, mode: int=-1, *, value: Any=None)",)
    assert pin.documentation == "A pin of the chip."
    assert pin.source == "micropython-esp32-stubs 1.2"
    value = stubs.describe("machine.Pin.value")
    assert value is not None
    assert value.headings == ("value() -> int", "value(x: Any, /) -> None")
    assert value.documentation == "Set and get the value."
    board = stubs.describe("machine.Pin.board")
    assert board is not None
    assert board.headings == ("board(name: str) -> Pin",)


def test_a_stub_tells_of_constants_functions_and_modules(stubs: Stubs) -> None:
    told = {chain: stubs.describe(chain) for chain in ("machine.Pin.OUT", "machine.freq", "machine", "print")}
    assert all(told.values())
    assert [one.documentation for one in told.values() if one] == [
        "Selects the pin mode.",
        "The CPU's frequency.",
        "Functions related to the hardware.",
        "",
    ]
    (heading,) = told["print"].headings if told["print"] else ()
    assert heading == "print(*values: object, sep: str=' ') -> None"


def test_members_come_from_stubs(stubs: Stubs) -> None:
    assert stubs.members("machine") == ["Pin", "freq"]
    assert stubs.members("machine.Pin") == ["OUT", "__init__", "board", "value"]
    assert stubs.members("nowhere") == []


def test_stubs_of_the_boards_port_come_first(stubs: Stubs) -> None:
    pin = stubs.describe("rp2.bootsel")
    assert pin is not None
    assert pin.source == "micropython-rp2-stubs 1.2"  # no other has it
    assert stubs.describe("machine.Pin.OUT") is not None


def test_a_module_that_passes_on_another_one(stubs: Stubs) -> None:
    assert stubs.describe("umachine.Pin") == stubs.describe("machine.Pin")


def test_a_stub_that_cannot_be_read_is_none(stubs: Stubs) -> None:
    assert stubs.describe("broken.thing") is None
    assert stubs.describe("machine.Nothing") is None


def test_no_stubs_are_installed(tmp_path: Path) -> None:
    assert Stubs("esp32", [tmp_path / "nowhere"]).describe("machine.Pin") is None


CELLS = (
    "import machine as m\nfrom machine import Pin, I2C as Bus",
    "class Base:\n    kind = 1\n    def reset(self): self.ready = True\nclass Lamp(Base):\n    def glow(self): pass",
    "lamp = Lamp()\nled = Pin(2)\nfor n in range(3):\n    with open('x') as f:\n        all = [k for k in range(n)]",
    "def late(argument):\n    local = 1",
    "x = = 1",
)


@pytest.fixture
def written() -> Written:
    cells = Cells()
    for number, source in enumerate(CELLS, 1):
        cells.code(number, source)
    return Written(cells)


def test_the_names_of_cells(written: Written) -> None:
    assert written.names() == {
        "m", "Pin", "Bus", "Base", "Lamp", "lamp", "led", "n", "f", "all", "late",
    }  # fmt: skip
    assert written.names("speed = 1", ran=False) == {"speed"}


def test_what_a_name_stands_for(written: Written) -> None:
    assert written.imported("Pin") == "machine.Pin"
    assert written.imported("m.Pin.OUT") == "machine.Pin.OUT"
    assert written.imported("Bus") == "machine.I2C"
    assert written.imported("lamp") == ""
    assert written.imported("Pin", "Pin = 1") == ""  # the cell that is being written says otherwise
    assert written.maker("led") == "Pin"


def test_the_members_of_a_class_of_a_cell(written: Written) -> None:
    assert written.members("Lamp") == {"glow", "kind", "reset", "ready"}
    assert written.members("nothing") == set()


def test_a_class_that_inherits_from_itself(written: Written) -> None:
    assert written.members("Odd", "class Odd(Odd):\n    x = 1") == {"x"}


def test_the_line_of_the_cursor_is_left_out() -> None:
    code = "if True:\n    x = 1\n    x.\ny = 2"
    assert without_line(code, code.index("x.") + 2) == "if True:\n    x = 1\n    pass\ny = 2"


@pytest.mark.parametrize(
    ("code", "status", "indent"),
    [
        ("", "complete", ""),
        ("x = 1", "complete", ""),
        ("x = 1\ny = 2", "complete", ""),
        ("for n in range(3):", "incomplete", "    "),
        ("for n in range(3):\n    print(n)", "incomplete", "    "),
        ("for n in range(3):\n    print(n)\n", "complete", ""),
        ("f(1,", "incomplete", ""),
        ("x = '''", "incomplete", ""),
        ("x = = 1", "invalid", ""),
        ("%ls /\nx = 1", "complete", ""),
        ("%ls /\nx = (", "incomplete", ""),
        ("%%host\nx = 1", "incomplete", ""),
        ("%%host\nx = 1\n\n", "complete", ""),
        ("machine.Pin?", "complete", ""),
        ("?machine", "complete", ""),
        ("print??", "complete", ""),
    ],
)
def test_whether_a_cell_is_whole(code: str, status: str, indent: str) -> None:
    assert judged(code) == (status, indent)
