"""Processes that do runs, each with a virtual board of its own: a run that hangs for good costs only its process."""

from __future__ import annotations

import faulthandler
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from fault_cases import CASES
from fault_mpremote import MpremoteRig
from fault_rig import IotlabRig, Rig
from fault_run import Outcome, measure, run

from iotlab.config import Settings
from iotlab.sim import Bench
from iotlab.testing.faults import Direction, Fault

RIGS: dict[str, type[Rig]] = {rig.name: rig for rig in (IotlabRig, MpremoteRig)}
#: With every way of recovery tried, and then some.
_LAST_RESORT_S = 400.0
_BENCH = {"boards": {"esp32": {"kind": "esp32"}}}


class Station:
    """A bench with one board, and the rig that holds it now."""

    def __init__(self, folder: Path) -> None:
        settings = Settings.load(runtime_dir=folder / "run", state_dir=folder / "state")
        self._stack = ExitStack()
        self._bench = self._stack.enter_context(Bench.start(_BENCH, name="faults", settings=settings))
        self._rig: Rig | None = None

    def rig(self, tool: str) -> Rig:
        """The rig of ``tool``; the port has one holder, so another one lets go of it."""
        if self._rig is None or self._rig.name != tool:
            if self._rig:
                self._rig.close()
                self._bench["esp32"].power_cycle()  # nothing of the other tool is left in its memory
            self._rig = RIGS[tool](self._bench["esp32"])
        return self._rig

    def close(self) -> None:
        """Stop the bench."""
        if self._rig:
            self._rig.close()
        self._stack.close()

    def __enter__(self) -> Station:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def serve() -> None:
    """The life of a worker: a task in a line, its result in a line. Its boards live in a folder of their own."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever is printed by accident is no answer
    with (
        tempfile.TemporaryDirectory(prefix="iotlab-", dir="/tmp") as folder,
        Station(Path(folder)) as station,
    ):
        for line in sys.stdin:
            task = json.loads(line)
            faulthandler.dump_traceback_later(_LAST_RESORT_S, exit=True)
            print(json.dumps(_do(station, task)), file=answers)
            faulthandler.cancel_dump_traceback_later()


def _do(station: Station, task: dict[str, Any]) -> dict[str, Any]:
    rig, case = station.rig(task["tool"]), CASES[task["case"]]
    if task["fault"] is None:
        rig.fresh()
        try:
            sizes = measure(rig, case)
        except Exception:  # what the faults before left on the board must not end the rest
            traceback.print_exc()
            rig.fresh(power=True)
            sizes = measure(rig, case)
        return {str(direction): size for direction, size in sizes.items()}
    return run(rig, case, Fault(**task["fault"])).to_dict()


class Workers:
    """``count`` workers that share the tasks. A context manager."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._processes: dict[int, subprocess.Popen[str]] = {}

    def measure(self, tool: str, case: str) -> dict[Direction, int]:
        """Bytes in each direction where nothing goes wrong."""
        answer: dict[Direction, int] | None = self._ask(0, {"tool": tool, "case": case, "fault": None})
        if answer is None:
            raise RuntimeError(f"{tool} {case} ended its worker without any fault")
        return answer

    def run(
        self, tool: str, case: str, faults: Sequence[Fault], on_outcome: Callable[[Outcome], None]
    ) -> None:
        """Every fault in ``faults``; ``on_outcome`` is called as they come, by one thread at a time."""
        waiting: queue.SimpleQueue[Fault] = queue.SimpleQueue()
        for fault in faults:
            waiting.put(fault)
        lock = threading.Lock()

        def work(number: int) -> None:
            while True:
                try:
                    fault = waiting.get_nowait()
                except queue.Empty:
                    return
                answer = self._ask(number, {"tool": tool, "case": case, "fault": fault.__dict__})
                lost = Outcome(tool, case, fault, True, "hang", "the worker had to be ended")
                with lock:
                    on_outcome(Outcome.from_dict(answer) if answer else lost)

        with ThreadPoolExecutor(self._count) as pool:
            for working in [pool.submit(work, number) for number in range(self._count)]:
                working.result()

    def close(self) -> None:
        """End the workers, and their boards with them."""
        for process in self._processes.values():
            process.stdin.close()  # type: ignore[union-attr]
        for process in self._processes.values():
            process.wait(60)
            process.stdout.close()  # type: ignore[union-attr]
        self._processes.clear()

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, number: int, task: dict[str, Any]) -> Any:
        """The answer of a worker; ``None`` where it ended instead."""
        process = self._processes.get(number)
        if process is None or process.poll() is not None:
            process = self._processes[number] = subprocess.Popen(
                [sys.executable, str(Path(__file__).with_name("faults.py")), "--serve"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(task) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            process.wait()
        return json.loads(line) if line else None
