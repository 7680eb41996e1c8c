"""A session with a MicroPython board: the raw REPL, and the helper that answers on the board."""

from __future__ import annotations

import ast
from collections.abc import Callable
from importlib.resources import files as package_files
from typing import Any

from iotlab.board import Output
from iotlab.errors import (
    ClosedError,
    ConnectError,
    CorruptError,
    DeadlineError,
    RemoteError,
    UnsupportedError,
)
from iotlab.link.base import Link
from iotlab.micropython.frames import ANSWER, Frame
from iotlab.micropython.repl import RawRepl

#: The helper as an expression on the board; it is no name among the user's.
HELPER = "__import__('_iotlab')"
#: The helper of notebook cells, which is there once a cell ran.
CELL_HELPER = "__import__('_iotlab_cell')"
# Compiled under its own name, where the board can, so that tracebacks tell its lines from the user's.
_INSTALL = """def _iotlab(module, source):
    import sys
    class Helper: pass
    names = {{"__name__": module}}
    try:
        source = compile(source, module, "exec")
    except NameError:
        pass
    exec(source, names)
    helper = Helper()
    for name in names:
        setattr(helper, name, names[name])
    sys.modules[module] = helper
_iotlab({module!r}, {source!r})
del _iotlab
"""


def helper_source(module: str = "_iotlab") -> str:
    """The source of a helper as it goes to the board: without comments and blank lines."""
    text = package_files("iotlab.micropython.device").joinpath(f"{module}.py").read_text(encoding="utf-8")
    kept = [line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")]
    return "\n".join(kept) + "\n"


class Session:
    """What is said with a board over one open link. The board's lock keeps callers apart."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.repl = RawRepl(link)
        self._helpers: dict[str, int] = {}  # what was put there, and at which restart

    def exec(
        self,
        code: str,
        *,
        output: Output | None = None,
        on_frame: Callable[[Frame], None] | None = None,
        timeout_s: float | None = None,
    ) -> str:
        """Run ``code`` as it stands. Frames of the helper go to ``on_frame``."""
        return self.repl.exec(code, output=output, on_frame=on_frame, timeout_s=timeout_s)

    def call(self, expression: str, *, timeout_s: float | None = 10.0) -> bytes:
        """Evaluate ``expression`` with the helper at hand; the payload of its one answer frame."""
        frames: list[Frame] = []

        self.with_helper(
            lambda: self.repl.exec(expression, on_frame=frames.append, timeout_s=timeout_s, aside=True),
            frames.clear,
        )
        answers = [f.payload for f in frames if f.channel == ANSWER]
        if len(answers) != 1:
            raise CorruptError(f"the board's answer was lost on the way ({len(answers)} came): try again")
        return answers[0]

    def eval(self, expression: str, *, timeout_s: float | None = 10.0) -> Any:
        """The value of ``expression`` on the board, as a value here."""
        return literal(self.call(f"{HELPER}.answer((\n{expression}\n))", timeout_s=timeout_s).decode())

    def ask(self, call: str, *, timeout_s: float | None = 30.0) -> Any:
        """What a function of the helper answers: ``ask("ls('/')")``."""
        return literal(self.call(f"{HELPER}.{call}", timeout_s=timeout_s).decode())

    def with_helper(self, run: Callable[[], Any], again: Callable[[], Any] = lambda: None) -> Any:
        """Run something that uses the helper, which goes to the board when it is not there (any more)."""
        if not self._has("_iotlab"):
            self.install()
        try:
            return run()
        except RemoteError as error:
            if "_iotlab" not in error.detail or error.kind not in ("ImportError", "AttributeError"):
                raise
        self.install()  # the board was reset meanwhile
        again()
        return run()

    def with_cell_helper(self) -> None:
        """See to it that cells can show values: ``CELL_HELPER`` is on the board."""
        self.with_helper(lambda: None)
        if not self._has("_iotlab_cell"):
            self.install("_iotlab_cell")

    def forget(self) -> None:
        """The board was reset: the helpers are gone."""
        self._helpers.clear()

    def _has(self, module: str) -> bool:
        return self._helpers.get(module) == self.repl.restarts

    def interrupt(self, timeout_s: float) -> None:
        """Stop what runs, with the raw REPL at the end."""
        prompt = self.repl.enter(timeout_s=timeout_s / 2, attempts=2)
        if not prompt.ready:
            raise ConnectError(f"{self.link.name} does not stop on Ctrl-C: reset the board")

    def install(self, module: str = "_iotlab") -> None:
        """Put a helper onto the board."""
        self.exec(_INSTALL.format(module=module, source=helper_source(module)), timeout_s=20.0)
        self._helpers[module] = self.repl.restarts

    def leave(self) -> None:
        """Leave the board at its friendly prompt."""
        try:
            if self._has("_iotlab_cell") and self.repl.ready:
                self.exec(f"{CELL_HELPER}.go()", timeout_s=2.0)
                del self._helpers["_iotlab_cell"]
            self.repl.leave()
        except (OSError, ClosedError, DeadlineError, RemoteError):
            return  # it is gone already


#: The session that a board has now: a hard reset or a flash gives it another one.
OpenSession = Callable[[], Session]


def literal(text: str) -> Any:
    """The value that MicroPython printed as ``text``: numbers, text, bytes and what is made of them.

    Raises ``UnsupportedError`` for the repr of anything else.
    """
    try:
        return _value(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, KeyError) as error:
        short = text if len(text) < 80 else text[:77] + "..."
        raise UnsupportedError(
            f"eval returns plain values, and the board's is {short}: use exec and print what you need of it"
        ) from error


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Name):
        return {"inf": float("inf"), "nan": float("nan")}[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand)
    if isinstance(node, ast.Tuple):
        return tuple(_value(e) for e in node.elts)
    if isinstance(node, ast.List):
        return [_value(e) for e in node.elts]
    if isinstance(node, ast.Dict):
        keys = [k for k in node.keys if k is not None]
        return {_value(k): _value(v) for k, v in zip(keys, node.values, strict=True)}
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "bytearray":
        return bytearray(_value(node.args[0]))
    return ast.literal_eval(node)
