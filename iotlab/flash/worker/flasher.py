# SPDX-FileCopyrightText: The iotlab authors
# SPDX-License-Identifier: GPL-2.0-or-later
"""Flash an Espressif chip with esptool, and say so in JSON lines.

esptool is GPL-2.0-or-later, and so is this program (see COPYING beside it). It stands by itself: it imports
nothing of iotlab, is started by file path as a process of its own, reads its job from the command line and
writes one JSON object a line to standard output:

    {"event": "detect", "chip": "esp32", "description": ..., "mac": ..., "flash_size": 4194304}
    {"event": "stub"}   {"event": "erase"}   {"event": "write", "done": 4096, "total": 1556784}
    {"event": "read", "done": ..., "total": ...}   {"event": "verify"}   {"event": "reset"}
    {"event": "log", "text": ...}   {"event": "done"}
    {"event": "error", "kind": ..., "message": ...}

``kind`` is "missing" (no esptool), "port" (it does not open), "connect" (no chip answers), "chip" (not the one
that was asked for), "lost" (it went away), "stopped" (a signal), "failed" (esptool's own words).

A signal (SIGINT, SIGTERM) or the end of standard input, which is how a dead parent shows, makes it leave.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any, TextIO

HERE = Path(__file__).resolve().parent


class Stop(BaseException):
    """A signal came."""


class WrongChipError(Exception):
    """Not the chip that was asked for."""


class Reporter:
    """Events for the parent. ``watch`` names what esptool's progress bar stands for, and its size in bytes."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self.watch: tuple[str, int] | None = None

    def __call__(self, event: str, **details: Any) -> None:
        self._out.write(json.dumps({"event": event, **details}) + "\n")
        self._out.flush()

    def progress(self, done: int, total: int) -> None:
        if self.watch and total:
            event, size = self.watch
            self(event, done=size * done // total, total=size)


def make_logger(report: Reporter) -> Any:
    """A logger for esptool: its progress and its words as events."""
    from esptool.logger import TemplateLogger

    class Logger(TemplateLogger):  # type: ignore[misc]
        def print(self, *args: Any, **kwargs: Any) -> None:
            text = " ".join(str(arg) for arg in args).strip()
            if text:
                report("log", text=text)

        def note(self, message: str) -> None:
            report("log", text=message)

        def warning(self, message: str) -> None:
            report("log", text=f"Warning: {message}")

        def error(self, message: str) -> None:
            report("log", text=f"Error: {message}")

        def stage(self, finish: bool = False) -> None:
            """Stages are for terminals."""

        def progress_bar(self, cur_iter: int, total_iters: int, *rest: Any, **named: Any) -> None:
            report.progress(cur_iter, total_iters)

        def set_verbosity(self, verbosity: str) -> None:
            """The parent chooses what it shows."""

    return Logger()


def open_port(port: str) -> Any:
    """What to give to esptool: the port's name, or a virtual board's port, opened.

    A PTY carries no modem lines, so a virtual board listens on ``<port>.lines``: two bytes for a change
    (b"D1", b"R0"), one byte b"." in answer when it has happened.
    """
    if not Path(port + ".lines").exists():
        return port
    import serial

    class VirtualPort(serial.Serial):
        _lines: socket.socket | None = None

        def open(self) -> None:
            super().open()
            self._lines = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._lines.settimeout(10)
            self._lines.connect(port + ".lines")

        def close(self) -> None:
            if self._lines is not None:
                self._lines.close()
                self._lines = None
            super().close()

        def _set_line(self, letter: bytes, level: bool) -> None:
            if self._lines is not None:
                self._lines.sendall(letter + (b"1" if level else b"0"))
                if self._lines.recv(1) != b".":
                    raise serial.SerialException(f"{port} went away")

        def _update_dtr_state(self) -> None:
            self._set_line(b"D", self.dtr)

        def _update_rts_state(self) -> None:
            self._set_line(b"R", self.rts)

    opened = VirtualPort(None, baudrate=115200, exclusive=True)
    opened.dtr = opened.rts = False
    opened.port = port
    opened.open()
    return opened


def short(name: str) -> str:
    """ "ESP32-C3" -> "esp32c3"."""
    return "".join(letter for letter in name.lower() if letter.isalnum())


class Job:
    """What the command line asks for, done on one chip."""

    def __init__(self, options: argparse.Namespace, report: Reporter) -> None:
        from esptool import cmds

        self.options, self.report, self.esptool = options, report, cmds

    def run(self) -> None:
        port = open_port(self.options.port)
        with self.esptool.detect_chip(port=port, connect_attempts=self.options.attempts) as esp:
            try:
                self.detect(esp)
                if self.options.action != "detect":
                    esp = self.start_stub(esp)
                    {"write": self.write, "read": self.read, "erase": self.erase}[self.options.action](esp)
            except OSError:
                raise  # it went away: nothing is left to reset
            except BaseException:
                with contextlib.suppress(Exception):
                    self.esptool.reset_chip(
                        esp, "hard-reset"
                    )  # the firmware, if there is one, gets the chip again
                raise
            self.report("reset")
            self.esptool.reset_chip(esp, "hard-reset")

    def detect(self, esp: Any) -> None:
        from esptool.util import flash_size_bytes

        self.esptool.attach_flash(esp)
        self.report(
            "detect",
            chip=short(esp.CHIP_NAME),
            description=esp.get_chip_description(),
            mac=":".join(f"{byte:02x}" for byte in esp.read_mac()),
            flash_size=flash_size_bytes(self.esptool.detect_flash_size(esp)) or 0,
        )
        if self.options.chip and self.options.chip != short(esp.CHIP_NAME):
            raise WrongChipError(f"the chip is an {esp.CHIP_NAME}")

    def start_stub(self, esp: Any) -> Any:
        self.report("stub")
        esp = self.esptool.run_stub(esp)
        self.esptool.attach_flash(esp)
        if self.options.baud > 115200:
            esp.change_baud(self.options.baud)
        esp.WRITE_FLASH_ATTEMPTS = 1  # a chip that went away is for the caller to find again
        return esp

    def write(self, esp: Any) -> None:
        image = [(self.options.offset, Path(self.options.file).read_bytes())]
        if self.options.erase:
            self.report("erase")
        self.report.watch = ("write", len(image[0][1]))
        self.esptool.write_flash(esp, image, erase_all=self.options.erase, force=self.options.force)
        self.report.watch = None
        self.report("verify")
        self.esptool.verify_flash(esp, image)

    def read(self, esp: Any) -> None:
        self.report.watch = ("read", self.options.size)
        data = self.esptool.read_flash(esp, self.options.offset, self.options.size)
        Path(self.options.file).write_bytes(data)

    def erase(self, esp: Any) -> None:
        self.report("erase")
        self.esptool.erase_flash(esp, force=self.options.force)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Flash an Espressif chip with esptool; JSON lines on stdout."
    )
    parser.add_argument("action", choices=["detect", "write", "read", "erase"])
    parser.add_argument("--port", required=True)
    parser.add_argument("--chip", default="", help="refuse any other chip")
    parser.add_argument("--baud", type=int, default=115200)
    parser.add_argument("--attempts", type=int, default=7)
    parser.add_argument("--offset", type=int, default=0)
    parser.add_argument("--size", type=int, default=0)
    parser.add_argument("--file", default="")
    parser.add_argument("--erase", action="store_true", help="erase the whole flash before writing")
    parser.add_argument("--force", action="store_true", help="esptool's --force")
    return parser.parse_args()


