"""One round of one Jupyter kernel, in a process of its own::

python -m benchmarks.kernels KERNEL PORT OPTIONS      prints what was measured, as JSON

Every kernel is started anew, connected to the board, and driven by the same client, which waits for the cell's
reply and for the message that the kernel is idle again.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.measures import Measured, Options

PEERS = Path(__file__).resolve().parents[1] / ".venv-bench/bin/python"
TIMEOUT_S = 60.0
#: Cells that are not counted: a kernel and its client get quicker with the first ones.
WARM_CELLS = 5
#: A kernel that is slow is asked no longer than this for round trips, but three times at least.
ENOUGH_S = 4.0


@dataclass(frozen=True)
class KernelKind:
    """How a kernel is started, connected, and given a cell for the board."""

    argv: tuple[str, ...]
    connect: str = ""
    cell: str = "{}"

    def command(self) -> list[str]:
        return [*self.argv, "-f", "{connection_file}"]


ECHO = KernelKind((sys.executable, "-m", "benchmarks.echo_kernel"))
KERNELS = {
    "echo_kernel": ECHO,
    "iotlab_kernel": KernelKind((sys.executable, "-m", "iotlab.kernel"), "%connect {port}"),
    "jupyter_micropython_kernel": KernelKind(
        (str(PEERS), "-m", "jupyter_micropython_kernel"), "%serialconnect --port={port} --baud=115200"
    ),
    "micropython_magic": KernelKind(
        (str(PEERS), "-m", "ipykernel_launcher"),
        "%load_ext micropython_magic\n%mpy --select {port}",
        "%%micropython\n{}",
    ),
}


@dataclass(frozen=True)
class Ran:
    """What came of a cell: what it printed, how many messages told of it, how long it took."""

    text: str
    messages: int
    taken_s: float


class Client:
    """A kernel's client that measures."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def run(self, code: str) -> Ran:
        """Run a cell; until the kernel is idle again and has replied."""
        texts, messages = [], 0
        start_s = time.perf_counter()
        request = self._client.execute(code)
        while True:
            message = self._client.get_iopub_msg(timeout=TIMEOUT_S)
            if message["parent_header"].get("msg_id") != request:
                continue
            messages += 1
            content = message["content"]
            if message["msg_type"] == "stream" and content["name"] == "stdout":
                texts.append(content["text"])
            elif message["msg_type"] == "error":
                raise RuntimeError("\n".join(content["traceback"]))
            elif message["msg_type"] == "status" and content["execution_state"] == "idle":
                break
        while self._client.get_shell_msg(timeout=TIMEOUT_S)["parent_header"].get("msg_id") != request:
            pass
        return Ran("".join(texts).replace("\r\n", "\n"), messages, time.perf_counter() - start_s)


def measure(name: str, port: str, options: Options) -> Measured:
    """Ready time, the round trip of a trivial cell, and a cell that prints many lines."""
    kind, measured = KERNELS[name], Measured()
    started_s = time.perf_counter()
    with _started(kind) as client:
        if kind.connect:
            client.run(kind.connect.format(port=port))
        client.run(kind.cell.format("print(0)"))
        measured.figures["kernel_ready"] = time.perf_counter() - started_s
        with _started(ECHO) as echo:
            _round_trips(kind, client, echo, options, measured)
        if kind is not ECHO:
            _lines(kind, client, options, measured)
    return measured


def _round_trips(
    kind: KernelKind, client: Client, echo: Client, options: Options, measured: Measured
) -> None:
    """The same cell here and in an echo kernel, in turns: what the machine does meanwhile hits both."""
    for _ in range(WARM_CELLS):
        client.run(kind.cell.format("print(0)"))
        echo.run("print(0)")
    taken_s: list[float] = []
    more_s: list[float] = []
    while len(taken_s) < options.calls // 4 and (sum(taken_s) < ENOUGH_S or len(taken_s) < 3):
        code = f"print({len(taken_s) + 1000})"
        ran = client.run(kind.cell.format(code))
        taken_s.append(ran.taken_s)
        more_s.append(ran.taken_s - echo.run(code).taken_s)
        if ran.text.strip() != (code if kind is ECHO else code[6:-1]):
            measured.wrong = f"{code} came as {ran.text!r}"
    measured.figures["kernel_cell"] = statistics.median(taken_s) * 1000
    measured.figures["kernel_over_echo"] = statistics.median(more_s) * 1000


def _lines(kind: KernelKind, client: Client, options: Options, measured: Measured) -> None:
    code = f"for i in range({options.lines}):\n    print(i, i * 0.5)"
    ran = client.run(kind.cell.format(code))
    measured.figures["kernel_lines"] = options.lines / ran.taken_s
    measured.figures["kernel_messages"] = ran.messages
    if ran.text.split("\n") != [*(f"{i} {i * 0.5}" for i in range(options.lines)), ""]:
        measured.wrong = f"{options.lines} lines were printed, and not all came as they were"


@contextmanager
def _started(kind: KernelKind) -> Iterator[Client]:
    """A running kernel's client. Kernelspecs of its own: the peers' installers overwrite each other's."""
    with tempfile.TemporaryDirectory(prefix="iotlab-", dir="/tmp") as folder:
        spec = Path(folder) / "kernels" / "measured" / "kernel.json"
        spec.parent.mkdir(parents=True)
        spec.write_text(
            json.dumps({"argv": kind.command(), "display_name": "measured", "language": "python"})
        )
        places = ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR")
        os.environ.update(dict.fromkeys(places, folder))

        from jupyter_client.manager import KernelManager

        manager = KernelManager(kernel_name="measured")
        manager.start_kernel()
        client = manager.client()
        try:
            client.start_channels()
            client.wait_for_ready(timeout=TIMEOUT_S)
            yield Client(client)
        finally:
            client.stop_channels()
            manager.shutdown_kernel()


def main() -> None:
    answer = os.dup(1)
    os.dup2(2, 1)
    name, port, options = sys.argv[1:]
    measured = measure(name, port, Options(**json.loads(options)))
    with os.fdopen(answer, "w") as out:
        json.dump(asdict(measured), out)


if __name__ == "__main__":
    main()
