"""A BBC micro:bit V1: nRF51822, 256 KiB flash, 16 KiB RAM, and MicroPython 1.0.1 of 2018 with the legacy raw REPL.

It is executed by QEMU, which has no way from the chip's pins to the bench: nothing can be wired to it.
"""

from __future__ import annotations

from iotlab.sim.boards.base import BoardKind
from iotlab.sim.boards.microbit_rom import CODE_SIZE, MicrobitRom
from iotlab.sim.flash import SECTOR

BOARD = BoardKind(
    name="microbit",
    title="a micro:bit",
    sysname="microbit",
    machine="micro:bit with nRF51822",
    flash_size=CODE_SIZE + SECTOR,
    rom=lambda flash, _: MicrobitRom(flash),
    pins=frozenset(),
    adc_pins={},
    i2c_pins={},
    freq_hz=16_000_000,
    engines=("qemu",),
)
