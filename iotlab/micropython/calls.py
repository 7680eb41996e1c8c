"""What is asked of a board, as text for its REPL, and the helpers that answer there."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from importlib.resources import files as package_files

from iotlab.micropython.blocks import BlockSender

MODULE, CELL_MODULE = "_iotlab", "_iotlab_cell"
#: The helper as an expression on the board; it is no name among the user's.
HELPER = f"__import__({MODULE!r})"
#: The helper of notebook cells, which is there once a cell ran.
CELL_HELPER = f"__import__({CELL_MODULE!r})"
#: What a call is: an expression among the helper's names, one among the user's, or code.
HELP, VALUE, CODE = 0, 1, 2
#: In the helpers' own sources, no string of which looks like that.
_COMMENT = re.compile(r"(^ *|  )# .*|^ *#$")
#: Puts a helper onto a board that has none: compiled under its own name, where the board can, so that tracebacks tell
#: its lines from the user's.
INSTALL = """def _iotlab(module, source, crc):
    import sys
    import binascii
    class Helper: pass
    names = {{"__name__": module}}
    if binascii.crc32(source.encode()) != crc:
        raise ValueError(module)
    try:
        source = compile(source, module, "exec")
    except NameError:
        pass
    exec(source, names)
    helper = Helper()
    for name in names:
        setattr(helper, name, names[name])
    helper.crc = crc
    helper.born = {born}
    sys.modules[module] = helper
_iotlab({module!r}, {source!r}, {crc})
del _iotlab
"""


@dataclass(frozen=True)
class Call:
    """What the board is asked for, and what it is called in tracebacks.

    ``ours`` is what needs none of the user's variables: it goes on after a restart that nobody was told of yet.
    """

    kind: int
    source: str
    name: str
    ours: bool = False

    def _crc(self, number: int) -> int:
        return zlib.crc32(self.source.encode(), zlib.crc32(self.name.encode(), number << 2 | self.kind))

    def request(self, number: int) -> bytes:
        """The call as code of the raw REPL."""
        return (
            f"{HELPER}.call({number},{self.kind},{self._crc(number)},{self.source!r},{self.name!r})".encode()
        )

    def load(self, number: int, blocks: BlockSender) -> bytes:
        """The same for source that comes in blocks."""
        crc = self._crc(number)
        check = blocks.count << 12 ^ blocks.piece ^ crc
        told = f"{number},{self.kind},{crc},{self.name!r},{blocks.count},{blocks.piece},{check}"
        return f"{HELPER}.load({told})".encode()


def helper_source(module: str = "_iotlab") -> str:
    """The source of a helper as it goes to the board: without comments and blank lines, indented by one each."""
    text = package_files("iotlab.micropython.device").joinpath(f"{module}.py").read_text(encoding="utf-8")
    lines = (_COMMENT.sub("", line) for line in text.split("\n"))
    kept = [line for line in lines if line.strip()]
    return "".join(" " * ((len(line) - len(line.lstrip())) // 4) + line.lstrip() + "\n" for line in kept)


def crc_of(module: str) -> int:
    """What tells a helper from one of another version."""
    return zlib.crc32(helper_source(module).encode())
