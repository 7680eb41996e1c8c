"""Measures iotlab beside other tools: ``make bench``, or ``python -m benchmarks``.

A whole run writes the tables and pictures of docs/performance.md; a part of one (--quick, --only, --tools) only
prints them, unless --write is given.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from benchmarks import machine, report
from benchmarks.cases import chosen
from benchmarks.figures import TOOLS
from benchmarks.measures import Options
from benchmarks.results import Results
from benchmarks.rounds import PEERS, ROOT, Plan, run

QUICK = Options(calls=40, seconds=0.5)
JSON = ROOT / "out/benchmark.json"


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended"))  # and with it the bench
    arguments = _arguments()
    if arguments.report:
        results = Results.read(arguments.report)
    else:
        results = _measured(arguments)
        results.write(JSON)
        print(f"\nevery value is in {JSON.relative_to(ROOT)}")
    print(report.text(results))
    partly = arguments.quick or arguments.only or arguments.tools
    if arguments.write or arguments.report or not partly:
        for path in report.write(results):
            print(f"wrote {path.relative_to(ROOT)}")
    return 0


def _measured(arguments: argparse.Namespace) -> Results:
    from benchmarks.ground import ground

    if not PEERS.exists():
        raise SystemExit("the other tools are not installed: run `make bench`")
    if arguments.quick:
        plan = Plan(chosen(arguments.only), arguments.tools, rounds=1, slow_rounds=1, options=QUICK)
    else:
        plan = Plan(chosen(arguments.only), arguments.tools, arguments.rounds, arguments.slow_rounds)
    results = Results(about=machine.about(PEERS))
    with ground() as grounds:
        run(plan, grounds, results, lambda line: print(line, flush=True))
    results.about.update(
        load_after=machine.load(), rounds=plan.rounds, slow_rounds=plan.slow_rounds, quick=arguments.quick
    )
    return results


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.split("\n")[0])
    parser.add_argument(
        "--quick", action="store_true", help="one short round: whether it works, not how fast"
    )
    parser.add_argument(
        "--only", default="", metavar="CASES", help="cases by the beginnings of their names: eval,put"
    )
    parser.add_argument("--tools", default="", help=f"some of {', '.join(TOOLS)}")
    parser.add_argument("--rounds", type=int, default=Plan.rounds, help="%(default)s")
    parser.add_argument(
        "--slow-rounds", type=int, default=Plan.slow_rounds, help="at 115200 baud; %(default)s"
    )
    parser.add_argument(
        "--write", action="store_true", help="write docs/performance.md after a part of a run too"
    )
    parser.add_argument(
        "--report", type=Path, metavar="JSON", help="measure nothing: report what that file holds"
    )
    arguments = parser.parse_args()
    arguments.tools = [tool.strip() for tool in arguments.tools.split(",") if tool.strip()]
    unknown = [tool for tool in arguments.tools if tool not in TOOLS]
    if unknown:
        parser.error(f"there is no tool {unknown[0]!r}; there are {', '.join(TOOLS)}")
    try:
        chosen(arguments.only)
    except ValueError as error:
        parser.error(str(error))
    return arguments


if __name__ == "__main__":
    sys.exit(main())
