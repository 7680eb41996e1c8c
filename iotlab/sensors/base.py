"""What a chip profile says, and a sensor that is read through the published driver."""

from __future__ import annotations

import importlib
import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from iotlab.bus.i2c import I2CBus, Write
from iotlab.errors import UnavailableError

#: The drivers give m/s² and rad/s; a world of the bench has g and degrees per second.
STANDARD_GRAVITY_M_S2 = 9.80665
DPS_PER_RAD_S = 180 / math.pi


def _same(value: Any) -> float:
    return float(value)


def axis(index: int, scale: float = 1.0) -> Callable[[Any], float]:
    """For a driver's attribute that is a tuple: its ``index``-th value times ``scale``."""
    return lambda values: float(values[index]) * scale


@dataclass(frozen=True)
class Quantity:
    """Something a chip measures.

    ``name`` has the unit in it (``temperature_c``); ``unit`` is for people ("°C"); ``attribute`` is where
    the driver has it, and ``convert`` makes a number in that unit of it.
    """

    name: str
    unit: str
    attribute: str
    convert: Callable[[Any], float] = _same


class Check(ABC):
    """A safe look at a chip: a pointer is written, bytes are read."""

    pointer: int
    size: int
    #: Datasheet and place in it.
    source: str
    #: Whether a match leaves no doubt.
    proof: bool

    @abstractmethod
    def matches(self, data: bytes) -> bool:
        """Whether ``data``, read from ``pointer`` on, is what the chip has there."""

    @abstractmethod
    def words(self, data: bytes) -> str:
        """What ``data`` is, as evidence in words."""


@dataclass(frozen=True)
class IdRegister(Check):
    """A register that holds an identity: one of ``values`` under ``mask``."""

    pointer: int
    values: tuple[int, ...]
    source: str
    mask: int = 0xFF
    size: int = 1
    proof: bool = True

    def matches(self, data: bytes) -> bool:
        return int.from_bytes(data, "big") & self.mask in self.values

    def words(self, data: bytes) -> str:
        value = int.from_bytes(data, "big") & self.mask
        return f"register 0x{self.pointer:02X} reads 0x{value:0{2 * self.size}X}"


@dataclass(frozen=True)
class Pattern(Check):
    """Registers without an identity whose content has a form that no other chip's is likely to have."""

    pointer: int
    size: int
    test: Callable[[bytes], bool]
    says: str
    source: str
    proof: bool = False

    def matches(self, data: bytes) -> bool:
        return self.test(data)

    def words(self, data: bytes) -> str:
        return f"registers 0x{self.pointer:02X} to 0x{self.pointer + self.size - 1:02X} {self.says}"


def with_address(driver: Any, i2c: Any, address: int) -> Any:
    """How most drivers are made."""
    return driver(i2c, address=address)


def without_address(driver: Any, i2c: Any, _address: int) -> Any:
    """For drivers of chips that have one address only."""
    return driver(i2c)


@dataclass(frozen=True)
class Profile:
    """What is known of a chip.

    ``key`` is the module's name. ``addresses`` has the usual one first. ``driver`` is "module:class" of
    the CircuitPython driver, ``package`` what to install for it; both "" where there is none.
    ``connect(class, i2c, address)`` makes the driver.
    """

    key: str
    title: str
    what: str
    addresses: tuple[int, ...]
    driver: str = ""
    package: str = ""
    checks: tuple[Check, ...] = ()
    quantities: tuple[Quantity, ...] = ()
    connect: Callable[[Any, Any, int], Any] = field(default=with_address)

    def open(self, bus: I2CBus, address: int | None = None) -> Sensor:
        """The chip on ``bus``, through its published driver, unmodified.

        Raises ``NackError`` where nothing answers, ``UnavailableError`` where the driver is not installed,
        and what the driver raises where the chip is another one.
        """
        at = self.addresses[0] if address is None else address
        if at not in self.addresses:
            usual = ", ".join(f"0x{a:02x}" for a in self.addresses)
            raise ValueError(f"a {self.title} has the address {usual}, not 0x{at:02x}")
        made = self._driver_class()
        bus.transaction(at, [Write(b"")])  # drivers hide why nothing answers
        with Sensor.lock:
            driver = self.connect(made, bus.as_blinka(), at)
        return Sensor(self, bus, at, driver)

    def _driver_class(self) -> Any:
        if not self.driver:
            raise UnavailableError(f"iotlab knows of no driver for the {self.title}: use the bus itself")
        module, _, name = self.driver.partition(":")
        try:
            return getattr(importlib.import_module(module), name)
        except ImportError as error:
            raise UnavailableError(
                f"reading a {self.title} needs the extra 'drivers' and its driver: "
                f"pip install 'iotlab[drivers]' {self.package}"
            ) from error


class Sensor:
    """A chip that is being read. ``driver`` is the published driver's own object, for all else it can do."""

    #: ``adafruit_register`` works in one buffer that all drivers of a process share: one reads at a time.
    lock: ClassVar[threading.RLock] = threading.RLock()

    def __init__(self, profile: Profile, bus: I2CBus, address: int, driver: Any) -> None:
        self.profile, self.bus, self.address, self.driver = profile, bus, address, driver

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """What :meth:`read` gives, in order."""
        return self.profile.quantities

    def read(self) -> dict[str, float]:
        """One reading of every quantity, by name; empty for a chip that measures nothing.

        Raises ``NackError`` where the chip does not answer.
        """
        with self.lock:
            attributes = dict.fromkeys(quantity.attribute for quantity in self.quantities)
            values = {name: getattr(self.driver, name) for name in attributes}
        return {q.name: q.convert(values[q.attribute]) for q in self.quantities}

    def __repr__(self) -> str:
        return f"<{self.profile.title} at 0x{self.address:02x}>"
