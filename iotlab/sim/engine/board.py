"""A virtual board: power, reset, and what has the port: nothing, the ROM, or MicroPython."""

from __future__ import annotations

import functools
import json
import logging
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from iotlab.sim import chips
from iotlab.sim.boards import base
from iotlab.sim.chips.base import I2CChip, LinePart
from iotlab.sim.engine.bridge import Bridge
from iotlab.sim.engine.events import Events
from iotlab.sim.engine.interpreter import Interpreter, command
from iotlab.sim.engine.loop import Loop, Timer
from iotlab.sim.engine.memory import open_flash
from iotlab.sim.engine.port import Lines, Port
from iotlab.sim.engine.repl import ReplOutput
from iotlab.sim.engine.wiring import Wiring
from iotlab.sim.flash import PowerCutError
from iotlab.sim.layout import BoardLayout
from iotlab.sim.world import World

State = Literal["off", "held", "loop", "download", "firmware", "asleep"]
START = Path(__file__).parent.parent / "device" / "start.py"
CHANNELS = 5  # see device/_bench.py: four for requests, one for events
#: The strap is read a moment after the reset line rises: its capacitor, on a development board. Both of
#: esptool's reset strategies pull IO0 low in this time and hold it low for 50 ms or more.
STRAP_S = 0.04
ROM_POLL_S = 0.05
#: An interpreter that asked something so short a time ago does not wait for anything long.
CALLS_OFTEN_S = 0.002

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
        self.bridge = Bridge(self, self.wiring, self.events, self.flash)
        self.boots = 0
        self.power_returns = False  # after a power cut
        self._micropython = micropython
        self._interpreter: Interpreter | None = None
        self._repl = ReplOutput()
        self._boot_held = False  # somebody holds the BOOT button
        self._strap_low = False  # DTR and RTS pull it low
        self._in_reset = False
        self._cause = "power-on"
        self._ending = False  # the interpreter said that it leaves in good order
        self._restart: Timer | None = None  # a boot, or a look at the ROM, that is to come
        self._watchdog: Timer | None = None
        self.port = Port(
            loop,
            places.port,
            baud=layout.baud,
            received=self._received,
            drained=self._drained,
            opened_at=self._opened_at,
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
        if self._interpreter:
            self._interpreter.kill()
        self._forget_interpreter()
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
            if self.kind.native_usb:
                self.port.plug()
            self._start_firmware(raw=False)
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

    # -- MicroPython --------------------------------------------------------------------------

    def _start_firmware(self, *, raw: bool) -> None:
        """The firmware is there and whole: MicroPython runs in its place."""
        self.state = "firmware"
        self._ending = False
        self._repl.start(raw)
        self.bridge.region = self.rom.filesystem()
        self._interpreter = Interpreter(
            self.loop,
            command(self._micropython, START, self.layout.heap_kib or self.kind.heap_kib),
            channels=CHANNELS,
            output=self._printed,
            ended=self._ended,
            hungry=self.port.hungry,
            asking=lambda: time.monotonic() - self.bridge.called_s < CALLS_OFTEN_S,
        )
        for channel in self._interpreter.channels[:-1]:
            waiting = bytearray()
            serve = functools.partial(self._serve, channel, waiting)
            self.loop.watch(channel.fileno(), read=serve)
        events = self._interpreter.channels[-1]
        self.loop.watch(events.fileno(), read=functools.partial(self._kick, events))
        self.events.listener = events
        self._drained()

    def _kick(self, events: socket.socket) -> None:
        """Something was scheduled, but the interpreter waits for something else."""
        if self._received_from(events) and self._interpreter:
            self._interpreter.kick()

    def _received_from(self, channel: socket.socket) -> bytes:
        try:
            data = channel.recv(65536)
        except OSError:
            data = b""
        if not data:
            self.loop.forget(channel.fileno())
        return data

    def _serve(self, channel: socket.socket, waiting: bytearray) -> None:
        waiting += self._received_from(channel)
        self.bridge.serve(channel, waiting)

    def _printed(self, data: bytes) -> None:
        was_open = self._repl.open
        shown, reply = self._repl.take(data)
        self.port.print(shown)
        if self._interpreter is None:
            return
        if reply:
            self._interpreter.type_first(reply)
        if self._repl.open and not was_open:
            self._interpreter.take_input()
        if not self.port.room:
            self._interpreter.pause()

    def _drained(self) -> None:
        if self._interpreter:
            self._interpreter.resume()

    def _ended(self, code: int) -> None:
        """The interpreter has gone: by Ctrl-D or ``sys.exit``, or it crashed."""
        raw, orderly = self._repl.raw, self._ending or code == 0
        self._forget_interpreter()
        self.wiring.reset_pins()
        if self._watchdog:
            self._watchdog.cancel()
            self._watchdog = None
        if orderly:
            self.soft_reset(raw)
        else:
            log.error("MicroPython ended with %d: the board resets", code)
            self._reset("watchdog", "watchdog")

    def soft_reset(self, raw: bool) -> None:
        """The interpreter starts anew; the chip does not reset."""
        self._cause = "soft"
        self.port.print(b"MPY: soft reboot\r\n")
        self._start_firmware(raw=raw)

    def _forget_interpreter(self) -> None:
        self._interpreter = None
        self.bridge.forget()
        self.events.forget()

    # -- the port -----------------------------------------------------------------------------

    def _received(self, data: bytes) -> None:
        if self._interpreter:
            self._interpreter.send(data)
        elif self.state == "download":
            self._guarded(lambda: self._feed_rom(data))

    def _feed_rom(self, data: bytes) -> bool:
        answer, resets = self.rom.feed(data)
        self.port.send(answer)
        if resets:
            self._reset("hard", "hard")
        return True

    def _opened_at(self, baud: int) -> None:
        """Arduino's 1200 baud touch, which the Pico's USB stack listens to."""
        if self.kind.touch_1200 and baud == 1200 and self.state == "firmware":
            self._stop()
            self._boot("soft", download=True)

    # -- what the bridge asks -----------------------------------------------------------------

    def info(self) -> bytes:
        kind = self.kind
        told = {
            "cause": self._cause,
            "raw": self._repl.raw,
            "unique_id": self.unique_id.hex(),
            "freq_hz": kind.freq_hz,
            "sysname": kind.sysname,
            "machine": kind.machine,
            "filesystem": self.bridge.region[1],
            "prog_size": self.rom.prog_size,
            "pins": sorted(kind.pins),
            "names": dict(kind.pin_names),
            "i2c": {str(bus): pins for bus, pins in kind.i2c_pins.items()},
        }
        return json.dumps(told).encode()

    def ready(self) -> None:
        """The interpreter has its modules and its file system: boot.py is next."""
        if self._interpreter:
            self._interpreter.take_input(interrupts_only=self._repl.raw)

    def started(self) -> None:
        """boot.py and main.py are done: the REPL is next."""
        if self._interpreter:
            self._interpreter.drain()
        self._repl.scripts_done()

    def leaving(self) -> None:
        self._ending = True

    def interrupt_again(self) -> None:
        if self._interpreter:
            self._interpreter.interrupt_again()

    def reset(self, how: str, after_ms: int) -> None:
        """``machine.reset()`` and its like: the program does not go on."""
        if how == "soft":
            raw = self._repl.raw
            self._stop()
            self.soft_reset(raw)
        elif how == "bootloader":
            self._stop()
            self._boot("soft", download=True)
        elif how == "deepsleep":
            self._stop()
            self.state = "asleep"
            if after_ms:
                self._restart = self.loop.after(
                    after_ms / 1000, lambda: self._reset("deepsleep", "deepsleep")
                )
        else:
            self._reset("hard", "soft")

    def watchdog(self, timeout_ms: int) -> None:
        if self._watchdog:
            self._watchdog.cancel()
        self._watchdog = self.loop.after(timeout_ms / 1000, self._bite)

    def _bite(self) -> None:
        log.info("the watchdog was not fed: the board resets")
        self._reset("watchdog", "watchdog")

    # -- the bench ----------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """What somebody at the bench sees of the board."""
        return {
            "state": self.state,
            "kind": self.kind.name,
            "pid": self._interpreter.pid if self._interpreter else None,
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
