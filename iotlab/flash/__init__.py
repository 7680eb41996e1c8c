"""Firmware onto boards.

``read_image`` says what a file is; ``programmer`` finds the way it gets onto a board: ``espflash`` over a serial
port, ``drive`` by a copy to a UF2 drive. ``firmware.sample`` is a genuine image to try it with.
"""

from __future__ import annotations

from iotlab.flash.image import FirmwareImage, read_image
from iotlab.flash.programmers import Programmer, programmer

__all__ = ["FirmwareImage", "Programmer", "programmer", "read_image"]
