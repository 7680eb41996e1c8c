"""Streams: a generator that runs on a board, iterated over here, many items in one frame.

Each frame tells the number of its first item, so that what is lost on the way is known, and how much it was. The
board waits while nobody takes what it sent: its output is the link's, which holds it back.
"""

from __future__ import annotations

import binascii
import contextlib
import inspect
import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Generic, TypeVar

from typing_extensions import ParamSpec, Self

from iotlab.errors import (
    ClosedError,
    CorruptError,
    DeadlineError,
    DisconnectedError,
    IotlabError,
    RemoteError,
    RestartedError,
    UnsupportedError,
)
from iotlab.micropython.answer import Answer
from iotlab.micropython.away import Absence
from iotlab.micropython.clocks import MASK, ROUNDS, Clock, Ticks
from iotlab.micropython.frames import ERROR, Frame
from iotlab.micropython.remote import BoardFunction, Remote, show
from iotlab.micropython.repl import AstrayError, Poller
from iotlab.micropython.samples import HEAD, Block, Gap, Spec
from iotlab.micropython.session import Session
from iotlab.micropython.values import literal

P = ParamSpec("P")
T = TypeVar("T")

MODULE = "_iotlab_stream"
PACKED, MISSED, PACKED_BASE64, TEXT = 40, 42, 43, 44
#: How long a stop may take in which the generator's ``finally`` runs.
_STOP_S = 5.0
#: How long one waits for the link before one looks whether Ctrl-C was pressed.
_LOOK_S = 0.05
#: Where several blocks come at a time one waits for more of them: fewer wake-ups, for which the host pays most.
_GATHER_S = 0.001
_AT_ONCE = 64

log = logging.getLogger(__name__)


class StreamFunction(BoardFunction, Generic[P, T]):
    """A generator function that runs on the board: a call gives a :class:`Stream`."""

    def __init__(
        self, remote: Remote, function: Callable[P, Iterator[T]], spec: Spec, consts: Mapping[str, Any] | None
    ) -> None:
        super().__init__(remote, function, consts)
        if not inspect.isgeneratorfunction(function):
            raise UnsupportedError(f"{function.__name__} does not yield: decorate it with board.task")
        self.spec = spec

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Stream[T]:
        """A stream of what it yields on the board; it starts when it is iterated over."""
        return Stream(self, self.arguments(args, kwargs))

    def __repr__(self) -> str:
        return f"<stream {self.source.name} on {self.remote.board.info.name}>"


