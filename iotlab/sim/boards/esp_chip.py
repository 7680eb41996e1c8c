"""What tells one Espressif chip from another, as far as its boot ROM shows it.

Registers: ESP32 Technical Reference Manual v5.2 (SPI 7.5, eFuse 20.4) and ESP32-C3 TRM v1.1 (eFuse 4.4), and
what esptool's ``targets/esp32.py`` and ``targets/esp32c3.py`` read. Reset causes and boot modes:
``esp_rom/include/<chip>/rom/rtc.h`` in ESP-IDF; their spelling on the port from boot logs in Espressif's own
issue tracker and documentation ("Boot Mode Selection", section "Boot Log").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class SpiRegisters:
    """The flash controller: its base address and where its registers are from there."""

    base: int
    address: int
    user2: int
    word0: int


@dataclass(frozen=True)
class EspChip:
    """A chip's ROM. ``chip_id`` is the one in images; ``causes`` and the modes are printed after a reset."""

    name: str
    chip_id: int
    tells_chip_id: bool
    banner: str
    causes: Mapping[str, tuple[int, str]]
    boot_mode: str
    download_mode: str
    setup: str
    length_format: str
    spi: SpiRegisters
    registers: Mapping[int, int]
    mac_registers: tuple[int, int]
    ram: tuple[tuple[int, int], ...]
    load_error: str


def crc8(data: bytes) -> int:
    """CRC-8/MAXIM, with which the ESP32's factory MAC is stored (ESP32 TRM, 20.3.2)."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x8C if crc & 1 else 0)
    return crc


#: An ESP32-D0WD-V3, revision 3.1. That revision's ROM is the one that says "invalid header".
ESP32 = EspChip(
    name="esp32",
    chip_id=0,
    tells_chip_id=False,
    banner="ets Jul 29 2019 12:21:46\r\n\r\n",
    causes={
        "power-on": (0x01, "POWERON_RESET"),
        "hard": (0x01, "POWERON_RESET"),
        "soft": (0x0C, "SW_CPU_RESET"),
        "watchdog": (0x07, "TG0WDT_SYS_RESET"),
        "bootloader": (0x03, "SW_RESET"),
        "rom-watchdog": (0x10, "RTCWDT_RTC_RESET"),
    },
    boot_mode="0x13 (SPI_FAST_FLASH_BOOT)",
    download_mode="0x3 (DOWNLOAD_BOOT(UART0/UART1/SDIO_REI_REO_V2))",
    setup=(
        "configsip: 0, SPIWP:0xee\r\n"
        "clk_drv:0x00,q_drv:0x00,d_drv:0x00,cs0_drv:0x00,hd_drv:0x00,wp_drv:0x00\r\n"
    ),
    length_format="d",
    spi=SpiRegisters(base=0x3FF42000, address=0x04, user2=0x24, word0=0x80),
    registers={
        0x40001000: 0x00F01D83,  # in the ROM: esptool tells an ESP32 by it
        0x3FF40014: 347,  # UART_CLKDIV: a 40 MHz crystal at 115200 baud
        0x3FF5A00C: 1 << 15
        | 1 << 13
        | 1 << 9,  # BLK0_RDATA3: revision bit 0, rated for 240 MHz, package D0WD
        0x3FF5A014: 1 << 24 | 1 << 20,  # BLK0_RDATA5: minor revision 1, revision bit 1
        0x3FF6607C: 1 << 31,  # APB_CTL_DATE: revision bit 2
    },
    mac_registers=(0x3FF5A004, 0x3FF5A008),
    ram=((0x3FFAE000, 0x40000000), (0x40070000, 0x400C2000), (0x50000000, 0x50002000)),
    load_error="ets_main.c 384 \r\n",
)

#: An ESP32-C3, revision 0.3.
ESP32C3 = EspChip(
    name="esp32c3",
    chip_id=5,
    tells_chip_id=True,
    banner="ESP-ROM:esp32c3-api1-20210207\r\nBuild:Feb  7 2021\r\n",
    causes={
        "power-on": (0x01, "POWERON"),
        "hard": (0x01, "POWERON"),
        "soft": (0x0C, "RTC_SW_CPU_RST"),
        "watchdog": (0x07, "TG0WDT_SYS_RST"),
        "bootloader": (0x03, "RTC_SW_SYS_RST"),
        "rom-watchdog": (0x07, "TG0WDT_SYS_RST"),
    },
    boot_mode="0xc (SPI_FAST_FLASH_BOOT)",
    download_mode="0x4 (DOWNLOAD(USB/UART0/1))",
    setup="SPIWP:0xee\r\n",
    length_format="#x",
    spi=SpiRegisters(base=0x60002000, address=0x04, user2=0x20, word0=0x58),
    registers={
        0x60000014: 347,
        0x60008850: 3 << 18,  # BLK1_DATA3: minor revision 3
    },
    mac_registers=(0x60008844, 0x60008848),
    ram=((0x3FC80000, 0x3FCE0000), (0x4037C000, 0x403E0000), (0x50000000, 0x50002000)),
    load_error="ets_loader.c 78 \r\n",
)

CHIPS: Mapping[str, EspChip] = {chip.name: chip for chip in (ESP32, ESP32C3)}
