"""A Raspberry Pi Pico: RP2040, 2 MiB flash, native USB, a BOOTSEL drive.

Pins and defaults: Raspberry Pi Pico datasheet, 2.1, and MicroPython's ports/rp2 (machine_i2c.c,
machine_adc.c, boards/RPI_PICO).
"""

from __future__ import annotations

from iotlab.sim.boards.base import BoardKind
from iotlab.sim.boards.pico_rom import PicoRom

BOARD = BoardKind(
    name="pico",
    title="Raspberry Pi Pico",
    sysname="rp2",
    machine="Virtual Raspberry Pi Pico bench board (MicroPython unix port) with RP2040",
    flash_size=2 << 20,
    rom=lambda flash, _: PicoRom(flash),
    pins=frozenset(range(30)),
    adc_pins={0: 26, 1: 27, 2: 28, 3: 29, 26: 26, 27: 27, 28: 28, 29: 29},
    i2c_pins={0: (5, 4), 1: (19, 18)},
    pin_names={"LED": 25},
    nack_errno=5,  # EIO, machine_i2c_transfer_single
    freq_hz=125_000_000,
    has_drive=True,
    native_usb=True,
    engines=("unix", "rp2040py"),
)
