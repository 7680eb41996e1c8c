"""The serial port of a virtual board behaves as a UART: cooked text, back-pressure, a speed, loss without a host."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from raw_port import RawPort, wait_for

from iotlab.config import Settings
from iotlab.link.serial import SerialLink
from iotlab.sim import Bench

PROMPT = b">>> "


@pytest.fixture
def port(bench: Bench) -> Iterator[RawPort]:
    with RawPort(bench["esp32"]) as talk:
        talk.enter()
        yield talk


def test_lone_newlines_become_carriage_return_and_newline(port: RawPort) -> None:
    port.start(r"import sys; print('a'); sys.stdout.write('b\nc\r\nd\n\ne\rf\r'); sys.stdout.write('\ng')")
    assert port.finish()[0] == "a\r\nb\r\nc\r\nd\r\n\r\ne\rf\r\ng"


def test_a_host_that_is_slow_to_read_loses_nothing(port: RawPort) -> None:
    """200,000 bytes, a hundred times what the pipes and buffers on the way hold, read after a pause."""
    port.start("for i in range(20000): print('%09d' % i)")
    time.sleep(0.3)
    output, error = port.finish()
    assert not error
    assert output.split("\r\n") == [f"{i:09d}" for i in range(20000)] + [""]


def test_a_host_that_writes_much_loses_nothing(port: RawPort) -> None:
    port.start(
        "import sys\nprint('on')\ngot = b''\nwhile len(got) < 100000: got += sys.stdin.buffer.read(1000)"
    )
    port.until(b"on\r\n")
    data = bytes(range(32, 127)) * 1100
    port.link.write(data[:100000])
    assert port.finish() == ("", "")
    assert port.run("import hashlib; print(hashlib.sha256(got).digest().hex())") == sha256(data[:100000])


def sha256(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


def test_what_nobody_reads_is_lost(bench: Bench, port: RawPort) -> None:
    port.run("import time")
    port.link.write(b"time.sleep_ms(300); print('lost')\x04")
    port.close()
    time.sleep(0.6)
    port.link = SerialLink(bench["esp32"].port)
    port.link.write(b"print('seen')\x04")
    assert port.until(b"\x04\x04>") == b"OKseen\r\n\x04\x04>"


def test_a_baud_rate_limits_both_ways(short_path: Path, lab_environment: dict[str, str]) -> None:
    """At 115200 baud a byte takes 10 bits: 11,520 bytes a second."""
    settings = Settings.load(runtime_dir=short_path / "run", state_dir=short_path / "state")
    layout = {"boards": {"esp32": {"baud": 115200}}}
    with Bench.start(layout, settings=settings) as bench, RawPort(bench["esp32"]) as port:
        port.enter()
        start_s = time.monotonic()
        port.run("print('x' * 11520)")
        assert 1.0 <= time.monotonic() - start_s < 3.0
        port.start("import sys\nprint('on')\nleft = 11520\nwhile left: left -= len(sys.stdin.buffer.read(1))")
        port.until(b"on\r\n")
        start_s = time.monotonic()
        port.link.write(b"y" * 11520)
        assert port.finish() == ("", "")
        assert 1.0 <= time.monotonic() - start_s < 3.0


def test_the_pico_shows_its_drive_instead_of_its_port(bench: Bench) -> None:
    pico = bench["pico"]
    assert pico.drive is not None
    pico.hold_boot()
    pico.reset()
    assert pico.status()["state"] == "download"
    assert not Path(pico.port).exists()
    assert (pico.drive / "INFO_UF2.TXT").read_text().startswith("UF2 Bootloader")
    pico.hold_boot(False)
    pico.reset()
    with RawPort(pico) as port:
        port.enter()
        assert port.run("print(6 * 7)") == "42"
    assert not pico.drive.exists()


def test_the_pico_goes_to_its_drive_when_told(bench: Bench) -> None:
    pico = bench["pico"]
    with RawPort(pico) as port:
        port.enter()
        port.link.write(b"import machine; machine.bootloader()\x04")
        wait_for(lambda: pico.status()["state"], lambda state: state == "download")
    pico.reset()
    wait_for(lambda: Path(pico.port).exists())
