"""A session with a MicroPython board: the raw REPL, and the helper that answers on the board."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from iotlab.board import Output
from iotlab.errors import (
    ClosedError,
    ConnectError,
    CorruptError,
    DeadlineError,
    RemoteError,
    RestartedError,
    UnsupportedError,
)
from iotlab.link.base import Link
from iotlab.micropython.answer import Answer, Feeder, OnFrame
from iotlab.micropython.blocks import BlockSender
from iotlab.micropython.calls import (
    CELL_HELPER,
    CELL_MODULE,
    CODE,
    HELP,
    INSTALL,
    MODULE,
    VALUE,
    Call,
    crc_of,
    helper_source,
)
from iotlab.micropython.frames import LOST, RAW, REFUSED
from iotlab.micropython.plain import PlainCalls, ShownText, printed, told_twice, value_of
from iotlab.micropython.remembered import Remembered
from iotlab.micropython.repl import SHORT, AstrayError, RawRepl
from iotlab.micropython.services import Services
from iotlab.micropython.values import literal

#: Longer code than this goes in blocks where the board can hold the host back; else what is longer than its buffer.
PACED_SHORT = 1000
_TRIES = 4
#: What a board says that has too little memory or too few modules.
_TOO_SMALL = ("MemoryError", "ImportError", "AttributeError")
#: The name that tells one start of a plain board from another.
_BORN = "__born__"
#: The firmware's own, whatever the user calls print.
_PRINT = "__import__('builtins').print"
#: Compiling the helper takes a Pico half a second, and an emulated one on a busy machine a hundred times that.
_INSTALL_S = 120.0


class Session:
    """What is said with a board over one open link. The board's lock keeps callers apart.

    What a call asks for arrives whole on the board or not at all, and runs once: it carries a number and a CRC,
    and the board keeps how the last one ended, so that a call whose answer was lost is made again without harm.
    """

    def __init__(self, link: Link, services: Services | None = None) -> None:
        self.link = link
        self.repl = RawRepl(link, services)
        #: Whether the board has no room for the helper, or lacks what it needs: its own prompt does the work then.
        self.plain = False
        #: How what code prints is verified: "counted", "framed", or "" where it cannot be; "plain" on a plain board.
        self.verified = ""
        #: What the code that ran left on the board.
        self.remembered = Remembered()
        #: Files on the board that nobody wants, left by what was cut off: they go with the next call.
        self.litter: set[str] = set()
        self._plainly = PlainCalls(self.repl)
        self._helpers: dict[str, int] = {}  # what was put there, and at which restart
        self._number = random.getrandbits(24)
        self._born = 0  # tells the interpreter that the helper was put into from every other one
        self._ran_in: object = None  # the interpreter that something was left in; None where nothing was
        self._looked = False  # whether one knows what an earlier session left there
        self._forgot = False  # the board restarted, and nobody was told yet

    # -- calls --------------------------------------------------------------------------------

    def exec(
        self,
        code: str,
        *,
        output: Output | None = None,
        on_frame: OnFrame | None = None,
        timeout_s: float | None = None,
        name: str = "<stdin>",
        keep: bool = True,
    ) -> str:
        """Run ``code``, called ``name`` in tracebacks; returns what it printed, nothing without ``keep``.

        Frames of the helper go to ``on_frame``. ``RemoteError`` where it raised; ``CorruptError`` where something of
        what it printed was lost or changed on the way. ``sys.exit()`` ends it.
        """
        answer = Answer(output, on_frame, keep=keep)
        self._make(Call(CODE, code, name), answer, output, timeout_s)
        if answer.lost:
            raise CorruptError(
                "the code ran, but what it printed arrived changed: check the cable",
                partial=answer.text.encode(),
            )
        answer.raise_error()
        return answer.text

    def call(
        self,
        expression: str,
        *,
        on_frame: OnFrame | None = None,
        feeder: Feeder | None = None,
        kind: int = HELP,
        timeout_s: float | None = 10.0,
        ours: bool = False,
    ) -> Any:
        """The value of ``expression`` among the helper's names. ``DATA`` frames go to ``on_frame``."""
        answer = Answer(on_frame=on_frame, feeder=feeder, aside=True)
        self._make(Call(kind, expression, "", ours), answer, None, timeout_s)
        end = answer.end
        answer.raise_error()
        if end is None:  # the board is plain
            return literal(value_of(answer.text))
        return end.payload if end.channel == RAW else literal(end.payload.decode())

    def eval(self, expression: str, *, timeout_s: float | None = 10.0, ours: bool = False) -> Any:
        """The value of ``expression`` on the board, as a value here. ``ours`` are no user's: see :class:`Call`."""
        return self.call(expression, kind=VALUE, timeout_s=timeout_s, ours=ours)

    def run_cell(
        self, code: str, *, output: Output | None, on_frame: OnFrame | None, name: str, keep: bool
    ) -> str:
        """The same for a cell, whose values are frames for ``on_frame``, on a plain board too."""
        if not self.plain:
            self.with_cell_helper()
            return self.exec(code, output=output, on_frame=on_frame, name=name, keep=keep)
        shown = ShownText(output, on_frame)
        try:
            return printed(self.exec(code, output=shown.take, name=name, keep=keep))
        finally:
            shown.finish()

    def begin(self, code: str, *, output: Output | None = None, on_frame: OnFrame | None = None) -> Answer:
        """Start ``code`` and return when it was seen to run: the answer to ``repl.poll`` and ``repl.finish``."""
        answer = Answer(output, on_frame)
        self._make(Call(CODE, code, "<stdin>"), answer, output, None, started=True)
        return answer

    def _make(
        self,
        call: Call,
        answer: Answer,
        output: Output | None,
        timeout_s: float | None,
        *,
        started: bool = False,
    ) -> None:
        """Make ``call`` until ``answer`` has its end; or, with ``started``, until it runs."""
        with self.repl.interrupts:
            self.repl.prepare()
            self._see_whether_it_forgot()
            self.repl.tell(output, self.repl.services.farewells(self.repl.interpreter))
            if not self.has(MODULE):
                self.install()
            self._tidy()
            self._tell_whether_it_forgot(call)
            self._ran_in = self.repl.interpreter
            if self.plain:
                self._run_plainly(call, answer, timeout_s, started=started)
                return
            if call.kind == CODE:
                self.remembered.note(call.source)
            self._number = number = (self._number + 1) & 0xFFFFFF
            for _ in range(_TRIES):
                self._ran_in = self.repl.interpreter
                if self.plain:  # since it was reset in between
                    self._run_plainly(call, answer, timeout_s, started=started)
                    return
                try:
                    self._give(call, number, answer)
                    if started:
                        self.repl.until_started(answer, timeout_s=10.0)
                    else:
                        self.repl.finish(answer, timeout_s=timeout_s)
                except AstrayError:
                    self._find_prompt()
                except RestartedError:
                    self.see_whether_it_restarted()
                self.repl.littered |= answer.litters
                if self._has_ended(call, answer) or (started and answer.started):
                    return
                answer.again()
        if answer.earlier:
            raise RemoteError(answer.earlier)
        raise CorruptError(f"{self.link.name} gave no answer that arrived whole: check the cable")

    def _run_plainly(self, call: Call, answer: Answer, timeout_s: float | None, *, started: bool) -> None:
        """As the board's own prompt does it."""
        if call.kind == HELP:
            raise UnsupportedError(f"{self.link.name} has no room for what this needs on the board")
        if call.kind == CODE:
            self.remembered.note(call.source)
        try:
            self._plainly.start(call.source if call.kind == CODE else told_twice(call.source), answer)
            if not started:
                self.repl.finish(answer, timeout_s=timeout_s)
        except RestartedError as error:
            raise self.loss() from error
        except AstrayError:
            self._find_prompt()
            raise

    def _give(self, call: Call, number: int, answer: Answer) -> None:
        """Send ``call``: at once where it is short, else in blocks."""
        if len(request := call.request(number)) <= (PACED_SHORT if self.link.paced else SHORT):
            self.repl.hand_over(request)
            return
        blocks = BlockSender(self.link, call.source.encode(), pace=self.repl.pace)
        answer.feed(blocks)
        self.repl.hand_over(call.load(number, blocks))

    def _has_ended(self, call: Call, answer: Answer) -> bool:
        """Whether the call came to an end. Where it did not begin, as the board was reset, sees to the helper."""
        if answer.end is not None:
            if answer.end.channel == LOST:
                if answer.earlier:  # the helper could not tell it: there was no memory, perhaps
                    raise RemoteError(answer.earlier)
                raise CorruptError("the code ran, but how it ended was lost on the way: check the cable")
            return answer.end.channel != REFUSED
        if not answer.unframed:
            return False
        error = RemoteError(answer.unframed)
        if f"'{MODULE}'" in error.detail and error.kind in ("ImportError", "AttributeError"):
            self._forgot = True  # it was reset, and nobody heard of it
            self.repl.restarts += 1
            self._helpers.clear()
            self.install()
            self._tell_whether_it_forgot(call)
            answer.error = b""  # that was seen to
        return False

    def _tell_whether_it_forgot(self, call: Call) -> None:
        """The user's own code is told that what it knew is gone; files and buses go on."""
        if self._forgot and call.kind != HELP and not call.ours:
            raise self.loss()

    def loss(self) -> RestartedError:
        """The error that names what the board lost as it restarted; once."""
        self._forgot, self._ran_in = False, None
        self._helpers = {module: at for module, at in self._helpers.items() if at == self.repl.restarts}
        return self.remembered.loss(self.link.name)

    @contextmanager
    def tidying(self, path: str) -> Iterator[None]:
        """What goes on makes the file ``path`` for a while: where it is cut off, the next call removes it."""
        try:
            yield
        except BaseException:
            self.litter.add(path)
            raise

    def _tidy(self) -> None:
        while self.litter and not self.plain:
            path = self.litter.pop()
            with contextlib.suppress(RemoteError), self.tidying(path):  # mostly there is none any more
                self.call(f"remove({path!r},False)")
            self.litter.discard(path)

    def _find_prompt(self) -> None:
        self._enter()
        self._see_whether_it_forgot()

    def _enter(self) -> None:
        if not self.repl.enter().ready:
            raise CorruptError(f"{self.link.name} gives no prompt any more: reset the board")

    def see_whether_it_restarted(self) -> None:
        """The banner came: it does that at a restart, and where a changed byte led out of the raw REPL."""
        if not self.repl.enter().ready or not self._is_the_same():
            self._helpers.clear()
            raise self.loss()

    def _see_whether_it_forgot(self) -> None:
        """A restart may have been seen at any moment since."""
        ran_in, self._ran_in = self._ran_in, None  # what asks now asks this no more
        if ran_in not in (None, self.repl.interpreter):
            try:
                same = self._is_the_same()
            except BaseException:
                self._ran_in = ran_in
                raise
            if not same:
                self._forgot, ran_in = True, None
                self._helpers.clear()
        self._ran_in = ran_in and self.repl.interpreter

    def _is_the_same(self) -> bool:
        """Whether it is still the interpreter that something was left in, whatever it is counted as now."""
        if not self._is_still(self._born):
            return False
        self._helpers = dict.fromkeys(self._helpers, self.repl.restarts)
        self.repl.services.keep(self.repl.interpreter)
        self._ran_in = self.repl.interpreter
        return True

    def _is_still(self, born: int) -> bool:
        """Whether it is the interpreter that was ``born`` so. A plain board is known by what was left on it."""
        if self.plain:
            return self._run(f"{_PRINT}(globals().get({_BORN!r}))", 5.0).strip() == str(born)
        return self._is_there() and self._born == born

    def _is_there(self) -> bool:
        """Whether the helper is on the board, the same one as ours. Learns which interpreter it is."""
        told = f"*[getattr(__import__('sys').modules.get({MODULE!r}),n,0)for n in('crc','born')]"
        crc, _, born = self._run(f"{_PRINT}({told})", 5.0).strip().partition(" ")
        self._born = int(born) if born.isdigit() else 0
        return crc == str(crc_of(MODULE))

    def rejoin(self, link: Link) -> None:
        """The board is back over ``link``, and the code that ran may run on: nothing is sent to it."""
        self.link = link
        self.repl.rejoin(link)

    def take_over(self, before: Session) -> None:
        """The board is back, which ``before`` was a session with: where it kept its variables, all goes on."""
        self.remembered, self.plain, self.verified = before.remembered, before.plain, before.verified
        if self._is_still(before._born):  # else somebody else had it, and started it anew
            self._helpers = dict.fromkeys(before._helpers, self.repl.restarts)
            if not self.plain:
                self.verified = self.call("verify(True)")
            self.repl.tell(None, f"[{self.link.name} was away: what it printed meanwhile is lost]\n")
        else:
            self._forgot = True

    # -- the helper ---------------------------------------------------------------------------

    def with_cell_helper(self) -> None:
        """See to it that cells can show values: ``CELL_HELPER`` is on the board."""
        if not self.has(CELL_MODULE):
            self.put(CELL_MODULE)

    def put(self, module: str) -> None:
        """Put another helper onto the board, as new."""
        self.call(f"add({module!r},{helper_source(module)!r},{crc_of(module)})", timeout_s=_INSTALL_S)
        self._helpers[module] = self.repl.restarts

    def install(self) -> None:
        """See to it that the helper is on the board: an earlier session may have left it there."""
        if not self.plain and self._is_helped():
            self._looked = True
            self.verified = self.call("verify(True)")
        else:
            self._born = random.getrandbits(30)
            self._run(f"{_BORN}={self._born}", 5.0)
            self._helpers = {MODULE: self.repl.restarts}

    def _is_helped(self) -> bool:
        """Whether the helper is there now. A board that is too small for it is plain from here on."""
        try:
            if not self._looked and self._is_there():
                self._helpers = {MODULE: self.repl.restarts}
            else:
                self._install(MODULE)
        except RemoteError as error:
            if error.kind not in _TOO_SMALL:
                raise
            self.plain, self.verified = True, "plain"
        return not self.plain

    def forget(self) -> None:
        """The board was reset: the helpers are gone, and the variables."""
        self._helpers.clear()
        self._ran_in, self._forgot = None, False
        if self.plain:  # it may have had little memory for a while only
            self.plain, self._looked = False, False
        self.remembered.forget()

    def has(self, module: str) -> bool:
        """Whether a helper is on the board, as far as one knows."""
        return self._helpers.get(module) == self.repl.restarts

    def _install(self, module: str) -> None:
        source = helper_source(module)
        born = random.getrandbits(30)
        code = INSTALL.format(module=module, source=source, crc=crc_of(module), born=born)
        begun_s = time.monotonic()
        self._run(code, _INSTALL_S)
        self.repl.pace.note_at_most(len(code), time.monotonic() - begun_s)
        self._born = born
        self._helpers = {module: self.repl.restarts}  # what was there before is gone

    def _run(self, code: str, timeout_s: float) -> str:
        """What ``code`` prints that is run by the REPL itself, again where a changed byte may have made it fail."""
        for attempt in range(_TRIES):
            try:
                return self.repl.exec(code, timeout_s=timeout_s)
            except (CorruptError, DeadlineError, RestartedError):
                self._enter()
                self._find_prompt()
            except RemoteError as error:
                if attempt == _TRIES - 1 or error.kind == "MemoryError":
                    raise
        raise CorruptError(f"{self.link.name} does not take code that arrives whole: check the cable")

    # -- coming and going ---------------------------------------------------------------------

    def interrupt(self, timeout_s: float) -> None:
        """Stop what runs, with the raw REPL at the end."""
        prompt = self.repl.enter(timeout_s=timeout_s / 2, attempts=2)
        if not prompt.ready:
            raise ConnectError(f"{self.link.name} does not stop on Ctrl-C: reset the board")

    def leave(self) -> None:
        """Leave the board at its friendly prompt."""
        try:
            if self.repl.ready:
                if self.has(CELL_MODULE):
                    self.call(f"{CELL_HELPER}.go()", timeout_s=2.0)
                if self.has(MODULE) and not self.plain:
                    self.call("verify(False)", timeout_s=2.0)
            self._helpers.pop(CELL_MODULE, None)
            self.repl.leave()
        except (OSError, ClosedError, DeadlineError, RemoteError):
            return  # it is gone already


#: The session that a board has now: a hard reset or a flash gives it another one.
OpenSession = Callable[[], Session]
