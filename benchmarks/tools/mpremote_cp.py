"""What ``mpremote cp`` does: chunks of 256 bytes, the default of its transport."""

from __future__ import annotations

from benchmarks.tools.mpremote import Mpremote


class MpremoteCp(Mpremote):
    chunk_size = 256


TOOL = MpremoteCp
