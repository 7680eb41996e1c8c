"""What the ``machine`` module and the block device of a virtual board ask, and the answers.

A request on one of the sockets is ``number, operation, a, b, c, size`` (``<HBBiII``) and ``size`` bytes;
the answer is the same number, a status, a value and bytes (``<HbxiI``). The operations are numbered here
and in ``device/_bench.py``; each is one method.
"""

from __future__ import annotations

import logging
import socket
import struct
import time
from collections.abc import Callable
from typing import Protocol

from iotlab.bus.i2c import FIRST_ADDRESS, LAST_ADDRESS, Operation, Read, Write
from iotlab.errors import BusError, NackError
from iotlab.sim.chips.base import I2CChip, UnmodelledError
from iotlab.sim.engine.events import Events
from iotlab.sim.engine.wiring import Wiring
from iotlab.sim.flash import SECTOR, Flash, PowerCutError

REQUEST = struct.Struct("<HBBiII")
ANSWER = struct.Struct("<HbxiI")
OK, OS_ERROR, RUNTIME_ERROR, VALUE_ERROR = 0, 1, 2, 3
MODES = ("in", "out", "open-drain")
PULLS = ("", "up", "down")

log = logging.getLogger(__name__)
Answer = tuple[int, bytes]  # a value and bytes


class Chip(Protocol):
    """What the bridge asks of the board as a whole: power, clock and resets."""

    def info(self) -> bytes: ...
    def ready(self) -> None: ...
    def started(self) -> None: ...
    def leaving(self) -> None: ...
    def interrupt_again(self) -> None: ...
    def reset(self, how: str, after_ms: int) -> None: ...
    def cut_off(self, error: PowerCutError) -> None: ...
    def watchdog(self, timeout_ms: int) -> None: ...


class GoneError(Exception):
    """The board was reset by what it asked: there is nobody to answer."""


class NoAnswerError(Exception):
    """It was told, not asked."""


