"""The raw REPL: how code gets onto a MicroPython board and what it says comes back.

Control A enters the raw REPL. Code goes over in raw-paste mode where the board has it (its flow control lets
no buffer overrun) and plainly where it has not, or where the code is so short that no buffer can overrun.
The board answers ``OK``, what the code prints, 0x04, the traceback if it raised, 0x04, ``>``.
Source: MicroPython's reference, "The MicroPython Interactive Interpreter Mode (REPL)".
"""

from __future__ import annotations

import random
import re
import time
from dataclasses import dataclass

from iotlab.board import Output
from iotlab.errors import (
    ClosedError,
    ConnectError,
    CorruptError,
    DeadlineError,
    DisconnectedError,
    InUseError,
    RestartedError,
    StuckError,
)
from iotlab.link.base import Link
from iotlab.micropython.answer import Answer
from iotlab.micropython.frames import PRINT, Decoder, Frame, Text
from iotlab.micropython.interrupts import Interrupted, Interrupts
from iotlab.micropython.pace import Pace
from iotlab.micropython.services import Services

#: A UART's receive buffer holds 260 bytes on an ESP32 (ports/esp32/uart.c, ``stdin_ringbuf_array``).
SHORT = 200
#: A micro:bit's holds 64; so much takes 3 ms at 115200 baud.
_PIECE = 32
#: Code that a board takes is acknowledged before it runs; what was not after this time did not arrive.
ACCEPT_S = 3.0
#: The prompt comes at once when code has ended.
SETTLE_S = 1.0
_PROMPT = b"raw REPL; CTRL-B to exit\r\n>"
#: What only a board says that starts: the banner with its prompt, the raw REPL after a soft reset, or the chip's ROM.
_START = re.compile(
    rb"MicroPython [^\r\n]+; [^\r\n]+\r\n[^\r\n]*\r\n>>> |MPY: soft reboot\r\n.*raw REPL; CTRL-B to exit\r\n>"
    rb"|(?:\A|\n)(?:ets [A-Z][a-z]{2} +\d+ \d{4} |ESP-ROM:esp32)",
    re.DOTALL,
)
#: One of these is in any of them, and they are found sooner.
_STARTING = (b"MicroPython ", b"soft reboot", b"ets ", b"ESP-ROM")

#: What the REPL obeys instead of taking it for code: Control A to E.
_CONTROLS = re.compile(rb"[\x01-\x05]")


class AstrayError(CorruptError):
    """The exchange with the board went astray: what was expected did not come. The prompt has to be found anew."""


class Prompt:
    """What was seen of a board when its raw REPL was asked for."""

    def __init__(self, ready: bool, seen: bytes) -> None:
        self.ready, self.seen = ready, seen


@dataclass(frozen=True)
class Poller:
    """Who has code running on the board, and takes what it says with :meth:`RawRepl.poll`."""

    name: str
    answer: Answer


