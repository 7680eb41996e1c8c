"""Which chip answers at an address: by reading what identifies it, and by nothing that could upset it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from iotlab.bus.i2c import I2CBus, Write
from iotlab.errors import NackError
from iotlab.sensors.base import Check, Profile

#: "certain": an ID register says so; "likely": its registers look like it; "possible": by address alone.
Confidence = Literal["certain", "likely", "possible"]


@dataclass(frozen=True)
class Candidate:
    """What a chip may be. ``name`` is the profile's key; ``evidence`` says why, in words."""

    name: str
    title: str
    what: str
    confidence: Confidence
    evidence: str


@dataclass(frozen=True)
class Found:
    """An address that answered the scan, and what may be there, the likeliest first."""

    address: int
    candidates: tuple[Candidate, ...]
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON."""
        return {
            "address": self.address,
            "candidates": [asdict(candidate) for candidate in self.candidates],
            "note": self.note,
        }


@dataclass(frozen=True)
class HeldBack:
    """Addresses ``first`` to ``last`` at which no pointer is written, because of ``why``."""

    first: int
    last: int
    why: str


#: Where a lone byte can do harm: chips that have no pointer but take it as data or a command (their
#: datasheets), and chips that misbehave (adafruit/I2C_Addresses, "Troublesome chips").
HELD_BACK: Sequence[HeldBack] = (
    HeldBack(0x08, 0x0B, "a fuel gauge there (LC709203F) may sleep and stretches the clock"),
    HeldBack(
        0x0C, 0x0F, "an MLX90393 there would take the byte as a command, and one command writes its memory"
    ),
    HeldBack(0x1A, 0x1A, "an AGS02MA there needs a slower bus"),
    HeldBack(0x20, 0x27, "an I/O expander there (PCF8574) would put the byte on its pins"),
    HeldBack(
        0x30, 0x37, "a memory module's EEPROM there would take the byte as setting its write protection"
    ),
    HeldBack(0x38, 0x3F, "an I/O expander there (PCF8574A) would put the byte on its pins"),
    HeldBack(
        0x40,
        0x47,
        "a humidity sensor there (SHT21, SHT4x) would take the byte as a command: reset, or heater on",
    ),
    HeldBack(0x4A, 0x4B, "a BNO085 there would take the byte as a broken packet"),
    HeldBack(0x50, 0x57, "an EEPROM there would move its address counter"),
    HeldBack(
        0x5A, 0x5B, "an MLX90614 there would take the byte as a command, and a CCS811 stretches the clock"
    ),
    HeldBack(0x60, 0x67, "a converter (MCP4725) or a radio there would take the byte as a setting"),
    HeldBack(0x70, 0x75, "a multiplexer there (TCA9548A) would switch its channels"),
)
#: A multiplexer can be here too, but a BME280 is far likelier: whatever keeps the byte is set to 0 again.
KEEPERS = range(0x76, 0x78)


def held_back(address: int) -> str:
    """Why no pointer is written at ``address``; "" where one may be."""
    return next((held.why for held in HELD_BACK if held.first <= address <= held.last), "")


def identify(bus: I2CBus, address: int, profiles: Iterable[Profile], *, also: Container[int] = ()) -> Found:
    """What may be at ``address``.

    Nothing is written but register pointers, and not even these where they could do harm, unless the
    address is in ``also``. Raises ``NackError`` where nothing answers any more.
    """
    known = [profile for profile in profiles if address in profile.addresses]
    bus.transaction(address, [Write(b"")])
    why = "" if address in also else held_back(address)
    if why:
        return Found(
            address, tuple(_by_address(p, address, f"no register was read, as {why}") for p in known)
        )
    return _Look(bus, address, known).found()


class _Look:
    """One careful look at one address. Each register is read once."""

    def __init__(self, bus: I2CBus, address: int, known: list[Profile]) -> None:
        self.bus, self.address = bus, address
        shared = Counter(_where(check) for profile in known for check in profile.checks)
        # What tells most of them apart comes first, then what only looks alike, then what has no check.
        self.known = sorted(
            known,
            key=lambda p: (
                not p.checks,
                not all(check.proof for check in p.checks),
                [-shared[_where(check)] for check in p.checks],
                p.key,
            ),
        )
        self.answers: dict[tuple[int, int], bytes | None] = {}

    def found(self) -> Found:
        candidates = []
        for profile in self.known:
            if not profile.checks:
                candidates.append(_by_address(profile, self.address, "no ID register to prove it"))
            elif self._passes(profile):
                candidate = self._proven(profile)
                if candidate.confidence == "certain":
                    return Found(self.address, (candidate,))
                candidates.insert(0, candidate)
            elif self.address in KEEPERS and self._kept():
                return self._keeper()
        self._check_still_there()
        return Found(self.address, tuple(candidates), "" if candidates else self._note())

    def _passes(self, profile: Profile) -> bool:
        return all(
            (data := self._read(check)) is not None and check.matches(data) for check in profile.checks
        )

    def _read(self, check: Check) -> bytes | None:
        """What is there; ``None`` where the chip does not acknowledge that register."""
        where = _where(check)
        if where not in self.answers:
            try:
                self.answers[where] = self.bus.read_register(self.address, *where)
            except NackError:
                self.answers[where] = None
        return self.answers[where]

    def _kept(self) -> bool:
        """Whether the chip answers with the very byte that was written to it."""
        return any(data == bytes([register]) * size for (register, size), data in self.answers.items())

    def _keeper(self) -> Found:
        """Something without registers: the byte is taken back, as a multiplexer has it after power-on."""
        self.bus.write(self.address, b"\0")
        plain = [p for p in self.known if not p.checks and "multiplexer" in p.what]
        evidence = (
            "it has no registers but keeps the byte that was written: a multiplexer; its channels are off now"
        )
        return Found(
            self.address,
            tuple(Candidate(p.key, p.title, p.what, "likely", evidence) for p in plain),
            evidence,
        )

    def _proven(self, profile: Profile) -> Candidate:
        told = ", ".join(c.words(data) for c in profile.checks if (data := self._read(c)) is not None)
        sources = "; ".join(dict.fromkeys(check.source for check in profile.checks))
        confidence: Confidence = "certain" if all(check.proof for check in profile.checks) else "likely"
        return Candidate(
            profile.key, profile.title, profile.what, confidence, f"{told}: {profile.title} ({sources})"
        )

    def _check_still_there(self) -> None:
        """A chip that was pulled out meanwhile answered nothing: ``NackError``."""
        if all(data is None for data in self.answers.values()):
            self.bus.transaction(self.address, [Write(b"")])

    def _note(self) -> str:
        told = [
            f"register 0x{register:02X} reads 0x{data.hex().upper()}"
            for (register, _), data in self.answers.items()
            if data is not None and len(data) <= 2
        ]
        return (
            f"none of the chips known here: {', '.join(told)}" if told else "no chip is known at this address"
        )


def _where(check: Check) -> tuple[int, int]:
    return check.pointer, check.size


def _by_address(profile: Profile, address: int, but: str) -> Candidate:
    article = "an" if profile.title[0] in "AEFHILMNORSX" else "a"
    usually = "usually is" if address == profile.addresses[0] else "can be"
    evidence = f"answers at 0x{address:02x}, where {article} {profile.title} {usually}: {but}"
    return Candidate(profile.key, profile.title, profile.what, "possible", evidence)
