"""A classic ESP32 board: 4 MiB flash, a USB bridge whose DTR and RTS work EN and IO0.

Pins and defaults: ESP32 datasheet v4.9, table 2-1, and MicroPython's ports/esp32 (machine_i2c.c,
machine_adc.c). Pins 6 to 11 belong to the flash.
"""

from __future__ import annotations

import hashlib

from iotlab.sim.boards.base import BoardKind
from iotlab.sim.boards.esp32_rom import Esp32Rom

BOARD = BoardKind(
    name="esp32",
    title="ESP32",
    sysname="esp32",
    machine="Virtual ESP32 bench board (MicroPython unix port) with ESP32",
    flash_size=4 << 20,
    rom=lambda flash, unique_id: Esp32Rom(flash, mac=unique_id),
    pins=frozenset({0, 1, 2, 3, 4, 5, *range(12, 24), 25, 26, 27, *range(32, 40)}),
    input_only=frozenset(range(34, 40)),
    adc_pins={pin: pin for pin in (32, 33, 34, 35, 36, 37, 38, 39, 0, 2, 4, 12, 13, 14, 15, 25, 26, 27)},
    i2c_pins={0: (18, 19), 1: (25, 26)},
    nack_errno=19,  # ENODEV, machine_hw_i2c_transfer
    freq_hz=160_000_000,
    unique_id=lambda seed: b"\x24\x0a\xc4" + hashlib.sha256(seed.encode()).digest()[:3],  # the MAC
    auto_reset=True,
)
