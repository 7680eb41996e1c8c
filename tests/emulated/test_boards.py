"""Every virtual board passes the contract of a board, and its bus that of a bus."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import iotlab
from iotlab.board import Board
from iotlab.bus.i2c import I2CBus
from iotlab.errors import ConfigError, ConnectError, InUseError, NackError, NotFoundError, RemoteError
from iotlab.sim import Bench
from iotlab.testing.boards import BoardContract


class TestVirtualEsp32(BoardContract):
    @pytest.fixture
    def board(self, bench: Bench) -> Iterator[Board]:
        with iotlab.connect("esp32") as board:
            yield board


class TestVirtualPico(BoardContract):
    @pytest.fixture
    def board(self, bench: Bench) -> Iterator[Board]:
        with iotlab.connect("pico") as board:
            yield board


@pytest.fixture
def esp32(bench: Bench) -> Iterator[Board]:
    with iotlab.connect("esp32") as board:
        yield board


@pytest.fixture
def bus(esp32: Board) -> I2CBus:
    return esp32.i2c(0)


def test_the_boards_of_the_bench_are_listed(bench: Bench) -> None:
    found = iotlab.boards()
    assert [(e.name, e.virtual, e.firmware) for e in found] == [
        ("esp32", True, "MicroPython"),
        ("pico", True, "MicroPython"),
    ]
    assert "virtual esp32" in repr(found)
    assert "<table" in found._repr_html_()


def test_two_boards_and_no_name(bench: Bench) -> None:
    with pytest.raises(ConfigError, match=r"2 boards are in reach \(esp32, pico\): say which"):
        iotlab.connect()


def test_a_name_that_nobody_has(bench: Bench) -> None:
    with pytest.raises(NotFoundError, match=r"no board 'esp23'; in reach: esp32, pico"):
        iotlab.connect("esp23")


def test_no_board_at_all(lab_environment: dict[str, str]) -> None:
    from iotlab.config import Settings

    with pytest.raises(NotFoundError, match="iotlab bench up"):
        iotlab.connect(settings=Settings.load(bench="none", runtime_dir=lab_environment["IOTLAB_STATE_DIR"]))


def test_a_board_that_is_held(esp32: Board) -> None:
    code = "import iotlab; iotlab.connect('esp32')"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert f"InUseError: {esp32.info.port} is held by " in ran.stderr
    assert f"({os.getpid()}): close it there first" in ran.stderr


def test_a_board_that_is_held_here(esp32: Board) -> None:
    with pytest.raises(InUseError, match="open in this program already"):
        iotlab.connect("esp32")


def test_a_board_in_its_bootloader_and_back(esp32: Board) -> None:
    esp32.reset("bootloader")
    assert esp32.info.state == "bootloader"
    with pytest.raises(ConnectError, match=r"flash it with board\.flash"):
        esp32.exec("print(1)")
    esp32.reset("hard")
    assert esp32.eval("6 * 7") == 42


def test_a_full_file_system_says_so(esp32: Board) -> None:
    esp32.files.write("/kept", b"kept")
    with pytest.raises(RemoteError, match="no space is left"):
        esp32.files.write("/kept", bytes(3 << 20))
    assert esp32.files.read("/kept") == b"kept"
    assert [e.path for e in esp32.files.ls() if e.path.endswith(".part")] == []
    esp32.files.remove("/kept")


def test_a_folder_is_no_port(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no board"):
        iotlab.connect(str(tmp_path))


def test_the_bus_finds_its_chips(bus: I2CBus) -> None:
    assert bus.scan() == [0x3C, 0x77]
    assert bus.read_register(0x77, 0xD0) == b"\x60"


def test_nobody_at_an_address(bus: I2CBus) -> None:
    with pytest.raises(NackError, match="0x42") as caught:
        bus.read(0x42, 1)
    assert caught.value.address == 0x42


@pytest.mark.parametrize("address", [-1, 0x80, 0x177])
def test_an_address_out_of_range(bus: I2CBus, address: int) -> None:
    with pytest.raises(ValueError, match="7 bits"):
        bus.read(address, 1)


def test_a_chip_that_is_pulled_out(bench: Bench, bus: I2CBus) -> None:
    chip = bench["esp32"].chip("bme280")
    chip.unplug()
    try:
        assert bus.scan() == [0x3C]
        with pytest.raises(NackError):
            bus.read_register(0x77, 0xD0)
    finally:
        chip.plug()
    assert bus.read_register(0x77, 0xD0) == b"\x60"


def test_an_led_a_button_and_a_knob(bench: Bench, esp32: Board) -> None:
    board = bench["esp32"]
    led = esp32.pin(2)
    led.on()
    assert board.chip("led").on is True
    led.toggle()
    assert board.chip("led").on is False
    button = esp32.pin(4, mode="in", pull="up")
    assert button.value is True
    board.chip("button").press()
    assert button.value is False
    board.chip("button").release()
    board.chip("potentiometer").turn(0.25)
    assert esp32.adc(34).read_u16() == pytest.approx(0.25 * 65535, abs=65)
    pwm = esp32.pwm(2)
    pwm.set(freq_hz=1000, duty_u16=32768)
    assert board.chip("led").brightness == pytest.approx(0.5, abs=0.01)
    pwm.stop()


def test_unplugged_and_plugged_in_again(bench: Bench) -> None:
    with iotlab.connect("esp32") as board:
        bench["esp32"].unplug_cable()
        with pytest.raises(OSError, match="went away"):
            board.exec("print(1)")
    bench["esp32"].plug_cable()
    with iotlab.connect("esp32") as board:
        assert board.eval("6 * 7") == 42


def test_a_blank_board_connects(bench: Bench) -> None:
    steered = bench["esp32"]
    steered.power_off()
    kept = steered.flash_read(0x1000, 4096)
    steered.flash_erase(0x1000, 4096)
    steered.power_on()
    try:
        with iotlab.connect("esp32") as board:
            assert board.info.state == "empty"
            with pytest.raises(ConnectError, match=r"flash it with board\.flash"):
                board.exec("print(1)")
    finally:
        steered.power_off()
        steered.flash_write(0x1000, kept)
        steered.power_on()
    with iotlab.connect("esp32") as board:
        assert board.info.state == "micropython"
