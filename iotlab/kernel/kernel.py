"""The kernel: Jupyter's messages on one side, a board's session on the other."""

from __future__ import annotations

import asyncio
import inspect
import re
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import comm
from IPython.core.error import StdinNotImplementedError

from iotlab import __version__
from iotlab.errors import ConfigError, DisconnectedError, IotlabError, RemoteError, RestartedError, StuckError
from iotlab.kernel.attachment import Attachment
from iotlab.kernel.beside import BesideKernel
from iotlab.kernel.board_commands import BoardCommands
from iotlab.kernel.commands import Commands, Place, misplaced, split
from iotlab.kernel.complete import judged
from iotlab.kernel.file_commands import FileCommands
from iotlab.kernel.front import CellFront
from iotlab.kernel.history import SESSION, History
from iotlab.kernel.host import HostShell, ShownError
from iotlab.kernel.host_commands import HostCommands
from iotlab.kernel.mirror import Mirror
from iotlab.kernel.names import Completion, Names, under_cursor
from iotlab.kernel.plotted import Plotted
from iotlab.kernel.remembered import Remembered
from iotlab.micropython.cells import Cells, parsed
from iotlab.micropython.tracebacks import raised, rendered

#: ``name?``, ``?name``, ``name??``: what the board knows of a name.
_QUESTION = re.compile(r"(?P<before>\?{0,2})\s*(?P<name>[A-Za-z_][\w.]*)\s*(?P<behind>\?{0,2})$")
#: After a cell, the board is asked for its names when no other cell came for so long.
_QUIET_S = 0.05
Reply = dict[str, Any]