class Stream(Generic[T]):
    """What a generator on the board yields. A context manager; ``close`` is idempotent.

    It starts when it is first iterated over, and occupies the board until it ends: until the generator does, the
    loop is left, or ``close``. Then the generator's ``finally`` has run, and the board is ready for the next call.
    """

    def __init__(self, function: StreamFunction[..., T], given: str) -> None:
        self._function, self._given = function, given
        self._remote, self.spec = function.remote, function.spec
        self.name = function.source.name
        #: What was lost on the way.
        self.gaps: list[Gap] = []
        #: Samples of a paced stream that the board left out, as it was late.
        self.missed = 0
        #: How many samples the board sent until now, as far as one knows here; the lost ones count.
        self.sent = 0
        self._session: Session | None = None  # while it runs
        self._answer = Answer()
        self._ticks = Ticks()
        self._came: deque[Block] = deque()
        self._begun = self._stopping = False
        self._error: Exception | None = None
        self._heard_s = 0.0
        self._floods = False
        self._absence: Absence | None = None  # from when the board was unplugged until the stream goes on

    # -- what a user calls --------------------------------------------------------------------

    @property
    def lost(self) -> int:
        """How many samples were lost on the way."""
        return sum(gap.samples for gap in self.gaps)

    @property
    def runs(self) -> bool:
        """Whether the generator runs on the board."""
        return self._session is not None

    def __iter__(self) -> Iterator[T]:
        """The samples as the generator yields them; with time stamps, tuples whose first value is that.

        A time stamp is in seconds on the board's own clock, from any beginning. Raises as the generator does.
        """
        for block in self._each():
            yield from self.samples(block)

    def blocks(self) -> Iterator[Block]:
        """The samples packed, in blocks as they came."""
        if not self.spec.format:
            raise UnsupportedError(
                f"{self.name} does not pack its samples: give board.stream a format, as of struct"
            )
        return self._each()

    def samples(self, block: Block) -> Iterator[Any]:
        """The samples of a block, as iterating over the stream gives them."""
        if not block.format:
            values: Iterator[Any] = iter(literal(bytes(block.data).decode()))
        else:
            values = block.unpacked()
        if self.spec.stamped:
            sent = block.sent_us
            return (((sent - (sent - stamp & MASK)) / 1e6, *rest) for stamp, *rest in values)
        if block.format and self.spec.fields == 1:
            return (value for (value,) in values)
        return values

    def receive(self, *, timeout_s: float) -> list[Block]:
        """The blocks that came, for a loop of one's own; waits at most ``timeout_s`` for one.

        Starts the generator on the board with the first call. When all was received and it :attr:`runs` no more,
        it gives none, or raises what the generator raised.
        """
        self.start()
        end_s = time.monotonic() + timeout_s
        try:
            while not self._came and self._session is not None:
                self._poll(self._session, max(0.0, min(_LOOK_S, end_s - time.monotonic())))
                if time.monotonic() >= end_s:
                    break
        except BaseException:
            self._stop()
            raise
        came = list(self._came)
        self._came.clear()
        if not came and self._session is None:
            self._tell()
        return came

    @property
    def board_name(self) -> str:
        """The board that it comes from."""
        return self._remote.board.info.name

    def clock(self) -> Clock:
        """The clock of its time stamps, beside this machine's; asked for now where the board is free."""
        return self._remote.clock(0 if self.runs else ROUNDS)

    def start(self) -> None:
        """Start the generator on the board now; iterating does it otherwise. Once for each stream."""
        if self._begun:
            return
        self._begun = True
        remote = self._remote
        with remote.board.using(f"the stream {self.name}"):
            session = remote.place(self._function)
            if not session.has(MODULE):
                session.put(MODULE)
            self._ticks, self._heard_s = remote.ticks, time.monotonic()
            self._answer = session.begin(
                f"__import__({MODULE!r}).run({self._function.number},{self._given},{self.spec.told()})",
                output=self.spec.output or show,
                on_frame=self._take,
            )
            self._session = session
            session.repl.poller = Poller(f"the stream {self.name}", self._answer)
            remote.stream = self
            if self._answer.end is not None or self._answer.complete:
                self._finish(session)

    def close(self) -> None:
        """Stop the generator, if it runs, and let its ``finally`` run. Idempotent.

        ``RemoteError`` where that raised, ``StuckError`` where it does not stop.
        """
        self._begun = True
        self._stop()
        self._tell()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "runs" if self.runs else "ended" if self._begun else "not started"
        told = f", {self.lost} of them lost" if self.gaps else ""
        told += f", {self.missed} left out" if self.missed else ""
        return f"<stream {self.name} on {self.board_name}: {state}, {self.sent} samples{told}>"

    # -- details ------------------------------------------------------------------------------

    def _each(self) -> Iterator[Block]:
        try:
            while (blocks := self.receive(timeout_s=_LOOK_S)) or self.runs:
                yield from blocks
        except GeneratorExit:  # the loop was left, and nothing that is raised here is heard: close() tells it
            try:
                self._stop()
            except IotlabError as error:
                self._error = error
            if self._error is not None:
                log.warning("the stream %s was stopped: %s", self.name, self._error)
            raise

    def _stop(self) -> None:
        if self._session is None or self._remote.board.closed:
            return
        with self._remote.board.using(f"the stream {self.name}"):
            session = self._session
            if session is None or not self._is_its_turn(session):
                return
            self._stopping = True
            self._came.clear()
            if self._absence is not None:  # the next call finds the board, and interrupts what runs there
                self._over(session)
                if self._absence.back:
                    session.repl.enter()
                return
            with session.repl.interrupts:
                session.link.write(b"\x03")
                self._finish(session)

    def _tell(self) -> None:
        """Raise what the generator raised, once."""
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _poll(self, session: Session, timeout_s: float) -> None:
        """Take what came; the board goes on."""
        if self._floods:
            time.sleep(_GATHER_S)
        with self._remote.board.using(f"the stream {self.name}"):
            if not self._is_its_turn(session):
                raise ClosedError(
                    f"the stream {self.name} ended, as somebody interrupted the board: call it again"
                )
            if self._absence is not None and not self._absence.back:
                self._return(session, self._absence, timeout_s)
            else:
                self._listen(session, timeout_s)
            if self._answer.end is not None or self._answer.complete:
                self._finish(session)
        self._floods = len(self._came) > 1
        quiet_s, patience_s = time.monotonic() - self._heard_s, self.spec.timeout_s
        waits = self._session is not None and self._absence is None and not self._came
        if waits and patience_s is not None and quiet_s > patience_s:
            raise DeadlineError(f"the stream {self.name} sent nothing for {patience_s:g} s; it was stopped")

    def _listen(self, session: Session, timeout_s: float) -> None:
        try:
            with session.repl.interrupts:
                if self._absence is not None:
                    self._absence.ask(session)
                session.repl.poll(self._answer, timeout_s=timeout_s)
                came = 0
                while came < len(self._came) < _AT_ONCE:  # what came meanwhile
                    came = len(self._came)
                    session.repl.poll(self._answer, timeout_s=0.0)
        except RestartedError as error:
            self._over(session)
            if self._absence is not None:
                raise self._absence.ended(session) from None
            raise session.loss() from error
        except DisconnectedError as error:
            if not self.spec.away_s:
                self._over(session)
                raise
            if self._absence is None:
                self._absence = Absence(self.name, error, self.spec.away_s)
            self._absence.gone()

    def _return(self, session: Session, absence: Absence, timeout_s: float) -> None:
        """The board was unplugged: wait until it is there again."""
        try:
            absence.wait(self._remote.rejoin, session, timeout_s)
        except DisconnectedError:
            self._over(session)
            raise
        self._heard_s = time.monotonic()

    def _take(self, frame: Frame) -> None:
        """A frame of the running generator."""
        if frame.channel == MISSED:
            self.missed = int.from_bytes(frame.payload, "big")
        if frame.channel not in (PACKED, PACKED_BASE64, TEXT) or self._stopping:
            return
        payload = binascii.a2b_base64(frame.payload) if frame.channel == PACKED_BASE64 else frame.payload
        index, us, ms = HEAD.unpack_from(payload)
        data, count = memoryview(payload)[HEAD.size :], 0
        if frame.channel == TEXT:
            count, data = int.from_bytes(data[:2], "big"), data[2:]
        else:
            count = len(data) // self.spec.size
        self._heard_s, self._absence = time.monotonic(), None
        at = self.sent + (index - self.sent & 0xFFFFFFFF)
        self._miss(at)
        self.sent = at + count
        format = "" if frame.channel == TEXT else self.spec.wire_format
        self._came.append(Block(at, data, format, self._ticks.us(us, ms), self._heard_s))

    def _miss(self, at: int) -> None:
        """The next sample that one knows of is number ``at``."""
        if at > self.sent:
            self.gaps.append(Gap(self.sent, at - self.sent))
            log.warning(
                "%d samples of the stream %s were lost on the way: check the cable", at - self.sent, self.name
            )
            self.sent = at

    def _finish(self, session: Session) -> None:
        """Take what the board says as the generator ends, and see how it did."""
        answer = self._answer
        try:
            with contextlib.suppress(DeadlineError):  # it was stopped then
                session.repl.finish(answer, timeout_s=_STOP_S)
        except RestartedError as restart:
            raise session.loss() from restart
        except AstrayError:
            if not session.repl.enter().ready:
                raise
        finally:
            self._over(session)
        if self._stopping:
            error = self._raised(answer) if answer.end is not None and answer.end.channel == ERROR else None
            self._error = error if error and error.kind != "KeyboardInterrupt" else None
            return
        if answer.end is None or answer.lost:
            self._miss(max(self.sent, session.call(f"__import__({MODULE!r}).sent()")))
        if answer.end is None:
            self._error = CorruptError(
                f"how the stream {self.name} ended was lost on the way: check the cable"
            )
        elif answer.end.channel == ERROR:
            self._error = self._raised(answer)
        elif answer.lost and not self.gaps:
            self._error = CorruptError(f"what {self.name} printed arrived changed: check the cable")

    def _raised(self, answer: Answer) -> RemoteError:
        return RemoteError(self._remote.mapped(answer.traceback))

    def _over(self, session: Session) -> None:
        if session.repl.poller is not None and session.repl.poller.answer is self._answer:
            session.repl.poller = None
        if self._remote.stream is self:
            self._remote.stream = None
        self._session = None

    def _is_its_turn(self, session: Session) -> bool:
        """Whether nobody interrupted the board meanwhile."""
        poller = session.repl.poller
        if poller is not None and poller.answer is self._answer and not session.link.closed:
            return True
        self._over(session)
        return False
