"""What is run: which measurement, of which tools, on which board."""

from __future__ import annotations

from dataclasses import dataclass

ALL = ("iotlab", "mpremote", "belay", "mpytool", "minimal")
COPYING = (*ALL, "mpremote_cp", "belay_sync")
KERNELS = ("iotlab_kernel", "jupyter_micropython_kernel", "micropython_magic", "echo_kernel")


@dataclass(frozen=True)
class Case:
    """``slow``: on the board whose line has 115200 baud; its figures are called ``slow_...``."""

    name: str
    measure: str
    tools: tuple[str, ...] = ALL
    slow: bool = False
    kernels: bool = False

    @property
    def puts(self) -> str:
        """The kind of material that is on the board afterwards, if it is one that can be looked at."""
        return self._material("put_")

    @property
    def gets(self) -> str:
        """The kind of material that has to be on the board before."""
        return "" if self.measure.endswith("_ram") else self._material("get_")

    @property
    def ram(self) -> bool:
        return self.measure.endswith("_ram")

    def _material(self, verb: str) -> str:
        return self.measure.removeprefix(verb).removesuffix("_ram") if self.measure.startswith(verb) else ""


IMPORT = Case("import", "import", ALL[:-1])
CASES = (
    IMPORT,
    Case("connect", "connect"),
    Case("eval", "eval"),
    Case("put_random", "put_random", COPYING),
    Case("get_random", "get_random", COPYING),
    Case("put_source", "put_source", COPYING),
    Case("get_source", "get_source", COPYING),
    Case("put_random_ram", "put_random_ram"),
    Case("get_random_ram", "get_random_ram"),
    Case("flash", "flash", ("minimal",)),
    Case("slow_line", "line", ("minimal",), slow=True),
    Case("stream_printed", "stream_printed"),
    Case("stream_packed", "stream_packed"),
    Case("stream_generator", "stream_generator", ("iotlab", "belay")),
    Case("cpu", "cpu"),
    Case("kernel", "kernel", KERNELS, kernels=True),
    Case("slow_put_random", "put_random", slow=True),
    Case("slow_get_random", "get_random", slow=True),
    Case("slow_put_source", "put_source", slow=True),
    Case("slow_get_source", "get_source", slow=True),
    Case("slow_stream_printed", "stream_printed", slow=True),
    Case("slow_stream_packed", "stream_packed", slow=True),
    Case("slow_stream_generator", "stream_generator", ("iotlab", "belay"), slow=True),
    Case("slow_kernel", "kernel", KERNELS[:-1], slow=True, kernels=True),
)


def chosen(names: str) -> list[Case]:
    """The cases whose names begin with one of ``names`` (commas between); all of them without."""
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if not any(case.name.startswith(name) for case in CASES):
            raise ValueError(f"there is no case {name!r}; there are {', '.join(case.name for case in CASES)}")
    return [case for case in CASES if not wanted or any(case.name.startswith(name) for name in wanted)]
