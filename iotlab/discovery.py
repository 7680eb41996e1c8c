"""The boards in reach, and the way to one of them."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from serial.tools import list_ports

from iotlab.board import Board, BoardInfo, Endpoint
from iotlab.config import Settings
from iotlab.errors import ConfigError, IotlabError, NotFoundError
from iotlab.flash.drive import find_drives
from iotlab.link import open_link, split_password
from iotlab.link.base import Link
from iotlab.link.serial import holder
from iotlab.micropython.approach import Attendant
from iotlab.micropython.board import MicroPythonBoard
from iotlab.table import Table
from iotlab.usb import usb_device


class Boards(Sequence[Endpoint]):
    """The boards in reach. A sequence of :class:`Endpoint`; shows itself as a table."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._endpoints = list(endpoints)

    def __getitem__(self, index: Any) -> Any:
        return self._endpoints[index]

    def __len__(self) -> int:
        return len(self._endpoints)

    @property
    def table(self) -> Table:
        rows = [(e.name, e.description, e.port or e.drive, e.firmware, e.holder) for e in self]
        return Table(("name", "what", "port", "runs", "held by"), rows, empty=_NOTHING)

    def __repr__(self) -> str:
        return str(self.table)

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


_NOTHING = "no board is in reach: plug one in, or start the virtual bench with `iotlab bench up`"


def boards(*, settings: Settings | None = None, identify: bool = False) -> Boards:
    """The boards in reach: USB serial boards, those that wait as a UF2 drive, and the virtual bench's.

    What a real board runs is not asked unless ``identify`` is set, because asking interrupts its program.
    """
    settings = settings or Settings.load()
    found = _found(settings)
    found = [replace(e, holder=holder(e.port) if e.port else "") for e in found]
    if identify:
        found = [e if e.holder or e.virtual or not e.port else _identified(e) for e in found]
    return Boards(found)


def connect(
    target: str | None = None,
    *,
    settings: Settings | None = None,
    reset: bool = False,
    attach: bool = False,
    attendant: Attendant | None = None,
) -> Board:
    """A board, by its name in :func:`boards`, by its port or by a URL; the only one there is without ``target``.

    A URL is ``socket://host:port``, ``rfc2217://host:port`` or ``webrepl://[:password@]host[:port]``, or one of
    pyserial's. A blank board connects too: its ``info.state`` tells, and it can be flashed. With ``reset`` the
    board is reset by its lines first; an ``attendant`` may leave the program that it runs alone. With ``attach``
    the board's program is neither reset nor interrupted: ``watch`` hears what it prints, until ``take_control``.
    Raises ``NotFoundError`` where there is no such board, ``ConfigError`` where there are several and no name,
    ``InUseError`` with the holder where the port is taken.

    >>> import iotlab
    >>> with iotlab.connect("esp32") as board:
    ...     board.eval("6 * 7")
    42
    """
    settings = settings or Settings.load()
    target, secret = split_password(target or settings.board)
    password = secret or settings.webrepl_password

    def opened(port: str) -> Link:
        return open_link(port, password=password, quiet=attach)

    if attach and reset:
        raise ConfigError("attach leaves the board as it is, and reset does not: choose one")
    endpoint = _endpoint(target, settings)
    return MicroPythonBoard(
        endpoint,
        open_link=opened,
        reset=reset,
        attach=attach,
        attendant=attendant,
        find=lambda before: _again(before, settings),
    )


def _again(before: Endpoint, settings: Settings) -> Endpoint | None:
    """Where the board is now that was at ``before``; by its USB serial number, where it has one."""
    if "://" in before.port:
        return before
    found = _found(settings)
    same = [e for e in found if e.virtual and before.virtual and e.name == before.name]
    same += [e for e in found if before.serial and e.serial == before.serial]
    same += [e for e in found if not before.virtual and e.port == before.port and e.serial == before.serial]
    if not same and not before.serial and not before.virtual:  # a bridge without a number of its own
        alike = [e for e in found if not e.serial and e.description == before.description]
        same = alike if len(alike) == 1 else []
    return same[0] if same else None


