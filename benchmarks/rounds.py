"""Runs the cases: round after round, in each all tools one after the other, each in a new process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks import imports
from benchmarks.cases import IMPORT, Case
from benchmarks.figures import FIGURES, TOOLS
from benchmarks.ground import Ground
from benchmarks.material import material
from benchmarks.measures import Options
from benchmarks.results import Results

ROOT = Path(__file__).resolve().parents[1]
PEERS = ROOT / ".venv-bench/bin/python"
TIMEOUT_S = 240.0
#: At 115200 baud: fewer lines, and streams that are so much longer that getting started counts little.
SLOW_LINES = 1000
SLOW_SECONDS = 3


@dataclass(frozen=True)
class Plan:
    """What is run and how often. At 115200 baud there are fewer rounds: nearly all of them is waiting."""

    cases: Sequence[Case]
    tools: Sequence[str] = ()
    rounds: int = 5
    slow_rounds: int = 3
    options: Options = field(default_factory=Options)

    def rounds_of(self, case: Case) -> int:
        return self.slow_rounds if case.slow else self.rounds


def run(plan: Plan, grounds: Mapping[str, Ground], results: Results, say: Callable[[str], object]) -> None:
    """Run ``plan``. The tools take turns in being the first."""
    total = max(plan.rounds, plan.slow_rounds)
    for number in range(total):
        for case in plan.cases:
            if number >= plan.rounds_of(case):
                continue
            tools = [tool for tool in case.tools if not plan.tools or tool in plan.tools]
            turn = number % len(tools) if tools else 0
            told = [_one(case, tool, plan, grounds, results) for tool in (*tools[turn:], *tools[:turn])]
            say(f"round {number + 1}, {case.name}: {', '.join(told)}")


def _one(case: Case, tool: str, plan: Plan, grounds: Mapping[str, Ground], results: Results) -> str:
    """One measurement; its figures go to ``results``. Returns it in words."""
    try:
        figures = _measured(case, tool, plan, grounds["slow" if case.slow else "fast"])
    except MeasureError as error:
        results.trouble(tool, f"{case.name}: {error}")
        return f"{tool} {error}"
    named = {f"slow_{name}" if case.slow else name: value for name, value in figures.items()}
    for name, value in named.items():
        if name in FIGURES:
            results.add(name, tool, value)
    shown = " ".join(f"{value:.4g}" for value in figures.values())
    return f"{tool} {shown or '-'}"


class MeasureError(Exception):
    """A measurement that failed, or whose data were wrong."""


def _measured(case: Case, tool: str, plan: Plan, ground: Ground) -> dict[str, float]:
    if case == IMPORT:
        return imports.measure(tool, _python(tool))
    options = plan.options
    if case.slow:
        options = replace(options, lines=SLOW_LINES, seconds=options.seconds * SLOW_SECONDS)
    there = material(case.gets, options.size) if case.gets else None
    try:
        ground.restart(keep=there)
    except (OSError, RuntimeError) as error:
        raise MeasureError(f"the board was not ready: {error}") from error
    module = "benchmarks.kernels" if case.kernels else "benchmarks.worker"
    what = (tool,) if case.kernels else (tool, case.measure)
    python = Path(sys.executable) if case.kernels else _python(tool)
    told = _worker(python, module, *what, ground.port, json.dumps(asdict(options)))
    if told["wrong"]:
        raise MeasureError(f"wrong data: {told['wrong']}")
    if case.puts and told["figures"] and not ground.holds(material(case.puts, options.size, ram=case.ram)):
        raise MeasureError("wrong data: the file on the board is not what was put there")
    figures: dict[str, float] = told["figures"]
    return figures


def _worker(python: Path, module: str, *arguments: str) -> dict[str, Any]:
    """What a worker measured. It leads a session of its own: what it started ends with it."""
    command = [str(python), "-m", module, *arguments]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        text=True,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            printed, errors = process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise MeasureError(f"it did not end in {TIMEOUT_S:.0f} s") from None
    if process.returncode:
        last = (errors.strip() or f"it ended with {process.returncode}").splitlines()[-1]
        raise MeasureError(f"failed: {last}")
    told: dict[str, Any] = json.loads(printed)
    return told


def _python(tool: str) -> Path:
    """The environment that a tool lives in."""
    return PEERS if TOOLS[tool].role == "peer" else Path(sys.executable)
