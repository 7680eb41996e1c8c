"""The emulated ROM loader against what a hostile or broken host may send. Nothing makes it raise."""

from __future__ import annotations

import hashlib
import struct
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iotlab.sim.boards.esp32_rom import Esp32Rom
from iotlab.sim.boards.esp_loader import checksum
from iotlab.sim.boards.esp_slip import MAX_FRAME, SlipReader, slip
from iotlab.sim.flash import Flash

SIZE = 1 << 20
SYNC, READ_FLASH, MEM_BEGIN, MEM_END = 0x08, 0xD2, 0x05, 0x06
SYNC_DATA = b"\x07\x07\x12\x20" + 32 * b"\x55"
COMMANDS = [*range(0x02, 0x15), *range(0xD0, 0xD6)]
ADDRESSES = [0, 0x1000, 0xFFFFF, SIZE, 0x3FFB0000, 0x40080000, 0x7FFFFFFF, 0xFFFFFFFF]


@contextmanager
def make_rom(chip: str = "esp32") -> Iterator[Esp32Rom]:
    with tempfile.TemporaryDirectory() as folder:
        flash = Flash(Path(folder) / "flash.bin", SIZE)
        rom = Esp32Rom(flash, chip=chip)
        rom.boot(download=True, cause="power-on")
        yield rom
        flash.close()


def command(code: int, data: bytes = b"", check: int = 0) -> bytes:
    return slip(struct.pack("<BBHI", 0, code, len(data), check) + data)


def start_stub(rom: Esp32Rom) -> None:
    rom.feed(command(MEM_BEGIN, struct.pack("<IIII", 0x100, 1, 0x100, 0x40080000)))
    answer, _ = rom.feed(command(MEM_END, struct.pack("<II", 0, 0x40080010)))
    assert answer.endswith(slip(b"OHAI"))


def answers(rom: Esp32Rom, code: int, data: bytes = b"", check: int = 0) -> list[bytes]:
    return SlipReader().feed(rom.feed(command(code, data, check))[0])


words = st.lists(st.sampled_from(ADDRESSES) | st.integers(0, 0xFFFFFFFF), max_size=8)
bodies = st.builds(lambda w, tail: struct.pack(f"<{len(w)}I", *w) + tail, words, st.binary(max_size=64))
frames = st.builds(
    lambda code, body, right: command(code, body, checksum(body[16:]) if right else 0),
    st.sampled_from(COMMANDS),
    bodies,
    st.booleans(),
)


@settings(max_examples=150, deadline=None)
@given(
    stub=st.booleans(),
    chip=st.sampled_from(["esp32", "esp32c3"]),
    parts=st.lists(st.binary(max_size=80) | frames, max_size=25),
)
def test_nothing_from_the_port_makes_it_raise(stub: bool, chip: str, parts: list[bytes]) -> None:
    with make_rom(chip) as rom:
        if stub and chip == "esp32":
            start_stub(rom)
        for part in parts:
            answer, _ = rom.feed(part)
            assert len(answer) < 1 << 20
        rom.boot(download=True, cause="hard")
        assert len(answers(rom, SYNC, SYNC_DATA)) == 8


@given(st.binary(max_size=300), st.lists(st.integers(1, 50), max_size=20))
def test_frames_survive_any_cut(data: bytes, cuts: list[int]) -> None:
    stream = b"noise" + slip(data or b"\0") + slip(b"next")
    reader, got, at = SlipReader(), [], 0
    for size in [*cuts, len(stream)]:
        got += reader.feed(stream[at : at + size])
        at += size
    assert got == [data or b"\0", b"next"]


def test_a_frame_without_an_end_takes_no_memory() -> None:
    reader = SlipReader()
    reader.feed(b"\xc0")
    for _ in range(10):
        assert reader.feed(b"x" * MAX_FRAME) == []
    assert len(reader._buffer) <= MAX_FRAME + 1
    assert reader.feed(b"\xc0" + slip(b"good")) == [b"good"]


