"""BMP280: temperature and pressure. Bosch BST-BMP280-DS001, rev. 1.23.

Options: ``address`` (SDO high 0x77, low 0x76), ``calibration`` (which part of the series: 0 or 1).
"""

from __future__ import annotations

from typing import ClassVar

from iotlab.sim.chips._bosch import PressureSensor


class BMP280(PressureSensor):
    """Its formulas, modes and registers are the BME280's without humidity; two standby times are longer."""

    datasheet: ClassVar[str] = "BST-BMP280-DS001 rev. 1.23"
    map_page: ClassVar[str] = "4.2, p. 24"
    chip_id = 0x58  # 4.3.1, p. 24
    standby_s = (0.0005, 0.0625, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0)  # 3.6.3, table 11
    trimming = 24  # 3.11.2, table 17, p. 21: 0x88 to 0x9F


PART = BMP280