class Bridge:
    """Answers requests. One for the life of a board; ``serve`` is called with each socket's bytes."""

    def __init__(self, chip: Chip, wiring: Wiring, events: Events, flash: Flash) -> None:
        self._chip, self._wiring, self._events, self._flash = chip, wiring, events, flash
        self.region = (0, flash.size)  # of the file system, in bytes
        self._held: tuple[I2CChip, int] | None = None  # a transfer that had no stop yet
        self.calls = 0
        self.called_s = 0.0  # time.monotonic of the last one
        self._operations: dict[int, Callable[[int, int, int, bytes], Answer]] = {
            1: self._info,
            2: self._ready,
            3: self._started,
            4: self._leaving,
            5: self._interrupt_again,
            6: self._reset,
            7: self._take_events,
            8: self._watchdog,
            9: self._timer,
            16: self._pin_set_up,
            17: self._pin_write,
            18: self._pin_read,
            19: self._pin_watch,
            20: self._adc,
            21: self._pwm,
            32: self._i2c_write,
            33: self._i2c_read,
            34: self._i2c_write_read,
            35: self._i2c_scan,
            48: self._flash_read,
            49: self._flash_write,
            50: self._flash_write_blocks,
            51: self._flash_erase,
        }

    def serve(self, channel: socket.socket, waiting: bytearray) -> None:
        """Answer every whole request in ``waiting``."""
        while len(waiting) >= REQUEST.size:
            number, operation, a, b, c, size = REQUEST.unpack_from(waiting)
            end = REQUEST.size + size
            if len(waiting) < end:
                return
            data = bytes(waiting[REQUEST.size : end])
            del waiting[:end]
            self.calls += 1
            self.called_s = time.monotonic()
            try:
                status, value, answer = self._do(operation, a, b, c, data)
            except NoAnswerError:
                continue
            except GoneError:
                return
            try:
                channel.sendall(ANSWER.pack(number, status, value, len(answer)) + answer)
            except OSError:
                return  # it ended meanwhile

    def _do(self, operation: int, a: int, b: int, c: int, data: bytes) -> tuple[int, int, bytes]:
        try:
            value, answer = self._operations[operation](a, b, c, data)
        except NackError:
            return OS_ERROR, self._wiring.kind.nack_errno, b""
        except BusError as error:
            return OS_ERROR, error.errno or 5, b""
        except UnmodelledError as error:
            log.error("%s", error)
            return RUNTIME_ERROR, 0, str(error).encode()
        except (ValueError, LookupError) as error:
            return VALUE_ERROR, 0, str(error).encode()
        except PowerCutError as error:
            self._chip.cut_off(error)
            raise GoneError from error
        return OK, value, answer

    def forget(self) -> None:
        """The interpreter is another one now."""
        if self._held:
            self._held[0].stop()
        self._held = None

    # -- the chip -----------------------------------------------------------------------------

    def _info(self, *_: object) -> Answer:
        return 0, self._chip.info()

    def _ready(self, *_: object) -> Answer:
        self._chip.ready()
        return 0, b""

    def _started(self, *_: object) -> Answer:
        self._chip.started()
        return 0, b""

    def _leaving(self, *_: object) -> Answer:
        self._chip.leaving()
        return 0, b""

    def _interrupt_again(self, *_: object) -> Answer:
        self._chip.interrupt_again()
        raise NoAnswerError

    def _reset(self, a: int, b: int, _c: int, data: bytes) -> Answer:
        self._chip.reset(data.decode(), b)
        raise GoneError

    def _take_events(self, *_: object) -> Answer:
        return 0, self._events.take()

    def _watchdog(self, _a: int, b: int, *_: object) -> Answer:
        self._chip.watchdog(b)
        return 0, b""

    def _timer(self, a: int, b: int, c: int, _: bytes) -> Answer:
        self._events.timer(a, c, bool(b))
        return 0, b""

    # -- pins ---------------------------------------------------------------------------------

    def _pin_set_up(self, a: int, b: int, c: int, _: bytes) -> Answer:
        """``b``: mode + 4 x pull; ``c``: 0 low, 1 high, 2 as it was."""
        self._wiring.set_up(a, MODES[b & 3], PULLS[b >> 2], None if c == 2 else bool(c))  # type: ignore[arg-type]
        return 0, b""

    def _pin_write(self, a: int, b: int, *_: object) -> Answer:
        self._wiring.write(a, bool(b))
        return 0, b""

    def _pin_read(self, a: int, *_: object) -> Answer:
        return int(self._wiring.read(a)), b""

    def _pin_watch(self, a: int, b: int, *_: object) -> Answer:
        self._wiring.watch(a, b)
        return 0, b""

    def _adc(self, a: int, *_: object) -> Answer:
        return round(self._wiring.voltage(a) * 65535), b""

    def _pwm(self, a: int, b: int, c: int, _: bytes) -> Answer:
        """``b``: hertz, 0 for off; ``c``: duty, 0 to 65535."""
        self._wiring.pwm(a, b, c / 65535 if b else None)
        return 0, b""

    # -- I2C: a is SCL, b is SDA | address << 8 | (no stop) << 16 -----------------------------

    def _transfer(self, a: int, b: int, operations: list[Operation]) -> list[bytes]:
        scl, sda, address, stop = a, b & 0xFF, (b >> 8) & 0xFF, not b >> 16
        if self._held and self._held[1] != address:  # a repeated start with another address
            self._held[0].stop()
        self._held = None
        chip = self._wiring.chip(scl, sda, address)
        answers = chip.transaction(operations, stop=stop)
        if not stop:
            self._held = chip, address
        return answers

    def _i2c_write(self, a: int, b: int, _c: int, data: bytes) -> Answer:
        self._transfer(a, b, [Write(data)])
        return len(data), b""

    def _i2c_read(self, a: int, b: int, c: int, _: bytes) -> Answer:
        return 0, self._transfer(a, b, [Read(c)])[0]

    def _i2c_write_read(self, a: int, b: int, c: int, data: bytes) -> Answer:
        return 0, self._transfer(a, b, [Write(data), Read(c)])[0]

    def _i2c_scan(self, a: int, b: int, *_: object) -> Answer:
        found = []
        for address in range(FIRST_ADDRESS, LAST_ADDRESS + 1):
            try:
                self._transfer(a, b & 0xFF | address << 8, [Write(b"")])
            except NackError:
                continue
            found.append(address)
        return 0, bytes(found)

    # -- the flash ----------------------------------------------------------------------------

    def _place(self, offset: int, size: int) -> int:
        start, length = self.region
        if not 0 <= offset <= length - size:
            raise ValueError(f"{size} bytes at {offset:#x} are outside the file system")
        return start + offset

    def _flash_read(self, _a: int, b: int, c: int, _: bytes) -> Answer:
        return 0, self._flash.read(self._place(b, c), c)

    def _flash_write(self, _a: int, b: int, _c: int, data: bytes) -> Answer:
        self._flash.program(self._place(b, len(data)), data)
        return 0, b""

    def _flash_write_blocks(self, _a: int, b: int, _c: int, data: bytes) -> Answer:
        self._flash.erase(self._place(b, len(data)), len(data))
        return self._flash_write(0, b, 0, data)

    def _flash_erase(self, _a: int, b: int, *_: object) -> Answer:
        self._flash.erase(self._place(b, SECTOR))
        return 0, b""
