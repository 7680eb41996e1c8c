"""What is told of the tools, and what iotlab wants to reach."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from benchmarks.measures import LINE_BYTES_S

LINE_KIB_S = LINE_BYTES_S / 1024
LINE_SAMPLES_S = LINE_BYTES_S / 8  # of 8 bytes, packed


@dataclass(frozen=True)
class Figure:
    """Something measured. ``lower``: less of it is better; ``compared``: how many times says something."""

    name: str
    title: str
    unit: str
    lower: bool = False
    compared: bool = True

    def times_better(self, ours: float, theirs: float) -> float:
        """How many times as good as ``theirs`` ``ours`` is."""
        better, worse = (theirs, ours) if self.lower else (ours, theirs)
        return better / worse if worse else float("inf")


_FAST = (
    Figure("connect", "open the port, first answer", "ms", lower=True),
    Figure("eval", "evaluate an expression", "ms", lower=True),
    Figure("put_random", "put 64 KiB, random", "KiB/s"),
    Figure("get_random", "get 64 KiB, random", "KiB/s"),
    Figure("put_source", "put 64 KiB, source text", "KiB/s"),
    Figure("get_source", "get 64 KiB, source text", "KiB/s"),
    Figure("put_random_ram", "put 64 KiB, random, RAM disk", "KiB/s"),
    Figure("get_random_ram", "get 64 KiB, random, RAM disk", "KiB/s"),
    Figure("stream_printed", "stream, printed lines", "samples/s"),
    Figure("stream_packed", "stream, packed blocks", "samples/s"),
    Figure("stream_generator", "stream, a generator on the board", "samples/s"),
)
_SLOW = tuple(
    Figure(f"slow_{figure.name}", figure.title, figure.unit)
    for figure in _FAST
    if figure.unit != "ms" and not figure.name.endswith("_ram")
)
_COST = (
    Figure("import", "import the package", "ms", lower=True),
    Figure("import_connect", "import what connects", "ms", lower=True),
    Figure(
        "import_heavy",
        "of jupyter, IPython, matplotlib, numpy, pandas, esptool loaded",
        "",
        lower=True,
        compared=False,
    ),
    Figure("cpu", "host CPU at 10,000 samples/s", "% of a core", lower=True),
    Figure("cpu_rate", "samples that came meanwhile", "samples/s", compared=False),
)
_KERNEL = (
    Figure("kernel_ready", "start, connect, first cell", "s", lower=True),
    Figure("kernel_cell", "round trip of a cell", "ms", lower=True),
    Figure(
        "kernel_over_echo",
        "more than the echo kernel beside it, cell by cell",
        "ms",
        lower=True,
        compared=False,
    ),
    Figure("kernel_lines", "a cell that prints 5,000 lines", "lines/s"),
    Figure("kernel_messages", "its iopub messages", "", lower=True, compared=False),
    Figure("slow_kernel_lines", "1,000 lines at 115200 baud", "lines/s"),
)
_BOARD = (
    Figure("flash_write", "the board alone writes its flash", "KiB/s"),
    Figure("flash_read", "the board alone reads its flash", "KiB/s"),
    Figure("slow_line_out", "its line of 115200 baud, to the host", "KiB/s"),
    Figure("slow_line_in", "its line of 115200 baud, to the board", "KiB/s"),
)


@dataclass(frozen=True)
class Group:
    """Figures that stand in one table. ``name`` is its place on the page."""

    name: str
    title: str
    figures: tuple[Figure, ...]


GROUPS = (
    Group("fast", "As fast as it goes", _FAST),
    Group("slow", "On a line of 115200 baud", _SLOW),
    Group("host", "What it costs the host", _COST),
    Group("kernels", "Kernels", _KERNEL),
    Group("board", "The board", _BOARD),
)
FIGURES: Mapping[str, Figure] = {figure.name: figure for group in GROUPS for figure in group.figures}


@dataclass(frozen=True)
class Tool:
    """A tool's name to people, and what it counts as."""

    title: str
    role: Literal["ours", "peer", "floor"]
    package: str = ""


TOOLS: Mapping[str, Tool] = {
    "iotlab": Tool("iotlab", "ours", "iotlab"),
    "mpremote": Tool("mpremote", "peer", "mpremote"),
    "belay": Tool("belay", "peer", "belay"),
    "mpytool": Tool("mpytool", "peer", "mpytool"),
    "mpremote_cp": Tool("mpremote cp", "peer"),
    "belay_sync": Tool("belay sync", "peer"),
    "minimal": Tool("minimal client", "floor"),
    "iotlab_kernel": Tool("iotlab-micropython", "ours"),
    "jupyter_micropython_kernel": Tool("jupyter_micropython_kernel", "peer", "jupyter-micropython-kernel"),
    "micropython_magic": Tool("micropython-magic", "peer", "micropython-magic"),
    "echo_kernel": Tool("echo kernel", "floor"),
}


@dataclass(frozen=True)
class Target:
    """What iotlab wants of a figure.

    ``against`` nothing: the figure itself is at least (or, where less is better, at most) ``limit``. ``against``
    "peers", or one tool: it is ``limit`` times as good as the best of them.
    """

    figure: str
    words: str
    limit: float
    against: str = ""


TARGETS = (
    Target("eval", "5 times as fast as the best peer", 5, "peers"),
    Target("eval", "at most 2 times as long as the minimal client", 1 / 2, "minimal"),
    Target("put_random", "10 times the best peer", 10, "peers"),
    Target("get_random", "10 times the best peer", 10, "peers"),
    Target("put_random_ram", "10 times the best peer", 10, "peers"),
    Target("get_random_ram", "10 times the best peer", 10, "peers"),
    Target("slow_put_random", "90 % of what the line carries", 0.9 * LINE_KIB_S),
    Target("slow_get_random", "90 % of what the line carries", 0.9 * LINE_KIB_S),
    Target("slow_put_source", "more than the line carries", LINE_KIB_S),
    Target("slow_put_source", "1.3 times the best peer", 1.3, "peers"),
    Target("stream_packed", "500,000 samples/s", 500_000),
    Target("slow_stream_packed", "90 % of what the line carries, at 8 bytes each", 0.9 * LINE_SAMPLES_S),
    Target("kernel_over_echo", "1 ms", 1),
    Target("kernel_lines", "10 times the best other kernel", 10, "peers"),
    Target("kernel_messages", "100", 100),
    Target("import", "100 ms", 100),
    Target("import_heavy", "none", 0),
    Target("cpu", "5 % of a core", 5),
)
