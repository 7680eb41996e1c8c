"""The bench as a person at it sees it: boards with buttons and plugs, parts to look at and to touch."""

from __future__ import annotations

import base64
import json
import socket
from pathlib import Path
from typing import Any

from iotlab import errors
from iotlab.errors import DisconnectedError, IotlabError, NotFoundError
from iotlab.sim.running import RunningBoard

TIMEOUT_S = 30.0


class BenchBoard:
    """A virtual board, from the outside: power, buttons, cable, and what is wired to it."""

    def __init__(self, told: RunningBoard) -> None:
        self._told = told

    @property
    def name(self) -> str:
        return self._told.name

    @property
    def kind(self) -> str:
        return self._told.kind

    @property
    def port(self) -> str:
        """The serial port to connect to."""
        return self._told.port

    @property
    def drive(self) -> Path | None:
        """Where the board's bootloader shows its drive, if it has one; it is there only in that mode."""
        return Path(self._told.drive) if self._told.drive else None

    # -- power and buttons --------------------------------------------------------------------

    def power_cycle(self) -> None:
        """Pull the supply and plug it in again: RAM is lost, flash is not."""
        self._ask("power_cycle")

    def power_off(self) -> None:
        """Pull the supply."""
        self._ask("power_off")

    def power_on(self) -> None:
        """Plug the supply in."""
        self._ask("power_on")

    def reset(self) -> None:
        """Press the reset button."""
        self._ask("reset")

    def hold_boot(self, held: bool = True) -> None:
        """Hold the boot button down, or let it go; it counts at the next reset."""
        self._ask("hold_boot", held=held)

    def unplug_cable(self) -> None:
        """Pull the USB cable; the board keeps its power."""
        self._ask("unplug_cable")

    def plug_cable(self, name: str = "") -> str:
        """Put the cable back, as another port if ``name`` is given; returns the port."""
        port: str = self._ask("plug_cable", name=name)
        return port

    def status(self) -> dict[str, Any]:
        """``state`` (firmware, download, loop, held, asleep, off), the interpreter's pid, counts."""
        told: dict[str, Any] = self._ask("status")
        return told

    # -- the flash ----------------------------------------------------------------------------

    def cut_power(self, after: int, torn: float = 0.0, *, again: bool = False) -> None:
        """Lose the power in the flash operation number ``after`` from now (0: the next one).

        ``torn`` is the share of that operation which still happens. The board is off then, unless the
        power is to come ``again`` at once.
        """
        self._ask("cut_power", after=after, torn=torn, again=again)

    def keep_power(self) -> None:
        """Forget a cut that did not come."""
        self._ask("keep_power")

    @property
    def flash_operations(self) -> int:
        """How many times the flash was erased or programmed since the board's process started."""
        count: int = self._ask("flash_operations")
        return count

    def flash_read(self, offset: int, size: int) -> bytes:
        """Read the flash, as a chip programmer would."""
        return base64.b64decode(self._ask("flash_read", offset=offset, size=size))

    def flash_write(self, offset: int, data: bytes) -> None:
        """Program the flash (bits only fall); the board must be off."""
        self._ask("flash_write", offset=offset, data=base64.b64encode(data).decode())

    def flash_erase(self, offset: int = 0, size: int | None = None) -> None:
        """Erase whole sectors, or all; the board must be off."""
        self._ask("flash_erase", offset=offset, size=size)

    # -- parts --------------------------------------------------------------------------------

    def chip(self, name: str) -> BenchPart:
        """The part ``name``. ``NotFoundError`` lists the ones there are."""
        parts = {told["name"]: told for told in self._ask("parts")}
        if name not in parts:
            raise NotFoundError(f"{self.name} has no part {name!r}; it has {', '.join(parts) or 'none'}")
        return BenchPart(self, name, parts[name]["chip"], tuple(parts[name]["actions"]))

    @property
    def chips(self) -> list[BenchPart]:
        """Every part that is wired to the board."""
        return [
            BenchPart(self, told["name"], told["chip"], tuple(told["actions"])) for told in self._ask("parts")
        ]

    def __repr__(self) -> str:
        return (
            f"<virtual {self.kind} {self.name!r} on {self.port}: {', '.join(self._told.parts) or 'no parts'}>"
        )

    def _ask(self, verb: str, **arguments: Any) -> Any:
        return ask(self._told.control, self.name, verb, **arguments)


class BenchPart:
    """A part on the bench. Its state reads as attributes, its actions are methods.

    ``led.on`` is what the LED shows now; ``button.press()`` presses the button.
    """

    def __init__(self, board: BenchBoard, name: str, chip: str, actions: tuple[str, ...]) -> None:
        self._board, self.name, self.chip_name, self.actions = board, name, chip, actions

    @property
    def state(self) -> dict[str, Any]:
        """What a person looking at the part would see."""
        told: dict[str, Any] = self._board._ask("part_state", part=self.name)
        return told

    def act(self, action: str, *arguments: Any) -> Any:
        """Do one of ``actions``."""
        return self._board._ask("part_act", part=self.name, action=action, arguments=list(arguments))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self.actions:
            return lambda *arguments: self.act(name, *arguments)
        state = self.state
        if name in state:
            return state[name]
        known = ", ".join([*state, *(f"{action}()" for action in self.actions)])
        raise AttributeError(f"{self.name} has no {name!r}; it has {known}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self.state, *self.actions]

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={value!r}" for name, value in self.state.items())
        return f"<{self.chip_name} {self.name!r} on {self._board.name}: {told}>"


def ask(control: str, board: str, verb: str, **arguments: Any) -> Any:
    """One request to a board's control socket. Its errors are raised here as what they are."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(TIMEOUT_S)
            line.connect(control)
            line.sendall(json.dumps({"do": verb, **arguments}).encode() + b"\n")
            with line.makefile("rb") as answers:
                text = answers.readline()
    except OSError as error:
        raise DisconnectedError(
            f"the virtual board {board!r} is gone: `iotlab bench up` starts it"
        ) from error
    if not text:
        raise DisconnectedError(f"the virtual board {board!r} ended: its log file tells why")
    answer = json.loads(text)
    if "error" in answer:
        kind = getattr(errors, answer["kind"], IotlabError)
        raise kind(answer["error"])
    return answer["ok"]
