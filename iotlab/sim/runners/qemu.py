"""QEMU executes what is in the flash of a micro:bit V1 (``qemu-system-arm -M microbit``).

QEMU does not tell what the firmware does with its flash, so the flash is fetched from it when the chip resets or
its power goes: files survive that, but the power cannot be cut in the middle of a flash operation.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iotlab.errors import IotlabError, UnavailableError
from iotlab.sim.boards.microbit_rom import CODE_SIZE, keep, parts_of
from iotlab.sim.engine import launch
from iotlab.sim.engine.child import Child
from iotlab.sim.runners.base import Runner

if TYPE_CHECKING:
    from iotlab.sim.engine.board import VirtualBoard

PROGRAM = "qemu-system-arm"
LAUNCH = Path(launch.__file__)
ANSWER_S = 5.0
AGAIN_S = 1.0

log = logging.getLogger(__name__)


class EmulatedMicrobit(Runner):
    """A QEMU for each start of the chip."""

    preinstalls = True
    sees_flash = False

    def __init__(self, board: VirtualBoard) -> None:
        super().__init__(board)
        program = shutil.which(PROGRAM)
        if program is None:
            raise UnavailableError(f"the emulated micro:bit needs {PROGRAM}: install QEMU for ARM")
        self._program = program
        self._machine: Child | None = None
        self._monitor: Monitor | None = None
        self._loaded: list[Path] = []  # files that QEMU loads

    @property
    def pid(self) -> int | None:
        return self._machine.pid if self._machine else None

    def start(self, cause: str) -> None:
        board = self.board
        ours, theirs = socket.socketpair()
        with theirs:
            self._machine = Child(
                board.loop,
                [*self._command(theirs.fileno()), *self._memory()],
                channels=0,
                output=self._printed,
                ended=self._ended,
                hungry=board.port.hungry,
                environment=os.environ,
                errors=False,
                inherited=(theirs.fileno(),),
            )
        self._monitor = Monitor(ours, self._told)
        board.loop.watch(ours.fileno(), read=self._monitor.listen)

    def _command(self, monitor: int) -> list[str]:
        return [
            *(sys.executable, "-I", "-S", str(LAUNCH), str(os.getpid())),
            *(self._program, "-M", "microbit", "-display", "none", "-monitor", "none"),
            # it would load the flash anew at a reset, as it was at the start: so it stops, and is started again
            *("-action", "reboot=shutdown,shutdown=pause"),
            *("-chardev", "stdio,id=uart,signal=off", "-serial", "chardev:uart"),
            *("-chardev", f"socket,id=monitor,fd={monitor}", "-mon", "chardev=monitor,mode=control"),
        ]

    def _memory(self) -> list[str]:
        """The arguments that load what is in the flash; QEMU reads it from files."""
        arguments = []
        for address, data in parts_of(self.board.flash).items():
            path = self._beside(f"{address:08x}")
            path.write_bytes(data)
            self._loaded.append(path)
            name = str(path).replace(",", ",,")  # as QEMU's options want it
            arguments += ["-device", f"loader,file={name},addr={address:#x},force-raw=on"]
        return arguments

    def _beside(self, suffix: str) -> Path:
        return self.board.flash.path.with_name(f"{self.board.flash.path.name}.{suffix}")

    def stop(self) -> None:
        if self._machine:
            self._fetch_flash()
            self._machine.kill()
        self._forget()

    def _fetch_flash(self) -> None:
        """What the firmware wrote goes into the board's flash."""
        path = self._beside("saved")
        try:
            assert self._monitor
            self._monitor.ask("stop")
            self._monitor.ask("memsave", val=0, size=CODE_SIZE, filename=str(path))
            keep(self.board.flash, path.read_bytes())
        except (OSError, IotlabError) as error:
            log.error("the flash of the micro:bit is as it was at its start: %s", error)
        path.unlink(missing_ok=True)

    def _forget(self) -> None:
        if self._monitor:
            self.board.loop.forget(self._monitor.fileno())
            self._monitor.close()
        self._machine = self._monitor = None
        for path in self._loaded:
            path.unlink(missing_ok=True)
        self._loaded.clear()

    def receive(self, data: bytes) -> None:
        if self._machine:
            self._machine.send(data)

    def drained(self) -> None:
        if self._machine:
            self._machine.resume()

    def _printed(self, data: bytes) -> None:
        self.board.port.send(data)
        if self._machine and not self.board.port.room:
            self._machine.pause()

    def _told(self, event: dict[str, Any]) -> None:
        if event["event"] == "SHUTDOWN" and event.get("data", {}).get("reason") == "guest-reset":
            self.board.loop.after(0.0, lambda: self.board.reset("hard"))

    def _ended(self, code: int) -> None:
        log.error("QEMU ended with %d: the board resets", code)
        self._forget()
        self.board.loop.after(AGAIN_S, lambda: self.board.reset("watchdog"))


class Monitor:
    """QEMU's control channel: requests and events, one JSON object a line (QEMU documentation, "QMP")."""

    def __init__(self, line: socket.socket, told: Callable[[dict[str, Any]], None]) -> None:
        self._line, self._told = line, told
        self._rest = b""
        self._answers: list[dict[str, Any]] = []
        line.settimeout(ANSWER_S)
        self._answer()  # its greeting
        self.ask("qmp_capabilities")

    def fileno(self) -> int:
        return self._line.fileno()

    def ask(self, command: str, **arguments: Any) -> Any:
        """What ``command`` returns. ``IotlabError`` where QEMU refuses or does not answer."""
        self._line.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        answer = self._answer()
        if "return" not in answer:
            raise IotlabError(f"QEMU does not do {command}: {answer}")
        return answer["return"]

    def listen(self) -> None:
        """Something came: events, as long as nothing is asked."""
        self._take(self._line.recv(65536))

    def close(self) -> None:
        self._line.close()

    def _answer(self) -> dict[str, Any]:
        end_s = time.monotonic() + ANSWER_S
        while not self._answers:
            data = self._line.recv(65536)
            if not data or time.monotonic() > end_s:
                raise IotlabError("QEMU does not answer")
            self._take(data)
        return self._answers.pop(0)

    def _take(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            said = json.loads(line)
            if "event" in said:
                self._told(said)
            else:
                self._answers.append(said)


RUNNER = EmulatedMicrobit