class MicroPythonKernel(BesideKernel):
    """Runs cells on a board."""

    implementation = "iotlab"
    implementation_version = __version__

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._cells = Cells()
        self._history = History()
        self._mirror, self._host = Mirror(), HostShell(self)
        self._front = self._new_front(0, silent=False)
        connection = getattr(self.parent, "abs_connection_file", "")
        self._attachment = Attachment(lambda text: self._front.note(text), Remembered(Path(connection).stem))
        self.comm_manager: Any = comm.get_comm_manager()
        for kind in ("comm_open", "comm_msg", "comm_close"):
            self.shell_handlers[kind] = getattr(self.comm_manager, kind)
        self._names = Names(self._attachment, self._cells)

    # -- what the kernel is -------------------------------------------------------------------

    def _banner(self) -> str:
        firmware = f"MicroPython {self._attachment.version}" if self._attachment.version else "MicroPython"
        board = self._attachment.now
        place = f" on {board.info.name}" if board else "; the board is connected with the first cell"
        return f"{firmware}{place}. %help lists what else a cell can do."

    def _language_info(self) -> Reply:
        return {
            "name": "micropython",
            "version": self._attachment.version,
            "mimetype": "text/x-python",
            "file_extension": ".py",
            "pygments_lexer": "python3",
            "codemirror_mode": {"name": "python", "version": 3},
            "nbconvert_exporter": "python",
        }

    @property
    def kernel_info(self) -> Reply:
        # as in the base class, without looking for a debugger: there is none for a board
        return {
            "protocol_version": "5.3",
            "implementation": self.implementation,
            "implementation_version": self.implementation_version,
            "language_info": self._language_info(),
            "banner": self._banner(),
            "help_links": [{"text": "MicroPython", "url": "https://docs.micropython.org/"}],
            "supported_features": ["kernel subshells"],  # for the messages of widgets
        }

    def close(self, *, restart: bool = False) -> None:
        """Let go of the board; a cell that runs is interrupted first. Idempotent."""
        self.end_beside()
        if self.cell_runs and threading.current_thread() is not threading.main_thread():
            self.interrupt_cell()
        self._attachment.end(restart=restart)

    # -- running cells ------------------------------------------------------------------------

    async def do_execute(
        self,
        code: str,
        silent: bool,
        store_history: bool = True,
        user_expressions: dict[str, str] | None = None,
        allow_stdin: bool = False,
        *,
        cell_meta: Any = None,
        cell_id: Any = None,
    ) -> Reply:
        number = self.execution_count
        if threading.current_thread() is not threading.main_thread():  # a subshell's
            content = _content(
                "UnsupportedError", "a board runs one cell at a time: use the notebook's own console"
            )
            self._new_front(number, silent=silent).publish("error", content)
            return {"execution_count": number, "status": "error", **content}
        try:
            return await self._execute(
                code, number, silent, store_history, user_expressions or {}, allow_stdin
            )
        except KeyboardInterrupt:  # a second one, while the first was told
            return {"execution_count": number, "status": "error", **_content("KeyboardInterrupt", "")}

    async def _execute(
        self,
        code: str,
        number: int,
        silent: bool,
        store_history: bool,
        expressions: dict[str, str],
        allow_stdin: bool,
    ) -> Reply:
        self._allow_stdin = allow_stdin
        front = self._front = self._new_front(number, silent=silent)
        try:
            with self.interruptible():
                payload = await self._run(code, number, front)
                values = self._values(expressions)
            reply = {"status": "ok", "payload": payload, "user_expressions": values}
        except (Exception, KeyboardInterrupt) as error:  # whatever it is, the notebook waits for a reply
            if not isinstance(error, (IotlabError, ShownError, KeyboardInterrupt, OSError, ValueError)):
                self.log.exception("cell %s", number)
            content = self._explained(error, number)
            front.finish()
            if not silent and not isinstance(error, ShownError):
                front.publish("error", content)
            reply = {"status": "error", **content}
        finally:
            front.finish()
            self.soon(_QUIET_S, partial(self._look_around, number))
        if store_history and not silent:
            self._history.add(number, code, front.result)
        return {"execution_count": number, **reply}

    async def _run(self, code: str, number: int, front: CellFront) -> list[Reply]:
        """Run a cell. Returns its payload: what the pager shows."""
        question = _QUESTION.match(code.strip())
        if question and (question["before"] or question["behind"]):
            return self._page(
                question["name"], source="??" in (question["before"], question["behind"]), front=front
            )
        cut = split(code)
        for line in cut.commands:
            self._commands(front, number).run(line)
        if cut.cell:
            running = self._commands(front, number).run_cell(cut.cell, cut.rest)
            if inspect.isawaitable(running):
                await running
            return []
        if not cut.rest.strip():
            return []
        wrong = misplaced(cut.rest)
        if wrong and parsed(cut.rest) is None:
            raise ConfigError(
                f"{wrong.split()[0]} stands below other lines: put % lines at the top of the cell"
            )
        with self._attachment.held() as board:
            try:
                # a silent cell has no number of its own, and must not pass for the one that has it
                front.run(board, self._cells, 0 if front.silent else number, cut.rest, written=code)
            except RestartedError:
                raise
            except DisconnectedError as error:
                raise DisconnectedError(
                    f"{board.info.name} went away while the cell ran: plug it in and go on"
                ) from error
        return []

    def _commands(self, front: CellFront, number: int) -> Commands:
        place = Place(self._attachment, self._host, self._mirror, self._names.forget, number, front.silent)
        return Commands(place, front, (BoardCommands, FileCommands, HostCommands))

    def _explained(self, error: BaseException, number: int) -> Reply:
        """The content of an error message."""
        if isinstance(error, ShownError):
            return error.content
        if isinstance(error, RemoteError):
            name, value = raised(error.traceback)
            parts = rendered(
                self._cells, error.traceback, number, self._attachment.name, origin=self._mirror.origin
            )
            return {"ename": name, "evalue": value, "traceback": parts}
        if isinstance(error, StuckError):
            return _content("KeyboardInterrupt", str(error))
        if isinstance(error, KeyboardInterrupt):
            return _content("KeyboardInterrupt", "")
        return _content(type(error).__name__, str(error))

    def _values(self, expressions: dict[str, str]) -> Reply:
        found = {}
        for name, expression in expressions.items():
            try:
                text = self._attachment.board().eval(f"repr({expression})")
                found[name] = {"status": "ok", "data": {"text/plain": text}, "metadata": {}}
            except IotlabError as error:
                found[name] = {"status": "error", **_content(type(error).__name__, str(error))}
        return found

    # -- asking -------------------------------------------------------------------------------

    async def do_complete(self, code: str, cursor_pos: int) -> Reply:
        line = code[:cursor_pos].rsplit("\n", 1)[-1]
        if re.match(r"%{1,2}\w*$", line):
            names = self._commands(self._front, 0).names()
            found = Completion([n for n in names if n.startswith(line)], cursor_pos - len(line))
        else:
            found = await self.beside(self._names.complete, code, cursor_pos)
        kinds = [
            {"start": found.start, "end": cursor_pos, "text": match, "type": found.kinds.get(match, "")}
            for match in found.matches
        ]
        return {
            "status": "ok",
            "matches": found.matches,
            "cursor_start": found.start,
            "cursor_end": cursor_pos,
            "metadata": {"_jupyter_types_experimental": kinds} if found.kinds else {},
        }

    async def do_inspect(
        self, code: str, cursor_pos: int, detail_level: int = 0, omit_sections: Any = ()
    ) -> Reply:
        name = under_cursor(code, cursor_pos)
        ask = partial(self._names.inspect, name, code, source=detail_level > 0)
        text = await self.beside(ask) if name else ""
        data = {"text/plain": text} if text else {}
        return {"status": "ok", "found": bool(text), "data": data, "metadata": {}}

    async def do_is_complete(self, code: str) -> Reply:
        status, indent = judged(code)
        return {"status": status, **({"indent": indent} if status == "incomplete" else {})}

    async def do_history(
        self,
        hist_access_type: str,
        output: bool,
        raw: bool,
        session: int | None = None,
        start: int | None = None,
        stop: int | None = None,
        n: int | None = None,
        pattern: str | None = None,
        unique: bool = False,
    ) -> Reply:
        if hist_access_type == "tail":
            lines = self._history.tail(n or 10)
        elif hist_access_type == "range":
            lines = self._history.range(session or 0, start or 0, stop)
        else:
            lines = self._history.search(pattern or "*", n, unique)
        return {
            "status": "ok",
            "history": [(SESSION, k, (text, out) if output else text) for k, text, out in lines],
        }

    async def do_shutdown(self, restart: bool) -> Reply:
        """Another thread than the cells': the one that runs is stopped, and the board free before the reply."""
        await asyncio.get_running_loop().run_in_executor(None, partial(self.close, restart=restart))
        return {"status": "ok", "restart": restart}

    def _page(self, name: str, *, source: bool, front: CellFront) -> list[Reply]:
        self._attachment.board()
        text = self._names.inspect(name, "", source=source)
        if not text:
            front.say(f"the board knows no {name}\n")
            return []
        return [{"source": "page", "data": {"text/plain": text}, "start": 0}]

    def _look_around(self, number: int) -> None:
        self._names.look_around(lambda: self.cell_runs or self.is_asked or self.execution_count != number)

    # -- details ------------------------------------------------------------------------------

    def _new_front(self, number: int, *, silent: bool) -> CellFront:
        # kept, because another thread may publish
        parent = self.get_parent("shell")  # type: ignore[no-untyped-call]

        def publish(kind: str, content: Reply) -> None:
            if self.session:
                self.session.send(self.iopub_socket, kind, content, parent=parent, ident=self._topic(kind))  # type: ignore[no-untyped-call]

        def later(delay_s: float, call: Callable[[], None]) -> None:
            loop = self.iopub_thread.io_loop
            loop.add_callback(loop.call_later, delay_s, call)

        plot = Plotted(self._host.showing, f"Cell In[{number}]")
        return CellFront(number, publish, later, self._asked, plot, silent=silent)

    def _asked(self, prompt: str) -> str:
        try:
            return str(self.raw_input(prompt))  # type: ignore[no-untyped-call]
        except StdinNotImplementedError as error:
            raise NotImplementedError(str(error)) from error


def _content(name: str, value: str) -> Reply:
    return {"ename": name, "evalue": value, "traceback": [f"\x1b[31m{name}\x1b[39m: {value}"]}