class RawRepl:
    """The raw REPL over an open link. One caller at a time: a board's lock sees to that."""

    def __init__(self, link: Link, services: Services | None = None) -> None:
        self.link = link
        #: What is answered while code runs, whatever code it is.
        self.services = services or Services()
        #: Whether the raw REPL waits for code; where it does not, it is entered first.
        self.ready = False
        #: Whether a program runs that was left alone on purpose; entering interrupts it.
        self.left_alone = False
        #: How fast the board is.
        self.pace = Pace()
        #: Whether something that was meant for code may still come to the prompt: then it is entered anew.
        self.littered = False
        #: While somebody polls, nobody else can run anything; interrupting the board ends it.
        self.poller: Poller | None = None
        #: How often the interpreter was seen to start anew: what was on the board then is gone.
        self.restarts = 0
        self._paste = True
        self._unheard = b""  # what the board said though it was not asked, and nobody was told yet
        self._tail = b""
        self._decoder = Decoder()
        self._interrupts = Interrupts()

    @property
    def interpreter(self) -> object:
        """Equal as long as it is the same interpreter."""
        return (self, self.restarts)

    # -- coming in and going out --------------------------------------------------------------

    def enter(self, *, timeout_s: float = 1.0, attempts: int = 3) -> Prompt:
        """Interrupt what runs and enter the raw REPL; says what was seen where it did not come.

        The first two attempts leave the interpreter as it is, later ones start it anew.
        """
        self.left_alone = self.ready = restarted = False
        timeout_s += 10 * self.pace.word_s
        self.poller = None
        seen = b""
        for attempt in range(attempts):
            # Control C twice: the first one may be swallowed. Control B leaves a raw REPL that was left half-way.
            self.link.write(b"\x03\x03" if attempt < 2 else b"\x04\r\x03\x03\x02")
            got = self._quiet(0.05 if attempt == 0 else 0.3)
            self.link.write(b"\r\x01")
            try:
                seen += got + self._await(_PROMPT, timeout_s)
                seen += self._settle(3 * timeout_s)  # it answers, if slowly
            except DeadlineError as error:
                seen += error.partial
            else:
                self.ready = True
            banner = attempt < 2 and not self.littered and _starts(seen)
            restarted |= b"soft reboot" in seen or banner
            if self.ready:
                self._decoder, self._unheard, self._tail = Decoder(), b"", b""
                self.littered = False
                break
        self.restarts += restarted
        return Prompt(self.ready, seen)

    def leave(self) -> None:
        """Back to the friendly prompt, as one finds a board."""
        self.ready = False
        self.link.write(b"\r\x02")

    def soft_reset(self, *, timeout_s: float) -> bytes:
        """Control D: a new interpreter, still in the raw REPL. Returns what the board printed on the way."""
        if not self.ready and not self.enter().ready:
            raise ConnectError(f"{self.link.name} gives no prompt: reset the board")
        self.ready = False
        self.restarts += 1
        self.link.write(b"\x04")
        said = self._await(_PROMPT, timeout_s)
        self.ready = True
        return said

    # -- running code -------------------------------------------------------------------------

    def exec(self, code: str, *, output: Output | None = None, timeout_s: float | None = None) -> str:
        """Run ``code`` as the REPL does, nothing verified; returns what it printed. ``RemoteError`` as it raised.

        ``CorruptError`` where what came for a traceback is none.
        """
        with self._interrupts:
            self.prepare()
            self.tell(output)
            self.start(code)
            answer = Answer(output, own=True)
            self.finish(answer, timeout_s=timeout_s)
        answer.raise_error()
        return answer.text

    def prepare(self) -> None:
        """See to it that the prompt waits.

        ``ConnectError`` where no prompt comes, ``InUseError`` where somebody polls what runs.
        """
        self.check_poller()
        if self.ready:
            self._hear()
        if (self.littered or not self.ready) and not self.enter().ready:
            raise ConnectError(f"{self.link.name} gives no prompt: reset the board")

    def check_poller(self) -> None:
        """``InUseError`` where somebody polls what runs."""
        if self.poller is not None:
            raise InUseError(
                f"{self.link.name} is held by {self.poller.name}: close that first, or interrupt the board",
                holder=self.poller.name,
            )

    def tell(self, output: Output | None, more: str = "") -> None:
        """Give away what the board said unasked, and ``more`` that is to be known, as soon as somebody listens."""
        self._unheard += more.encode()
        if output and self._unheard:
            text, self._unheard = self._unheard.decode("utf-8", "replace"), b""
            output(text.replace("\r\n", "\n"))

    def start(self, code: str) -> None:
        """Hand ``code`` over and return as soon as it runs. ``ValueError`` where the REPL would obey a part of it."""
        data = code.encode()
        if found := _CONTROLS.search(data):
            raise ValueError(
                f"code cannot hold the control character {found[0].decode()!r}: write it as an escape"
            )
        self.ready = False  # until it is seen to have ended
        with self._interrupts:
            if len(data) > SHORT and self._paste:
                self._start_paste(data)
            else:
                self._start_plain(data)

    def hand_over(self, request: bytes) -> None:
        """Send short code without waiting for anything."""
        self.ready = False
        self.link.write(request + b"\x04")

    def finish(self, answer: Answer, *, timeout_s: float | None = None) -> None:
        """Take what the running code says until it has ended.

        On a time-out, or a ``KeyboardInterrupt`` here (an :class:`Interrupted` then), the board is interrupted
        and the raw REPL is back before the error goes on. ``AstrayError`` where what came makes no sense.
        """
        self._watch(answer, timeout_s, started=False)

    def until_started(self, answer: Answer, *, timeout_s: float) -> None:
        """Take what the board says until the code was seen to run, or to have ended."""
        self._watch(answer, timeout_s, started=True)

    def poll(self, answer: Answer, *, timeout_s: float) -> None:
        """Take what the running code said so far, within ``timeout_s``; it runs on."""
        with self._interrupts:
            try:
                self._take(answer, timeout_s)
            except DeadlineError:
                answer.idle()

    def stop(self, answer: Answer | None = None, *, timeout_s: float = 3.0) -> None:
        """Control C until the running code has ended; ``StuckError`` where the board does not stop."""
        answer = answer or Answer(own=True)
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            self.link.write(b"\x03")
            try:
                self._pump(answer, 0.5, heed=False)
                return
            except DeadlineError:  # it may not stop, or have ended and nobody saw it
                astray = time.monotonic() > end - timeout_s / 2
            except AstrayError:
                astray = True
            if astray and self.enter(timeout_s=0.5, attempts=1).ready:
                return
        raise StuckError(
            f"{self.link.name} does not stop on Ctrl-C: its program may catch KeyboardInterrupt; reset the board"
        )

    def ask_to_stop(self) -> None:
        """From another thread: the call that waits for the board ends as if Ctrl-C were pressed in its thread."""
        self._interrupts.ask()

    @property
    def interrupts(self) -> Interrupts:
        """Holds Ctrl-C back while one speaks with the board."""
        return self._interrupts

    # -- details ------------------------------------------------------------------------------

    def _watch(self, answer: Answer, timeout_s: float | None, *, started: bool) -> None:
        with self._interrupts:
            try:
                self._pump(answer, timeout_s, started=started)
            except (AstrayError, ConnectError, DisconnectedError, ClosedError):
                raise
            except KeyboardInterrupt as interrupt:
                self.stop(answer)
                raise Interrupted(answer.traceback) from interrupt
            except DeadlineError:
                self.stop(answer)
                raise
            except BaseException:  # the listener's own: it is not asked again while the board is stopped
                answer.mute()
                self.stop(answer)
                raise
            finally:
                if answer.complete or not started:
                    self._unheard, answer.beside = self._unheard + answer.beside, b""

    def _pump(
        self, answer: Answer, timeout_s: float | None, *, heed: bool = True, started: bool = False
    ) -> None:
        now = begun = time.monotonic()
        end = None if timeout_s is None else now + timeout_s
        accept, settle, heard = now + ACCEPT_S + 10 * self.pace.word_s, 0.0, answer.heard
        while not answer.complete and not (started and answer.started):
            if heed:
                self._interrupts.check()
            wait_s = self._interrupts.patience_s
            now = time.monotonic()
            if answer.end is None:
                left = wait_s if end is None else min(wait_s, end - now)
                if left <= 0:
                    raise DeadlineError(
                        f"the code did not end in {timeout_s:g} s; it was interrupted",
                        partial=answer.text.encode(),
                    )
                if not answer.heard and now > accept:
                    raise AstrayError(f"{self.link.name} did not take the code: check the cable")
            else:
                settle = settle or now + SETTLE_S
                left = min(wait_s, settle - now)
            if answer.astray or left <= 0:
                raise AstrayError(f"{self.link.name} gave no prompt as its code ended: check the cable")
            try:
                self._take(answer, left)
            except DeadlineError:
                answer.idle()
            if answer.heard and not heard:
                heard, self.pace.word_s = True, max(0.7 * self.pace.word_s, time.monotonic() - begun)
        self.ready = answer.complete

    def _take(self, answer: Answer, timeout_s: float) -> None:
        data = self.link.read(timeout_s=timeout_s)
        for event in self._decoder.feed(data):
            reply = self.services.answer(event) if isinstance(event, Frame) else None
            if reply is not None:  # also while it is being stopped, as it may wait for this
                self.link.write(reply)
                continue
            answer.take(event)
            if isinstance(event, Text):
                self._tail = (self._tail + event.data)[-1000:]
                if not answer.complete and _starts(self._tail):  # else the next call finds it out
                    self._tail, self.ready = b"", False
                    self.restarts += 1
                    raise RestartedError("the board restarted while its code ran: its variables are lost")
        self.ready = answer.complete

    def rejoin(self, link: Link) -> None:
        """Listen to ``link`` from now on: the same board, which was unplugged while its code ran."""
        self.link = link
        self._decoder.cut()

    def _start_plain(self, data: bytes) -> None:
        for start in range(0, len(data), _PIECE):
            if start:
                time.sleep(0.003)  # a board without raw-paste has no other flow control
            self.link.write(data[start : start + _PIECE])
        self.link.write(b"\x04")
        self._reply(b"OK", timeout_s=ACCEPT_S + 10 * self.pace.word_s)

    def _start_paste(self, data: bytes) -> None:
        self.link.write(b"\x05A\x01")
        if self._reply(b"R\x01", b"R\x00", _PROMPT) != b"R\x01":
            self._paste = False  # an old REPL took it for Control A and greeted again
            self._start_plain(data)
            return
        size = int.from_bytes(self.link.read_exactly(2, timeout_s=5.0), "little")
        window, sent = size, 0
        while sent < len(data):
            while window <= 0:
                if self._reply(b"\x01", b"\x04") == b"\x04":  # a syntax error: it takes no more
                    self.link.write(b"\x04")
                    return
                window += size
            part = data[sent : sent + window]
            self.link.write(part)
            sent, window = sent + len(part), window - len(part)
        self.link.write(b"\x04")
        while self._reply(b"\x01", b"\x04") != b"\x04":
            pass

    def _reply(self, *replies: bytes, timeout_s: float = 10.0) -> bytes:
        """The first of ``replies`` that comes. What comes before it was not asked for: a timer may print."""
        got = b""
        while not (reply := next((r for r in replies if got.endswith(r)), b"")):
            try:
                got += self.link.read(1, timeout_s=timeout_s)
            except DeadlineError as error:
                raise AstrayError(
                    f"{self.link.name} did not take the code, it said {got[-60:]!r}: reset the board"
                ) from error
        self._overhear(got.removesuffix(reply))
        return reply

    def _hear(self) -> None:
        """Take what the board said though it was not asked."""
        while len(self._unheard) < 1 << 16 and (data := self.link.read_now()):
            self._overhear(data)
        if self._unheard and _starts(self._unheard):
            self._unheard = self._tail = b""
            self.restarts += 1
            self.ready = False
        self._unheard = self._unheard[-(1 << 16) :]

    def _overhear(self, data: bytes) -> None:
        for event in self._decoder.feed(data):
            if isinstance(event, Text):
                self._unheard += event.data
                self._tail = (self._tail + event.data)[-1000:]
            elif isinstance(event, Frame) and event.channel == PRINT:
                self._unheard += event.payload

    def _await(self, mark: bytes, timeout_s: float) -> bytes:
        return self.link.read_until(mark, timeout_s=timeout_s)

    def _settle(self, timeout_s: float) -> bytes:
        """Read up to the last prompt: a board that was just restarting gives one of its own before ours."""
        mark = b"%08x" % random.getrandbits(32)
        self.link.write(b"__import__('builtins').print('%s')\x04" % mark)  # whatever the user calls print
        return self._await(mark, timeout_s) + self._await(b"\x04>", timeout_s)

    def _quiet(self, for_s: float) -> bytes:
        """What comes until nothing came for ``for_s``, a second at most."""
        got, end = b"", time.monotonic() + 1.0
        while time.monotonic() < end:
            try:
                got += self.link.read(timeout_s=for_s)
            except DeadlineError:
                break
        return got


def _starts(said: bytes) -> bool:
    """Whether a board said that it starts."""
    return any(word in said for word in _STARTING) and bool(_START.search(said))
