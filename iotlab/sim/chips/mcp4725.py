"""MCP4725: a voltage from 12 bits, and a memory for what it starts with. Microchip DS22039D.

Options: ``address`` (A2, A1 by the order code and A0 by its pin: 0x60 to 0x67; Adafruit's module has 0x62), ``vdd_v``
(the supply, which is the reference), ``content`` (what is in the EEPROM when new: 0x800, the middle). What it puts
out is in its ``state``. High-speed mode and the general call are not modelled.
"""

from __future__ import annotations

from typing import Any, ClassVar

from iotlab.errors import ConfigError
from iotlab.sim.chips.base import I2CChip, UnmodelledError
from iotlab.sim.world import Environment

FULL = 4096  # 4.1: V_OUT is V_DD times the code over 4096
MIDDLE = 0x800  # features: factory default of the EEPROM
WRITE_DAC, WRITE_DAC_AND_EEPROM = 0b010, 0b011  # 6.1, table 6-2: C2, C1, C0; 00x is fast mode
RDY, POR = 0x80, 0x40  # 6.2, figure 6-3, p. 26
EEPROM_WRITE_S = 0.025  # section 1, electrical characteristics: T_WRITE, typical

#: Table 5-2: what pulls V_OUT to ground, by PD1 and PD0.
PULL_DOWN_KOHM = (None, 1, 100, 500)


class MCP4725(I2CChip):
    """Keeps its EEPROM while unplugged, and takes it over when it gets power."""

    addresses = (0x62, 0x60, 0x61, 0x63, 0x64, 0x65, 0x66, 0x67)
    datasheet: ClassVar[str] = "Microchip DS22039D"

    def __init__(
        self,
        world: Environment,
        *,
        address: int | None = None,
        vdd_v: float = 3.3,
        content: int = MIDDLE,
    ) -> None:
        super().__init__(world, address=address)
        if content not in range(FULL):
            raise ConfigError(f"the content of an MCP4725 is 0 to {FULL - 1}, not {content!r}")
        self.vdd_v = vdd_v
        self._eeprom = (0, content)  # PD1, PD0 and the code
        self.power_on()

    def power_on(self) -> None:
        self._dac = self._eeprom  # 5.2: the EEPROM is uploaded
        self._ready_s = float("-inf")

    def state(self) -> dict[str, Any]:
        """``voltage_v`` is ``None`` in power-down, where a resistor pulls the output to ground."""
        (down, code), (_, stored) = self._dac, self._eeprom
        return {
            **super().state(),
            "code": code,
            "voltage_v": None if down else self.vdd_v * code / FULL,
            "pull_down_kohm": PULL_DOWN_KOHM[down],
            "eeprom": stored,
        }

    def write(self, data: bytes) -> None:
        """One command, or the same one again and again (6.1, figures 6-1 and 6-2, p. 24 and 25).

        While it writes its EEPROM it acknowledges new commands but ignores them (figure 6-2, note 1).
        """
        if not data:
            return
        command = data[0] >> 5
        size = 3 if command in (WRITE_DAC, WRITE_DAC_AND_EEPROM) else 2
        if command > WRITE_DAC_AND_EEPROM:
            return  # 6.1: reserved commands are ignored
        if len(data) % size:
            raise self._unmodelled(f"{len(data)} bytes of a command that has {size}")
        for start in range(0, len(data), size):
            self._command(data[start : start + size])

    def _command(self, data: bytes) -> None:
        if self._busy():
            return
        command = data[0] >> 5
        if len(data) == 2:  # fast mode
            self._dac = (data[0] >> 4 & 3, (data[0] & 0x0F) << 8 | data[1])
            return
        self._dac = (data[0] >> 1 & 3, data[1] << 4 | data[2] >> 4)
        if command == WRITE_DAC_AND_EEPROM:
            self._eeprom = self._dac
            self._ready_s = self.world.now() + EEPROM_WRITE_S

    def read(self, size: int) -> bytes:
        """State, DAC register and EEPROM, over and over (6.2, figure 6-3, p. 26)."""
        (down, code), (stored_down, stored) = self._dac, self._eeprom
        status = (0 if self._busy() else RDY) | POR | down << 1
        answer = bytes([status, code >> 4, (code & 0x0F) << 4, stored_down << 5 | stored >> 8, stored & 0xFF])
        return (answer * (size // len(answer) + 1))[:size]

    def _busy(self) -> bool:
        return self.world.now() < self._ready_s

    def _unmodelled(self, what: str) -> UnmodelledError:
        return UnmodelledError(
            f"MCP4725: {what} is not modelled by this simulation; see {self.datasheet}, 6.1"
        )


PART = MCP4725
