"""What a board's own words tell of it: what state it is in, what it is."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace

from iotlab.board import BoardInfo, State
from iotlab.errors import RemoteError, UnsupportedError
from iotlab.micropython.session import Session

#: What is verified of what goes to a board and what comes back, by how what it prints is.
_VERIFIED = {
    "counted": "all that is sent and printed",
    "framed": "all that is sent, and what print() prints",
    "plain": "all that is sent, and values; not what is printed",
    "": "nothing: what is sent and printed may arrive changed",
}
_VIRTUAL = "virtual: what is in its flash is checked as the chip would, but not executed"
#: ESP-IDF's bootloader colours its messages.
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
#: What an ESP32's ROM says, once, when it waits for a download.
DOWNLOAD = b"waiting for download"
_ROM = re.compile(rb"ets \w+ +\d+ \d+|rst:0x|ESP-ROM:")


def rom_speaks(seen: bytes) -> bool:
    """Whether a chip's ROM is heard: then a reset would tell nothing new."""
    return bool(_ROM.search(seen)) or DOWNLOAD in seen


def told_by(seen: bytes) -> tuple[State, str]:
    """What the bytes that came instead of a prompt tell."""
    if DOWNLOAD in seen:
        return "bootloader", "the chip's ROM waits for a download"
    if b"invalid header: 0xffffffff" in seen:
        return "empty", "the flash is empty: the chip resets over and over"
    if _ROM.search(seen):
        plain = _COLOURS.sub("", seen.decode("latin-1")).replace("\r", "")
        lines = [line for line in plain.split("\n") if line.strip()]
        told = [line for line in lines if not re.match(r"ets |rst:|ESP-ROM|.*>>>", line)]
        if told and plain.count("rst:0x") == 1:  # after our own reset
            return "other", f"its program does not stop, it says {told[-1].strip()[-60:]!r}"
        return "other", "the chip resets over and over: " + (told[-1].strip() if told else lines[-1].strip())
    if seen.strip():
        return "other", f"something else answers: {seen[-60:]!r}"
    return "other", "nothing answers"


def identified(info: BoardInfo, session: Session) -> BoardInfo:
    """``info`` with what the board says of itself."""
    system = release = version = machine = ""
    unique = b""
    try:
        system, release, version, machine, unique = session.call("identify()")
    except (RemoteError, UnsupportedError):
        with suppress(RemoteError, UnsupportedError):
            system, _, release, version, machine = session.eval("tuple(__import__('os').uname())", ours=True)
        with suppress(RemoteError, UnsupportedError):
            unique = session.eval("bytes(__import__('machine').unique_id())", ours=True)
    firmware = f"MicroPython {release}" + (f" ({version})" if release not in version else "")
    return replace(
        info,
        state="micropython",
        kind=info.kind or {"esp32": "esp32", "rp2": "pico"}.get(system, system),
        firmware=firmware.strip(),
        machine=machine,
        unique_id=unique.hex(),
        verified=_VERIFIED[session.verified],
        notes=(_VIRTUAL,) if info.virtual and "unix port" in machine else (),
    )


def no_interpreter(info: BoardInfo) -> str:
    """What there is to say of a board that cannot run code."""
    notes = f" ({'; '.join(info.notes)})" if info.notes else ""
    if info.state == "other":
        return (
            f"{info.name} gives no MicroPython prompt{notes}: check that nothing else talks to it, press its reset "
            "button and connect again, or flash it with board.flash(image)"
        )
    return f"{info.name} runs no MicroPython{notes}: flash it with board.flash(image)"
