"""An emulated Pico as it stands on the bench, spoken to at its prompt: what the firmware sees of its board."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from waiting import PATIENCE_S, wait_for

from iotlab.errors import DisconnectedError, NotFoundError
from iotlab.link.serial import SerialLink
from iotlab.sim import Bench
from iotlab.sim.client import BenchBoard

GREETING = b"raw REPL; CTRL-B to exit\r\n>"


class Prompt:
    """The raw REPL of the board, which is slow: each answer is waited for."""

    def __init__(self, board: BenchBoard) -> None:
        self.link = wait_for(lambda: opened(board))
        self.link.write(b"\r\x03\x03\r\x01")
        self.until(GREETING)

    def until(self, mark: bytes) -> bytes:
        return self.link.read_until(mark, timeout_s=PATIENCE_S, max_size=1 << 20)

    def start(self, code: str) -> None:
        self.link.write(code.encode() + b"\x04")
        self.until(b"OK")

    def run(self, code: str) -> str:
        """What ``code`` prints; it must not raise."""
        self.start(code)
        output, _, error = self.until(b"\x04>").removesuffix(b"\x04>").partition(b"\x04")
        assert not error, error.decode()
        return output.decode().replace("\r\n", "\n").removesuffix("\n")


def opened(board: BenchBoard) -> SerialLink | None:
    try:
        return SerialLink(board.port)
    except (NotFoundError, DisconnectedError):
        return None


@pytest.fixture
def pico(bench: Bench) -> Iterator[BenchBoard]:
    board = bench["pico"]
    yield board
    board.power_off()
    board.power_on()


@pytest.fixture
def prompt(pico: BenchBoard) -> Iterator[Prompt]:
    prompt = Prompt(pico)
    yield prompt
    prompt.link.close()


def test_it_is_the_genuine_firmware(pico: BenchBoard, prompt: Prompt) -> None:
    told = prompt.run("import os, machine; print(os.uname().machine, machine.unique_id().hex())")
    assert told == f"Raspberry Pi Pico with RP2040 {pico.status()['unique_id']}"
    assert prompt.run("print(hasattr(os, 'dupterm'))") == "True"


def test_its_timer_keeps_the_walls_time(prompt: Prompt) -> None:
    prompt.run("import time; start = time.ticks_ms()")
    before = time.monotonic()
    prompt.run("time.sleep_ms(1500)")
    on_the_wall_ms = (time.monotonic() - before) * 1000
    on_the_chip_ms = int(prompt.run("print(time.ticks_diff(time.ticks_ms(), start))"))
    assert on_the_wall_ms >= 1500
    assert on_the_chip_ms >= on_the_wall_ms - 50


def test_chips_by_the_controller_and_by_toggling_pins(prompt: Prompt) -> None:
    prompt.run("from machine import I2C, SoftI2C, Pin")
    for make, text in (("I2C(0)", "hard"), ("SoftI2C(scl=Pin(5), sda=Pin(4))", "soft")):
        prompt.run(f"bus = {make}")
        assert prompt.run("print(bus.scan())") == "[87, 105]"
        assert prompt.run("print(bus.readfrom_mem(0x69, 0x75, 1))") == "b'h'"
        prompt.run(f"bus.writeto_mem(0x57, 0, b'{text}', addrsize=16); import time; time.sleep_ms(50)")
        assert prompt.run("print(bus.readfrom_mem(0x57, 0, 4, addrsize=16))") == f"b'{text}'"
    prompt.run("bus = I2C(0)")
    missing = "try:\n bus.writeto(0x42, b'x')\nexcept OSError as error: print(error.errno)"
    assert prompt.run(missing) == "5"


def test_a_chip_that_is_pulled_out(pico: BenchBoard, prompt: Prompt) -> None:
    prompt.run("from machine import I2C; bus = I2C(0)")
    pico.chip("mpu6050").unplug()
    try:
        assert prompt.run("print(bus.scan())") == "[87]"
    finally:
        pico.chip("mpu6050").plug()


def test_an_led_a_button_and_a_knob(pico: BenchBoard, prompt: Prompt) -> None:
    prompt.run("from machine import Pin, ADC; led = Pin(25, Pin.OUT); key = Pin(15, Pin.IN, Pin.PULL_UP)")
    prompt.run("led.on()")
    assert pico.chip("led").on
    prompt.run("led.off()")
    assert not pico.chip("led").on
    prompt.run("from machine import PWM; wave = PWM(Pin(25), freq=500, duty_u16=0x4000)")
    assert pico.chip("led").brightness == pytest.approx(0.25, abs=0.001)
    prompt.run("wave.duty_u16(0)")
    assert pico.chip("led").brightness == 0
    prompt.run("wave.duty_u16(0xffff)")
    assert pico.chip("led").brightness == pytest.approx(1, abs=0.001)
    assert prompt.run("print(key())") == "1"
    prompt.run("hits = []; key.irq(lambda pin: hits.append(1), Pin.IRQ_FALLING)")
    pico.chip("button").press()
    wait_for(lambda: prompt.run("print(key(), hits)"), lambda now: now == "0 [1]")
    pico.chip("button").release()
    told = int(prompt.run("print(ADC(26).read_u16())"))
    assert abs(told / 65535 - pico.chip("potentiometer").position) < 0.01


@pytest.mark.parametrize(("restart", "cause"), [("machine.reset()", 3), ("machine.WDT(timeout=100)", 3)])
def test_the_firmware_resets_its_chip(pico: BenchBoard, prompt: Prompt, restart: str, cause: int) -> None:
    prompt.run("f = open('kept', 'w'); f.write('still here'); f.close()")
    boots = pico.status()["boots"]
    prompt.link.write(f"import machine; {restart}\x04".encode())
    wait_for(lambda: pico.status()["boots"], lambda now: now == boots + 1)
    prompt.link.close()
    prompt.link = Prompt(pico).link
    assert (
        prompt.run("import machine; print(machine.reset_cause(), open('kept').read())")
        == f"{cause} still here"
    )


def test_its_port_goes_with_the_supply_and_comes_back(pico: BenchBoard, prompt: Prompt) -> None:
    pico.power_off()
    assert (pico.status()["state"], pico.status()["port"]) == ("off", "")
    assert opened(pico) is None
    pico.power_on()
    prompt.link.close()
    prompt.link = Prompt(pico).link
    assert prompt.run("import machine; print(machine.reset_cause())") == "1"


def test_its_cable_is_pulled(pico: BenchBoard, prompt: Prompt) -> None:
    prompt.run("kept = 41")
    pico.unplug_cable()
    assert opened(pico) is None
    pico.plug_cable()
    prompt.link.close()
    prompt.link = Prompt(pico).link
    assert prompt.run("print(kept + 1)") == "42"


def test_the_bootloader_and_a_uf2_file(pico: BenchBoard, prompt: Prompt, firmware: Path) -> None:
    prompt.run("f = open('kept', 'w'); f.write('still here'); f.close()")
    prompt.link.write(b"import machine; machine.bootloader()\x04")
    wait_for(lambda: pico.status()["state"], lambda now: now == "download")
    prompt.link.close()
    assert pico.drive
    shutil.copy(firmware, pico.drive)
    wait_for(lambda: pico.status()["port"])
    prompt.link = Prompt(pico).link
    assert prompt.run("print(open('kept').read())") == "still here"


def test_power_is_lost_while_a_file_is_written(pico: BenchBoard, prompt: Prompt) -> None:
    prompt.run("f = open('kept', 'w'); f.write('still here'); f.close()")
    pico.cut_power(2, torn=0.5)
    prompt.link.write(b"f = open('kept', 'w'); f.write('x' * 9000); f.close()\x04")
    wait_for(lambda: pico.status()["state"], lambda now: now == "off")
    prompt.link.close()
    pico.power_on()
    prompt.link = Prompt(pico).link
    assert prompt.run("print(open('kept').read())") == "still here"
