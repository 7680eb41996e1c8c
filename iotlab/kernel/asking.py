"""What the board tells of its names: asked while nobody else has it, remembered for while a cell does."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from iotlab.errors import InUseError, IotlabError, NotFoundError, RemoteError, RestartedError
from iotlab.kernel.attachment import Attachment
from iotlab.micropython.board import MicroPythonBoard

T = TypeVar("T")
#: How long a question waits for a board that is being connected.
_PATIENCE_S = 0.1
#: How long the board may take to answer.
_LIMIT_S = 2.0
#: So much of a value's text is shown; the text of a long list can take seconds on a slow line.
_TEXT = 400
_GLOBALS = "[(n,getattr(type(v),'__name__',''),id(v)) for n,v in list(globals().items())]"


@dataclass(frozen=True)
class Value:
    """What the board says of a value."""

    kind: str
    text: str
    documentation: str
    members: tuple[str, ...]


class Asking:
    """Questions to the board, none of which calls a function or indexes: asking has no effect that is seen."""

    def __init__(self, attachment: Attachment) -> None:
        self._attachment = attachment
        self._board: MicroPythonBoard | None = None
        self._known: dict[Hashable, Any] = {}
        self._seen: dict[
            str, tuple[str, int]
        ] = {}  # the globals whose members are known, by type and identity

    @property
    def free(self) -> bool:
        """Whether a board is there, and nobody has it now."""
        board = self._attachment.now
        if board is None or board.closed or board.away:
            return False
        with suppress(IotlabError), board.using("a question", wait_s=0):
            return True
        return False

    @property
    def since(self) -> str:
        """What happened since the board could be asked; empty where it can be asked now."""
        if self._attachment.away:
            return " (before the board went away)"
        return "" if self.free else " (before the running cell)"

    def members(self, owner: str) -> list[str] | None:
        """The members of ``owner``, a chain of names or an ``__import__``; None where there is no such."""
        found = self._ask(("dir", owner), lambda board: board.eval(f"dir({owner})", timeout_s=_LIMIT_S))
        return None if found is None else sorted({name for name in found if isinstance(name, str)})

    def globals(self) -> dict[str, str]:
        """The names of the cells, each with its type."""
        found = self._ask("globals", lambda board: board.eval(_GLOBALS, timeout_s=_LIMIT_S))
        return {name: kind for name, kind, _ in found or ()}

    def builtins(self) -> list[str]:
        """The built-in names of the firmware."""
        if ("dir", "__import__('builtins')") in self._known:
            return sorted(self._known["dir", "__import__('builtins')"])
        return self.members("__import__('builtins')") or []

    def modules(self) -> list[str]:
        """The modules that can be imported: the firmware's, and those among the board's files."""
        return sorted({*self.firmware(), *(self._ask("files", _file_modules) or ())})

    def firmware(self) -> list[str]:
        """The modules of the firmware; they are asked for once."""
        known: list[str] = self._known.get("firmware") or self._ask("firmware", _firmware_modules) or []
        return known

    def in_module(self, module: str) -> list[str] | None:
        """The members of a module. Imports only what the firmware has: a file of the user's could do anything."""
        loaded = f"__import__('sys').modules.get({module!r})"
        is_loaded = self._ask(("loaded", module), lambda board: board.eval(f"{loaded} is not None"))
        if is_loaded:
            return self.members(loaded)
        return self.members(f"__import__({module!r})") if module in self.firmware() else None

    def value(self, name: str) -> Value | None:
        """What the board says of ``name``, a chain of names."""
        kind, text = f"getattr(type({name}),'__name__','')", f"repr({name})[:{_TEXT}]"
        question = f"({kind},{text},getattr({name},'__doc__',None),dir({name}))"
        found = self._ask(("value", name), lambda board: board.eval(question, timeout_s=_LIMIT_S))
        if found is None:
            return None
        told_kind, told_text, documentation, members = found
        return Value(
            told_kind,
            told_text,
            documentation if isinstance(documentation, str) else "",
            tuple(sorted(set(members))),
        )

    def files(self, folder: str) -> list[str]:
        """What is in a folder of the board; folders end in a slash."""

        def listed(board: MicroPythonBoard) -> list[str]:
            return [f.path.rsplit("/", 1)[-1] + "/" * f.is_dir for f in board.files.ls(folder)]

        return self._ask(("ls", folder), listed) or []

    def look_around(self, stopped: Callable[[], bool]) -> None:
        """Between two cells: learn what may be asked for while the next one runs, until ``stopped`` says so."""
        if self._attachment.now is None or self._attachment.away or stopped():
            return
        first = () if "files" in self._known else (self.builtins, self.modules)
        for question in (self.globals, *first):
            if not stopped():
                question()
        for name, kind, identity in self._known.get("globals") or ():
            if stopped():
                return
            if not name.startswith("_") and self._seen.get(name) != (kind, identity):
                self.members(name)
                self._seen[name] = (kind, identity)

    # -- details ------------------------------------------------------------------------------

    def _ask(self, key: Hashable, question: Callable[[MicroPythonBoard], T]) -> T | None:
        """The board's answer, else the one that it gave before; None where there is neither."""
        board = self._attachment.beside(_PATIENCE_S)
        if board is not self._board and board is not None:
            self.forget()
            self._board = board
        if board is None or board.closed:
            return self._known.get(key)
        try:
            with board.using("a question", wait_s=0):
                try:
                    self._known[key] = found = question(board)
                    return found
                except RestartedError as error:
                    self._attachment.owe(error)
                    raise
        except (InUseError, TimeoutError):
            return self._known.get(key)
        except RemoteError:
            self._known.pop(key, None)
        except RestartedError:
            self.forget()
        except (IotlabError, OSError):
            if board.away:  # what it said holds until it is seen to have restarted
                return self._known.get(key)
        return None

    def forget(self) -> None:
        """The board is another one, or was reset: nothing that it said holds any more."""
        self._known.clear()
        self._seen.clear()


def _firmware_modules(board: MicroPythonBoard) -> list[str]:
    text = board.exec("help('modules')", timeout_s=5.0).split("Plus any modules")[0]
    return sorted({word.split("/")[0] for word in text.split() if word.split("/")[0] != "__main__"})


def _file_modules(board: MicroPythonBoard) -> list[str]:
    found: list[str] = []
    for folder in board.eval("__import__('sys').path", timeout_s=_LIMIT_S):
        with suppress(NotFoundError):  # a path need not exist
            if not folder.startswith("."):
                found += [e.path.rsplit("/", 1)[-1] for e in board.files.ls(folder or "/")]
    return [name.rsplit(".", 1)[0] for name in found if name.endswith((".py", ".mpy")) or "." not in name]
