"""Coming to terms with a board over a link that was just opened: gently first, and in the end by its reset lines."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from iotlab.board import BoardInfo
from iotlab.errors import DeadlineError, DisconnectedError
from iotlab.link.base import Link
from iotlab.micropython.look import DOWNLOAD, identified, rom_speaks, told_by
from iotlab.micropython.repl import Prompt
from iotlab.micropython.services import Services
from iotlab.micropython.session import Session

#: Given the link after a reset and what was heard there already: the firmware, where it runs a program that is to
#: be left alone, else "".
Attendant = Callable[[Link, bytes], str]
_TRIED = "Ctrl-C and a soft reset did not help"
_TRIED_LINES = "Ctrl-C, a soft reset and a reset by its lines did not help"


def approach(
    link: Link,
    info: BoardInfo,
    services: Services,
    *,
    attendant: Attendant | None = None,
    heard: bytes = b"",
    before: Session | None = None,
) -> tuple[Session | None, BoardInfo]:
    """A session with the board, None where no prompt comes, and what is known of the board then.

    The ladder: Ctrl-C, twice; a soft reset; a reset by DTR and RTS, where the link has them. ``heard`` is what was
    heard on the link already, ``before`` the session that the board was unplugged from.
    """
    session = Session(link, services)
    firmware = attendant(link, heard) if attendant else ""
    if firmware:
        session.repl.left_alone = True
        return session, replace(info, state="micropython", firmware=info.firmware or firmware, notes=())
    # a ROM that waits for a download says so once, and a reset would take the chip out of it
    prompt = Prompt(False, heard) if DOWNLOAD in heard else session.repl.enter()
    tried = "" if DOWNLOAD in heard else _TRIED
    if tried and not prompt.ready and link.has_lines and not rom_speaks(prompt.seen):
        tried = _TRIED_LINES
        pulse_reset(link)
        again = session.repl.enter(attempts=2)
        prompt = Prompt(again.ready, prompt.seen + again.seen)
    if not prompt.ready:
        state, note = told_by(prompt.seen + listen(link, 1.0))
        notes = (note, tried) if tried and state == "other" else (note,)
        return None, replace(info, state=state, firmware="", machine="", notes=notes)
    if before:
        session.take_over(before)
    return session, identified(info, session)


def pulse_reset(link: Link, *, download: bool = False) -> None:
    """The auto-reset circuit of development boards: RTS pulls EN low, DTR pulls IO0 low.

    Source: esptool documentation, "Boot Mode Selection", automatic bootloader.
    """
    link.set_lines(dtr=False, rts=True)
    time.sleep(0.1)
    if download:
        link.set_lines(dtr=True, rts=False)
        time.sleep(0.1)
    link.set_lines(dtr=False, rts=False)


def listen(link: Link, for_s: float) -> bytes:
    """What comes until nothing comes, within ``for_s``."""
    got, end = b"", time.monotonic() + for_s
    while (left := end - time.monotonic()) > 0:
        try:
            got += link.read(timeout_s=left)
        except (DeadlineError, DisconnectedError):
            break
    return got