def stop(*_: Any) -> None:
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)  # leaving is not interrupted
    raise Stop


def watch_parent() -> None:
    """Leave when standard input ends."""
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def failure(error: Exception, port: str) -> tuple[str, str]:
    """The kind of a failure, and what to say of it."""
    import serial
    from esptool.util import FatalError

    text = " ".join(str(error).split())
    if isinstance(error, WrongChipError):
        return "chip", text
    if "could not open" in text.lower() or "could not exclusively lock" in text.lower():
        return "port", text
    if port.startswith("/") and not Path(port).exists():
        return "lost", text
    if isinstance(error, FatalError):
        return ("connect" if text.startswith("Failed to connect") else "failed"), text
    lost = isinstance(error, (OSError, serial.SerialException))
    return ("lost" if lost else "failed"), f"{type(error).__name__}: {text}"


def main() -> int:
    options = parse_arguments()
    report = Reporter(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)  # whatever else writes to standard output does not get between the events
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    threading.Thread(target=watch_parent, daemon=True).start()
    if Path(options.port + ".lines").exists():
        os.environ["ESPTOOL_CFGFILE"] = str(HERE / "virtual.cfg")
    try:
        from esptool.logger import log
    except ImportError as error:
        report("error", kind="missing", message=str(error))
        return 3
    log.set_logger(make_logger(report))
    try:
        Job(options, report).run()
    except Stop:
        report("error", kind="stopped", message="stopped by a signal")
        return 130
    except Exception as error:
        kind, message = failure(error, options.port)
        report("error", kind=kind, message=message)
        return 1
    report("done")
    return 0


if __name__ == "__main__":
    sys.exit(main())
