"""The I2C buses: byte by byte by one of the chip's two controllers, or bit by bit by a program that toggles pins.

MicroPython on the RP2040 does the second in ``scan()``, because the controller cannot address a chip and send
nothing. The parts of the bench want whole transactions: so bytes for a chip are collected until the stop or a
repeated start, and all acknowledged meanwhile, and bytes of a chip are read one at a time.
"""

from __future__ import annotations

import contextlib

from rp2040py.gpio_pin import GPIOPin, GPIOPinState
from rp2040py.peripherals.i2c import R_TX_EMPTY, RPI2C, I2CMode
from rp2040py.rp2040 import RP2040

from iotlab.sim.rp2040.bench import I2C_READ, I2C_WRITE, Bench, RefusedError

#: What a pin is connected to inside the chip (RP2040 datasheet, build 2023-03-02, 2.19.2).
FUNCTION_I2C = 3
NO_STOP = 1 << 16
READ = 1  # the lowest bit of the byte with the address
IDLE = 0xFF  # nobody pulls the line low


class Bus:
    """The chips on two pins, as a controller of the bus addresses them."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._scl = self._chip = 0  # as the board wants them: the pins, the address
        self._written = bytearray()
        self._open = False
        self.reading = False

    def connect(self, scl: int, sda: int, address: int, read: bool) -> bool:
        """After a start: whether a chip acknowledges ``address``."""
        self._scl, self._chip, self.reading = scl, sda | address << 8, read
        self._written.clear()
        self._open = self._asked(I2C_WRITE, NO_STOP) is not None
        return self._open

    def write(self, value: int) -> None:
        """A byte for the chip that was addressed."""
        self._written.append(value)

    def read(self) -> int:
        """A byte of it."""
        answer = self._asked(I2C_READ, NO_STOP, 1) if self._open else None
        return answer[0] if answer else IDLE

    def end(self, *, stop: bool) -> None:
        """A stop, or a repeated start."""
        if self._open and self._written:
            self._asked(I2C_WRITE, 0 if stop else NO_STOP)
        elif self._open and stop:
            self._asked(I2C_READ if self.reading else I2C_WRITE, 0)
        self._open = False

    def _asked(self, operation: int, stop: int, size: int = 0) -> bytes | None:
        """None where the chip did not acknowledge."""
        with contextlib.suppress(RefusedError):
            return self._bench.ask(operation, self._scl, self._chip | stop, size, bytes(self._written))[1]
        return None


class Controller:
    """One of the chip's I2C controllers, on whatever pins the program has connected to it."""

    def __init__(self, mcu: RP2040, number: int, bench: Bench) -> None:
        self._unit: RPI2C = mcu.i2c[number]
        self._pins: list[GPIOPin] = mcu.gpio
        self._number, self._bus = number, Bus(bench)
        self._unit.on_start = self._start
        self._unit.on_connect = self._connect
        self._unit.on_write_byte = self._write
        self._unit.on_read_byte = lambda _acknowledged: self._unit.complete_read(self._bus.read())
        self._unit.on_stop = self._stop

    def _start(self, repeated: bool) -> None:
        if repeated:
            self._bus.end(stop=False)
        self._unit.complete_start()

    def _connect(self, address: int, mode: I2CMode) -> None:
        scl, sda = self._pin(odd=True), self._pin(odd=False)
        wired = scl is not None and sda is not None
        there = wired and self._bus.connect(scl or 0, sda or 0, address, mode == I2CMode.READ)
        self._unit.complete_connect(there)
        if not there:
            # the emulated FIFO is flushed without a word; drivers wait for it to be empty (IC_RAW_INTR_STAT)
            self._unit.int_raw |= R_TX_EMPTY
            self._unit.check_interrupts()

    def _write(self, value: int) -> None:
        self._bus.write(value)
        self._unit.complete_write(True)

    def _stop(self) -> None:
        self._bus.end(stop=True)
        self._unit.complete_stop()

    def _pin(self, *, odd: bool) -> int | None:
        """The pin that carries SCL (odd) or SDA (even); pins go to the two controllers in turns of two."""
        for pin in self._pins:
            belongs = (pin.index & 1, pin.index >> 1 & 1) == (odd, self._number)
            if belongs and pin.function_select == FUNCTION_I2C:
                return int(pin.index)
        return None


class Lines:
    """The two lines of a bus, pulled up, and what a program does with them as plain pins.

    NXP UM10204, I2C-bus specification, 3.1: SDA changes while SCL is low, but for a start (it falls while SCL is
    high) and a stop (it rises).
    """

    def __init__(self, mcu: RP2040, scl: int, sda: int, bench: Bench) -> None:
        self._scl, self._sda = mcu.gpio[scl], mcu.gpio[sda]
        self._bus = Bus(bench)
        self._clock = self._data = True  # as the program leaves the lines
        self._count = -1  # of clocks in this byte; negative: nobody listens
        self._value = 0
        self._addressed = self._sending = False
        for pin, changed in ((self._scl, self._clocked), (self._sda, self._moved)):
            pin.set_input_value(True)
            pin.add_listener(changed)

    def _moved(self, level: GPIOPinState, _before: GPIOPinState) -> None:
        """SDA changed."""
        high = level != GPIOPinState.LOW
        before, self._data = self._data, high
        if not self._clock or high == before:
            return
        if self._addressed:
            self._bus.end(stop=high)
        self._addressed = self._sending = False
        self._count, self._value = (-1 if high else 0), 0
        self._pull(False)

    def _clocked(self, level: GPIOPinState, _before: GPIOPinState) -> None:
        """SCL changed: data counts when it rises, and the other end may move SDA after it fell."""
        high = level != GPIOPinState.LOW
        before, self._clock = self._clock, high
        if self._count < 0 or high == before:
            return
        if high:
            self._sample()
        else:
            self._fell()

    def _sample(self) -> None:
        self._count += 1
        if self._count <= 8 and not self._sending:
            self._value = self._value << 1 | self._data
        elif self._count == 9 and self._sending and self._data:
            self._sending = False  # not acknowledged: the program has enough
            self._count = -1

    def _fell(self) -> None:
        if self._count == 8 and not self._sending:
            self._pull(self._acknowledges())
        elif self._count == 9:
            self._next_byte()
        elif self._sending:
            self._pull(self._count < 8 and not self._value >> (7 - self._count) & 1)

    def _acknowledges(self) -> bool:
        """A byte of the program is complete: whether somebody takes it."""
        if self._addressed:
            self._bus.write(self._value)
            return True
        scl, sda = int(self._scl.index), int(self._sda.index)
        self._addressed = self._bus.connect(scl, sda, self._value >> 1, bool(self._value & READ))
        return self._addressed

    def _next_byte(self) -> None:
        """After the acknowledging clock."""
        if not self._addressed:
            self._count = -1
            self._pull(False)
            return
        self._sending = self._sending or (self._count == 9 and self._bus.reading)
        self._count, self._value = 0, self._bus.read() if self._sending else 0
        self._pull(self._sending and not self._value >> 7)

    def _pull(self, low: bool) -> None:
        self._sda.set_input_value(not low)
