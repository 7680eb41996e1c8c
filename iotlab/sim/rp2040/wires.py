"""What is wired to the chip's pins: I2C chips on the buses of its two controllers, and parts on single pins.

An I2C controller works byte by byte, and the parts of the bench by transaction. So bytes for a chip are collected
until the stop or a repeated start and are all acknowledged meanwhile; a chip that refuses one is told of in the
board's log only. Bytes of a chip are read one at a time.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Sequence

from rp2040py.gpio_pin import FUNCTION_PWM, GPIOPin, GPIOPinState
from rp2040py.peripherals.i2c import RPI2C, I2CMode
from rp2040py.rp2040 import RP2040

from iotlab.sim.rp2040.bench import (
    ADC,
    I2C_READ,
    I2C_WRITE,
    PIN_READ,
    PIN_SET_UP,
    PIN_WATCH,
    TAKE_EVENTS,
    Bench,
    RefusedError,
)

#: What a pin is connected to inside the chip (RP2040 datasheet, build 2023-03-02, 2.19.2).
FUNCTION_I2C = 3
NO_STOP = 1 << 16
BOTH_EDGES = 3
IN, OUT, UNCHANGED = 0, 1, 2
PULL_UP, PULL_DOWN = 1 << 2, 2 << 2
ADC_PINS = range(26, 30)


class I2CWires:
    """The bus of one I2C controller, on whatever pins the program has connected to it."""

    def __init__(self, mcu: RP2040, number: int, bench: Bench) -> None:
        self._controller: RPI2C = mcu.i2c[number]
        self._pins: Sequence[GPIOPin] = mcu.gpio
        self._number, self._bench = number, bench
        self._chip = 0  # the address and the pins, as the board wants them
        self._written: bytearray | None = None  # for the chip that is addressed
        self._controller.on_start = self._start
        self._controller.on_connect = self._connect
        self._controller.on_write_byte = self._write
        self._controller.on_read_byte = self._read
        self._controller.on_stop = self._stop

    def _start(self, repeated: bool) -> None:
        if repeated:
            self._flush(NO_STOP)
        self._controller.complete_start()

    def _connect(self, address: int, mode: I2CMode) -> None:
        scl, sda = self._pin(odd=True), self._pin(odd=False)
        try:
            if scl is None or sda is None:
                raise RefusedError("no pins")
            self._scl, self._chip = scl, sda | address << 8
            self._bench.tell(I2C_WRITE, self._scl, self._chip | NO_STOP)
        except RefusedError:
            self._written = None
            self._controller.complete_connect(False)
            return
        self._written = bytearray() if mode == I2CMode.WRITE else None
        self._controller.complete_connect(True)

    def _write(self, value: int) -> None:
        if self._written is not None:
            self._written.append(value)
        self._controller.complete_write(True)

    def _read(self, acknowledged: bool) -> None:
        try:
            stop = 0 if not acknowledged else NO_STOP
            value = self._bench.ask(I2C_READ, self._scl, self._chip | stop, 1)[1][0]
        except RefusedError:
            value = 0xFF  # nobody pulls the line low
        self._controller.complete_read(value)

    def _stop(self) -> None:
        self._flush(0)
        self._controller.complete_stop()

    def _flush(self, stop: int) -> None:
        """Give the chip what was written to it."""
        if self._written is not None:
            with contextlib.suppress(RefusedError):  # too late to tell the program
                self._bench.tell(I2C_WRITE, self._scl, self._chip | stop, data=bytes(self._written))
            self._written = None

    def _pin(self, *, odd: bool) -> int | None:
        """The pin that carries SCL (odd) or SDA (even); pins go to the two controllers in turns of two."""
        for pin in self._pins:
            if (pin.index & 1, pin.index >> 1 & 1) == (odd, self._number) and self._is_i2c(pin):
                return int(pin.index)
        return None

    @staticmethod
    def _is_i2c(pin: GPIOPin) -> bool:
        return bool(pin.function_select == FUNCTION_I2C)


class PinWires:
    """The parts on single ``pins``. What PWM does with a pin is not told to them."""

    def __init__(self, mcu: RP2040, pins: Sequence[int], bench: Bench) -> None:
        self._mcu, self._bench = mcu, bench
        for number in pins:
            pin = mcu.gpio[number]
            pin.add_listener(functools.partial(self._changed, pin))
            bench.tell(PIN_WATCH, number, BOTH_EDGES)
            self._look(number)
        self._usual_adc = mcu.adc.on_adc_read
        mcu.adc.on_adc_read = self._measure

    def events(self) -> None:
        """Something happened on pins: look at them."""
        told = self._bench.ask(TAKE_EVENTS)[1]
        for number in told[1::2]:
            self._look(number)

    def _changed(self, pin: GPIOPin, level: GPIOPinState, _before: GPIOPinState) -> None:
        """The program did something with a pin."""
        if pin.function_select == FUNCTION_PWM:
            return
        if level in (GPIOPinState.LOW, GPIOPinState.HIGH):
            self._bench.tell(PIN_SET_UP, pin.index, OUT, int(level == GPIOPinState.HIGH))
            return
        pull = PULL_UP * pin.pullup_enabled or PULL_DOWN * pin.pulldown_enabled
        self._bench.tell(PIN_SET_UP, pin.index, IN | pull, UNCHANGED)
        self._look(pin.index)

    def _look(self, number: int) -> None:
        self._mcu.gpio[number].set_input_value(bool(self._bench.ask(PIN_READ, number)[0]))

    def _measure(self, channel: int) -> None:
        if channel < len(ADC_PINS):
            self._mcu.adc.channel_values[channel] = self._bench.ask(ADC, ADC_PINS[channel])[0] >> 4
        self._usual_adc(channel)
