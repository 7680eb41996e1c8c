"""The machine module of a virtual board, seen from both of its ends: the program and the bench."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from raw_port import RawPort, wait_for

from iotlab.config import Settings
from iotlab.sim import Bench
from iotlab.sim.client import BenchBoard


@pytest.fixture(scope="module")
def esp32(bench: Bench) -> BenchBoard:
    return bench["esp32"]


@pytest.fixture(params=["esp32", "pico"])
def either(request: pytest.FixtureRequest, bench: Bench) -> Iterator[RawPort]:
    with RawPort(bench[request.param]) as talk:
        talk.enter()
        yield talk


@pytest.fixture
def port(esp32: BenchBoard) -> Iterator[RawPort]:
    with RawPort(esp32) as talk:
        talk.enter()
        talk.link.write(b"\x04")
        talk.until(b"raw REPL; CTRL-B to exit\r\n>")
        talk.run("from machine import *\nimport time")
        yield talk


@pytest.fixture
def pico(bench: Bench) -> Iterator[RawPort]:
    with RawPort(bench["pico"]) as talk:
        talk.enter()
        talk.run("from machine import *")
        yield talk


# -- what it is -------------------------------------------------------------------------------


def test_it_says_plainly_what_it_is(either: RawPort) -> None:
    told = either.run(
        "import os, sys; print(os.uname().machine); print(sys.implementation.name, sys.platform)"
    )
    assert told.startswith("Virtual ")
    assert told.endswith("micropython linux")
    sysname = either.run("print(os.uname().sysname)")
    assert sysname == {"esp32": "esp32", "pico": "rp2"}[either.board.kind]


def test_the_unique_id_is_the_one_of_the_chip(either: RawPort) -> None:
    told = either.run("import machine; print(machine.unique_id().hex())")
    assert told == either.board.status()["unique_id"]


def test_nothing_of_the_host_is_in_reach(either: RawPort) -> None:
    """It is no sandbox, but what a program does by accident stays on the board."""
    told = either.run("import os, sys\nprint(sys.path, sys.argv, os.getcwd(), 'etc' in os.listdir('/'))")
    assert told == "['', '.frozen', '/lib'] [] / False"
    assert (
        either.run("print([name for name in ('system', 'getenv', 'VfsPosix') if hasattr(os, name)])") == "[]"
    )
    either.start("open('/etc/passwd')")
    assert "OSError: [Errno 2] ENOENT" in either.finish()[1]
    either.start("from machine import mem32; mem32[0x3ff44000] = 1")
    assert "RuntimeError: a virtual board has no registers at 0x3ff44000" in either.finish()[1]


def test_the_file_system_is_a_littlefs_of_the_chips_size(either: RawPort) -> None:
    blocks = {"esp32": 0x200000 // 4096, "pico": 1408 * 1024 // 4096}[either.board.kind]
    assert either.run("import os; stat = os.statvfs('/'); print(stat[0], stat[2])") == f"4096 {blocks}"


def test_a_large_file_comes_back_whole(either: RawPort) -> None:
    either.run("data = bytes(range(256)) * 600\nwith open('/big', 'wb') as file: file.write(data)")
    assert either.run("print(open('/big', 'rb').read() == data); import os; os.remove('/big')") == "True"


# -- pins -------------------------------------------------------------------------------------


def test_an_led_follows_its_pin(port: RawPort, esp32: BenchBoard) -> None:
    led = esp32.chip("led")
    port.run("led = Pin(2, Pin.OUT); led.on()")
    assert led.on is True
    assert port.run("led.toggle(); print(led.value(), led())") == "0 0"
    assert led.on is False
    port.run("led.value(1)")
    esp32.reset()
    wait_for(lambda: led.on, lambda on: on is False)


def test_a_signal_may_be_inverted(port: RawPort, esp32: BenchBoard) -> None:
    port.run("lamp = Signal(2, Pin.OUT, invert=True); lamp.on()")
    assert esp32.chip("led").on is False
    assert port.run("lamp.off(); print(lamp.value(), Pin(2).value(), Signal(Pin(2)).value())") == "0 1 1"
    assert esp32.chip("led").on is True


def test_an_led_to_the_supply_is_dark_until_the_pin_is_driven(
    short_path: Path, lab_environment: object
) -> None:
    settings = Settings.load(runtime_dir=short_path / "run", state_dir=short_path / "state")
    layout = {"boards": {"esp32": {"parts": {"led": {"pin": 2, "active_low": True}}}}}
    with Bench.start(layout, settings=settings) as bench, RawPort(bench["esp32"]) as talk:
        talk.enter()
        assert bench["esp32"].chip("led").on is False
        talk.run("from machine import Pin; led = Pin(2, Pin.OUT, value=0)")
        assert bench["esp32"].chip("led").on is True
        talk.run("led.init(Pin.IN)")
        assert bench["esp32"].chip("led").on is False


def test_a_button_is_read_with_the_pull_up(port: RawPort, esp32: BenchBoard) -> None:
    button = esp32.chip("button")
    assert port.run("button = Pin(4, Pin.IN, Pin.PULL_UP); print(button.value())") == "1"
    button.press()
    assert port.run("print(button.value())") == "0"
    button.release()
    assert port.run("print(button.value())") == "1"
    assert port.run("print(Pin(4, Pin.IN, Pin.PULL_DOWN).value())") == "0"


WATCH = """
seen = []
button = Pin(4, Pin.IN, Pin.PULL_UP)
button.irq(lambda pin: seen.append(pin.value()), Pin.IRQ_FALLING | Pin.IRQ_RISING)
def wait(count, meanwhile):
    end = time.ticks_add(time.ticks_ms(), 10000)
    while len(seen) < count and time.ticks_diff(end, time.ticks_ms()) > 0:
        meanwhile()
    print(seen)
