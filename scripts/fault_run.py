"""One run: a case, a fault, and what came of it. And which runs there are."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fault_cases import CASES, Case, Left
from fault_rig import Recovery, Rig, Watchdog, told

from iotlab.errors import RemoteError
from iotlab.testing.faults import DIRECTIONS, KINDS, Direction, Fault, Kind

#: The faults that concern one byte.
BYTE_KINDS: tuple[Kind, ...] = ("drop", "flip", "duplicate")
#: A stall shorter than any protocol's patience, and one that is longer than some of its time-outs.
STALLS_S = (0.3, 2.0)
LATER_S = 20.0


@dataclass(frozen=True)
class Outcome:
    """What came of one fault. Plain data."""

    tool: str
    case: str
    fault: Fault
    #: Whether the byte of the fault came at all.
    applied: bool
    #: ``right`` bytes, an ``error``, ``wrong`` bytes with a success status, or a ``hang``.
    result: str
    #: What was raised, or how what was returned differs.
    error: str = ""
    #: Whether the error tells what happened.
    named: bool = False
    #: Whether the call itself sent Ctrl-C.
    interrupted: bool = False
    #: What is on the board: the ``new`` file, the ``old`` one or ``neither``.
    left: str = ""
    #: Files that should not be there.
    behind: tuple[str, ...] = ()
    took_s: float = 0.0
    #: How the next call went; not asked of tools that we only compare with.
    recovery: Recovery | None = None
    #: What went wrong in the calls after that one.
    later: str = ""

    def to_dict(self) -> dict[str, Any]:
        recovery = self.recovery._asdict() if self.recovery else None
        return {**asdict(self), "recovery": recovery}

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> Outcome:
        recovery = told["recovery"]
        if recovery:
            recovery = Recovery(**{**recovery, "errors": tuple(recovery["errors"])})
        fault, behind = Fault(**told["fault"]), tuple(told["behind"])
        return cls(**{**told, "fault": fault, "behind": behind, "recovery": recovery})

    @property
    def broken(self) -> tuple[str, ...]:
        """The promises that this run broke, by the names that ``fault_report`` has for them."""
        found = {
            "wrong bytes": self.result == "wrong",
            "hang": self.result == "hang",
            "between": self.left == "neither" or bool(self.behind),
            "not named": self.result == "error" and not self.named,
            "next call": bool(self.later) or not self._goes_on(),
        }
        return tuple(name for name, broken in found.items() if broken and self.applied)

    def _goes_on(self) -> bool:
        """Whether the next call worked, with what it may take: a port that is gone has to be opened anew."""
        if self.recovery is None:
            return False
        step, case = self.recovery.step, CASES[self.case]
        told = [text.startswith("RestartedError") for text in (self.error, *self.recovery.errors)]
        if self.recovery.restarted and not case.renews and not any(told):
            return False
        if self.recovery.restarted and told[1:2] == [True]:
            return step == "a second call"
        if self.fault.kind == "disconnect" or (case.opens and self.result == "error"):
            return step in ("nothing", "reconnect")
        return step == "nothing"

    @property
    def command(self) -> str:
        """The command that does this run again."""
        f = self.fault
        more = {"flip": f" --mask {f.mask:#04x}", "stall": f" --stall-s {f.stall_s:g}"}.get(f.kind, "")
        tool = "" if self.tool == "iotlab" else f" --tool {self.tool}"
        return (
            f"python scripts/faults.py{tool} --case {self.case} --fault {f.kind} "
            f"--direction {f.direction} --offset {f.offset}{more}"
        )


def run(rig: Rig, case: Case, fault: Fault) -> Outcome:
    """``case`` with ``fault``, then the next call, then a look at what is on the board."""
    got, error = None, None
    rig.mark()
    case.prepare(rig)
    rig.passed.clear()
    begun = time.monotonic()
    with Watchdog(rig, min(case.deadline_s, rig.deadline_s)) as dog:
        try:
            if case.opens:
                rig.reopen(fault)
            else:
                rig.link.arm(fault)
            got = case.run(rig)
        except Exception as raised:  # whatever a tool raises is its answer
            error = raised
    took_s = time.monotonic() - begun
    applied, interrupted = rig.link.applied, rig.interrupts() > 0
    rig.link.arm(None)
    rig.note(f"the call ended: {told(error) if error is not None else 'no error'}")
    recovery = rig.recover(fault.offset) if rig.judged else None
    left, behind, later = _afterwards(rig, case, recovery)
    if dog.barked:
        result = "hang"
    elif error is not None:
        result = "error"
    else:
        result = "right" if got == case.wanted and left == "new" else "wrong"
    return Outcome(
        rig.name,
        case.name,
        fault,
        applied,
        result,
        told(error) if error is not None else difference(case.wanted, got),
        error is not None and rig.names_the_fault(error, fault.kind),
        interrupted,
        left,
        tuple(behind),
        round(took_s, 3),
        recovery,
        later,
    )


def _afterwards(rig: Rig, case: Case, recovery: Recovery | None) -> tuple[Left, list[str], str]:
    """What is on the board; asked by the same session, where it goes on, and else by a fresh one."""
    later = ""
    if recovery and recovery.step == "nothing":
        try:
            with Watchdog(rig, LATER_S):
                left, behind = case.left(rig)
            if left != "neither":
                return left, behind, ""
            later = f"wrong: the look at the board said {left!r}"
        except Exception as error:  # the session is not as sound as the next call made believe
            later = told(error)
    rig.fresh()
    try:
        sure, behind = case.left(rig)
    except RemoteError as error:  # a fresh session does not give the board fresh memory
        later = later or told(error)
        rig.fresh(power=True)
        sure, behind = case.left(rig)
    if later.startswith("wrong") and sure == "neither":  # it was right
        later = ""
    return sure, behind, later


def difference(wanted: Any, got: Any) -> str:
    """Where what was returned begins to be something else; empty where it does not."""
    if got == wanted:
        return ""
    if type(got) is not type(wanted) or not isinstance(got, str | bytes | list | tuple):
        return f"returned {got!r:.80}"
    pairs = zip(wanted, got, strict=False)
    at = next((n for n, (one, other) in enumerate(pairs) if one != other), min(len(wanted), len(got)))
    return f"{len(got)} for {len(wanted)}, from {at} on {got[at : at + 20]!r} for {wanted[at : at + 20]!r}"


def measure(rig: Rig, case: Case) -> dict[Direction, int]:
    """How many bytes go in each direction where nothing goes wrong: the fewest of three times."""
    counts: list[tuple[int, ...]] = []
    for _ in range(3):
        case.prepare(rig)
        if case.opens:
            rig.reopen()
        else:
            rig.link.arm(None)
        got = case.run(rig)
        counts.append(tuple(map(rig.link.counted, DIRECTIONS)))
        left, behind = case.left(rig)
        if got != case.wanted or left != "new" or behind:
            raise RuntimeError(
                f"{rig.name} {case.name} fails without any fault: {left} {behind} {difference(case.wanted, got)}"
            )
    return dict(zip(DIRECTIONS, map(min, zip(*counts, strict=True)), strict=True))


def offsets(total: int, count: int, source: random.Random) -> list[int]:
    """``count`` places in ``total`` bytes: a third where it begins, some where it ends, the rest spread over it.

    The beginning and the end are where a protocol has most of what is not payload.
    """
    chosen = [source.randrange(min(100, total)) for _ in range(count // 3)]
    chosen += [total - 1 - source.randrange(min(20, total)) for _ in range(count // 6)]
    spread = count - len(chosen)
    for n in range(spread):
        start = total * n // spread
        chosen.append(source.randrange(start, max(total * (n + 1) // spread, start + 1)))
    return chosen


def plan(
    case: str,
    sizes: dict[Direction, int],
    count: int,
    *,
    kinds: Sequence[Kind] = KINDS,
    directions: Sequence[Direction] = DIRECTIONS,
    seed: int = 1,
) -> Iterator[Fault]:
    """``count`` faults of each kind in each direction, the same ones for the same seed."""
    for direction in directions:
        for kind in kinds:
            source = random.Random(f"{seed} {case} {direction} {kind}")
            for offset in offsets(sizes[direction], count, source):
                mask, stall_s = 1 << source.randrange(8), source.choice(STALLS_S)
                yield Fault(kind, direction, offset, mask, stall_s)


def every(
    places: Sequence[int], kinds: Sequence[Kind], directions: Sequence[Direction], seed: int = 1
) -> Iterator[Fault]:
    """A fault of each kind at every one of ``places``."""
    for direction in directions:
        for kind in kinds:
            source = random.Random(f"{seed} {direction} {kind}")
            for offset in places:
                yield Fault(kind, direction, offset, 1 << source.randrange(8), source.choice(STALLS_S))
