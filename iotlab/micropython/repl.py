"""The raw REPL: how code gets onto a MicroPython board and what it says comes back.

Control A enters the raw REPL. Code goes over in raw-paste mode where the board has it (its flow control lets
no buffer overrun) and plainly where it has not, or where the code is so short that no buffer can overrun.
The board answers ``OK``, what the code prints, 0x04, the traceback if it raised, 0x04, ``>``.
Source: MicroPython's reference, "The MicroPython Interactive Interpreter Mode (REPL)".
"""

from __future__ import annotations

import codecs
import random
import re
import time
from collections.abc import Callable

from iotlab.board import Output
from iotlab.errors import ConnectError, DeadlineError, LinkError, RemoteError, RestartedError, StuckError
from iotlab.link.base import Link
from iotlab.micropython.frames import Broken, Decoder, Frame, Mark, Text
from iotlab.micropython.interrupts import Interrupted, Interrupts

#: A UART's receive buffer holds 260 bytes on an ESP32 (ports/esp32/uart.c, ``stdin_ringbuf_array``).
SHORT = 200
_PROMPT = b"raw REPL; CTRL-B to exit\r\n>"
#: What only a board says that starts: the banner with its prompt, or the chip's ROM.
_START = re.compile(
    rb"MicroPython [^\r\n]+; [^\r\n]+\r\n[^\r\n]*\r\n>>> |(?:\A|\n)(?:ets [A-Z][a-z]{2} +\d+ \d{4} |ESP-ROM:esp32)"
)

#: What the REPL obeys instead of taking it for code: Control A to E.
_CONTROLS = re.compile(rb"[\x01-\x05]")

OnFrame = Callable[[Frame], None]


class Prompt:
    """What was seen of a board when its raw REPL was asked for."""

    def __init__(self, ready: bool, seen: bytes) -> None:
        self.ready, self.seen = ready, seen


class RawRepl:
    """The raw REPL over an open link. One caller at a time: a board's lock sees to that."""

    def __init__(self, link: Link) -> None:
        self.link = link
        #: Whether the raw REPL waits for code; where it does not, ``exec`` enters it first.
        self.ready = False
        #: Whether a program runs that was left alone on purpose; entering interrupts it.
        self.left_alone = False
        #: How often the interpreter was seen to start anew: what was on the board then is gone.
        self.restarts = 0
        self._used = False  # code was run since, whose names would be lost
        self._paste = True
        self._unheard = b""  # what the board said though it was not asked, and nobody was told yet
        self._decoder = Decoder()
        self._interrupts = Interrupts()

    # -- coming in and going out --------------------------------------------------------------

    def enter(self, *, timeout_s: float = 1.0, attempts: int = 3) -> Prompt:
        """Interrupt what runs and enter the raw REPL; says what was seen where it did not come."""
        self.left_alone, seen = False, b""
        for attempt in range(attempts):
            # Control C twice: the first one may be swallowed. Control B leaves a raw REPL that was left half-way.
            self.link.write(b"\r\x03\x03" if attempt == 0 else b"\x04\r\x03\x03\x02")
            got = self._quiet(0.05 if attempt == 0 else 0.3)
            self.link.write(b"\r\x01")
            try:
                seen += got + self._await(_PROMPT, timeout_s)
                seen += self._settle(timeout_s)
            except DeadlineError as error:
                seen += error.partial
            else:
                self._decoder, self._unheard = Decoder(), b""
                self.ready = True
                break
        else:
            self.ready = False
        self.restarts += bool(_START.search(seen) or b"soft reboot" in seen)
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
        self._used = False
        self.link.write(b"\x04")
        said = self._await(_PROMPT, timeout_s)
        self.ready = True
        return said

    # -- running code -------------------------------------------------------------------------

    def exec(
        self,
        code: str,
        *,
        output: Output | None = None,
        on_frame: OnFrame | None = None,
        timeout_s: float | None = None,
        aside: bool = False,
    ) -> str:
        """Run ``code``; returns what it printed. ``RemoteError`` where it raised.

        On a time-out, or a ``KeyboardInterrupt`` here (an :class:`Interrupted` then), the board is interrupted
        and the raw REPL is back before the error goes on. What the board printed since the last code, as a timer
        of it may do, goes to ``output`` first. ``RestartedError`` where it restarted, now or since. With ``aside``
        nobody waits for what it prints: the next ``output`` gets that.
        """
        with self._interrupts:
            before, alone = self.restarts, self.left_alone
            if self.ready:
                self._hear()
            elif not self.enter().ready:
                raise ConnectError(f"{self.link.name} gives no prompt: reset the board")
            used = self._used
            if self.restarts != before:
                self._used = False
            if (
                self.restarts != before and used and not alone
            ):  # a program that was left alone may end as it likes
                raise RestartedError(f"{self.link.name} restarted meanwhile: its variables are lost")
            self.start(code)
            self._tell(output)
            return self.finish(output=output, on_frame=on_frame, timeout_s=timeout_s, aside=aside)

    def start(self, code: str) -> None:
        """Hand ``code`` over and return as soon as it runs. ``ValueError`` where the REPL would obey a part of it."""
        data = code.encode()
        if found := _CONTROLS.search(data):
            raise ValueError(
                f"code cannot hold the control character {found[0].decode()!r}: write it as an escape"
            )
        self.ready, self._used = False, True  # not ready until it is seen to have ended
        with self._interrupts:
            if len(data) > SHORT and self._paste:
                self._start_paste(data)
            else:
                self._start_plain(data)

    def finish(
        self,
        *,
        output: Output | None = None,
        on_frame: OnFrame | None = None,
        timeout_s: float | None = None,
        aside: bool = False,
    ) -> str:
        """Take what the running code says until it ends."""
        answer = _Answer(output, on_frame)
        with self._interrupts:
            try:
                self._pump(answer, timeout_s)
            except RestartedError:
                self.restarts += 1
                self._used = False
                raise
            except LinkError:
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
                self._unheard += (answer.text.encode() if aside else b"") + answer.behind
        if answer.error:
            raise RemoteError(answer.traceback)
        return answer.text

    def stop(self, answer: _Answer | None = None, *, timeout_s: float = 3.0) -> None:
        """Control C until the running code has ended; ``StuckError`` where the board does not stop."""
        answer = answer or _Answer(None, None)
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            self.link.write(b"\x03")
            try:
                self._pump(answer, 0.5, heed=False)
            except DeadlineError:
                continue
            return
        raise StuckError(
            f"{self.link.name} does not stop on Ctrl-C: its program may catch KeyboardInterrupt; reset the board"
        )

    def ask_to_stop(self) -> None:
        """From another thread: the call that waits for the board ends as if Ctrl-C were pressed in its thread."""
        self._interrupts.ask()

    # -- details ------------------------------------------------------------------------------

    def _start_plain(self, data: bytes) -> None:
        for start in range(0, len(data), SHORT):
            self.link.write(data[start : start + SHORT])
            if len(data) > SHORT:
                time.sleep(0.01)  # a board without raw-paste has no other flow control
        self.link.write(b"\x04")
        self._reply(b"OK")

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

    def _reply(self, *replies: bytes) -> bytes:
        """The first of ``replies`` that comes. What comes before it was not asked for: a timer may print."""
        got = b""
        while not (reply := next((r for r in replies if got.endswith(r)), b"")):
            try:
                got += self.link.read(1, timeout_s=10.0)
            except DeadlineError as error:
                raise ConnectError(
                    f"{self.link.name} did not take the code, it said {got[-60:]!r}: reset the board"
                ) from error
        self._unheard += got.removesuffix(reply)
        return reply

    def _hear(self) -> None:
        """Take what the board said though it was not asked."""
        try:
            while len(self._unheard) < 1 << 16:
                self._unheard += self.link.read(timeout_s=0.0)
        except DeadlineError:
            pass
        if _START.search(self._unheard):
            self.ready, self._unheard = False, b""
            self.restarts += 1
        self._unheard = self._unheard[-(1 << 16) :]

    def _tell(self, output: Output | None) -> None:
        """Give away what the board said unasked, where somebody listens."""
        if output and self._unheard:
            text, self._unheard = self._unheard.decode("utf-8", "replace"), b""
            output(text.replace("\r\n", "\n"))

    def _pump(self, answer: _Answer, timeout_s: float | None, *, heed: bool = True) -> None:
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while not answer.complete:
            if heed:
                self._interrupts.check()
            wait_s = self._interrupts.patience_s
            left = wait_s if end is None else min(wait_s, end - time.monotonic())
            if left <= 0:
                raise DeadlineError(
                    f"the code did not end in {timeout_s:g} s; it was interrupted",
                    partial=answer.text.encode(),
                )
            try:
                data = self.link.read(timeout_s=left)
            except DeadlineError:
                continue
            for event in self._decoder.feed(data):
                answer.take(event)
        self.ready = True

    def _await(self, mark: bytes, timeout_s: float) -> bytes:
        return self.link.read_until(mark, timeout_s=timeout_s)

    def _settle(self, timeout_s: float) -> bytes:
        """Read up to the last prompt: a board that was just restarting gives one of its own before ours."""
        mark = b"%08x" % random.getrandbits(32)
        self.link.write(b"print('%s')\x04" % mark)
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


