"""A tool that speaks with one virtual board over a link that can be faulty, and the ways back after a fault."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from iotlab.board import Endpoint
from iotlab.errors import (
    ClosedError,
    CorruptError,
    DeadlineError,
    DisconnectedError,
    IotlabError,
    LinkError,
    RestartedError,
)
from iotlab.link.base import Link
from iotlab.link.serial import SerialLink
from iotlab.micropython.board import MicroPythonBoard
from iotlab.micropython.streaming import StreamFunction
from iotlab.ota import Bundle, slots
from iotlab.ota.kinds.micropython import MicroPythonSlots
from iotlab.sim.client import BenchBoard
from iotlab.testing.faults import Direction, Fault, FaultyLink

#: What it takes until the board answers again, from nothing to everything.
STEPS = ("nothing", "a second call", "interrupt", "reconnect", "reset", "power")
#: A call's own time-out, where it takes one.
CALL_S = 5.0
_STEP_S = 20.0
#: A name on the board by which a restart is told.
ALIVE = "_fault_run"


class Passed(NamedTuple):
    """Bytes as the host gave or got them; or a note of what happened then, with no direction."""

    at_s: float
    direction: Direction | None
    data: bytes


class WatchedLink(FaultyLink):
    """A faulty link that writes into ``passed`` what the host gave and got."""

    def __init__(self, link: Link, fault: Fault | None, passed: list[Passed]) -> None:
        super().__init__(link, fault)
        self._passed = passed

    def _read(self, max_size: int, timeout_s: float) -> bytes:
        data = super()._read(max_size, timeout_s)
        if data:
            self._passed.append(Passed(time.monotonic(), "from-board", data))
        return data

    def _write(self, data: bytes) -> None:
        self._passed.append(Passed(time.monotonic(), "to-board", data))
        super()._write(data)


class Watchdog:
    """Disconnects the link of ``rig`` again and again once ``timeout_s`` is over: whatever waits for it ends."""

    def __init__(self, rig: Rig, timeout_s: float) -> None:
        self._rig, self._timeout_s = rig, timeout_s
        self._done = threading.Event()
        self.barked = False

    def __enter__(self) -> Watchdog:
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        wait_s = self._timeout_s
        while not self._done.wait(wait_s):
            self.barked, wait_s = True, 0.5
            self._rig.link.disconnect()


class Recovery(NamedTuple):
    """How the board came to answer again."""

    step: str  # one of STEPS, "never" where none helped
    resync: bool  # whether the call that worked began with Ctrl-C
    restarted: bool  # whether variables on the board are lost
    errors: tuple[str, ...]  # what the steps before said, the very next call first


class Rig(ABC):
    """One tool. Its five verbs do what a user of the tool would call; ``link`` is the one they use now."""

    name = ""
    #: Whether the next call is looked at too.
    judged = True
    #: How long any case may take with it.
    deadline_s = 120.0

    def __init__(self, steered: BenchBoard) -> None:
        self.steered = steered
        #: What went over all its links since this was last cleared.
        self.passed: list[Passed] = []
        self.link = self._open(None)

    # -- what is measured -----------------------------------------------------------------------

    @abstractmethod
    def put(self, path: str, data: bytes) -> None: ...

    @abstractmethod
    def get(self, path: str) -> bytes: ...

    @abstractmethod
    def exec(self, code: str) -> str: ...

    @abstractmethod
    def eval(self, expression: str) -> Any: ...

    # -- and afterwards -------------------------------------------------------------------------

    @abstractmethod
    def _open(self, fault: Fault | None) -> WatchedLink:
        """Begin anew with a link of its own, which has ``fault`` from its first byte on."""

    def close(self) -> None:
        """Let go of the port."""
        self.link.close()

    def reopen(self, fault: Fault | None = None) -> None:
        """A fresh start of the tool; the board goes on."""
        self.close()
        self.link = self._open(fault)

    def fresh(self, *, power: bool = False) -> None:
        """A tool that knows nothing of what was before, whatever it takes. Not a part of any figure."""
        self.close()
        try:
            if power:
                self.steered.power_cycle()
            time.sleep(0.05)  # the board notices that the port was closed, and forgets what was on its way
            self.link = self._open(None)
            self.mark()
        except Exception:  # anything may be left over from a fault
            self.close()
            self.steered.power_cycle()
            self.link = self._open(None)
            self.mark()

    def names_the_fault(self, error: BaseException, kind: str) -> bool:
        """Whether ``error`` tells the user what happened."""
        return True

    def mark(self) -> None:
        """Leave something on the board by which a restart is told."""
        self.exec(f"{ALIVE} = True")

    def note(self, text: str) -> None:
        """Write down, among the bytes, what happens now."""
        self.passed.append(Passed(time.monotonic(), None, text.encode()))

    def interrupts(self, since: int = 0) -> int:
        """How often the host sent Ctrl-C."""
        return sum(p.data.count(b"\x03") for p in self.passed[since:] if p.direction == "to-board")

    def recover(self, number: int) -> Recovery:
        """Make the next call, and where it does not work, what it takes until one does. ``number``: of this run."""
        nonce = number + 1000
        errors: list[str] = []
        for step in STEPS:
            with Watchdog(self, _STEP_S) as dog:
                try:
                    self.note(f"the next call, after {step}")
                    self._climb(step)
                    begun = len(self.passed)
                    answer = self._next(nonce)
                    if answer != nonce:
                        raise ValueError(f"wrong: the next call returned {answer!r}")
                    resync = self.interrupts(begun) > 0
                    lost = self.exec(f"print({ALIVE!r} in globals())").strip() != "True"
                    return Recovery(step, resync, lost, tuple(errors))
                except Exception as error:  # whatever a tool raises: the next step is tried
                    hung = "hung: " if dog.barked else ""
                    errors.append(f"{hung}{told(error)}")
        return Recovery("never", False, True, tuple(errors))

    def _next(self, nonce: int) -> Any:
        """The next call: a small ``exec``, or a small ``eval``."""
        if nonce % 2:
            return self.eval(f"{nonce - 1} + 1")
        return int(self.exec(f"print({nonce})"))

    def _climb(self, step: str) -> None:
        if step == "interrupt":
            self._interrupt()
        elif step == "reconnect":
            self.reopen()
        elif step == "reset":
            self.steered.reset()
            self.reopen()
        elif step == "power":
            self.steered.power_cycle()
            self.reopen()

    @abstractmethod
    def _interrupt(self) -> None:
        """Stop what runs and find the prompt, without a reset."""


class IotlabRig(Rig):
    """iotlab's own board."""

    name = "iotlab"

    def put(self, path: str, data: bytes) -> None:
        self.board.files.write(path, data)

    def get(self, path: str) -> bytes:
        return self.board.files.read(path)

    def exec(self, code: str) -> str:
        return self.board.exec(code, timeout_s=CALL_S)

    def eval(self, expression: str) -> Any:
        return self.board.eval(expression, timeout_s=CALL_S)

    def cell(self, code: str) -> str:
        """Run ``code`` as a notebook's cell; what was shown of it."""
        shown: list[str] = []
        self.board.run_cell(code, output=shown.append)
        return "".join(shown)

    def stream(self, format: str, count: int) -> list[tuple[int, int]]:
        """What a generator on the board yields. ``CorruptError`` where the stream tells truly what it lost."""
        if format not in self._streams:
            self._streams[format] = self.board.stream(format=format, batch=128, timeout_s=CALL_S)(counted)
        with self._streams[format](count) as stream:
            came = list(stream)
        lost = {at for gap in stream.gaps for at in range(gap.at, gap.at + gap.samples)}
        if lost and came == [sample for at, sample in enumerate(counted(count)) if at not in lost]:
            raise CorruptError(f"the stream told that {len(lost)} samples were lost, and which")
        return came

    def prepare_slots(self) -> None:
        """Put the loader on the board, so that its program goes on during an install after the next reset."""
        MicroPythonSlots(self.board).prepare()

    def install(self, bundle: Bundle) -> None:
        """Install an application over the air."""
        slots(self.board).install(bundle)

    def names_the_fault(self, error: BaseException, kind: str) -> bool:
        if kind == "disconnect":
            return isinstance(error, DisconnectedError | ClosedError)
        if isinstance(error, DisconnectedError):  # nobody pulled the cable
            return isinstance(error, RestartedError)
        return isinstance(error, LinkError | DeadlineError)

    def close(self) -> None:
        with contextlib.suppress(IotlabError):
            self.board.close()
        super().close()

    def _open(self, fault: Fault | None) -> WatchedLink:
        faults = [fault]

        def open_link(port: str) -> Link:
            # the watchdog has to know it; what is opened after it, as for a reset, has no fault
            self.link = WatchedLink(SerialLink(port), faults.pop() if faults else None, self.passed)
            return self.link

        steered = self.steered
        endpoint = Endpoint(steered.name, steered.port, steered.kind, virtual=True)
        self._streams: dict[str, StreamFunction[[int], tuple[int, int]]] = {}
        self.board: MicroPythonBoard = MicroPythonBoard(endpoint, open_link=open_link)
        return self.link

    def _interrupt(self) -> None:
        self.board.interrupt()


def counted(count: int) -> Iterator[tuple[int, int]]:
    """``count`` numbers, each with one that depends on all before. Runs here and on the board."""
    x = 1
    for n in range(count):
        x = (x * 31 + n) % 65521
        yield n, x


def told(error: BaseException) -> str:
    """An error in one line, without the folders of a port's name."""
    line = f"{type(error).__name__}: {str(error).strip() or repr(error)}".split("\n", 1)[0]
    return re.sub(r"(/[^/ ]+)+/([^/ ]+\.tty)\b", r"\2", line)


@contextmanager
def opened(rig: type[Rig], steered: BenchBoard) -> Iterator[Rig]:
    """A rig on ``steered``, closed at the end."""
    made = rig(steered)
    try:
        yield made
    finally:
        made.close()
