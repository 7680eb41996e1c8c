"""What runs on the board: MicroPython, the same text for every tool.

A sample is ``(t, v)`` with t = 0, 1, 2, ... and v = t / 2, which a 32-bit float holds exactly up to 2**24; packed
it is ``<If``, 8 bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

FORMAT = "<If"
SAMPLE = struct.calcsize(FORMAT)
#: Samples in a packed block.
BLOCK = 64

_PRINTED = """
import time
def run(ms):
    n = 0
    end = time.ticks_add(time.ticks_ms(), ms)
    while time.ticks_diff(end, time.ticks_ms()) > 0:
        for _ in range(64):
            print(n, n * 0.5)
            n += 1
    print("end", n)
run({ms})
"""

_PACKED = """
import binascii, struct, sys, time
def run(ms, gap_us):
    n = 0
    pack, encode, write = struct.pack_into, binascii.b2a_base64, sys.stdout.buffer.write
    block, places = bytearray({size}), range(0, {size}, 8)
    end = time.ticks_add(time.ticks_ms(), ms)
    due = time.ticks_us()
    while time.ticks_diff(end, time.ticks_ms()) > 0:
        for place in places:
            pack("<If", block, place, n, n * 0.5)
            n += 1
        if gap_us:
            due = time.ticks_add(due, gap_us)
            left = time.ticks_diff(due, time.ticks_us())
            if left > 0:
                time.sleep_us(left)
        write(encode(block))
    print("end", n)
run({ms}, {gap_us})
"""

#: A disk in the board's memory, as MicroPython's reference has one ("Working with filesystems", "RAM block
#: device"): where copying is measured without the speed of the flash.
RAM_DISK = """
import os
class RamDisk:
    def __init__(self):
        self.data = bytearray(512 * 320)
    def readblocks(self, number, buffer, offset=0):
        start = number * 512 + offset
        buffer[:] = memoryview(self.data)[start : start + len(buffer)]
    def writeblocks(self, number, buffer, offset=0):
        start = number * 512 + offset
        self.data[start : start + len(buffer)] = buffer
    def ioctl(self, operation, argument):
        return {4: 320, 5: 512, 6: 0}.get(operation)
disk = RamDisk()
os.VfsLfs2.mkfs(disk)
os.mount(os.VfsLfs2(disk), "/ram")
"""

_FLASH = """
import time
def run(size):
    data = bytes(range(256)) * 16
    start = time.ticks_us()
    with open("/flash.bin", "wb") as f:
        for _ in range(size // 4096):
            f.write(data)
    print(size / 1024 * 1e6 / time.ticks_diff(time.ticks_us(), start))
    start = time.ticks_us()
    with open("/flash.bin", "rb") as f:
        while f.read(4096):
            pass
    print(size / 1024 * 1e6 / time.ticks_diff(time.ticks_us(), start))
run({size})
"""


def flash(size: int) -> str:
    """A program that writes and reads a file by itself, and prints both rates in KiB/s."""
    return _FLASH.format(size=size)


#: Bytes that go one way only, without a word about them.
LINE_OUT = "import sys\nfor _ in range({count}): sys.stdout.write('{line}')"
LINE_IN = "import sys\nleft = {size}\nwhile left: left -= len(sys.stdin.buffer.read(min(left, 512)))"


@dataclass(frozen=True)
class Spec:
    """A stream of ``seconds``; ``rate_hz`` 0 is as fast as it goes."""

    seconds: float
    rate_hz: int = 0

    @property
    def ms(self) -> int:
        return round(self.seconds * 1000)

    @property
    def gap_us(self) -> int:
        return BLOCK * 1_000_000 // self.rate_hz if self.rate_hz else 0

    def printed(self) -> str:
        """The program that prints each sample as a line."""
        return _PRINTED.format(ms=self.ms)

    def packed(self) -> str:
        """The program that packs samples into blocks and prints those in base64."""
        return _PACKED.format(ms=self.ms, gap_us=self.gap_us, size=BLOCK * SAMPLE)


def wrong_samples(samples: Sequence[tuple[int, float]], sent: int) -> str:
    """What is wrong with the samples that came: one is missing, changed or out of order. Empty: nothing is."""
    if len(samples) != sent:
        return f"{len(samples)} samples came, {sent} were sent"
    for number, sample in enumerate(samples):
        if sample != (number, number * 0.5):
            return f"sample {number} came as {sample}"
    return ""


def unpacked(blocks: Sequence[bytes]) -> list[tuple[int, float]]:
    """The samples in packed blocks."""
    return list(struct.iter_unpack(FORMAT, b"".join(blocks)))
