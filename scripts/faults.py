"""Put single faults into the link to a virtual board, a thousand and more, and write down what came of each.

    scripts/faults.py                          every case and fault; writes docs/reliability.md
    scripts/faults.py --case put,get --per-cell 5
    scripts/faults.py --case put --fault drop --direction to-board --offset 123      one run, with its bytes
    scripts/faults.py --case put --fault drop  every run of the plan with this fault, as in the whole
    scripts/faults.py --case put --fault drop,flip --direction to-board --every 0-99    at each of these bytes
    scripts/faults.py --report                 docs/reliability.md anew from the results of the last run

Every result is appended to a file as it comes. Ends with an error where a promise was broken.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from fault_cases import CASES
from fault_report import Report, why
from fault_rig import Passed
from fault_run import BYTE_KINDS, Outcome, every, measure, plan, run
from fault_workers import RIGS, Station, Workers, serve

from iotlab.testing.faults import DIRECTIONS, KINDS, Fault, Kind

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs/reliability.md"
RESULTS = ROOT / "build/faults.jsonl"
#: Faults of each kind in each direction: the more, the more parts a case's protocol has.
PER_CELL = {
    "put": 30,
    "get": 30,
    "exec": 20,
    "eval": 15,
    "cell": 10,
    "stream": 15,
    "items": 10,
    "connect": 10,
    "helper": 10,
    "install": 10,
    "update": 10,
}
#: mpremote is run to see that the harness finds what there is to find.
PEER_CASES, PEER_PER_CELL = ("put", "get", "exec", "eval"), 10


def cells(options: argparse.Namespace) -> Iterator[tuple[str, str, int, tuple[Kind, ...]]]:
    """Tool, case, faults of each kind in each direction, kinds."""
    for case in options.case:
        if options.tool in ("both", "iotlab"):
            yield "iotlab", case, options.per_cell or PER_CELL.get(case, 10), KINDS
    for case in options.case:
        if options.tool in ("both", "mpremote") and case in PEER_CASES:
            yield "mpremote", case, options.per_cell or PEER_PER_CELL, BYTE_KINDS


def run_all(options: argparse.Namespace) -> list[Outcome]:
    """Every run of the plan; each goes to the results at once."""
    options.results.parent.mkdir(parents=True, exist_ok=True)
    outcomes: list[Outcome] = []
    begun = time.monotonic()
    with open(options.results, "w", encoding="utf-8") as file, Workers(options.jobs) as workers:

        def keep(outcome: Outcome) -> None:
            outcomes.append(outcome)
            print(json.dumps(outcome.to_dict()), file=file, flush=True)
            if outcome.broken and outcome.tool == "iotlab":
                print(f"  {', '.join(outcome.broken)}: {outcome.command}\n    {why(outcome)}", flush=True)

        for tool, case, count, kinds in cells(options):
            sizes = workers.measure(tool, case)
            kinds = tuple(options.fault) or kinds
            directions = (options.direction,) if options.direction else DIRECTIONS
            if options.every:
                faults = list(every(options.every, kinds, directions, options.seed))
            else:
                faults = list(plan(case, sizes, count, kinds=kinds, directions=directions, seed=options.seed))
            at = time.monotonic() - begun
            print(f"{at:5.0f} s  {tool} {case}: {len(faults)} faults in {sizes}", flush=True)
            workers.run(tool, case, faults, keep)
    print(f"{time.monotonic() - begun:5.0f} s  {len(outcomes)} runs, kept in {options.results}")
    return outcomes


def run_one(options: argparse.Namespace) -> None:
    """One fault, with every byte that passed around it."""
    (case,) = options.case
    (kind,) = options.fault
    tool = "iotlab" if options.tool == "both" else options.tool
    fault = Fault(kind, options.direction, options.offset, options.mask, options.stall_s)
    with (
        tempfile.TemporaryDirectory(prefix="iotlab-", dir="/tmp") as folder,
        Station(Path(folder)) as station,
    ):
        rig = station.rig(tool)
        rig.mark()
        print(f"without a fault: {measure(rig, CASES[case])}")
        outcome = run(rig, CASES[case], fault)
    show(rig.passed)
    for key, value in outcome.to_dict().items():
        print(f"{key:12} {value}")
    print(f"{'broken':12} {', '.join(outcome.broken) or 'no promise'}")


def show(passed: list[Passed]) -> None:
    """What went over the link and when, the long parts cut short."""
    arrows = {"to-board": "->", "from-board": "<-", None: "--"}
    for at_s, direction, data in _joined(passed):
        text = data.decode() if direction is None else f"{len(data)} {data!r}"
        shown = text if len(text) < 200 else f"{text[:120]} ... {text[-60:]}"
        print(f"{at_s - passed[0].at_s:8.3f} s {arrows[direction]} {shown}")


def _joined(passed: list[Passed]) -> Iterator[Passed]:
    """What came without anything in between, as one."""
    for direction, group in itertools.groupby(passed, key=lambda one: one.direction):
        parts = list(group)
        if direction is None:
            yield from parts
        else:
            yield Passed(parts[0].at_s, direction, b"".join(part.data for part in parts))


def arguments() -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tool", choices=["both", *RIGS], default="both")
    parser.add_argument(
        "--case", type=lambda text: text.split(","), default=list(CASES), help=",".join(CASES)
    )
    parser.add_argument("--per-cell", type=int, help="faults of each kind in each direction of each case")
    parser.add_argument(
        "--every", type=_range, metavar="FIRST-LAST", help="a fault at every byte from here to there"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=3, help="virtual boards at work at once")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--document", type=Path, default=None, help="where to write the report of a part")
    parser.add_argument("--report", action="store_true", help="only write the report")
    parser.add_argument("--fault", type=lambda text: text.split(","), default=[], help=",".join(KINDS))
    parser.add_argument("--direction", choices=DIRECTIONS, help="only faults in this direction")
    parser.add_argument("--offset", type=int, help="one run, with the fault at this byte")
    parser.add_argument("--mask", type=lambda text: int(text, 0), default=1)
    parser.add_argument("--stall-s", type=float, default=1.0)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := sorted(set(options.case) - set(CASES)):
        parser.error(f"there is no case {unknown[0]!r}; there are {', '.join(CASES)}")
    if unknown := sorted(set(options.fault) - set(KINDS)):
        parser.error(f"there is no fault {unknown[0]!r}; there are {', '.join(KINDS)}")
    if options.offset is not None and not (
        len(options.case) == len(options.fault) == 1 and options.direction
    ):
        parser.error("one run needs one --case, one --fault and a --direction too")
    return options


def _range(text: str) -> range:
    first, _, last = text.partition("-")
    return range(int(first), int(last or first) + 1)


def main() -> int:
    options = arguments()
    if options.serve:
        serve()
        return 0
    if options.offset is not None:
        run_one(options)
        return 0
    if options.report:
        lines = options.results.read_text(encoding="utf-8").splitlines()
        outcomes = [Outcome.from_dict(json.loads(line)) for line in lines]
    else:
        outcomes = run_all(options)
    report = Report(outcomes)
    parts = (options.per_cell, options.every, options.fault, options.direction)
    whole = options.tool == "both" and options.case == list(CASES) and not any(parts)
    if document := options.document or (DOCUMENT if whole else None):
        document.write_text(report.document, encoding="utf-8")
    print(report.summary)
    return 0 if report.kept else 1


if __name__ == "__main__":
    sys.exit(main())
