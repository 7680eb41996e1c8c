"""The contracts of single lines: a digital pin, an analogue input, a PWM output."""

from __future__ import annotations

from abc import ABC, abstractmethod


class Pin(ABC):
    """A digital pin. ``mode`` and ``pull`` are given when it is opened."""

    @property
    def value(self) -> bool:
        """The level on the pin: True is high."""
        return self._get()

    @value.setter
    def value(self, level: bool) -> None:
        self._set(bool(level))

    def on(self) -> None:
        """Drive high."""
        self._set(True)

    def off(self) -> None:
        """Drive low."""
        self._set(False)

    def toggle(self) -> None:
        """Drive the other level."""
        self._set(not self._get())

    @abstractmethod
    def _get(self) -> bool: ...

    @abstractmethod
    def _set(self, level: bool) -> None: ...


class ADC(ABC):
    """An analogue input."""

    def read_u16(self) -> int:
        """The reading scaled to 0..65535, as MicroPython's ``ADC.read_u16`` gives it."""
        return self._read_u16()

    @abstractmethod
    def _read_u16(self) -> int: ...


class PWM(ABC):
    """A PWM output."""

    def set(self, *, freq_hz: int, duty_u16: int) -> None:
        """``freq_hz`` in hertz, ``duty_u16`` from 0 (always low) to 65535 (always high)."""
        if freq_hz <= 0:
            raise ValueError(f"a PWM frequency is above 0 Hz, not {freq_hz}")
        if not 0 <= duty_u16 <= 65535:
            raise ValueError(f"duty_u16 is 0 to 65535, not {duty_u16}")
        self._set(freq_hz, duty_u16)

    def stop(self) -> None:
        """Stop and release the pin."""
        self._stop()

    @abstractmethod
    def _set(self, freq_hz: int, duty_u16: int) -> None: ...

    @abstractmethod
    def _stop(self) -> None: ...