def _endpoint(target: str, settings: Settings) -> Endpoint:
    found = _found(settings)
    if target:
        for endpoint in found:
            if target in (endpoint.name, endpoint.port, endpoint.drive):
                return endpoint
        is_file = Path(target).exists() and not Path(target).is_dir()
        if "://" in target or is_file or target.startswith(("/dev/", "COM")):
            return Endpoint(target.rsplit("/", 1)[-1], target)
        there = ", ".join(e.name for e in found) or "none"
        raise NotFoundError(f"there is no board {target!r}; in reach: {there}")
    if not found:
        raise NotFoundError(_NOTHING)
    if len(found) > 1:
        names = ", ".join(e.name for e in found)
        raise ConfigError(
            f"{len(found)} boards are in reach ({names}): say which, as in connect({found[0].name!r})"
        )
    return found[0]


def _found(settings: Settings) -> list[Endpoint]:
    virtual = _virtual(settings)
    return [*virtual, *_serial_ports(), *_drives()]


# -- real ports -------------------------------------------------------------------------------


def _serial_ports() -> list[Endpoint]:
    found = []
    for port in list_ports.comports():
        if port.vid is None:
            continue  # no USB device: a mainboard's own port, a modem
        device = usb_device(port.vid, port.pid or 0)
        name = port.device.rsplit("/", 1)[-1]
        what = device.what or port.description or "USB serial port"
        found.append(Endpoint(name, port.device, device.kind, what, serial=port.serial_number or ""))
    return found


def _drives() -> list[Endpoint]:
    """Boards that wait for a UF2 file: they show no port but a drive."""
    return [
        Endpoint(
            drive.path.name,
            "",
            "pico" if drive.board_id.upper().startswith("RPI-RP2") else "",
            f"{drive.model or drive.board_id}, waiting for a UF2 file",
            drive=str(drive.path),
            firmware="bootloader",
        )
        for drive in find_drives()
    ]


def _identified(endpoint: Endpoint) -> Endpoint:
    try:
        with MicroPythonBoard(endpoint) as board:
            return replace(endpoint, kind=board.info.kind, firmware=_runs(board.info))
    except IotlabError as error:
        return replace(endpoint, firmware=f"not known: {error}")


def _runs(info: BoardInfo) -> str:
    return info.firmware or info.state


# -- the virtual bench ------------------------------------------------------------------------


def _virtual(settings: Settings) -> list[Endpoint]:
    """The boards of the running benches, from their registry files."""
    found: list[Endpoint] = []
    for registry in sorted(settings.runtime_dir.glob("*/bench.json")):
        try:
            boards = json.loads(registry.read_text())["boards"]
            found.extend(filter(None, map(_virtual_board, boards)))
        except (OSError, ValueError, KeyError):
            continue  # a bench that is just coming up or going down, or another iotlab's
    return found


def _virtual_board(told: dict[str, Any]) -> Endpoint | None:
    """A board of a bench's registry; None where its process is gone."""
    name, port, kind, control = (told[key] for key in ("name", "port", "kind", "control"))
    status = _ask(control, {"do": "status"})
    if status is None:
        return None
    return Endpoint(
        name,
        status.get("port") or port,
        kind,
        f"virtual {kind}",
        virtual=True,
        drive=told.get("drive") or "",
        firmware={"firmware": "MicroPython"}.get(status["state"], status["state"]),
    )


def _ask(control: str, request: dict[str, Any]) -> dict[str, Any] | None:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(2.0)
            line.connect(control)
            line.sendall(json.dumps(request).encode() + b"\n")
            answer: dict[str, Any] = json.loads(line.makefile("rb").readline())["ok"]
            return answer
    except (OSError, ValueError, KeyError):
        return None
