"""A link over a serial port, real or virtual.

A virtual board's port is a PTY, which carries no modem lines; a socket beside it, ``<port>.lines``, takes
their place. URLs that no link of ours is named after go to pyserial.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import socket
import stat
from pathlib import Path
from typing import Any

import serial
from serial.tools import list_ports

from iotlab.errors import ConnectError, DeadlineError, DisconnectedError, InUseError, LinkError, NotFoundError
from iotlab.link.base import Link
from iotlab.usb import UsbDevice, usb_device

#: How the names of pseudo-terminals begin: on Linux, on macOS.
_PTYS = ("/dev/pts/", "/dev/ttys")


class SerialLink(Link):
    """``port``: a device ("/dev/ttyUSB0", "COM3"), a virtual board's PTY, or a pyserial URL.

    The port is held exclusively: ``InUseError`` names the process that has it, this one too. ``NotFoundError``
    where there is no such port, ``ConnectError`` where it does not open.

    With ``quiet`` the modem lines are left alone as far as the system allows. Linux asserts both at once when a
    port is opened, which an ESP32's auto-reset circuit does not heed, and drops them when it is closed
    (drivers/tty/tty_port.c, HUPCL). The dropping is switched off, so that whoever opens the port next changes
    nothing. Not where the board itself is the USB device: there DTR means that somebody listens, and the board
    would wait for them with everything that it prints.
    """

    options = ("quiet",)

    def __init__(
        self, port: str, *, baud: int = 115200, write_timeout_s: float = 10.0, quiet: bool = False
    ) -> None:
        super().__init__(port)
        self._write_timeout_s = write_timeout_s
        self._port = _open(port, baud, write_timeout_s)
        self._lines = _connect_lines(port)
        device = _usb_device(port)
        self.paced = device.paced or os.path.realpath(port).startswith(_PTYS)
        self.has_lines = self._lines is not None or _has_modem_lines(self._port)
        try:
            self._fd: int | None = self._port.fileno() if os.name == "posix" else None
        except (io.UnsupportedOperation, AttributeError):
            self._fd = None
        if quiet and not device.native and self._fd is not None:
            _keep_lines(self._fd)

    def set_lines(self, *, dtr: bool | None = None, rts: bool | None = None) -> None:
        for letter, level in ((b"D", dtr), (b"R", rts)):
            if level is None or not self.has_lines:
                continue
            if self._lines is None:
                setattr(self._port, "dtr" if letter == b"D" else "rts", level)
                continue
            try:
                self._lines.sendall(letter + (b"1" if level else b"0"))
                done = self._lines.recv(1)
            except OSError as error:
                raise DisconnectedError(f"{self.name} went away: plug it in again") from error
            if not done:
                raise DisconnectedError(f"{self.name} went away: plug it in again")

    def _read(self, max_size: int, timeout_s: float) -> bytes:
        try:
            if self._fd is None:
                return self._read_port(max_size, timeout_s)
            if not select.select([self._fd], [], [], timeout_s)[0]:
                return b""
            data = os.read(self._fd, max_size)
        except (
            OSError,
            serial.SerialException,
            TypeError,
            ValueError,
        ) as error:  # closed meanwhile, the last two
            raise DisconnectedError(f"{self.name} went away: plug it in again") from error
        if not data:
            raise DisconnectedError(f"{self.name} went away: plug it in again")
        return data

    def _read_port(self, max_size: int, timeout_s: float) -> bytes:
        if self._port.timeout != timeout_s:
            self._port.timeout = timeout_s
        first: bytes = self._port.read(1)
        more = min(self._port.in_waiting, max_size - 1) if first else 0
        return first + (self._port.read(more) if more else b"")

    def _write(self, data: bytes) -> None:
        try:
            if self._fd is None:
                self._port.write(data)
                taken = True
            else:
                taken = self._write_fd(self._fd, data)
        except serial.SerialTimeoutException:
            taken = False
        except (OSError, serial.SerialException, ValueError) as error:
            raise DisconnectedError(f"{self.name} went away: plug it in again") from error
        if not taken:
            raise DeadlineError(f"{self.name} does not take bytes: reset the board")

    def _write_fd(self, fd: int, data: bytes) -> bool:
        """Straight to the port, which pyserial opened without blocking; False where it takes no more."""
        rest = memoryview(data)
        while True:
            with contextlib.suppress(BlockingIOError):
                rest = rest[os.write(fd, rest) :]
            if not rest:
                return True
            if not select.select([], [fd], [], self._write_timeout_s)[1]:
                return False

    def _close(self) -> None:
        if self._fd is not None:
            self._fd = -1  # the number may soon be another file's
        if self._lines is not None:
            self._lines.close()
        with contextlib.suppress(OSError, serial.SerialException):
            self._port.close()


def holder(port: str) -> str:
    """The process that has ``port`` open: ``"python3 (1234)"``; empty where none is seen.

    Reads ``/proc``, so it knows nothing where there is none, and nothing of other users' processes.
    """
    with contextlib.suppress(OSError):
        device = os.path.realpath(port)
        for entry in Path("/proc").glob("[0-9]*"):
            if entry.name != str(os.getpid()) and _has_open(entry, device):
                return f"{(entry / 'comm').read_text().strip()} ({entry.name})"
    return ""


def _has_open(process: Path, device: str) -> bool:
    try:
        return any(str(fd.readlink()) == device for fd in (process / "fd").iterdir())
    except OSError:  # it ended meanwhile, or is somebody else's
        return False


def _open(port: str, baud: int, write_timeout_s: float) -> Any:
    options: dict[str, Any] = {} if "://" in port else {"exclusive": True}
    try:
        return serial.serial_for_url(port, baudrate=baud, timeout=0, write_timeout=write_timeout_s, **options)
    except (serial.SerialException, OSError) as error:
        raise _explained(port, error) from error
    except ValueError as error:
        raise LinkError(f"{port} is no port that can be opened: {error}") from error


def _explained(port: str, error: OSError) -> Exception:
    text = str(error)
    if error.errno == errno.ENOENT or "FileNotFoundError" in text:
        return NotFoundError(
            f"there is no port {port}: plug the board in; `iotlab boards` lists what is there"
        )
    if error.errno == errno.EACCES or "PermissionError" in text:
        return ConnectError(
            f"no permission to open {port}: add yourself to the group of that device (dialout)"
        )
    if error.errno in (errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK) or "exclusively lock" in text:
        who = holder(port)
        if not who and _has_open(Path("/proc/self"), os.path.realpath(port)):
            return InUseError(
                f"{port} is open in this program already: use the board that you have, or close() it first",
                holder=f"this program ({os.getpid()})",
            )
        named = f"held by {who}" if who else "held by another program"
        return InUseError(f"{port} is {named}: close it there first", holder=who)
    return ConnectError(f"{port} does not open: {text}")


def _usb_device(port: str) -> UsbDevice:
    if "://" not in port:
        device = os.path.realpath(port)
        for found in list_ports.comports():
            if found.vid is not None and os.path.realpath(found.device) == device:
                return usb_device(found.vid, found.pid or 0)
    return UsbDevice()


def _keep_lines(fd: int) -> None:
    """DTR and RTS stay as they are when the port is closed."""
    import termios  # not on Windows

    with contextlib.suppress(termios.error):  # no terminal: a pyserial URL
        modes = termios.tcgetattr(fd)
        modes[2] &= ~termios.HUPCL
        termios.tcsetattr(fd, termios.TCSANOW, modes)


def _has_modem_lines(port: Any) -> bool:
    try:
        _ = port.cts  # a PTY has none to read
    except (OSError, serial.SerialException, AttributeError):
        return False
    return True


def _connect_lines(port: str) -> socket.socket | None:
    beside = Path(port + ".lines")
    with contextlib.suppress(OSError):
        if "://" not in port and stat.S_ISSOCK(beside.stat().st_mode):
            lines = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            lines.settimeout(5.0)
            try:
                lines.connect(str(beside))
            except OSError:
                lines.close()
                raise
            return lines
    return None


LINK = SerialLink
