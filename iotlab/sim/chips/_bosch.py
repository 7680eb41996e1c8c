"""The compensation of a BME280, there and back.

The chip delivers raw ADC values and factory calibration; the host computes physical values. The
formulas are the integer ones of BST-BME280-DS002 (rev. 1.6), 4.2.3, p. 25. Back from a physical value to
the raw one goes by bisection, because each formula is monotone over the chip's range.
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

#: Operating ranges (DS002, 1.1 to 1.3): values beyond them are held at the limit.
TEMPERATURE_C = (-40.0, 85.0)
PRESSURE_HPA = (300.0, 1100.0)
HUMIDITY_PERCENT = (0.0, 100.0)


@dataclass(frozen=True)
class Calibration:
    """The trimming parameters dig_T1..3, dig_P1..9, dig_H1..6 (DS002, table 16, p. 24)."""

    t: tuple[int, int, int]
    p: tuple[int, int, int, int, int, int, int, int, int]
    h: tuple[int, int, int, int, int, int]

    def low_block(self) -> bytes:
        """Registers 0x88 to 0xA1; 0xA0 is not used."""
        return struct.pack("<HhhHhhhhhhhhxB", *self.t, *self.p, self.h[0])

    def high_block(self) -> bytes:
        """Registers 0xE1 to 0xE7: H4 and H5 are 12 bits each and share 0xE5."""
        _, h2, h3, h4, h5, h6 = self.h
        shared = (h4 & 0x0F) | (h5 & 0x0F) << 4
        return struct.pack("<hBbBbb", h2, h3, h4 >> 4, shared, h5 >> 4, h6)

    # -- raw to physical ----------------------------------------------------------------------

    def t_fine(self, raw: int) -> int:
        """Temperature in 1/5120 °C from the 20-bit raw value."""
        t1, t2, t3 = self.t
        first = (((raw >> 3) - (t1 << 1)) * t2) >> 11
        offset = (raw >> 4) - t1
        return first + ((((offset * offset) >> 12) * t3) >> 14)

    def pressure(self, raw: int, t_fine: int) -> int:
        """Pressure in 1/256 Pa from the 20-bit raw value."""
        p1, p2, p3, p4, p5, p6, p7, p8, p9 = self.p
        v1 = t_fine - 128000
        v2 = v1 * v1 * p6 + ((v1 * p5) << 17) + (p4 << 35)
        v1 = ((v1 * v1 * p3) >> 8) + ((v1 * p2) << 12)
        v1 = (((1 << 47) + v1) * p1) >> 33
        if v1 == 0:
            return 0
        value = (((1048576 - raw) << 31) - v2) * 3125 // v1
        v1 = (p9 * (value >> 13) * (value >> 13)) >> 25
        v2 = (p8 * value) >> 19
        return ((value + v1 + v2) >> 8) + (p7 << 4)

    def humidity(self, raw: int, t_fine: int) -> int:
        """Relative humidity in 1/4194304 % (before the last shift by 12) from the 16-bit raw value."""
        h1, h2, h3, h4, h5, h6 = self.h
        v = t_fine - 76800
        slope = (((((v * h6) >> 10) * (((v * h3) >> 11) + 32768)) >> 10) + 2097152) * h2 + 8192
        v = (((raw << 14) - (h4 << 20) - h5 * v + 16384) >> 15) * (slope >> 14)
        v -= ((((v >> 15) * (v >> 15)) >> 7) * h1) >> 4
        return min(max(v, 0), 419430400)

    # -- physical to raw ----------------------------------------------------------------------

    def raw_temperature(self, temperature_c: float) -> int:
        """The raw value that compensates to ``temperature_c``."""
        wanted = round(_within(temperature_c, TEMPERATURE_C) * 5120)
        return _nearest(1 << 20, wanted, self.t_fine)

    def raw_pressure(self, pressure_hpa: float, t_fine: int) -> int:
        """The raw value that compensates to ``pressure_hpa`` at ``t_fine``. Falls as pressure rises."""
        wanted = round(_within(pressure_hpa, PRESSURE_HPA) * 25600)
        return _nearest(1 << 20, -wanted, lambda raw: -self.pressure(raw, t_fine))

    def raw_humidity(self, humidity_percent: float, t_fine: int) -> int:
        """The raw value that compensates to ``humidity_percent`` at ``t_fine``."""
        wanted = round(_within(humidity_percent, HUMIDITY_PERCENT) * 4194304)
        return _nearest(1 << 16, wanted, lambda raw: self.humidity(raw, t_fine))


#: Two parts of the series. T and P of the first are the worked example of BST-BMP280-DS001
#: (rev. 1.23), 3.12, p. 23, whose formulas are the same; the other values are of the usual size.
CALIBRATIONS = (
    Calibration(
        t=(27504, 26435, -1000),
        p=(36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000),
        h=(75, 355, 0, 340, 0, 30),
    ),
    Calibration(
        t=(28485, 26735, 50),
        p=(36738, -10635, 3024, 6980, -4, -7, 9900, -10230, 4285),
        h=(75, 367, 0, 306, 50, 30),
    ),
)


def _within(value: float, limits: tuple[float, float]) -> float:
    return min(max(value, limits[0]), limits[1])


def _nearest(size: int, wanted: int, rising: Callable[[int], int]) -> int:
    """Which of 0 to ``size`` - 1 takes the never falling ``rising`` closest to ``wanted``."""
    above = min(bisect_left(range(size), wanted, key=rising), size - 1)
    below = max(above - 1, 0)
    return below if wanted - rising(below) < rising(above) - wanted else above
