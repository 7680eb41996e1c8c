"""Parts on single pins: an LED, a button, a potentiometer."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from rp2040py.gpio_pin import FUNCTION_PWM, GPIOPin, GPIOPinState
from rp2040py.rp2040 import RP2040

from iotlab.sim.rp2040.bench import ADC, PIN_READ, PIN_SET_UP, PIN_WATCH, TAKE_EVENTS, Bench

BOTH_EDGES = 3
IN, OUT, UNCHANGED = 0, 1, 2
PULL_UP, PULL_DOWN = 1 << 2, 2 << 2
ADC_PINS = range(26, 30)


class Pins:
    """The parts on ``numbers``. What PWM does with a pin is not told to them."""

    def __init__(self, mcu: RP2040, numbers: Sequence[int], bench: Bench) -> None:
        self._mcu, self._bench = mcu, bench
        for number in numbers:
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