def test_a_zip_bomb_is_too_much_and_stops_there() -> None:
    with make_rom() as rom:
        start_stub(rom)
        bomb = zlib.compress(bytes(50_000_000), 9)[:0x3000]
        answers(rom, 0x10, struct.pack("<IIIII", 0x1000, 1, 0x4000, 0x2000, 0))
        head = struct.pack("<IIII", len(bomb), 0, 0, 0)
        status = answers(rom, 0x11, head + bomb, checksum(bomb))[0][8:]
        assert status == b"\xc9\x00"
        assert rom.flash.read(0x2000, 0x1000) == b"\xff" * 0x1000


def test_the_roms_errors_are_the_documented_ones() -> None:
    with make_rom() as rom:
        assert answers(rom, 0x77)[0][8:10] == b"\x01\x05"  # a command that there is not
        assert answers(rom, 0x14)[0][8:10] == b"\x01\x05"  # GET_SECURITY_INFO: not on an ESP32
        assert answers(rom, 0x03, bytes(20), check=1)[0][8:10] == b"\x01\x07"  # checksum
        assert answers(rom, 0x02, struct.pack("<IIII", 1, 1, 1024, SIZE))[0][8:10] == b"\x01\x06"
    with make_rom("esp32c3") as rom:
        assert struct.unpack_from("<I", answers(rom, 0x14)[0], 8 + 12)[0] == 5


def test_code_is_started_only_where_it_was_put() -> None:
    with make_rom() as rom:
        assert answers(rom, MEM_END, struct.pack("<II", 0, 0x40080010))[0][8:10] == b"\x01\x06"
        assert answers(rom, SYNC, SYNC_DATA)[0][4:8] != bytes(4)  # still the ROM
        start_stub(rom)
        assert answers(rom, SYNC, SYNC_DATA)[0][4:8] == bytes(4)  # the stub says 0


def test_writing_only_clears_bits_and_erases_by_sector() -> None:
    with make_rom() as rom:
        start_stub(rom)
        rom.flash.program(0x1000, b"\x0f" * 0x2000)
        assert answers(rom, 0x02, struct.pack("<IIIII", 0x10, 1, 0x4000, 0x1800, 0))[0][8] == 0
        block = b"\xa5" * 0x4000
        answers(rom, 0x03, struct.pack("<IIII", len(block), 0, 0, 0) + block, checksum(block))
        assert rom.flash.read(0x1000, 0x800) == b"\xff" * 0x800
        assert rom.flash.read(0x1800, 0x20) == b"\xa5" * 0x10 + b"\xff" * 0x10
        assert rom.flash.read(0x2000, 0x10) == b"\x0f" * 0x10


def test_a_read_waits_for_acknowledgements() -> None:
    with make_rom() as rom:
        start_stub(rom)
        content = bytes(range(256)) * 128
        rom.flash.program(0, content)
        got = answers(rom, READ_FLASH, struct.pack("<IIII", 0, len(content), 0x1000, 2))
        assert got[1:] == [content[:0x1000], content[0x1000:0x2000]]
        data = b"".join(got[1:])
        frames: list[bytes] = []
        while len(data) < len(content):
            frames = SlipReader().feed(rom.feed(slip(struct.pack("<I", len(data))))[0])
            data += b"".join(frame for frame in frames if len(frame) > 16)
        assert data == content
        last = SlipReader().feed(rom.feed(slip(struct.pack("<I", len(data))))[0])
        assert last == [hashlib.md5(content).digest()]


@pytest.mark.parametrize("ack", [b"\xff\xff\xff\xff", b"\x00", b"junk!"])
def test_a_wrong_acknowledgement_ends_the_read(ack: bytes) -> None:
    with make_rom() as rom:
        start_stub(rom)
        answers(rom, READ_FLASH, struct.pack("<IIII", 0, 0x8000, 0x1000, 2))
        assert rom.feed(slip(ack))[0] == b""
        assert len(answers(rom, SYNC, SYNC_DATA)) == 8
