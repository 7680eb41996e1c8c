"""The control socket of a virtual board: what the bench asks of it, one JSON object a line.

``{"do": "reset"}`` is answered by ``{"ok": ...}``, or by ``{"error": message, "kind": class}``.
"""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from iotlab.errors import ConfigError, IotlabError, NotFoundError, UnsupportedError
from iotlab.sim.chips.base import Part
from iotlab.sim.engine.board import VirtualBoard
from iotlab.sim.engine.loop import Loop

log = logging.getLogger(__name__)


class Control:
    """Answers the clients of one board. ``stop`` is called when one asks the board to end."""

    def __init__(self, loop: Loop, board: VirtualBoard, stop: Callable[[], None]) -> None:
        self._loop, self._board, self._stop = loop, board, stop
        self._clients: dict[socket.socket, bytearray] = {}
        path = board.places.control
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen(16)
        self._listener.setblocking(False)
        loop.watch(self._listener.fileno(), read=self._accept)
        self._verbs: dict[str, Callable[..., Any]] = {
            "status": board.status,
            "stop": lambda: None,
            "power_on": board.power_on,
            "power_off": board.power_off,
            "power_cycle": self._power_cycle,
            "reset": board.reset_button,
            "hold_boot": lambda held=True: board.hold_boot(bool(held)),
            "unplug_cable": board.port.unplug,
            "plug_cable": self._plug_cable,
            "parts": self._parts,
            "part_state": lambda part: self._part(part).state(),
            "part_act": self._part_act,
            "cut_power": self._cut_power,
            "keep_power": board.flash.keep_power,
            "flash_operations": lambda: board.flash.operations,
            "flash_read": self._flash_read,
            "flash_write": self._flash_write,
            "flash_erase": self._flash_erase,
        }

    def close(self) -> None:
        for client in list(self._clients):
            self._drop(client)
        self._loop.forget(self._listener.fileno())
        self._listener.close()
        self._board.places.control.unlink(missing_ok=True)

    # -- the wire -----------------------------------------------------------------------------

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            client, _ = self._listener.accept()
            client.settimeout(1.0)  # an answer goes out at once, or its client does not read
            self._clients[client] = bytearray()
            self._loop.watch(client.fileno(), read=lambda: self._read(client))

    def _read(self, client: socket.socket) -> None:
        try:
            data = client.recv(1 << 20)
        except OSError:
            data = b""
        if not data:
            self._drop(client)
            return
        waiting = self._clients[client]
        waiting += data
        while b"\n" in waiting:
            line, _, rest = bytes(waiting).partition(b"\n")
            waiting[:] = rest
            answer, ending = self._answer(line)
            try:
                client.sendall(json.dumps(answer).encode() + b"\n")
            except OSError:
                self._drop(client)
                return
            if ending:
                self._stop()

    def _drop(self, client: socket.socket) -> None:
        self._loop.forget(client.fileno())
        del self._clients[client]
        client.close()

    def _answer(self, line: bytes) -> tuple[dict[str, Any], bool]:
        try:
            request = json.loads(line)
            verb = request.pop("do")
            if verb not in self._verbs:
                raise NotFoundError(f"a board does not know {verb!r}; it knows {', '.join(self._verbs)}")
            return {"ok": self._verbs[verb](**request)}, verb == "stop"
        except IotlabError as error:
            return {"error": str(error), "kind": type(error).__name__}, False
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return {"error": f"{type(error).__name__}: {error}", "kind": "ConfigError"}, False
        except Exception as error:  # a fault in a part must not end the board
            log.exception("control request failed")
            return {"error": f"{type(error).__name__}: {error}", "kind": "IotlabError"}, False

    # -- verbs --------------------------------------------------------------------------------

    def _power_cycle(self) -> None:
        self._board.power_off()
        self._board.power_on()

    def _cut_power(self, after: int, torn: float = 0.0, again: bool = False) -> None:
        if not self._board.runner.sees_flash:
            raise UnsupportedError(
                "what executes this board does not tell its flash operations: use power_off()"
            )
        self._board.power_returns = again
        self._board.flash.cut_power(after, torn)

    def _plug_cable(self, name: str = "") -> str:
        old = self._board.port.path
        self._board.port.plug(old.with_name(Path(name).name) if name else None)
        return str(self._board.port.path)

    def _parts(self) -> list[dict[str, Any]]:
        layout = {part.name: part for part in self._board.layout.parts}
        return [
            {
                "name": name,
                "chip": layout[name].chip,
                "pins": layout[name].pins,
                "actions": part.actions,
                "state": part.state(),
            }
            for name, part in self._board.wiring.parts.items()
        ]

    def _part(self, name: str) -> Part:
        parts = self._board.wiring.parts
        if name not in parts:
            raise NotFoundError(
                f"{self._board.layout.name} has no part {name!r}; it has {', '.join(parts) or 'none'}"
            )
        return parts[name]

    def _part_act(self, part: str, action: str, arguments: list[Any] | None = None) -> Any:
        return self._part(part).act(action, *(arguments or []))

    def _flash_read(self, offset: int, size: int) -> str:
        return base64.b64encode(self._board.flash.read(offset, size)).decode()

    def _flash_write(self, offset: int, data: str) -> None:
        self._need_off()
        self._board.flash.program(offset, base64.b64decode(data, validate=True))

    def _flash_erase(self, offset: int = 0, size: int | None = None) -> None:
        self._need_off()
        self._board.flash.erase(offset, self._board.flash.size if size is None else size)

    def _need_off(self) -> None:
        if self._board.state != "off":
            raise ConfigError("a programmer writes the flash of a board without power: power_off() first")