class _Answer:
    """What running code says, as it comes: output, then 0x04, then a traceback, then 0x04 and ``>``."""

    def __init__(self, output: Output | None, on_frame: OnFrame | None) -> None:
        self._output, self._on_frame = output, on_frame
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""  # a CR whose LF may come with the next bytes
        self._parts: list[str] = []
        self._tail = b""
        self._marks = 0
        self.behind = b""  # what came after the prompt: nobody asked for it
        self.error = b""
        self.complete = False

    def mute(self) -> None:
        """From now on tell nobody; what comes is still kept."""
        self._output = self._on_frame = None

    @property
    def text(self) -> str:
        return "".join(self._parts)

    @property
    def traceback(self) -> str:
        return self.error.decode("utf-8", "replace")

    def take(self, event: Text | Frame | Broken | Mark) -> None:
        if isinstance(event, Mark):
            self._print(b"", last=True)
            self._marks += 1
        elif isinstance(event, Frame):
            if self._on_frame:
                self._on_frame(event)
        elif isinstance(event, Broken):
            self._print(b"\x10[" + event.data)
        elif self.complete:
            self.behind += event.data
        elif self._marks == 0:
            self._tail = (self._tail + event.data)[-1000:]
            self._print(event.data)
            if _START.search(self._tail):
                raise RestartedError("the board restarted while its code ran: its variables are lost")
        elif self._marks == 1:
            self.error += event.data
        elif event.data.startswith(b">"):
            self.complete, self.behind = True, event.data[1:]
        else:
            raise RestartedError("the board restarted as its code ended: its variables are lost")

    def _print(self, data: bytes, *, last: bool = False) -> None:
        text = self._held + self._utf8.decode(data, last)
        self._held = "\r" if text.endswith("\r") and not last else ""
        text = text.removesuffix(self._held).replace("\r\n", "\n")
        if text:
            self._parts.append(text)
            if self._output:
                self._output(text)
