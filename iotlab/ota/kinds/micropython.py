"""Two slots on a MicroPython board, in files on its littlefs.

How it works on the board: ``device/iotlab_slots.py`` (chooses and starts the application) and
``device/iotlab_update.py`` (receives an update in the background of the running application).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from importlib.resources import files as package_files
from typing import Any, TypeVar

from iotlab.board import Output, Progress
from iotlab.errors import DeadlineError, NotFoundError, SlotError
from iotlab.link.base import Link
from iotlab.micropython.board import MicroPythonBoard
from iotlab.ota.contract import Installed, Slot, Slots, SlotStatus
from iotlab.ota.pack import Bundle
from iotlab.ota.transfer import check_fits, check_platform, transfer
from iotlab.ota.wire import TIMEOUT_S, EndedError, Wire

T = TypeVar("T")
Talk = Callable[[Wire, dict[str, Any]], T]

MODULES = ("iotlab_update", "iotlab_slots")
MAIN = "/main.py"
FACTORY = "/factory.py"
MAIN_SOURCE = b"import iotlab_slots\niotlab_slots.run(globals())\n"
_SERVE = "import iotlab_slots\niotlab_slots.serve()"
_RESUME = "import iotlab_slots\niotlab_slots.run(globals(), False)"
_FORGET = "import sys\nfor _m in ('iotlab_slots', 'iotlab_update'): sys.modules.pop(_m, None)\ndel _m"
_FILE_SYSTEM = "littlefs"
#: After a reset: how often it is asked, how often in a silence, how often at the most.
_BETWEEN_S, _SILENT, _ASKED = 0.5, 4, 16
#: How a prompt shows the first question: its bracket, and the cursor's way back at its number 1, which is Ctrl-A.
_ECHO = "[\b"


def device_source(module: str) -> bytes:
    """A module of the board's side as it goes there: without comments and blank lines."""
    text = package_files("iotlab.ota.device").joinpath(f"{module}.py").read_text(encoding="utf-8")
    kept = [line for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#")]
    return ("\n".join(kept) + "\n").encode()


class MicroPythonSlots(Slots):
    """The slots of a MicroPython board. From now on ``board.reset("hard")`` lets the application run.

    An application that was started by a reset goes on during all of these; ``board.exec`` and everything else
    that needs the interpreter interrupts it, and ``resume`` starts it again.
    """

    def __init__(self, board: MicroPythonBoard, *, timeout_s: float = TIMEOUT_S) -> None:
        self._board, self._timeout_s = board, timeout_s
        self._announced: dict[str, Any] | None = None
        board.attend(self._attend)

    # -- the contract -------------------------------------------------------------------------

    def install(
        self, bundle: Bundle, *, progress: Progress | None = None, output: Output | None = None
    ) -> Installed:
        """As :meth:`Slots.install`; ``output`` gets what the application prints meanwhile.

        The first install on a board also puts the loader there (see :meth:`prepare`). An application that does
        not answer is interrupted and started again afterwards; the result says so.
        """
        begun = time.monotonic()
        check_platform(bundle)
        notes = () if self._board.left_alone else self.prepare()
        stopped = False

        def install(wire: Wire, told: dict[str, Any]) -> dict[str, Any]:
            nonlocal stopped
            stopped = told["stopped"]
            check_fits(bundle, told)
            return transfer(wire, bundle, progress)

        done = self._talk(install, output)
        if stopped:
            self.resume()
        sent = [bundle.manifest.files[number].size for number in done["need"]]
        return Installed(
            done["slot"],
            bundle.name,
            bundle.version,
            sent=len(sent),
            reused=done["copied"] + done["kept"],
            sent_bytes=sum(sent),
            duration_s=time.monotonic() - begun,
            interrupted=stopped,
            notes=notes,
        )

    def confirm(self) -> None:
        self._need_slots()
        self._talk(lambda wire, _: wire.ask(b"y"))

    def revert(self) -> None:
        self._need_slots()
        self._talk(lambda wire, _: wire.ask(b"r"))

    # -- what only such a board has -----------------------------------------------------------

    def prepare(self) -> tuple[str, ...]:
        """Put the loader on the board, or bring it up to date; returns what there is to know about it.

        A program that is ``/main.py`` now is kept as ``/factory.py``: it starts where no slot does.
        ``SlotError`` where the board's file system is not littlefs, which alone survives a power cut.
        """
        files, notes = self._board.files, []
        self._check_file_system()
        for module in MODULES:
            path, source = f"/{module}.py", device_source(module)
            if _content(files, path) != source:
                files.write(path, source)
                notes.append(f"{path} was put on the board")
        if notes:
            self._board.exec(_FORGET)
        before = _content(files, MAIN)
        if before == MAIN_SOURCE:
            return tuple(notes)
        if before is not None:
            if _content(files, FACTORY) not in (None, before):
                raise SlotError(
                    f"{MAIN} and {FACTORY} are both programs of yours: remove one, then install again"
                )
            files.write(FACTORY, before)
            notes.append(f"the program that was {MAIN} is kept as {FACTORY}: it starts where no slot does")
        files.write(MAIN, MAIN_SOURCE)
        return tuple(notes)

    def resume(self) -> None:
        """Start the application again after it was interrupted, without a reset of the chip.

        What is to start on trial waits for the next reset.
        """
        self._need_slots()
        if self.status().trial:
            raise SlotError(
                "a version is on trial: confirm or revert it, or reset the board, which rolls it back"
            )
        self._board.start_program(_RESUME)

    # -- hooks --------------------------------------------------------------------------------

    def _status(self, output: Output | None) -> SlotStatus:
        name = self._board.info.name
        if not self._prepared():
            return SlotStatus(name, (Slot("a", "empty"), Slot("b", "empty")), prepared=False)
        return _status(name, self._talk(lambda _, told: told, output))

    def _look_again(self, timeout_s: float) -> None:
        self._board.look_again(timeout_s=timeout_s)

    # -- talking ------------------------------------------------------------------------------

    def _attend(self, link: Link, heard: bytes) -> str:
        self._announced = _announced(link, heard)
        return _firmware(self._announced)

    @property
    def _reads_stdin(self) -> bool:
        """Whether the application said at its start that it takes no updates."""
        return self._announced is not None and not self._announced["reading"]

    def _talk(self, do: Talk[T], output: Output | None = None) -> T:
        """``do`` with a wire to the updater and what it told first: beside the application, where it answers."""
        board = self._board
        interrupt = board.left_alone
        if interrupt:
            with board.talk() as link:
                wire = Wire(link, output, timeout_s=self._timeout_s)
                told = None if self._reads_stdin else _greeting(wire)
                if told is not None:
                    done = do(wire, told)
                    with suppress(EndedError):
                        wire.ask(b"x")
                    return done
        try:
            with board.talk(_SERVE) as link:
                wire = Wire(link, output, raw=True, timeout_s=self._timeout_s)
                told = wire.ask(b"h")
                done = do(wire, told)
                wire.leave()
                return done
        finally:
            if interrupt:
                self._after_interrupt()

    def _after_interrupt(self) -> None:
        """Start it again, unless it ended by itself or is on trial: that goes on to its end."""
        if self._board.eval("__import__('iotlab_slots').stopped and not __import__('iotlab_slots').trial"):
            self._board.start_program(_RESUME)

    def _prepared(self) -> bool:
        return self._board.left_alone or self._board.files.sha256(f"/{MODULES[1]}.py") is not None

    def _need_slots(self) -> None:
        if not self._prepared():
            raise SlotError(f"{self._board.info.name} has no slots yet: install a bundle first")

    def _check_file_system(self) -> None:
        source = device_source("file_system").decode()
        found = self._board.exec(f"{source}print(file_system())\ndel file_system").strip()
        if found != _FILE_SYSTEM:
            raise SlotError(
                f"the board's file system is {found}, and only littlefs survives a power cut: "
                "format it as littlefs (vfs.VfsLfs2.mkfs) and install again"
            )


def answers(link: Link, heard: bytes = b"") -> str:
    """The firmware of a board whose application looks after updates, "" where none answers.

    At a reset it announces itself. A prompt, a chip that resets over and over or silence mean that there is none.
    """
    return _firmware(_announced(link, heard))


def _firmware(told: dict[str, Any] | None) -> str:
    return "" if told is None else f"MicroPython {'.'.join(map(str, told['micropython']))}"


def _announced(link: Link, heard: bytes) -> dict[str, Any] | None:
    """What an application tells that runs, or starts now; ``None`` where none does."""
    wire, silent, asked = Wire(link), 0, 0
    wire.hear(heard)
    while silent < _SILENT and asked < _ASKED:
        if wire.announced is None:
            wire.hail()  # its announcement may have been missed: the port was not open yet
        before = wire.printed
        end = time.monotonic() + _BETWEEN_S
        while wire.announced is None and wire.listen(end - time.monotonic()):
            pass
        if wire.announced is not None:
            return None if wire.announced["ended"] else wire.announced
        if wire.text.endswith(">>> ") or _ECHO in wire.text or wire.text.count("rst:0x") > 2:
            break
        if not wire.starting:
            silent = silent + 1 if wire.printed == before else 0
            asked += 1
    link.write(b"\x03")  # nothing of the question stays behind at a prompt
    return None


def _greeting(wire: Wire) -> dict[str, Any] | None:
    """What the updater tells, or ``None`` where no application answers."""
    for _ in range(8):  # what it said since; one that never stops printing is not waited for
        wire.listen(0.0)
    if wire.announced is not None and not wire.announced["reading"]:
        return None
    try:
        told: dict[str, Any] = wire.ask(b"h")
    except (DeadlineError, EndedError):
        return None
    return told


def _status(board: str, told: dict[str, Any]) -> SlotStatus:
    slots = tuple(Slot(**one) for one in told["slots"])
    newest = sorted(slots, key=lambda one: -one.sequence)
    ready = [one.slot for one in newest if one.state == "ready"]
    confirmed = [one.slot for one in newest if one.state == "confirmed"]
    following = [*ready, *confirmed, *(["factory"] if told["factory"] else []), ""]
    return SlotStatus(board, slots, told["slot"], told["stopped"], following[0])


def _content(files: Any, path: str) -> bytes | None:
    try:
        content: bytes = files.read(path)
    except NotFoundError:
        return None
    return content


SLOTS = MicroPythonSlots
