"""A virtual board: power, reset, and what has the port: nothing, the ROM, or the firmware."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from iotlab.sim import chips
from iotlab.sim.boards import base
from iotlab.sim.chips.base import I2CChip, LinePart
from iotlab.sim.engine.bridge import Bridge
from iotlab.sim.engine.events import Events
from iotlab.sim.engine.loop import Loop, Timer
from iotlab.sim.engine.memory import open_flash
from iotlab.sim.engine.port import Lines, Port
from iotlab.sim.engine.wiring import Wiring
from iotlab.sim.flash import PowerCutError
from iotlab.sim.layout import BoardLayout
from iotlab.sim.runners.base import RUNNERS, Runner
from iotlab.sim.world import World

State = Literal["off", "held", "loop", "download", "firmware", "asleep"]
#: The strap is read a moment after the reset line rises: its capacitor, on a development board. Both of
#: esptool's reset strategies pull IO0 low in this time and hold it low for 50 ms or more.
STRAP_S = 0.04
ROM_POLL_S = 0.05

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Places:
    """Where the things of a board are."""

    port: Path
    control: Path
    drive: Path
    flash: Path
    world: Path

    @property
    def lines(self) -> Path:
        return self.port.with_name(self.port.name + ".lines")


class VirtualBoard:
    """One board. Everything happens in callbacks of ``loop``."""

    def __init__(self, loop: Loop, layout: BoardLayout, places: Places, micropython: Path | None) -> None:
        self.loop, self.layout, self.places = loop, layout, places
        self.kind = base.load(layout.kind)
        self.state: State = "off"
        self.unique_id = self.kind.unique_id(str(places.flash))
        self.flash = open_flash(layout, places.flash, self.unique_id)
        self.rom = self.kind.rom(self.flash, self.unique_id)
        self.rom.drive = places.drive
        self.events = Events(loop)
        self.wiring = Wiring(self.kind, self.events.pin, loop.soon)
        self._wire(World(places.world))
        self.micropython = micropython  # the executable of the unix port, where it is not the wheel's
        self.runner: Runner = RUNNERS.load(layout.engine)(self)
        self.bridge = Bridge(self.runner, self.wiring, self.events, self.flash)
        self.boots = 0
        self.power_returns = False  # after a power cut
        self._boot_held = False  # somebody holds the BOOT button
        self._strap_low = False  # DTR and RTS pull it low
        self._in_reset = False
        self._cause = "power-on"
        self._restart: Timer | None = None  # a boot, or a look at the ROM, that is to come
        self._watchdog: Timer | None = None
        self.port = Port(
            loop,
            places.port,
            baud=layout.baud,
            received=self._received,
            drained=self.runner.drained,
            opened=self.runner.opened,
            closed=self.runner.closed,
        )
        self.lines = Lines(loop, places.lines, self._lines_changed) if self.kind.auto_reset else None

    def _wire(self, world: World) -> None:
        for told in self.layout.parts:
            part = chips.create(told.chip, world, **told.options)
            if isinstance(part, I2CChip):
                self.wiring.add_chip(told.name, part, *told.pins)
            elif isinstance(part, LinePart):
                self.wiring.add_line(told.name, part, told.pins[0])

    # -- power and reset ----------------------------------------------------------------------

    def power_on(self) -> None:
        """Plug the supply in."""
        if self.state == "off":
            self.wiring.power_on()
            self._reset("power-on", "power-on")

    @property
    def coming_up(self) -> bool:
        """Whether the firmware runs and its port is still to come."""
        return self.state == "firmware" and self.runner.enumerates and not self.port.plugged

    def power_off(self) -> None:
        """Pull the supply."""
        self._stop()
        self.flash.keep_power()
        self.state = "off"

    def hold_boot(self, held: bool) -> None:
        """Press the boot button (BOOT, BOOTSEL), or let it go."""
        self._boot_held = held

    def reset_button(self) -> None:
        """Press the reset button and let it go."""
        if self.state != "off":
            self._reset("hard", "hard")

    def _reset(self, cause: str, rom_cause: str) -> None:
        """The chip starts anew; ``cause`` is what its program sees, ``rom_cause`` what its ROM prints."""
        self._stop()
        self._cause = cause
        if self._in_reset:
            self.state = "held"
        else:
            self._boot(rom_cause)

    def _stop(self) -> None:
        """Whatever has the port now has it no more."""
        if self.state == "download":
            self.rom.leave()
        self.runner.stop()
        for timer in (self._restart, self._watchdog):
            if timer:
                timer.cancel()
        self._restart = self._watchdog = None
        self.wiring.reset_pins()

    def _boot(self, cause: str, download: bool = False) -> None:
        download = download or self._boot_held or self._strap_low
        boot = self.rom.boot(download=download, cause=cause)
        self.boots += 1
        log.info("boot (%s): %s", cause, boot.outcome)
        if self.kind.native_usb and boot.outcome != "firmware":
            self.port.unplug()
        self.port.send(boot.text)
        if boot.outcome == "firmware":
            if self.kind.native_usb and not self.runner.enumerates:
                self.port.plug()
            self.state = "firmware"
            self.runner.start(self._cause)
        elif boot.outcome == "download":
            self.state = "download"
            self._restart = self.loop.after(ROM_POLL_S, self._poll_rom)
        else:
            self.state = "loop"
            self._restart = self.loop.after(boot.again_s, lambda: self._boot("watchdog"))

    def _poll_rom(self) -> None:
        if self._guarded(self.rom.poll):
            self._reset("hard", "soft")
        elif self.state == "download":
            self._restart = self.loop.after(ROM_POLL_S, self._poll_rom)

    def _guarded(self, work: Callable[[], bool]) -> bool:
        """What the ROM does may hit the end of the power."""
        try:
            return work()
        except PowerCutError as error:
            self.cut_off(error)
            return False

    def _lines_changed(self, dtr: bool, rts: bool) -> None:
        """The auto-reset circuit (esptool documentation, "Boot Mode Selection", "Automatic Bootloader")."""
        self._in_reset, self._strap_low = rts and not dtr, dtr and not rts
        if self.state == "off":
            return
        if self._in_reset:
            self._stop()
            self._cause, self.state = "hard", "held"
        elif self.state == "held" and self._strap_low:
            self._leave_reset()
        elif self.state == "held" and self._restart is None:
            self._restart = self.loop.after(STRAP_S, self._leave_reset)

    def _leave_reset(self) -> None:
        if self._restart:
            self._restart.cancel()
            self._restart = None
        self._boot("hard")

    def cut_off(self, error: PowerCutError) -> None:
        """The supply failed in the middle of a flash operation."""
        log.info("%s", error)
        self.power_off()
        if self.power_returns:
            self._restart = self.loop.after(0.0, self.power_on)

    # -- the port -----------------------------------------------------------------------------

    def _received(self, data: bytes) -> None:
        if self.state == "firmware":
            self.runner.receive(data)
        elif self.state == "download":
            self._guarded(lambda: self._feed_rom(data))

    def _feed_rom(self, data: bytes) -> bool:
        answer, resets = self.rom.feed(data)
        self.port.send(answer)
        if resets:
            self._reset("hard", "hard")
        return True

    # -- what the firmware asks ---------------------------------------------------------------

    def soft_reset(self) -> None:
        """The program starts anew, the chip does not: its pins are as after a reset."""
        self.wiring.reset_pins()
        self._forget_watchdog()

    def reset(self, how: str, after_ms: int = 0) -> None:
        """``machine.reset()`` and its like: the program does not go on. ``how`` is "hard", "watchdog",
        "bootloader" or "deepsleep"."""
        if how == "bootloader":
            self._stop()
            self._boot("soft", download=True)
        elif how == "deepsleep":
            self._stop()
            self.state = "asleep"
            if after_ms:
                self._restart = self.loop.after(
                    after_ms / 1000, lambda: self._reset("deepsleep", "deepsleep")
                )
        elif how == "watchdog":
            self._reset("watchdog", "watchdog")
        else:
            self._reset("hard", "soft")

    def watchdog(self, timeout_ms: int) -> None:
        self._forget_watchdog()
        self._watchdog = self.loop.after(timeout_ms / 1000, self._bite)

    def _forget_watchdog(self) -> None:
        if self._watchdog:
            self._watchdog.cancel()
            self._watchdog = None

    def _bite(self) -> None:
        log.info("the watchdog was not fed: the board resets")
        self._reset("watchdog", "watchdog")

    # -- the bench ----------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """What somebody at the bench sees of the board."""
        return {
            "state": self.state,
            "kind": self.kind.name,
            "pid": self.runner.pid,
            "port": str(self.port.path) if self.port.plugged else "",
            "unique_id": self.unique_id.hex(),
            "boots": self.boots,
            "bridge_calls": self.bridge.calls,
            "flash_operations": self.flash.operations,
        }

    def close(self) -> None:
        self.power_off()
        self.port.close()
        if self.lines:
            self.lines.close()
        self.flash.close()
