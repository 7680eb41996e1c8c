"""The contract of a simulated part: anything that is wired to a virtual board.

A part knows the world (an :class:`~iotlab.sim.world.Environment`) and what is on its own wires.
A person at the bench can look at it (``state``) and do things with it (``actions``).
One file per chip; the module's name is the chip's name in a bench file.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from iotlab.bus.i2c import Operation, Write
from iotlab.errors import NackError, NotFoundError
from iotlab.sim.world import Environment


class UnmodelledError(Exception):
    """A driver used something of a chip that the simulation does not have: never guessed."""


def within(value: float, limits: tuple[float, float]) -> float:
    """``value``, held at the ends of a chip's range."""
    return min(max(value, limits[0]), limits[1])


class Part(ABC):
    """A part on the bench."""

    #: What somebody at the bench can do with it: names of methods.
    actions: ClassVar[tuple[str, ...]] = ()

    def __init__(self, world: Environment) -> None:
        self.world = world

    @abstractmethod
    def state(self) -> dict[str, Any]:
        """What a person looking at the part would see. Plain data, fit for JSON."""

    def act(self, action: str, *arguments: Any) -> Any:
        """Do one of ``actions``."""
        if action not in self.actions:
            raise NotFoundError(
                f"{type(self).__name__} has no action {action!r}; it has {', '.join(self.actions) or 'none'}"
            )
        return getattr(self, action)(*arguments)


class I2CChip(Part):
    """A chip on an I2C bus. Subclasses supply ``write``, ``read`` and, where they care, ``stop``."""

    #: The 7-bit addresses that the chip's straps allow, the usual one first (datasheet).
    addresses: ClassVar[tuple[int, ...]]
    actions: ClassVar[tuple[str, ...]] = ("plug", "unplug")

    def __init__(self, world: Environment, *, address: int | None = None) -> None:
        super().__init__(world)
        self.address = self.addresses[0] if address is None else address
        if self.address not in self.addresses:
            allowed = ", ".join(f"0x{a:02x}" for a in self.addresses)
            told = f"0x{self.address:02x}" if isinstance(self.address, int) else repr(self.address)
            raise ValueError(f"the address of a {type(self).__name__} is {allowed}, not {told}")
        self.plugged = True

    def transaction(self, operations: Sequence[Operation], *, stop: bool = True) -> list[bytes]:
        """One start, ``operations``, one stop (or a repeated start to come). Unplugged: no acknowledge."""
        if not self.plugged:
            raise NackError(self.address)
        answers = []
        for operation in operations:
            if isinstance(operation, Write):
                self.write(operation.data)
            else:
                answers.append(self.read(operation.size))
        if stop:
            self.stop()
        return answers

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Bytes after a start with R/W = 0. Empty: addressed only. ``NackError``: not acknowledged."""

    @abstractmethod
    def read(self, size: int) -> bytes:
        """``size`` bytes after a start with R/W = 1."""

    def stop(self) -> None:
        """The stop condition."""

    def power_on(self) -> None:
        """Supply came up: registers take the values of the datasheet's power-on reset."""

    def unplug(self) -> None:
        """Pull the chip out of its socket."""
        self.plugged = False

    def plug(self) -> None:
        """Put it back: it starts from power-on reset."""
        self.plugged = True
        self.power_on()

    def state(self) -> dict[str, Any]:
        return {"plugged": self.plugged, "address": self.address}


class LinePart(Part):
    """A part on single pins: it sees levels that the board drives and drives levels itself.

    ``level`` and ``voltage`` are what the part puts on its pin (None: it does not drive it); the
    board calls ``driven`` when it changes the pin. A part that changes by itself calls ``changed``.
    """

    def __init__(self, world: Environment) -> None:
        super().__init__(world)
        self.changed: Callable[[], None] = lambda: None

    def level(self) -> bool | None:
        """The digital level that the part drives onto its pin."""
        return None

    def voltage(self) -> float | None:
        """The voltage that the part puts on its pin, as a share of the supply (0.0 to 1.0)."""
        return None

    def driven(self, level: bool, duty: float | None = None) -> None:
        """The board drives the pin: ``level``, or PWM with ``duty`` (0.0 to 1.0)."""

    def floating(self) -> None:
        """The board does not drive the pin any more: it is an input, or was reset."""
        self.driven(False)
