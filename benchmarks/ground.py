"""The virtual boards that everything is measured on: the same two for all tools, made the same before each."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.material import Material
from benchmarks.tools.minimal import Minimal
from iotlab.config import Settings
from iotlab.sim import Bench
from iotlab.sim.client import BenchBoard

LAYOUT = {"boards": {"fast": {"kind": "esp32"}, "slow": {"kind": "esp32", "baud": 115200}}}
_REMOVE = """
import os
for name, kind, *_ in os.ilistdir("/"):
    if kind == 0x8000 and name not in {kept!r}:
        os.remove("/" + name)
"""
# Written, not printed: a tool may have replaced print.
_DIGEST = """
import hashlib, sys
def digest(path):
    h = hashlib.sha256()
    with open(path, "rb") as f:
        while part := f.read(4096):
            h.update(part)
    return h.digest().hex()
try:
    sys.stdout.write(digest({path!r}))
except OSError:
    sys.stdout.write("missing")
"""
#: Until the port of a virtual board has seen that somebody came or left.
SEEN_S = 0.05


class Ground:
    """One board. Its port's name is a symbolic link, as mpremote has a short cut for PTYs under their own names."""

    def __init__(self, board: BenchBoard) -> None:
        self._board = board

    @property
    def port(self) -> str:
        return self._board.port

    def restart(self, *, keep: Material | None = None) -> None:
        """Reset the board and delete what was put there before; ``keep`` is there then."""
        kept = {Path(keep.path).name} if keep else set()
        with closing(Minimal(self.port, enter=False)) as client:
            time.sleep(SEEN_S)
            self._board.reset()
            client.until(b">>> ")
            client.enter()
            client.run(_REMOVE.format(kept=kept))
            if keep and _digest(client, keep.path) != keep.sha256:
                client.put(keep.path, keep.data)
            client.leave()
        time.sleep(SEEN_S)

    def holds(self, material: Material) -> bool:
        """Whether the file is on the board as it has to be, by a hash that is computed there."""
        with closing(Minimal(self.port)) as client:
            return _digest(client, material.path) == material.sha256


@contextmanager
def ground() -> Iterator[dict[str, Ground]]:
    """A bench of its own with the boards ``fast`` and ``slow``, seen by processes started meanwhile."""
    with TemporaryDirectory(prefix="iotlab-", dir="/tmp") as folder:  # short: it holds Unix sockets
        os.environ.update(IOTLAB_RUNTIME_DIR=f"{folder}/run", IOTLAB_STATE_DIR=f"{folder}/state")
        with Bench.start(LAYOUT, settings=Settings.load()) as bench:
            yield {name: Ground(bench[name]) for name in bench}


def _digest(client: Minimal, path: str) -> str:
    return client.run(_DIGEST.format(path=path)).decode("ascii", "replace")
