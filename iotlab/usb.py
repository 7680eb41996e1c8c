"""What the USB ids of a device tell: the table in ``usb.toml``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files as package_files
from typing import Any

from iotlab import toml


@dataclass(frozen=True)
class UsbDevice:
    """What is known of a USB device. Plain data; empty where its ids tell nothing.

    ``what`` describes it, ``kind`` is the kind of board, ``paced`` says whether it holds the host back while
    its buffer is full, so that nothing that is sent to it is lost, ``native`` whether the chip that runs the
    program is the USB device itself, without a serial bridge.
    """

    what: str = ""
    kind: str = ""
    paced: bool = False
    native: bool = False


def usb_device(vid: int, pid: int) -> UsbDevice:
    """The device with these ids.

    >>> usb_device(0x2E8A, 0x0005)
    UsbDevice(what='Raspberry Pi Pico with MicroPython', kind='pico', paced=True, native=True)
    """
    for entry in _table():
        if entry["vid"] == vid and entry.get("pid", pid) == pid:
            return UsbDevice(**{key: value for key, value in entry.items() if key not in ("vid", "pid")})
    return UsbDevice()


@cache
def _table() -> list[dict[str, Any]]:
    text = package_files("iotlab").joinpath("usb.toml").read_text(encoding="utf-8")
    entries: list[dict[str, Any]] = toml.loads(text)["usb"]
    return entries
