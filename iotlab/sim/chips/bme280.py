"""BME280: temperature, humidity and pressure. Bosch BST-BME280-DS002, rev. 1.6.

Options: ``address`` (SDO high 0x77, low 0x76), ``calibration`` (which part of the series: 0 or 1).
"""

from __future__ import annotations

from typing import ClassVar

from iotlab.sim.chips._bosch import OVERSAMPLING, PressureSensor

CALIB_HIGH, CTRL_HUM = 0xE1, 0xF2  # 5.3, table 18, p. 26
SKIPPED_16 = 0x8000  # table 20: output of a skipped measurement


class BME280(PressureSensor):
    """A BMP280 that measures humidity too."""

    datasheet: ClassVar[str] = "BST-BME280-DS002 rev. 1.6"
    map_page: ClassVar[str] = "5.3, p. 26"
    chip_id = 0x60  # 5.4.1, p. 27
    standby_s = (0.0005, 0.0625, 0.125, 0.25, 0.5, 1.0, 0.01, 0.02)  # 5.4.6, table 27
    trimming = 26  # table 16, p. 24: 0x88 to 0xA1, where dig_H1 is

    def power_on(self) -> None:
        super().power_on()
        self._registers[CTRL_HUM] = 0
        self._osrs_h = 0
        self._humidity = SKIPPED_16

    def get(self, register: int) -> int:
        high = self.calibration.high_block()
        if CALIB_HIGH <= register < CALIB_HIGH + len(high):
            return high[register - CALIB_HIGH]
        return super().get(register)

    def put(self, register: int, value: int) -> None:
        if register == CTRL_HUM:
            self._registers[CTRL_HUM] = value & 0x07  # effective with the next ctrl_meas (5.4.3)
        else:
            super().put(register, value)

    def _set_up(self) -> None:
        self._osrs_h = self._registers[CTRL_HUM]

    def _measure_s(self) -> float:
        """9.1."""
        h = OVERSAMPLING[self._osrs_h]
        return super()._measure_s() + (2 * h + 0.5 if h else 0) / 1000

    def _latch(self, cycles: int) -> int:
        t_fine = super()._latch(cycles)
        raw_h = self.calibration.raw_humidity(self.world.value("humidity_percent"), t_fine)
        self._humidity = raw_h if OVERSAMPLING[self._osrs_h] else SKIPPED_16
        return t_fine

    def _data_block(self) -> bytes:
        """Registers 0xF7 to 0xFE (5.4.7 to 5.4.9)."""
        return super()._data_block() + self._humidity.to_bytes(2, "big")


PART = BME280
