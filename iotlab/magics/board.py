"""``%%board``: run a cell of a Python notebook on a board."""

from __future__ import annotations

import sys
from typing import Any

from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import cell_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring
from IPython.display import clear_output, display

from iotlab.board import Board
from iotlab.errors import ConfigError, RemoteError, UnsupportedError
from iotlab.magics.base import BoardMagic, Lab, plainly, show_as
from iotlab.micropython.cells import Cells
from iotlab.micropython.show import Bundle, Show, runs_cells
from iotlab.micropython.tracebacks import rendered
from iotlab.micropython.values import to_literal


class BoardValue:
    """A value that stayed on the board; here is what it looks like."""

    def __init__(self, forms: Bundle) -> None:
        self._forms = forms

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Bundle:
        return self._forms

    def __repr__(self) -> str:
        return str(self._forms["text/plain"])


class _Output(Show):
    """A cell's output, as IPython shows it."""

    def __init__(self) -> None:
        super().__init__()
        self.value: BoardValue | None = None

    def say(self, text: str) -> None:
        sys.stdout.write(text)

    def _result(self, value: Bundle) -> None:
        self.value = BoardValue(value)

    def _display(self, value: Bundle, display_id: str, *, update: bool) -> None:
        display(dict(value), raw=True, display_id=display_id or None, update=update)

    def _clear(self, wait: bool) -> None:
        clear_output(wait=wait)

    def _ask(self, prompt: str) -> str:
        try:
            return input(prompt)
        except StdinNotImplementedError as error:
            raise NotImplementedError(str(error)) from error


@magics_class
class BoardCell(BoardMagic):
    """``%%board``"""

    def __init__(self, shell: InteractiveShell, lab: Lab) -> None:
        super().__init__(shell, lab)
        self._cells = Cells()

    @cell_magic
    @magic_arguments()
    @argument("name", nargs="?", help="the board; none for the one that was connected last")
    @argument("-i", "--input", default="", help="variables that the board gets before, as in -i limit,names")
    @argument("-o", "--output", default="", help="variables of the board that come back, as in -o readings")
    def board(self, line: str, cell: str) -> BoardValue | None:
        """Run the cell on a board: what it prints and its last value show here, what it raises is raised here."""
        arguments = parse_argstring(self.board, line)
        number = self.shell.displayhook.prompt_count  # execution_count may count the next cell already
        with plainly():
            given = {name: to_literal(name, self.lab.value(name)) for name in _names(arguments.input)}
            wanted = _names(arguments.output)
            board = runs_cells(self.lab.board(arguments.name))
            if given:
                board.exec("\n".join(f"{name}={text}" for name, text in given.items()), timeout_s=60.0)
            output = _Output()
            try:
                # the line with %%board is the first of the cell, so that line numbers are the notebook's
                output.run(board, self._cells, number, f"\n{cell}", written=f"%%board {line}\n{cell}")
            except RemoteError as error:
                lines = rendered(self._cells, error.traceback, number, board.info.name)
                if error.kind == "KeyboardInterrupt":  # a Ctrl-C that stopped the board is a Ctrl-C here too
                    stopped = KeyboardInterrupt()
                    show_as(stopped, lines)
                    raise stopped from error
                show_as(error, lines)
                raise
            for name in wanted:
                self.shell.push({name: _fetched(board, name)})
        return output.value


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if not name.isidentifier():
            raise ConfigError(f"-i and -o take names of variables with commas between them, not {name!r}")
    return names


def _fetched(board: Board, name: str) -> Any:
    try:
        return board.eval(name, timeout_s=60.0)
    except UnsupportedError as error:
        raise UnsupportedError(f"-o {name}: {error}") from error
    except RemoteError as error:
        if error.kind == "NameError":
            raise ConfigError(f"-o {name}: the board has no such variable: assign it in the cell") from error
        raise


MAGIC = BoardCell
