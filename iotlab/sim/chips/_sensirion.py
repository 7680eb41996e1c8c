"""What Sensirion's humidity sensors have in common: 16-bit words, each with its checksum."""

from __future__ import annotations

from iotlab.sim.chips.base import within
from iotlab.sim.commands import crc8

#: Range of both series (SHT3x-DIS version 5, tables 1 and 2; SHT4x version 6, 2.1 and 2.2).
TEMPERATURE_C = (-40.0, 125.0)
HUMIDITY_PERCENT = (0.0, 100.0)


def words(*values: int) -> bytes:
    """``values`` as they go over the wire: high byte, low byte, CRC-8 of both."""
    pairs = [value.to_bytes(2, "big") for value in values]
    return b"".join(pair + bytes([crc8(pair)]) for pair in pairs)


def ticks(value: float, limits: tuple[float, float], zero: float, span: float) -> int:
    """The 16-bit word for ``value``, held at ``limits``: it means ``zero`` + ``span`` × word / (2¹⁶ - 1)."""
    return min(max(round((within(value, limits) - zero) / span * 65535), 0), 65535)
