"""Buses and pins of a MicroPython board: each call is one round trip."""

from __future__ import annotations

import errno
from collections.abc import Sequence

from iotlab.board import Board
from iotlab.bus.gpio import ADC, PWM, Pin
from iotlab.bus.i2c import I2CBus, Operation, Write
from iotlab.errors import BusError, NackError, RemoteError
from iotlab.micropython.session import OpenSession

#: What MicroPython ports raise when nothing acknowledges: ENODEV (esp32, stm32), EIO (rp2).
_NACKS = {errno.ENODEV, errno.EIO}


class MicroPythonI2C(I2CBus):
    """``machine.I2C`` on the board. ``where``: (bus, scl, sda, freq_hz); pins None for the board's usual ones."""

    def __init__(
        self, session: OpenSession, board: Board, where: tuple[int, int | None, int | None, int]
    ) -> None:
        self.board = board
        self._session, self._where = session, where

    def _transaction(self, address: int, operations: Sequence[Operation]) -> list[bytes]:
        plain = tuple(o.data if isinstance(o, Write) else o.size for o in operations)
        try:
            with self.board.using("i2c"):
                got = self._session().call(f"i2c({self._where!r},{address},{plain!r})")
        except RemoteError as error:
            if error.code in _NACKS:
                raise NackError(address) from error
            if error.code is not None:
                raise BusError(
                    f"the bus failed at address 0x{address:02x}: {error.detail}", code=error.code
                ) from error
            raise
        answers, start = [], 0
        for size in plain:
            if isinstance(size, int):
                answers.append(got[start : start + size])
                start += size
        return answers

    def _scan(self) -> list[int]:
        with self.board.using("i2c"):
            found: list[int] = self._session().call(f"scan({self._where!r})")
        return sorted(found)


class MicroPythonPin(Pin):
    """``machine.Pin`` on the board."""

    def __init__(self, session: OpenSession, board: Board, number: int, mode: str, pull: str) -> None:
        if mode not in ("in", "out", "open-drain"):
            raise ValueError(f'a pin\'s mode is "in", "out" or "open-drain", not {mode!r}')
        if pull not in ("", "up", "down"):
            raise ValueError(f'a pin\'s pull is "", "up" or "down", not {pull!r}')
        self.board, self._session = board, session
        self._pin = f"pin({number},{mode!r},{pull!r})"

    def _get(self) -> bool:
        with self.board.using("pin"):
            return bool(self._session().call(f"{self._pin}.value()"))

    def _set(self, level: bool) -> None:
        with self.board.using("pin"):
            self._session().call(f"{self._pin}.value({int(level)})")


class MicroPythonADC(ADC):
    """``machine.ADC`` on the board."""

    def __init__(self, session: OpenSession, board: Board, number: int) -> None:
        self.board, self._session, self._number = board, session, number

    def _read_u16(self) -> int:
        with self.board.using("adc"):
            value: int = self._session().call(f"adc({self._number}).read_u16()")
        return value


class MicroPythonPWM(PWM):
    """``machine.PWM`` on the board."""

    def __init__(self, session: OpenSession, board: Board, number: int) -> None:
        self.board, self._session, self._number = board, session, number

    def _set(self, freq_hz: int, duty_u16: int) -> None:
        pwm = f"pwm({self._number})"
        with self.board.using("pwm"):
            self._session().call(f"({pwm}.freq({freq_hz}),{pwm}.duty_u16({duty_u16}))[:0]")

    def _stop(self) -> None:
        with self.board.using("pwm"):
            self._session().call(f"pwm_stop({self._number})")
