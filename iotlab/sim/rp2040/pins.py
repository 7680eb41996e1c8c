"""Parts on single pins: an LED, a button, a potentiometer."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from rp2040py.gpio_pin import FUNCTION_PWM, GPIOPin, GPIOPinState
from rp2040py.peripherals.pwm import CSR_EN, CSR_PH_CORRECT
from rp2040py.rp2040 import RP2040

from iotlab.sim.rp2040.bench import ADC, PIN_READ, PIN_SET_UP, PIN_WATCH, PWM, TAKE_EVENTS, Bench

BOTH_EDGES = 3
IN, OUT, UNCHANGED = 0, 1, 2
PULL_UP, PULL_DOWN = 1 << 2, 2 << 2
ADC_PINS = range(26, 30)


class Pins:
    """The parts on ``numbers``."""

    def __init__(self, mcu: RP2040, numbers: Sequence[int], bench: Bench) -> None:
        self._mcu, self._bench = mcu, bench
        self._waves: dict[int, tuple[int, int]] = {}  # what PWM does with a pin: hertz and duty
        for number in numbers:
            pin = mcu.gpio[number]
            pin.add_listener(functools.partial(self._changed, pin))
            bench.tell(PIN_WATCH, number, BOTH_EDGES)
            self._look(number)
        self._usual_adc = mcu.adc.on_adc_read
        mcu.adc.on_adc_read = self._measure
        self._usual_pwm = mcu.pwm.write_uint32
        mcu.pwm.write_uint32 = functools.partial(self._set_up_pwm, numbers)  # type: ignore[method-assign]

    def events(self) -> None:
        """Something happened on pins: look at them."""
        told = self._bench.ask(TAKE_EVENTS)[1]
        for number in told[1::2]:
            self._look(number)

    def _changed(self, pin: GPIOPin, level: GPIOPinState, _before: GPIOPinState) -> None:
        """The program did something with a pin."""
        if pin.function_select == FUNCTION_PWM:
            self._wave(pin)
            return
        self._waves.pop(pin.index, None)
        if level in (GPIOPinState.LOW, GPIOPinState.HIGH):
            self._bench.tell(PIN_SET_UP, pin.index, OUT, int(level == GPIOPinState.HIGH))
            return
        pull = PULL_UP * pin.pullup_enabled or PULL_DOWN * pin.pulldown_enabled
        self._bench.tell(PIN_SET_UP, pin.index, IN | pull, UNCHANGED)
        self._look(pin.index)

    def _set_up_pwm(self, numbers: Sequence[int], offset: int, value: int) -> None:
        """A duty of nothing, or of all, makes no edge that would be seen."""
        self._usual_pwm(offset, value)
        for pin in (self._mcu.gpio[number] for number in numbers):
            if pin.function_select == FUNCTION_PWM:
                self._wave(pin)

    def _wave(self, pin: GPIOPin) -> None:
        """Tell what PWM does with a pin, once (RP2040 datasheet, build 2023-03-02, 4.5.2)."""
        channel = self._mcu.pwm.channels[pin.index >> 1 & 7]
        divider = (channel.div >> 4 or 256) + (channel.div & 15) / 16
        steps = (channel.top + 1) * (2 if channel.csr & CSR_PH_CORRECT else 1)
        high = channel.cc >> 16 if pin.index & 1 else channel.cc & 0xFFFF
        duty = min(65535, round(high / (channel.top + 1) * 65535)) if channel.csr & CSR_EN else 0
        wave = max(1, round(self._mcu.clk_sys / divider / steps)), duty
        if self._waves.get(pin.index) != wave:
            self._waves[pin.index] = wave
            self._bench.tell(PWM, pin.index, *wave)

    def _look(self, number: int) -> None:
        self._mcu.gpio[number].set_input_value(bool(self._bench.ask(PIN_READ, number)[0]))

    def _measure(self, channel: int) -> None:
        if channel < len(ADC_PINS):
            self._mcu.adc.channel_values[channel] = self._bench.ask(ADC, ADC_PINS[channel])[0] >> 4
        self._usual_adc(channel)
