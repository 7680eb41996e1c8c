"""What is measured of a tool, one function each. Runs in a process of its own, in the tool's environment."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field

from benchmarks import programs
from benchmarks.material import KIB, material
from benchmarks.programs import Spec, unpacked, wrong_samples
from benchmarks.tools import kind_of
from benchmarks.tools.base import Lines
from benchmarks.tools.minimal import Minimal

#: What a serial line of 115200 baud carries in a second: start bit, eight bits, stop bit.
LINE_BYTES_S = 11520
WARM = "/warm.bin"
#: A short stream before the one that is measured: a tool may put something onto the board for the first one.
_WARM_S = 0.05


@dataclass(frozen=True)
class Options:
    """How much is done; the same for every tool."""

    size: int = 64 * KIB
    calls: int = 200
    seconds: float = 2.0
    rate_hz: int = 10_000
    lines: int = 5000
    repeats: int = 9
    #: A slow tool is not asked again.
    enough_s: float = 1.0


@dataclass
class Measured:
    """``figures`` by name. ``wrong``: what was not as it has to be; the figures then do not count."""

    figures: dict[str, float] = field(default_factory=dict)
    wrong: str = ""


Measure = Callable[[str, str, Options], Measured]


def connect(tool: str, port: str, options: Options) -> Measured:
    """From opening the port to the first answer."""
    kind = kind_of(tool)
    start_s = time.perf_counter()
    with closing(kind(port)) as board:
        value = board.evaluate("6 * 7")
        taken_s = time.perf_counter() - start_s
    return Measured({"connect": taken_s * 1000}, "" if value == 42 else f"6 * 7 came as {value!r}")


def evaluate(tool: str, port: str, options: Options) -> Measured:
    """The median of many round trips."""
    taken_s, wrong = [], ""
    with closing(kind_of(tool)(port)) as board:
        for number in range(options.calls + 10):
            start_s = time.perf_counter()
            value = board.evaluate(f"{number} + 1")
            taken_s.append(time.perf_counter() - start_s)
            if value != number + 1:
                wrong = f"{number} + 1 came as {value!r}"
    return Measured({"eval": statistics.median(taken_s[10:]) * 1000}, wrong)


def put(kind: str, *, ram: bool = False) -> Measure:
    """Write a file; whoever started this process looks at what is on the board then."""

    def measure(tool: str, port: str, options: Options) -> Measured:
        wanted = material(kind, options.size, ram=ram)
        with closing(kind_of(tool)(port)) as board:
            if ram:
                board.listen(programs.RAM_DISK, lambda _: None)
            board.put(WARM, bytes(KIB))  # what a tool finds out once is not counted
            taken_s = _median_s(lambda: board.put(wanted.path, wanted.data), options)
        return Measured({_name("put", kind, ram): options.size / KIB / taken_s})

    return measure


def get(kind: str, *, ram: bool = False) -> Measure:
    """Read a file that is there; in a RAM disk, which does not outlive a reset, it is put there first."""

    def measure(tool: str, port: str, options: Options) -> Measured:
        wanted = material(kind, options.size, ram=ram)
        with closing(kind_of(tool)(port)) as board:
            if ram:
                board.listen(programs.RAM_DISK, lambda _: None)
                board.put(wanted.path, wanted.data)
            board.put(WARM, bytes(KIB))
            board.get(WARM)
            came: list[bytes] = []
            taken_s = _median_s(lambda: came.append(board.get(wanted.path)), options)
        wrong = [data for data in came if data != wanted.data]
        told = f"{len(wrong[0])} bytes came, and not the right ones" if wrong else ""
        return Measured({_name("get", kind, ram): options.size / KIB / taken_s}, told)

    return measure


def flash(tool: str, port: str, options: Options) -> Measured:
    """The board alone, writing and reading a file of its flash: no tool can copy faster than that."""
    printed: list[bytes] = []
    with closing(kind_of(tool)(port)) as board:
        board.listen(programs.flash(options.size), printed.append)
    rates = [float(word) for word in b"".join(printed).split()]
    return Measured({"flash_write": rates[0], "flash_read": rates[1]})


def line(tool: str, port: str, options: Options) -> Measured:
    """What the line lets through each way, when nothing but bytes is on it."""
    size = round(options.seconds * LINE_BYTES_S / KIB) * KIB
    with closing(Minimal(port)) as board:
        start_s = time.perf_counter()
        got = len(board.run(programs.LINE_OUT.format(count=size // KIB, line="x" * KIB)))
        out_s = time.perf_counter() - start_s
        start_s = time.perf_counter()
        board.feed(programs.LINE_IN.format(size=size), b"x" * size)
        in_s = time.perf_counter() - start_s
    wrong = "" if got == size else f"{got} bytes came, {size} were sent"
    return Measured({"line_out": size / KIB / out_s, "line_in": size / KIB / in_s}, wrong)


def _median_s(call: Callable[[], object], options: Options) -> float:
    """How long ``call`` takes: the median of a few, as the first one finds caches cold and cores asleep."""
    taken_s: list[float] = []
    while len(taken_s) < options.repeats and sum(taken_s) < options.enough_s:
        start_s = time.perf_counter()
        call()
        taken_s.append(time.perf_counter() - start_s)
    return statistics.median(taken_s)


def _name(verb: str, kind: str, ram: bool) -> str:
    return f"{verb}_{kind}_ram" if ram else f"{verb}_{kind}"


def stream_printed(tool: str, port: str, options: Options) -> Measured:
    """The board prints ``t v``; tuples here."""
    samples: list[tuple[int, float]] = []

    def parse(line: bytes) -> None:
        t, v = line.split()
        samples.append((int(t), float(v)))

    lines = Lines(parse)
    with closing(kind_of(tool)(port)) as board:
        start_s = time.perf_counter()
        board.listen(Spec(options.seconds).printed(), lines.take)
        taken_s = time.perf_counter() - start_s
    return Measured({"stream_printed": len(samples) / taken_s}, wrong_samples(samples, lines.count))


def stream_packed(tool: str, port: str, options: Options) -> Measured:
    """The board sends blocks of packed samples; bytes here that ``struct`` or numpy read."""
    blocks: list[bytes] = []
    with closing(kind_of(tool)(port)) as board:
        board.blocks(Spec(_WARM_S), lambda _: None)
        start_s = time.perf_counter()
        sent = board.blocks(Spec(options.seconds), blocks.append)
        taken_s = time.perf_counter() - start_s
    samples = unpacked(blocks)
    return Measured({"stream_packed": len(samples) / taken_s}, wrong_samples(samples, sent))


def stream_generator(tool: str, port: str, options: Options) -> Measured:
    """A generator runs on the board and is iterated over here; tuples here."""
    with closing(kind_of(tool)(port)) as board:
        for _ in board.items(Spec(_WARM_S)):
            pass
        start_s = time.perf_counter()
        samples = [(int(t), float(v)) for t, v in board.items(Spec(options.seconds))]
        taken_s = time.perf_counter() - start_s
    return Measured({"stream_generator": len(samples) / taken_s}, wrong_samples(samples, len(samples)))


def cpu(tool: str, port: str, options: Options) -> Measured:
    """What a stream at a fixed rate costs this process, all of its threads, of one core."""
    blocks: list[bytes] = []
    with closing(kind_of(tool)(port)) as board:
        start_s, used_s = time.perf_counter(), time.process_time()
        sent = board.blocks(Spec(options.seconds, options.rate_hz), blocks.append)
        used_s, taken_s = time.process_time() - used_s, time.perf_counter() - start_s
    samples = unpacked(blocks)
    figures = {"cpu": 100 * used_s / taken_s, "cpu_rate": len(samples) / taken_s}
    return Measured(figures, wrong_samples(samples, sent))


MEASURES: Mapping[str, Measure] = {
    "connect": connect,
    "eval": evaluate,
    "put_random": put("random"),
    "get_random": get("random"),
    "put_source": put("source"),
    "get_source": get("source"),
    "put_random_ram": put("random", ram=True),
    "get_random_ram": get("random", ram=True),
    "flash": flash,
    "line": line,
    "stream_printed": stream_printed,
    "stream_packed": stream_packed,
    "stream_generator": stream_generator,
    "cpu": cpu,
}
