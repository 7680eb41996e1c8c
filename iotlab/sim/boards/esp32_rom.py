"""The boot ROM of an ESP32, as far as one sees it from the serial port.

Held against unmodified esptool: it detects the chip, uploads its stub, erases, writes, verifies, reads back
and resets. See ``esp_loader`` for the protocol and ``esp_boot`` for the start from flash.
"""

from __future__ import annotations

import hashlib

from iotlab.flash.firmware import sample
from iotlab.flash.image import check_offset, parse_image, read_image
from iotlab.sim.boards.esp_boot import boot_from_flash, partitions
from iotlab.sim.boards.esp_chip import CHIPS
from iotlab.sim.boards.esp_loader import After, EspLoader
from iotlab.sim.boards.rom import Boot, BootRom
from iotlab.sim.flash import SECTOR, Flash

#: How long a real chip takes from a failed start to the next (seen between two lines of boot logs).
_ROM_WATCHDOG_S = 0.4
_BOOTLOADER_RESET_S = 0.15
#: MicroPython's table for 4 MiB, ``ports/esp32/partitions-4MiB.csv``: vfs.
_FILESYSTEM = (0x200000, 0x200000)
_FILESYSTEM_LABELS = ("vfs", "ffat")


class Esp32Rom(BootRom):
    """An ESP32 with its flash; ``chip="esp32c3"`` is an ESP32-C3, for which nothing is preinstalled.

    ``mac`` is what esptool reads from the eFuses (6 bytes); a board's own, made from the name of its flash
    file, unless given.
    """

    def __init__(self, flash: Flash, *, chip: str = "esp32", mac: bytes | None = None) -> None:
        super().__init__(flash)
        self.chip = CHIPS[chip]
        self.mac = mac or b"\x24\x0a\xc4" + hashlib.sha256(str(flash.path).encode()).digest()[:3]
        self._loader = EspLoader(self.chip, flash, self.mac)
        self._failure = ""

    def boot(self, *, download: bool, cause: str) -> Boot:
        failure, self._failure = self._failure, ""
        if failure and cause not in ("power-on", "hard"):
            cause = failure
        if download:
            return self._download(cause)
        attempt = boot_from_flash(self.chip, self.flash)
        text = (self._reset_line(cause, self.chip.boot_mode) + attempt.text).encode()
        if not attempt.failure:
            return Boot("firmware", text)
        self._failure = attempt.failure
        again_s = _ROM_WATCHDOG_S if attempt.failure == "rom-watchdog" else _BOOTLOADER_RESET_S
        return Boot("reset", text, again_s)

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        answer, after = self._loader.feed(data)
        if after is After.ROM:  # a software reset does not read the boot strap anew: back in the loader
            answer += self._download("bootloader").text
        return answer, after is After.RUN

    def preinstall(self) -> None:
        """MicroPython for the ESP32: genuine, the build that :func:`iotlab.flash.firmware.sample` fetches."""
        image = read_image(sample(self.chip.name))
        _put(self.flash, check_offset(image, None), image.data)

    def install(self, image: bytes) -> None:
        parsed = parse_image(image, "the image")
        _put(self.flash, check_offset(parsed, None), parsed.data)

    def filesystem(self) -> tuple[int, int]:
        for partition in partitions(self.flash):
            if partition.label in _FILESYSTEM_LABELS:
                return partition.offset, partition.size
        return _FILESYSTEM

    def _download(self, cause: str) -> Boot:
        self._loader.reset()
        text = self._reset_line(cause, self.chip.download_mode) + "waiting for download\r\n"
        return Boot("download", text.encode())

    def _reset_line(self, cause: str, mode: str) -> str:
        number, name = self.chip.causes.get(cause, self.chip.causes["power-on"])
        return f"{self.chip.banner}rst:{number:#x} ({name}),boot:{mode}\r\n"


def _put(flash: Flash, offset: int, data: bytes) -> None:
    """Erase the sectors that ``data`` touches, then program it."""
    start = offset // SECTOR * SECTOR
    flash.erase(start, -(-(offset + len(data) - start) // SECTOR) * SECTOR)
    flash.program(offset, data)
