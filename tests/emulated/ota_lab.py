"""Applications to install in tests, and a board with empty files to install them on."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from iotlab.ota import Bundle, bundle
from iotlab.sim import Bench

#: Counts, prints the count, and lives for ever.
COUNTER = """
import time
count = 0
while True:
    count += 1
    print("{version} counts", count)
    time.sleep_ms(20)
"""
#: Where the files of an ESP32 with 4 MiB are: offset and size of the partition "vfs".
FILES = (0x20_0000, 0x20_0000)
CONFIRM = "import iotlab_slots\niotlab_slots.confirm()\n"


def packed(version: str, files: Mapping[str, str | bytes] | str, **options: Any) -> Bundle:
    """The application "app" of these files (a text is its main.py)."""
    content = {"main.py": files} if isinstance(files, str) else files
    with tempfile.TemporaryDirectory() as folder:
        for name, data in content.items():
            place = Path(folder, name)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data.encode() if isinstance(data, str) else data)
        return bundle(folder, name="app", version=version, **options)


def counter(version: str, *, confirms: bool = True, **options: Any) -> Bundle:
    """An application that counts for ever."""
    return packed(version, (CONFIRM if confirms else "") + COUNTER.format(version=version), **options)


@contextlib.contextmanager
def small_bench(kind: str = "esp32", name: str = "ota") -> Iterator[Bench]:
    """A bench with one board without parts."""
    with Bench.start({"boards": {kind: {"kind": kind}}}, name=name) as bench:
        yield bench


def wipe(bench: Bench) -> None:
    """The ESP32's files as on the first day."""
    board = bench["esp32"]
    board.power_off()
    board.keep_power()
    board.flash_erase(*FILES)
    board.power_on()
