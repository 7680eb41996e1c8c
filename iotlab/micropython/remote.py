"""What one does with a board from here as if it were here: functions that run there, objects that stay there.

A function goes to the board once for each interpreter, under a number, with a set of globals of its own. What it
returns comes back in frames of channel 41; where one was lost, the board is asked again for the value that it kept.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import re
import sys
import weakref
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from typing_extensions import ParamSpec

from iotlab.board import Board, Output
from iotlab.errors import CorruptError, InUseError, RemoteError, RestartedError, UnsupportedError
from iotlab.micropython.clocks import Clock, Exchange, Ticks, ask, fitted
from iotlab.micropython.frames import Frame
from iotlab.micropython.functions import Source, UsedNames, source_of
from iotlab.micropython.interrupts import Interrupted
from iotlab.micropython.proxies import Proxy, held_by
from iotlab.micropython.session import OpenSession, Session
from iotlab.micropython.values import literal, to_literal

if TYPE_CHECKING:
    from iotlab.micropython.streaming import Stream

P = ParamSpec("P")
R = TypeVar("R")

MODULE = "_iotlab_remote"
#: The helper of tasks and proxies, as an expression on the board.
THERE = f"__import__({MODULE!r})"
VALUE_CHANNEL = 41
#: How a value is wanted: by value; by value where it is plain, else as a proxy; as a proxy.
BY_VALUE, BY_KIND, STAYS = 0, 1, 2
#: How many times when a board was asked for its time are remembered.
_KEPT = 64
_PLACE = re.compile(r'^(\s*File ")[^"@]*@(\d+)", line (\d+)', re.MULTILINE)


class BoardFunction:
    """A function of this machine that runs on a board; what other functions there may call."""

    def __init__(
        self, remote: Remote, function: Callable[..., Any], consts: Mapping[str, Any] | None
    ) -> None:
        self.remote, self.source = remote, source_of(function)
        self.consts = {
            name: to_literal(f"the constant {name}", value) for name, value in (consts or {}).items()
        }
        self._used = UsedNames(function, self.source, self.consts)
        self._used.check(BoardFunction, late=False)
        self.signature = inspect.signature(function)
        self.number = remote.register(self)
        functools.update_wrapper(self, function)  # type: ignore[arg-type]

    def others(self) -> dict[str, BoardFunction]:
        """The functions that it calls, by its names for them. ``UnsupportedError`` where it uses anything else."""
        found: dict[str, BoardFunction] = self._used.check(BoardFunction, late=True)
        for name, other in found.items():
            if other.remote is not self.remote:
                told = f"{self.source.name} calls {name}, which is for another board: define it for both"
                raise UnsupportedError(told)
        return found

    def arguments(self, values: tuple[Any, ...], named: Mapping[str, Any]) -> str:
        """The arguments as the board reads them. ``TypeError`` where they do not fit."""
        bound = self.signature.bind(*values, **named)
        name = f"what {self.source.name} was given"
        return ",".join(self.remote.literal(name, given) for given in (bound.args, bound.kwargs))


class Task(BoardFunction, Generic[P, R]):
    """A function that runs on the board when it is called here. See :meth:`MicroPythonBoard.task`."""

    def __init__(
        self,
        remote: Remote,
        function: Callable[P, R],
        *,
        consts: Mapping[str, Any] | None = None,
        proxy: bool = False,
        output: Output | None = None,
        timeout_s: float | None = None,
    ) -> None:
        super().__init__(remote, function, consts)
        if inspect.isgeneratorfunction(function):
            raise UnsupportedError(f"{function.__name__} yields: decorate it with board.stream")
        self._how, self._output, self._timeout_s = BY_KIND if proxy else BY_VALUE, output, timeout_s

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run it on the board with these arguments; what it returned there."""
        given = self.arguments(args, kwargs)
        with self.remote.board.using(self.source.name):
            self.remote.place(self)
            value: R = self.remote.value(
                lambda ask: f"run({ask},{self._how},{self.number},{given})",
                self._how,
                output=self._output,
                timeout_s=self._timeout_s,
                name=self.source.name,
            )
            return value

    def __repr__(self) -> str:
        return f"<task {self.source.name} on {self.remote.board.info.name}>"


