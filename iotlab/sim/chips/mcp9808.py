"""MCP9808: temperature. Microchip DS25095A.

Option: ``address`` (A2..A0: 0x18 to 0x1F).

The flags of the ambient temperature register follow the limits. The Alert output (its enable bit), the hysteresis
and writing half a register are not modelled. Of the reserved registers 0x09 to 0x0F the datasheet says nothing:
they read as 0, so that whoever looks for another chip at the address sees that it is not there.
"""

from __future__ import annotations

from typing import Any, ClassVar

from iotlab.sim.chips.base import within
from iotlab.sim.registers import RegisterChip
from iotlab.sim.world import Environment

# Register 5-1, p. 16
RFU, CONFIG, T_UPPER, T_LOWER, T_CRIT, T_A = 0, 1, 2, 3, 4, 5
MANUFACTURER_ID, DEVICE_ID, RESOLUTION, LAST = 6, 7, 8, 15

IDENTITY = {MANUFACTURER_ID: 0x0054, DEVICE_ID: 0x0400}  # 5.1.4, p. 27; 5.1.5, p. 28
RFU_VALUE = 0x001F  # table 5-1, bit assignment summary
LIMITS, LIMIT_BITS = (T_UPPER, T_LOWER, T_CRIT), 0x1FFC  # 5.1.2, p. 22: 11 bits, 0.25 °C

# 5.1.1, p. 18 to 20
HYSTERESIS, SHDN, CRIT_LOCK, WIN_LOCK, INT_CLEAR, ALERT_CNT = 0x0600, 0x0100, 0x80, 0x40, 0x20, 0x08
ALERT_FORM = 0x07  # Alert Sel., Pol. and Mod.: of an output that is wired to nothing
LOCKS = CRIT_LOCK | WIN_LOCK

AT_CRIT, ABOVE_UPPER, BELOW_LOWER = 0x8000, 0x4000, 0x2000  # 5.1.3, p. 24: flags of T_A
RESOLUTION_RESET = 0x03  # 5.1.6: +0.0625 °C
STEPS_C = (0.5, 0.25, 0.125, 0.0625)  # 5.1.6
CONVERSION_S = (0.030, 0.065, 0.130, 0.250)  # 5.2.4, temperature resolution: t_CONV, typical
TEMPERATURE_C = (-40.0, 125.0)  # temperature characteristics: specified range


class MCP9808(RegisterChip):
    """Converts all the time. The first conversion after power-on has to end before T_A is more than 0."""

    addresses = tuple(range(0x18, 0x20))
    datasheet: ClassVar[str] = "Microchip DS25095A"
    map_page: ClassVar[str] = "register 5-1, p. 16"

    def __init__(self, world: Environment, *, address: int | None = None) -> None:
        super().__init__(world, address=address)
        self.power_on()

    def power_on(self) -> None:
        self._pointer = None
        self._config = 0
        self._limits = dict.fromkeys(LIMITS, 0)
        self._resolution = RESOLUTION_RESET
        self._sixteenths = 0  # T_A
        self._converting_s = self.world.now()  # when the conversion under way began

    def state(self) -> dict[str, Any]:
        return {
            **super().state(),
            "shut_down": bool(self._config & SHDN),
            "resolution_c": STEPS_C[self._resolution],
        }

    # -- the wire -----------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        self._settle()
        if not data:
            return
        self._pointer, value = data[0], data[1:]
        if not value:
            return
        if len(value) != (1 if self._pointer == RESOLUTION else 2):
            raise self.unmodelled(f"writing {len(value)} bytes to register 0x{self._pointer:02x}")
        self.put(self._pointer, int.from_bytes(value, "big"))

    def read(self, size: int) -> bytes:
        """The register that was pointed to: high byte, low byte (figure 5-2)."""
        self._settle()
        if self._pointer is None:
            return bytes(size)
        width = 1 if self._pointer == RESOLUTION else 2
        if size > width:
            raise self.unmodelled(f"reading {size} bytes from register 0x{self._pointer:02x}")
        return self.get(self._pointer).to_bytes(width, "big")[:size]

    def get(self, register: int) -> int:
        if register == CONFIG:
            return self._config
        if register in LIMITS:
            return self._limits[register]
        if register == T_A:
            return self._ambient()
        if register in IDENTITY:
            return IDENTITY[register]
        if register == RESOLUTION:
            return self._resolution
        if register <= LAST:
            return RFU_VALUE if register == RFU else 0
        raise self.unmodelled(f"reading register 0x{register:02x}")

    def put(self, register: int, value: int) -> None:
        if register == CONFIG:
            self._configure(value)
        elif register in LIMITS:
            if not self._config & (CRIT_LOCK if register == T_CRIT else WIN_LOCK):
                self._limits[register] = value & LIMIT_BITS
        elif register == RESOLUTION:
            self._resolution = value & 0x03
            self._converting_s = self.world.now()
        elif register in (RFU, T_A, *IDENTITY):
            return  # read-only
        else:
            raise self.unmodelled(f"writing register 0x{register:02x}")

    def _configure(self, value: int) -> None:
        """Locked, shutdown can only be left, and the locks stay until power-on (5.1.1)."""
        if extra := value & (HYSTERESIS | ALERT_CNT):
            raise self.unmodelled(f"bits 0x{extra:04x} of CONFIG", "5.1.1, p. 18 to 20")
        before = self._config
        if before & LOCKS:
            value = value & (before | LOCKS) & ~ALERT_FORM | before & (LOCKS | ALERT_FORM)
        self._config = value & (SHDN | LOCKS | ALERT_FORM)  # Int. Clear reads as 0
        if before & SHDN and not value & SHDN:
            self._converting_s = self.world.now()

    # -- measuring ----------------------------------------------------------------------------

    def _settle(self) -> None:
        """Conversions that ended since the last look; the last one's value is what the world is like now."""
        if self._config & SHDN:
            return  # 5.2.1: T_A holds the previous temperature
        period_s = CONVERSION_S[self._resolution]
        ended = int((self.world.now() - self._converting_s) / period_s)
        if ended < 1:
            return
        self._converting_s += ended * period_s
        degrees = within(self.world.value("temperature_c"), TEMPERATURE_C)
        step_c = STEPS_C[self._resolution]
        self._sixteenths = round(round(degrees / step_c) * step_c * 16)

    def _ambient(self) -> int:
        """5.1.3, p. 24: flags against the limits, whatever the Alert output does, then 13 bits."""
        flags = 0
        if self._sixteenths >= _signed(self._limits[T_CRIT]):
            flags |= AT_CRIT
        if self._sixteenths > _signed(self._limits[T_UPPER]):
            flags |= ABOVE_UPPER
        if self._sixteenths < _signed(self._limits[T_LOWER]):
            flags |= BELOW_LOWER
        return flags | self._sixteenths & 0x1FFF


def _signed(limit: int) -> int:
    """Sixteenths of a degree in a limit register: 13 bits, two's complement."""
    return limit - 0x2000 if limit & 0x1000 else limit


PART = MCP9808