"""


@pytest.mark.parametrize("meanwhile", ["lambda: None", "lambda: time.sleep(10)", "lambda: I2C(0).scan()"])
def test_an_interrupt_of_a_pin_comes_whatever_the_program_does(
    port: RawPort, esp32: BenchBoard, meanwhile: str
) -> None:
    port.run(WATCH)
    port.start(f"wait(1, {meanwhile})")
    esp32.chip("button").press()
    assert port.finish() == ("[0]\r\n", "")
    port.start(f"wait(2, {meanwhile})")
    esp32.chip("button").release()
    assert port.finish() == ("[0, 1]\r\n", "")


def test_an_interrupt_of_a_pin_comes_at_the_prompt(port: RawPort, esp32: BenchBoard) -> None:
    port.run(
        "led = Pin(2, Pin.OUT, value=0)\nPin(4, Pin.IN, Pin.PULL_UP).irq(lambda pin: led.on(), Pin.IRQ_FALLING)"
    )
    esp32.chip("button").press()
    wait_for(lambda: esp32.chip("led").on)
    esp32.chip("button").release()


def test_only_the_edges_asked_for(port: RawPort, esp32: BenchBoard) -> None:
    port.run(WATCH + "button.irq(lambda pin: seen.append('fell'), Pin.IRQ_FALLING)")
    for _ in range(3):
        esp32.chip("button").press()
        esp32.chip("button").release()
    port.start("wait(3, lambda: None)")
    assert port.finish()[0] == "['fell', 'fell', 'fell']\r\n"
    port.run("button.irq(None)")
    esp32.chip("button").press()
    esp32.chip("button").release()
    assert port.run("time.sleep_ms(50); print(len(seen))") == "3"


def test_callbacks_wait_while_interrupts_are_off(port: RawPort, esp32: BenchBoard) -> None:
    port.run(WATCH + "state = disable_irq()")
    esp32.chip("button").press()
    assert port.run("time.sleep_ms(50); print(seen)") == "[]"
    assert port.run("enable_irq(state); print(seen)") == "[0]"
    esp32.chip("button").release()


def test_what_a_callback_raises_is_printed_and_the_program_goes_on(port: RawPort, esp32: BenchBoard) -> None:
    port.run("button = Pin(4, Pin.IN, Pin.PULL_UP)\nbutton.irq(lambda pin: 1 / 0, Pin.IRQ_FALLING)")
    port.start("time.sleep_ms(300); print('on')")
    esp32.chip("button").press()
    output, error = port.finish()
    assert "ZeroDivisionError" in output
    assert output.endswith("on\r\n")
    assert not error
    esp32.chip("button").release()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("Pin(99)", "ValueError: invalid pin"),
        ("Pin(6)", "ValueError: invalid pin"),
        ("Pin(34, Pin.OUT)", "ValueError: pin 34 of ESP32 is an input only"),
        ("ADC(5)", "ValueError: ESP32 has no ADC on 5; it has 0, 2, 4"),
        ("I2C(7)", "ValueError: I2C(7) doesn't exist"),
        ("PWM(Pin(2), freq=-1)", "ValueError: freq must be above 0"),
    ],
)
def test_what_the_board_does_not_have(port: RawPort, code: str, message: str) -> None:
    port.start(code)
    assert message in port.finish()[1]


# -- analogue ---------------------------------------------------------------------------------


def test_the_knob_is_read_by_the_adc(port: RawPort, esp32: BenchBoard) -> None:
    port.run("knob = ADC(Pin(34))")
    for position, u16 in ((0.0, 0), (0.25, 16384), (1.0, 65535)):
        esp32.chip("potentiometer").turn(position)
        assert port.run("print(knob.read_u16(), knob.read(), knob.read_uv())") == (
            f"{u16} {u16 >> 4} {u16 * 3300000 // 65535}"
        )


def test_pwm_dims_the_led(port: RawPort, esp32: BenchBoard) -> None:
    port.run("pwm = PWM(Pin(2), freq=1000, duty_u16=16384)")
    assert esp32.chip("led").brightness == pytest.approx(0.25, abs=1e-3)
    assert port.run("pwm.duty(1023); print(pwm.duty_u16(), pwm.freq())") == "65535 1000"
    assert esp32.chip("led").brightness == 1.0
    port.run("pwm.deinit()")
    assert esp32.chip("led").on is False


# -- I2C --------------------------------------------------------------------------------------


def test_the_usual_bus_of_each_board(port: RawPort, pico: RawPort) -> None:
    assert port.run("print(I2C(0).scan(), I2C(0))") == "[60, 119] I2C(0, scl=18, sda=19, freq=400000)"
    assert pico.run("print(I2C(0).scan(), I2C(0))") == "[87, 104, 105] I2C(0, scl=5, sda=4, freq=400000)"
    assert port.run("print(SoftI2C(scl=Pin(18), sda=Pin(19)).scan())") == "[60, 119]"


def test_chips_are_on_their_pins_and_nowhere_else(port: RawPort) -> None:
    assert port.run("print(I2C(1).scan(), I2C(0, scl=19, sda=18).scan())") == "[] []"


def test_every_way_to_read_a_register(port: RawPort) -> None:
    """The identification of the BME280, 0x60 at 0xd0."""
    told = port.run(
        "i2c = I2C(0)\n"
        "buffer = bytearray(1)\n"
        "print(i2c.readfrom_mem(0x77, 0xd0, 1))\n"
        "i2c.readfrom_mem_into(0x77, 0xd0, buffer); print(buffer)\n"
        "print(i2c.writeto(0x77, b'\\xd0'), i2c.readfrom(0x77, 1))\n"
        "print(i2c.writeto(0x77, b'\\xd0', False), i2c.readfrom(0x77, 1))\n"
        "print(i2c.writevto(0x77, [b'\\xd0'])); i2c.readfrom_into(0x77, buffer); print(buffer)\n"
        "i2c.writeto_mem(0x77, 0xf2, b'\\x05'); print(i2c.readfrom_mem(0x77, 0xf2, 1))"
    )
    assert told.split("\n") == [
        "b'`'", "bytearray(b'`')", "1 b'`'", "1 b'`'", "1", "bytearray(b'`')", r"b'\x05'"
    ]  # fmt: skip


def test_an_absent_chip_raises_what_the_port_raises(port: RawPort, pico: RawPort) -> None:
    port.start("I2C(0).readfrom(0x10, 1)")
    assert "OSError: [Errno 19] ENODEV" in port.finish()[1]
    pico.start("I2C(0).readfrom(0x10, 1)")
    assert "OSError: [Errno 5] EIO" in pico.finish()[1]


def test_a_chip_is_pulled_out_and_put_back(port: RawPort, esp32: BenchBoard) -> None:
    esp32.chip("bme280").unplug()
    assert esp32.chip("bme280").plugged is False
    assert port.run("print(I2C(0).scan())") == "[60]"
    esp32.chip("bme280").plug()
    assert port.run("print(I2C(0).scan())") == "[60, 119]"


def test_what_a_chip_does_not_model_is_loud(port: RawPort, bench: Bench) -> None:
    port.start("I2C(0).readfrom_mem(0x77, 0x00, 1)")
    assert "RuntimeError: " in port.finish()[1]
    assert "BME280" in (bench.folder / "esp32.log").read_text()


# -- time -------------------------------------------------------------------------------------


def test_timers(port: RawPort) -> None:
    told = port.run(
        "once, often = [], []\n"
        "Timer(0, mode=Timer.ONE_SHOT, period=20, callback=lambda timer: once.append(1))\n"
        "timer = Timer(1, freq=100, callback=lambda timer: often.append(1))\n"
        "end = time.ticks_add(time.ticks_ms(), 20000)\n"
        "while len(often) < 20 and time.ticks_diff(end, time.ticks_ms()) > 0: time.sleep_ms(1)\n"
        "timer.deinit()\n"
        "print(len(once), len(often) >= 20)\n"
        "often.clear(); time.sleep_ms(60); print(often)"
    )
    assert told == "1 True\n[]"


def test_a_timer_runs_while_the_board_waits_at_the_prompt(port: RawPort, esp32: BenchBoard) -> None:
    port.run(
        "led = Pin(2, Pin.OUT, value=0)\ntimer = Timer(-1, period=20, callback=lambda timer: led.toggle())"
    )
    for wanted in (True, False, True):
        wait_for(lambda: esp32.chip("led").on, lambda on, wanted=wanted: on is wanted)
    assert port.run("timer.deinit(); print('here')") == "here"


def test_the_clock_can_be_set(port: RawPort) -> None:
    assert port.run("rtc = RTC(); rtc.datetime((2031, 2, 3, 0, 4, 5, 6, 0)); print(rtc.datetime()[:6])") == (
        "(2031, 2, 3, 0, 4, 5)"
    )


def test_a_thread_of_the_program_uses_the_bus_as_well(port: RawPort) -> None:
    told = port.run(
        "import _thread\n"
        "found = []\n"
        "def work():\n"
        "    for _ in range(200): found.append(I2C(0).scan() == [60, 119])\n"
        "_thread.start_new_thread(work, ())\n"
        "mine = [I2C(0).scan() == [60, 119] for _ in range(200)]\n"
        "end = time.ticks_add(time.ticks_ms(), 20000)\n"
        "while len(found) < 200 and time.ticks_diff(end, time.ticks_ms()) > 0: time.sleep_ms(1)\n"
        "print(len(found), all(found), all(mine))"
    )
    assert told == "200 True True"


# -- the bench's side -------------------------------------------------------------------------


def test_parts_tell_what_they_have(esp32: BenchBoard) -> None:
    assert {part.name for part in esp32.chips} == {"bme280", "ssd1306", "led", "button", "potentiometer"}
    with pytest.raises(AttributeError, match=r"button has no 'push'; it has pressed, press\(\), release\(\)"):
        esp32.chip("button").push()
    with pytest.raises(LookupError, match="no part 'lamp'; it has bme280, ssd1306, led"):
        esp32.chip("lamp")
    with pytest.raises(ValueError, match=r"from 0\.0 to 1\.0"):
        esp32.chip("potentiometer").turn(7)
    assert "pressed=False" in repr(esp32.chip("button"))


def test_the_world_reaches_the_chip(port: RawPort, bench: Bench) -> None:
    """Two readings of the raw temperature, one warm, one cold (BME280: a larger count is warmer)."""
    read = (
        "i2c.writeto_mem(0x77, 0xf4, b'\\x25')\n"
        "while i2c.readfrom_mem(0x77, 0xf3, 1)[0] & 9: pass\n"
        "print(int.from_bytes(i2c.readfrom_mem(0x77, 0xfa, 3), 'big'))"
    )
    port.run("i2c = I2C(0)")
    counts = []
    for temperature_c in (-10.0, 20.0, 50.0):
        bench.world.temperature_c = temperature_c
        counts.append(int(port.run(read)))
    bench.world.release("temperature_c")
    assert counts == sorted(set(counts))