class Remote:
    """What of this machine is on a board, and what of the board is known here. One for each board."""

    #: Our helper as an expression on the board.
    there = THERE

    def __init__(self, board: Board, session: OpenSession, rejoin: Callable[[Session], bool]) -> None:
        self.board, self._session = board, session
        #: Opens the port of a board that was unplugged while code runs there, and says whether it could.
        self.rejoin = rejoin
        #: How often our helper was put onto the board: what was there before is gone.
        self.generation = 0
        #: The board's clock as one line.
        self.ticks = Ticks()
        self._exchanges: deque[Exchange] = deque(maxlen=_KEPT)
        #: The stream that runs.
        self.stream: Stream[Any] | None = None
        self._numbers = itertools.count(1)
        self._asks = itertools.count(1)
        self._sources: dict[int, Source] = {}
        self._placed: dict[int, dict[str, int]] = {}
        #: Numbers of what nobody here has any more. Only noted, by whoever collects garbage.
        self.released: deque[int] = deque()

    def close(self) -> None:
        """Stop the stream that runs, if there is one."""
        if self.stream is not None:
            self.stream.close()

    def clock(self, count: int) -> Clock:
        """The board's clock by all that was asked since it started; ``count`` exchanges more, where there are any."""
        with self.board.using("its clock"):
            if count:
                found = ask(self.ready(), self.ticks, self.there, count)
                self._exchanges.append(min(found, key=lambda one: one.error_s))
            if not self._exchanges:
                raise UnsupportedError(
                    "a stream runs whose clock was not looked at: call board.clock() before it starts"
                )
            return fitted(self._exchanges)

    # -- functions ----------------------------------------------------------------------------

    def register(self, function: BoardFunction) -> int:
        """A number for ``function``; the board forgets it some time after we do."""
        number = -next(self._numbers)
        self._sources[number] = function.source
        weakref.finalize(function, self.released.append, number).atexit = False
        return number

    def place(self, function: BoardFunction) -> Session:
        """See to it that ``function`` and those that it calls are on the board."""
        session = self.ready()
        wanted = [function]
        for one in wanted:  # which grows
            others = one.others()
            wanted += [other for other in others.values() if other not in wanted]
            if one.number not in self._placed:
                self._define(session, one)
        for one in wanted:
            numbers = {name: other.number for name, other in one.others().items()}
            if self._placed[one.number] != numbers:
                session.call(f"{THERE}.link({one.number},{numbers!r})")
                self._placed[one.number] = numbers
        return session

    def _define(self, session: Session, function: BoardFunction) -> None:
        source = function.source
        file = f"{source.name}@{-function.number}"
        consts = ",".join(f"{name!r}:{value}" for name, value in function.consts.items())
        told = f"{function.number},{source.name!r},{source.text!r},{file!r},{{{consts}}}"
        self.call(session, f"define({told})")
        self._placed[function.number] = {}

    def mapped(self, traceback: str) -> str:
        """A board's traceback with the places of this machine, from the first line of a function of ours on."""
        lines = traceback.replace("\r\n", "\n").split("\n")
        first = next((k for k, line in enumerate(lines) if _PLACE.match(line)), None)
        if first is None:
            return traceback
        return _PLACE.sub(self._here, "\n".join([lines[0], *lines[first:]] if first else lines))

    def _here(self, place: re.Match[str]) -> str:
        source = self._sources.get(-int(place[2]))
        if source is None:
            return place[0]
        return f'{place[1]}{source.place}", line {int(place[3]) + source.line - 1}'

    # -- values -------------------------------------------------------------------------------

    def ready(self) -> Session:
        """The board's session, with our helper on the board."""
        session = self._session()
        if not session.has(MODULE):
            self._placed.clear()
            self.released.clear()
            session.put(MODULE)
            self.generation += 1
            self.ticks = Ticks()
            self._exchanges.clear()
        return session

    def still(self, generation: int) -> bool:
        """Whether what was on the board with the helper number ``generation`` is there."""
        with self.board.using("a proxy"):
            return generation == self.generation and self._session().has(MODULE)

    def call(self, session: Session, expression: str) -> Any:
        """The value of a call of our helper on the board."""
        try:
            return session.call(f"{THERE}.{expression}", timeout_s=60.0)
        except RemoteError as error:
            raise self._told(error, session) from None

    def value(
        self,
        code: Callable[[int], str],
        how: int,
        *,
        output: Output | None = None,
        timeout_s: float | None = None,
        name: str,
    ) -> Any:
        """What a call of our helper gives back, made by ``code`` with a number for it; prints go to ``output``."""
        ask, reply = next(self._asks) & 0xFFFFFF, _Reply()
        session, source = self.ready(), f"{THERE}.{code(ask)}"
        gone = self._gone()
        if gone:  # told in passing
            source = f"{THERE}.drop({','.join(map(str, gone))});{source}"
        try:
            session.exec(source, output=output or show, on_frame=reply.take, timeout_s=timeout_s, keep=False)
        except InUseError:
            self.released.extend(gone)
            raise
        except RemoteError as error:
            raise self._told(error, session) from None
        except Interrupted as interrupt:
            interrupt.traceback = self.mapped(interrupt.traceback)
            raise
        except CorruptError:
            if reply.complete:  # something else is lost, which it printed
                raise
            kept = self.call(session, f"again({ask})")
            if not isinstance(kept, bytes):
                raise
            reply.data = kept
        return self._decoded(reply.data[4:], how, name)

    def literal(self, name: str, value: Any) -> str:
        """``value``, which an error calls ``name``, as the board reads it; a proxy as what it stands for."""
        return to_literal(name, value, self._expression)

    def _gone(self) -> list[int]:
        """What nobody here has any more."""
        gone = [self.released.popleft() for _ in range(len(self.released))]
        for number in gone:
            self._placed.pop(number, None)
            self._sources.pop(number, None)
        return gone

    def _told(self, error: RemoteError, session: Session) -> Exception:
        if not self.still(self.generation):
            return RestartedError(f"{session.link.name} restarted meanwhile: its variables are lost")
        return RemoteError(self.mapped(error.traceback))

    def _decoded(self, data: bytes, how: int, name: str) -> Any:
        if data[:1] != b"=":
            return bytearray(data[1:]) if data[:1] == b"a" else data[1:]
        text = data[1:].decode()
        try:
            value = literal(text)
        except UnsupportedError:
            short = text if len(text) < 80 else text[:77] + "..."
            raise UnsupportedError(
                f"{name} gives back {short}, which stays on the board: return plain values, or ask for a proxy"
            ) from None
        return self.known(value) if how else value

    def known(self, told: tuple[Any, Any]) -> Any:
        """A value that came, or a proxy for what stays on the board."""
        number, value = told
        return Proxy(self, number, value) if number else value

    def _expression(self, value: object) -> str:
        if not isinstance(value, Proxy):
            return ""
        held = held_by(value)
        if held.remote is not self:
            raise UnsupportedError(f"a proxy of {held.remote.board.info.name} means nothing on another board")
        return held.there()


class _Reply:
    """A value that comes in frames."""

    def __init__(self) -> None:
        self.data = b""

    def take(self, frame: Frame) -> None:
        if frame.channel == VALUE_CHANNEL:
            self.data += frame.payload

    @property
    def complete(self) -> bool:
        return len(self.data) >= 4 and int.from_bytes(self.data[:4], "big") == len(self.data) - 4


def show(text: str) -> None:
    """As a function that runs here would print it."""
    sys.stdout.write(text)
