"""The contract of slots: the same four verbs on every kind of board that has them."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, Literal

from iotlab.board import Output, Progress
from iotlab.errors import DeadlineError, LinkError
from iotlab.ota.pack import Bundle
from iotlab.table import Table

SlotState = Literal["empty", "broken", "ready", "trial", "confirmed", "failed"]

_MEANING = {
    "empty": "empty",
    "broken": "no whole application",
    "ready": "starts on trial at the next reset",
    "trial": "on trial",
    "confirmed": "confirmed",
    "failed": "failed",
}


@dataclass(frozen=True)
class Slot:
    """One of the two places for an application.

    ``reason`` is why it failed, in the board's own words: a traceback, or what ended the trial.
    """

    slot: str
    state: SlotState
    name: str = ""
    version: str = ""
    sequence: int = 0
    reason: str = ""

    @property
    def release(self) -> str:
        """Name and version."""
        return f"{self.name} {self.version}".strip()

    @property
    def meaning(self) -> str:
        """The state in words, with the reason's last line."""
        last = self.reason.strip().rsplit("\n", 1)[-1].strip()
        return f"{_MEANING[self.state]}: {last}" if last else _MEANING[self.state]


@dataclass(frozen=True)
class SlotStatus:
    """What the slots of a board hold, and which of them runs. Plain data; shows itself as a table.

    ``running`` is the slot whose application was started at the last reset: "a", "b", "factory" for the
    program that was there before the slots, "" for none. ``interrupted``: it was stopped since. ``next`` is what
    the next reset starts. ``prepared``: the board has slots at all.
    """

    board: str
    slots: tuple[Slot, ...]
    running: str = ""
    interrupted: bool = False
    next: str = ""
    prepared: bool = True

    def __getitem__(self, slot: str) -> Slot:
        for one in self.slots:
            if one.slot == slot:
                return one
        raise KeyError(slot)

    @property
    def version(self) -> str:
        """The version that runs, "" where none of the slots does."""
        return next((one.version for one in self.slots if one.slot == self.running), "")

    @property
    def trial(self) -> Slot | None:
        """The slot that is on trial now."""
        return next((one for one in self.slots if one.state == "trial"), None)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def table(self) -> Table:
        rows = [(one.slot, one.release or "-", one.meaning, self._now(one.slot)) for one in self.slots]
        if "factory" in (self.running, self.next):
            rows.append(
                ("factory", "the program from before", "starts where no slot does", self._now("factory"))
            )
        return Table(
            ("slot", "application", "state", "now"),
            rows if self.prepared else [],
            empty=f"{self.board} has no slots yet: the first install makes them",
        )

    def _now(self, slot: str) -> str:
        told = []
        if slot == self.running:
            told.append("stopped" if self.interrupted else "runs")
        if slot == self.next:
            told.append("next")
        return ", ".join(told)

    def __str__(self) -> str:
        return str(self.table)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.table._repr_html_()


@dataclass(frozen=True)
class Installed:
    """What an install did.

    ``sent`` is how many files went over the link; ``reused`` how many the board had already.
    ``interrupted``: the application had to be stopped for it, and was started again afterwards.
    """

    slot: str
    name: str
    version: str
    sent: int
    reused: int
    sent_bytes: int
    duration_s: float
    interrupted: bool = False
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        told = (
            f"{self.name} {self.version} is in slot {self.slot}: {self.sent} files sent, {self.reused} reused"
        )
        told += f", {self.duration_s:.1f} s; it starts on trial at the next reset"
        if self.interrupted:
            told += "; the application was interrupted for it"
        return "\n".join([told, *self.notes])

    __repr__ = __str__


class Slots(ABC):
    """The slots of a board: install the next version, confirm it, go back.

    An install is wholly there or not at all, whenever the power goes. A new version starts on trial at the next
    reset; what is not confirmed in time, hangs, raises or loses its power is rolled back by the board itself.
    """

    def status(self) -> SlotStatus:
        """What the slots hold. The application goes on."""
        return self._status(None)

    def wait(self, *, timeout_s: float = 60.0, output: Output | None = None) -> SlotStatus:
        """Wait until nothing is on trial, whichever way it ends; ``output`` gets what the board prints.

        ``DeadlineError`` where something still is after ``timeout_s``.
        """
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            try:
                told = self._status(output)
            except (LinkError, DeadlineError):  # it restarts just now
                self._look_again(max(0.1, end - time.monotonic()))
                continue
            if told.trial is None:
                return told
            time.sleep(0.2)
        raise DeadlineError(f"a version is still on trial after {timeout_s:g} s: confirm or revert it")

    @abstractmethod
    def install(self, bundle: Bundle, *, progress: Progress | None = None) -> Installed:
        """Put ``bundle`` into the slot that is not in use; it starts on trial at the next reset.

        Refused with a ``SlotError``, before a byte is written: while a version is on trial, for another
        platform, for a newer interpreter than the board's, and where the space does not suffice.
        """

    @abstractmethod
    def confirm(self) -> None:
        """The version on trial works: it is started from now on. ``SlotError`` where none is on trial."""

    @abstractmethod
    def revert(self) -> None:
        """Give up the newest version: the next reset starts the one before. ``SlotError`` where none is."""

    # -- hooks --------------------------------------------------------------------------------

    @abstractmethod
    def _status(self, output: Output | None) -> SlotStatus: ...

    def _look_again(self, timeout_s: float) -> None:
        """Find the board again after it went away."""
