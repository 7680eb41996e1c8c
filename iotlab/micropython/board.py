"""A board that runs MicroPython, or that could."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from iotlab.board import Board, BoardInfo, Endpoint, Files, Output, Progress, ResetKind, State
from iotlab.errors import (
    ConnectError,
    DeadlineError,
    DisconnectedError,
    InUseError,
    IotlabError,
    LinkError,
    NotFoundError,
    StuckError,
    UnsupportedError,
)
from iotlab.link.base import Link
from iotlab.link.serial import SerialLink
from iotlab.micropython.approach import Attendant, approach, listen, pulse_reset
from iotlab.micropython.buses import MicroPythonADC, MicroPythonI2C, MicroPythonPin, MicroPythonPWM
from iotlab.micropython.decorators import Decorators
from iotlab.micropython.files import MicroPythonFiles
from iotlab.micropython.frames import Frame
from iotlab.micropython.look import identified, no_interpreter
from iotlab.micropython.mount import Mount
from iotlab.micropython.plain_files import PlainFiles
from iotlab.micropython.remote import Remote
from iotlab.micropython.services import Services
from iotlab.micropython.session import Session
from iotlab.micropython.watched import Watched

OpenLink = Callable[[str], Link]
#: Where a board is now that was at an endpoint before; None where it is nowhere.
Find = Callable[[Endpoint], Endpoint | None]


class MicroPythonBoard(Decorators, Board):
    """A microcontroller on a serial port. Whatever state it is in: a blank one can be flashed."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        open_link: OpenLink = SerialLink,
        reset: bool = False,
        attach: bool = False,
        attendant: Attendant | None = None,
        find: Find = lambda endpoint: endpoint,
    ) -> None:
        super().__init__(
            BoardInfo(endpoint.name, endpoint.port, "other", endpoint.kind, virtual=endpoint.virtual)
        )
        self._endpoint, self._open_link, self._find = endpoint, open_link, find
        self._watched: Watched | None = None
        self._session_now: Session | None = None
        self._services = Services()
        self._litter: set[str] = set()  # what a board's next session is to remove from it
        self._mounted: Mount | None = None
        self._remote_now: Remote | None = None
        self._attendant = attendant
        if reset:
            with open_link(endpoint.port) as link:
                pulse_reset(link)
        if attach:
            self._watch()
        else:
            self._look()

    # -- the contract -------------------------------------------------------------------------

    def eval(self, expression: str, *, timeout_s: float | None = 10.0) -> Any:
        with self.using("eval"):
            return self._session().eval(expression, timeout_s=timeout_s)

    def interrupt(self, *, timeout_s: float = 5.0) -> None:
        end = time.monotonic() + timeout_s
        while True:
            try:
                with self.using("interrupt", wait_s=0.3):
                    self._end_poller()
                    return self._session().interrupt(max(1.0, end - time.monotonic()))
            except InUseError:
                if time.monotonic() > end:
                    raise
            if (
                self._session_now
            ):  # another thread waits for the code: it gets the KeyboardInterrupt's traceback
                self._session_now.link.write(b"\x03")

    def stop_call(self) -> None:
        """From another thread: stop what runs; the call that waits for it raises ``KeyboardInterrupt`` then."""
        if self._session_now:
            self._session_now.repl.ask_to_stop()

    @property
    def plain(self) -> bool:
        """Whether the board has too little memory for the helper. ``ConnectError`` where it runs no MicroPython."""
        if self._session_now is None or self._watched is not None:
            self._session()
        return self._session_now is not None and self._session_now.plain

    # -- watching -----------------------------------------------------------------------------

    def watch(self, *, timeout_s: float, output: Output | None = None) -> str:
        """What the program of a board prints, that one connected to with ``attach``, within ``timeout_s``.

        Nothing is sent to the board. ``DisconnectedError`` where it was unplugged.
        """
        with self.using("watching"):
            if self._watched is None:
                raise ConnectError(f"{self.info.name} is not watched: connect with attach=True")
            return self._watched.listen(timeout_s, output)

    def take_control(self) -> str:
        """Interrupt the program of a board that is watched. From then on the board does what it is told.

        Returns what the program printed until then. Nothing happens where the board is not watched.
        """
        with self.using("taking control"):
            if self._watched is None:
                return ""
            last, watched, self._watched = self._watched.listen(0.05, None), self._watched, None
            self._begin(watched.link)
            return last

    def run_cell(
        self,
        code: str,
        *,
        output: Output | None = None,
        on_frame: Callable[[Frame], None] | None = None,
        name: str = "<stdin>",
        keep: bool = True,
    ) -> str:
        """Run ``code`` as a notebook's cell, called ``name`` in tracebacks; returns what it printed.

        Shown values go to ``on_frame`` as frames; a plain board has only their text. Without ``keep`` what ``output``
        got is not kept.

        A cell that does not stop when it is interrupted is stopped by a reset, where the board has the lines for
        it; the ``StuckError`` says so.
        """
        with self.using("a cell"):
            session = self._session()
            try:
                return session.run_cell(code, output=output, on_frame=on_frame, name=name, keep=keep)
            except StuckError as error:
                if not session.link.has_lines:
                    raise
                self._reset("hard", 10.0)
                raise StuckError(
                    "the cell caught every Ctrl-C, so the board was reset: variables are lost"
                ) from error

    def reply(self, data: bytes) -> None:
        """Give ``data`` to the running cell as its standard input; an ``on_frame`` may call this."""
        self._session().link.write(data)

    def ask(self, call: str, *, timeout_s: float = 10.0) -> Any:
        """What a function of the helper on the board answers."""
        with self.using("ask"):
            return self._session().call(call, timeout_s=timeout_s)

    def start(self, code: str) -> None:
        """Run ``code`` and return as soon as it runs; the next call interrupts it, where it did not end before."""
        with self.using("a program"):
            self._session().begin(code)

    def mount(self, folder: str | Path, *, follow_links: bool = False) -> Mount:
        """Give the board a folder of this machine as ``/remote``, its current folder then, to read and to write.

        It is served while code runs, until the board is reset or closed; a folder that was mounted before goes.
        Links that lead out of the folder are followed only with ``follow_links``. ``NotFoundError`` where there is
        no such folder.
        """
        mounted = Mount(
            self._session, self, self._services, Path(folder).expanduser(), follow_links=follow_links
        )
        self._mounted = mounted
        self.on_close(mounted.close)
        return mounted

    @property
    def mounted(self) -> Mount | None:
        """The folder that is mounted now."""
        return self._mounted if self._mounted and self._mounted.active else None

    # -- programs that go on by themselves -----------------------------------------------------

    def attend(self, attendant: Attendant) -> None:
        """After each reset, ask ``attendant`` whether the board's program is to be left alone.

        Where it is not, and with everything that needs the interpreter later, the program is interrupted.
        """
        self._attendant = attendant

    @property
    def left_alone(self) -> bool:
        """Whether a program runs on the board that was not interrupted since the last reset."""
        return self._session_now is not None and self._session_now.repl.left_alone

    @contextmanager
    def talk(self, code: str = "") -> Iterator[Link]:
        """The link, to talk over it with a program that was left alone; or with ``code``, started for it.

        ``code`` has been told to end when the context ends. After an error the next call interrupts it.
        """
        with self.using("an update"):
            session = self._session()
            if self.left_alone and not code:
                yield session.link
                return
            if not session.repl.ready:
                session.interrupt(5.0)
            with self._mounted.away() if self._mounted else contextlib.nullcontext():
                answer = session.begin(code)
                yield session.link
                session.repl.finish(answer, timeout_s=10.0)

    def start_program(self, code: str) -> None:
        """Run ``code`` in a new interpreter and leave it alone."""
        with self.using("a program"):
            session = self._session()
            session.repl.soft_reset(timeout_s=10.0)
            session.forget()
            session.repl.start(code)
            if self._attendant:
                self._attendant(session.link, b"")  # when it is seen to run
            session.repl.left_alone = True

    def rejoin(self, session: Session) -> bool:
        """Whether the board that was unplugged while code of ``session`` ran is there again. Its port is open then,
        under whatever name it has now, and nothing was sent.
        """
        found = self._find(self._endpoint)
        if session is not self._session_now or found is None:
            return False
        try:
            link = self._open_link(found.port)
        except (NotFoundError, LinkError, InUseError, DeadlineError):  # it is only about to be
            return False
        session.link.close()
        self._endpoint, self._info = found, replace(self._info, port=found.port)
        session.rejoin(link)
        return True

    def look_again(self, *, timeout_s: float = 10.0) -> None:
        """Open the port anew: the board restarted by itself, or was plugged in again."""
        with self.using("connecting"):
            self._look_again(timeout_s)

    @property
    def away(self) -> bool:
        """Whether it was seen to be unplugged, and not found again since."""
        return self._session_now is not None and self._session_now.link.lost

    def find_again(self) -> None:
        """See whether the board is still plugged in, and where it was not, find it as the next call would.

        ``DisconnectedError`` where it is nowhere. Nothing is asked of a board that is there.
        """
        with self.using("connecting"):
            if self._session_now and self._session_now.repl.ready and not self.away:
                with contextlib.suppress(DisconnectedError):
                    self._session_now.link.look()
            if self.away:
                self._session()

    # -- hooks --------------------------------------------------------------------------------

    def _exec(self, code: str, output: Output | None, timeout_s: float | None) -> str:
        return self._session().exec(code, output=output, timeout_s=timeout_s)

    def _files(self) -> Files:
        return (PlainFiles if self.plain else MicroPythonFiles)(self._session, self)

    def _open(self, kind: str, **options: Any) -> Any:
        self._session()  # whether there is one is told now
        if kind == "i2c":
            where = (options["bus"], options["scl"], options["sda"], options["freq_hz"])
            if (options["scl"] is None) != (options["sda"] is None):
                raise ValueError("give both scl and sda, or neither for the board's usual pins")
            return MicroPythonI2C(self._session, self, where)
        if kind == "pin":
            pin = MicroPythonPin(self._session, self, options["number"], options["mode"], options["pull"])
            if options["value"] is not None:
                pin.value = options["value"]
            return pin
        opened = {"adc": MicroPythonADC, "pwm": MicroPythonPWM}.get(kind)
        if opened is None:
            return super()._open(kind, **options)
        return opened(self._session, self, options["number"])

    def _reset(self, kind: ResetKind, timeout_s: float) -> None:
        self._end_poller()
        if self.away:
            self._session()  # there has to be something to reset
        if self._remote_now:
            with contextlib.suppress(IotlabError):
                self._remote_now.close()
        if kind == "soft":
            session = self._session()
            was_plain = session.plain
            session.forget()
            try:
                session.repl.soft_reset(timeout_s=timeout_s)
                if was_plain:  # it may have room for the helper now
                    self._info = identified(self._info, session)
            except DisconnectedError:  # a WebREPL's sockets are gone with the interpreter that had them
                self._look_again(timeout_s)
            return
        if kind == "hard":
            heard = self._restart("machine.reset()", download=False)
        else:
            heard = self._restart("machine.bootloader()", download=True)
        self._look_again(timeout_s, heard)

    def _flash(self, image: Path, progress: Progress | None, offset: int | None) -> None:
        from iotlab.flash import programmer

        write = programmer(self.info.kind or self._endpoint.kind, image)
        write.check(image, offset)
        if write.needs_bootloader and self.info.state == "micropython":
            self._reset("bootloader", 10.0)
        self._let_go()
        try:
            write.flash(self._endpoint, image, progress, offset)
        except BaseException:
            self._info = replace(
                self._info, state="other", firmware="", notes=("its flash was not finished",)
            )
            with contextlib.suppress(IotlabError):  # what went wrong is told, not what is there now
                self._look()
            raise
        self._look_again(20.0)

    def _close(self) -> None:
        if self._session_now:
            self._session_now.leave()
        self._let_go()

    def _remote(self) -> Remote:
        if self._remote_now is None:
            self._remote_now = Remote(self, self._session, self.rejoin)
            self.on_close(self._remote_now.close)
        return self._remote_now

    # -- finding out what is there ------------------------------------------------------------

    def _session(self) -> Session:
        if self._watched is not None:
            raise ConnectError(
                f"{self.info.name} is only watched, so that its program goes on: take_control() interrupts it"
            )
        if self._session_now is None:
            raise ConnectError(no_interpreter(self.info))
        if self._session_now.link.lost:
            self._session_now.repl.check_poller()
            self._come_back(self._session_now)
        return self._session_now

    def _end_poller(self) -> None:
        """A stream whose board is away ends."""
        if self.away and self._session_now:
            self._session_now.repl.poller = None

    def _come_back(self, before: Session) -> None:
        """The board was unplugged: find it, under whatever name it is now, and go on where one can."""
        missing = f"{self.info.name} is not plugged in: plug it in and go on"
        found = self._find(self._endpoint)
        if found is None:
            raise DisconnectedError(missing)
        known = self._info
        before.link.close()
        self._endpoint, self._info = found, replace(known, port=found.port)
        try:
            self._look(before=before)
            if self._session_now is None:
                raise ConnectError(no_interpreter(self.info))
            if self.info.unique_id != known.unique_id:
                self._info = known
                self._session_now.leave()
                raise ConnectError(f"another board is at {found.port} now: connect to it by its own name")
        except BaseException as error:
            self._let_go()
            self._session_now = before  # it is looked for again with the next call
            if isinstance(error, NotFoundError):
                raise DisconnectedError(missing) from error
            raise

    def _watch(self) -> None:
        self._watched = Watched(self._open_link(self._endpoint.port))
        self._info = replace(self._info, notes=("its program runs on: it is only watched",))

    def _let_go(self) -> None:
        if self._watched:
            self._watched.link.close()
            self._watched = None
        if self._session_now:
            self._session_now.link.close()
            self._session_now = None

    def _look(self, heard: bytes = b"", *, before: Session | None = None) -> None:
        """Open the port and see what the board runs; ``before`` is the session that it was unplugged from."""
        self._let_go()
        if not self._endpoint.port:
            return self._look_at_drive(
                f"{self.info.name} restarted: connect to its serial port, boards() lists it"
            )
        try:
            link = self._open_link(self._endpoint.port)
        except NotFoundError as error:
            return self._look_at_drive("", error)
        self._begin(link, heard, before)

    def _begin(self, link: Link, heard: bytes = b"", before: Session | None = None) -> None:
        """Come to terms with the board over ``link``, which is closed where no session comes of it."""
        try:
            self._session_now, self._info = approach(
                link, self._info, self._services, attendant=self._attendant, heard=heard, before=before
            )
        except BaseException:
            link.close()
            raise
        if self._session_now is None:
            link.close()
        else:
            self._session_now.litter = self._litter

    def _look_at_drive(self, otherwise: str, error: NotFoundError | None = None) -> None:
        """There is no port: a board that waits for a UF2 file has a drive instead. Else ``error``, if any."""
        from iotlab.flash.drive import find_drives

        known = self._endpoint.drive
        drives = [d.path for d in find_drives([known] if known else [])]
        if known:
            drives = [Path(known)] if Path(known) in drives else []
        elif self.info.virtual or self.info.kind not in _UF2_KINDS:
            drives = []
        if len(drives) != 1 and error is not None:
            raise error
        state: State = "bootloader" if len(drives) == 1 else "other"
        note = f"drive {drives[0]}" if len(drives) == 1 else otherwise
        self._info = replace(self._info, state=state, firmware="", notes=(note,))

    def _look_again(self, timeout_s: float, heard: bytes = b"") -> None:
        """After flashing: the port may take a moment to come back."""
        end = time.monotonic() + timeout_s
        while True:
            try:
                return self._look(heard)
            except (NotFoundError, LinkError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def _restart(self, code: str, *, download: bool) -> bytes:
        """Reset by code where an interpreter runs, else by the modem lines; what the board said after it."""
        session = self._session_now
        if session and (session.repl.ready or (session.repl.left_alone and session.repl.enter().ready)):
            with_machine, heard = f"import machine\n{code}", b""
            try:
                session.repl.start(with_machine)
                heard = listen(session.link, 0.3)
            except (LinkError, DeadlineError):
                pass  # it went at once, which is what was asked for
            if not (download and b"AttributeError" in heard):  # not every firmware has machine.bootloader
                self._let_go()
                return heard
        self._let_go()  # its program does not stop, none runs, or it cannot do that
        with self._open_link(self._endpoint.port) as link:
            if not link.has_lines:
                raise UnsupportedError(f"{self.info.name} has no reset line: press its reset button")
            pulse_reset(link, download=download)
            return listen(link, 0.3) if self._attendant or download else b""


_UF2_KINDS = ("pico", "rp2")
