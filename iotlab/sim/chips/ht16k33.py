"""HT16K33: drives 16x8 LEDs. Holtek HT16K33, rev. 1.10.

Options: ``address`` (A2..A0: 0x70 to 0x77), ``panel``: what its outputs are wired to, as on Adafruit's
backpacks: "7-segment" (four digits and a colon), "14-segment" (four characters), "8x8" or "16x8" (dots).
Not modelled: its keys, and the interrupt they raise.
"""

from __future__ import annotations

from typing import Any, ClassVar

from iotlab.errors import ConfigError
from iotlab.sim.chips.base import I2CChip, UnmodelledError
from iotlab.sim.world import Environment

SIZE = 16  # display RAM: COM0 with ROW0..7, COM0 with ROW8..15, COM1...
BLINK_HZ = (0.0, 2.0, 1.0, 0.5)  # "Display setup register"

#: The wiring of Adafruit's backpacks, as the published driver has it.
DIGITS = (0, 2, 6, 8)  # bytes of the four digits; a to g are bits 0 to 6, the point bit 7
COLON, COLON_BIT = 4, 0x02
PANELS = ("7-segment", "14-segment", "8x8", "16x8")
#: One digit or character: what is drawn where, and the bit that lights it (-1: none).
SEVEN = (" _  ", "|_| ", "|_|.")
SEVEN_BITS = ((-1, 0, -1, -1), (5, 6, 1, -1), (4, 3, 2, 7))
FOURTEEN = (" --- ", "|\\|/|", " - - ", "|/|\\|", " ---.")
FOURTEEN_BITS = (
    (-1, 0, 0, 0, -1),
    (5, 8, 9, 10, 1),
    (-1, 6, -1, 7, -1),
    (4, 11, 12, 13, 2),
    (-1, 3, 3, 3, 14),
)


class HT16K33(I2CChip):
    """In standby after power-on: its oscillator and its display are switched on by commands."""

    addresses: ClassVar[tuple[int, ...]] = tuple(range(0x70, 0x78))

    def __init__(self, world: Environment, *, address: int | None = None, panel: str = "7-segment") -> None:
        super().__init__(world, address=address)
        if panel not in PANELS:
            raise ConfigError(f"the panel of an HT16K33 is {', '.join(PANELS)}, not {panel!r}")
        self.panel = panel
        self.power_on()

    def power_on(self) -> None:
        """In standby, dark, at full brightness. What the RAM holds then is not defined: it is dark here."""
        self._ram = bytearray(SIZE)
        self._pointer = 0
        self._oscillator = self._display = False
        self._blink = 0
        self._dimming = 16

    # -- the wire -----------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """A command; display data follow the one that sets their address ("Command summary")."""
        if not data:
            return
        command, kind = data[0], data[0] & 0xF0
        if len(data) > 1 and kind != 0x00:
            raise self._unmodelled(f"data after command 0x{command:02x}")
        if kind == 0x00:
            self._pointer = command
            for value in data[1:]:
                self._ram[self._pointer] = value
                self._pointer = (self._pointer + 1) % SIZE
        elif kind == 0x20:
            self._oscillator = bool(command & 0x01)
        elif kind == 0x80:
            self._display, self._blink = bool(command & 0x01), command >> 1 & 0x03
        elif kind == 0xE0:
            self._dimming = (command & 0x0F) + 1
        elif command == 0xD0:
            pass  # in no list: taken to do nothing. A look for the ID of a Bosch sensor at 0x76 and 0x77 sends it
        elif command != 0xA0:  # INT/ROW output: ROW, as after power-on
            raise self._unmodelled(f"command 0x{command:02x}")

    def read(self, size: int) -> bytes:
        """Display RAM from the pointer on."""
        answer = bytes(self._ram[(self._pointer + index) % SIZE] for index in range(size))
        self._pointer = (self._pointer + size) % SIZE
        return answer

    # -- what is to be seen -------------------------------------------------------------------

    def lines(self) -> list[str]:
        """The panel as text. Dots: "#" is lit, "." is dark. Segments are drawn where they are lit.

        A display that blinks is drawn in its lit phase.
        """
        ram = self._ram if self._oscillator and self._display else bytes(SIZE)
        if self.panel == "8x8":  # bit 7 is the leftmost column, then bits 0 to 6
            return [
                "".join("#" if ram[2 * y] >> (x - 1) % 8 & 1 else "." for x in range(8)) for y in range(8)
            ]
        if self.panel == "16x8":
            return [
                "".join("#" if ram[2 * y + x // 8] >> x % 8 & 1 else "." for x in range(16)) for y in range(8)
            ]
        if self.panel == "14-segment":
            return _side_by_side(
                [_drawn(ram[i] | ram[i + 1] << 8, FOURTEEN, FOURTEEN_BITS) for i in range(0, 8, 2)]
            )
        digits = [_drawn(ram[place], SEVEN, SEVEN_BITS) for place in DIGITS]
        dots = ":" if ram[COLON] & COLON_BIT else " "
        return _side_by_side([*digits[:2], [" ", dots, " "], *digits[2:]])

    def state(self) -> dict[str, Any]:
        """``dimming`` is the duty in sixteenths."""
        return {
            **super().state(),
            "panel": self.panel,
            "on": self._oscillator and self._display,
            "blink_hz": BLINK_HZ[self._blink],
            "dimming": self._dimming,
            "lines": self.lines(),
            "ram_hex": bytes(self._ram).hex(),
        }

    def _unmodelled(self, what: str) -> UnmodelledError:
        return UnmodelledError(
            f"HT16K33: {what} is not modelled by this simulation; see Holtek HT16K33 rev. 1.10, command summary"
        )


def _drawn(bits: int, picture: tuple[str, ...], places: tuple[tuple[int, ...], ...]) -> list[str]:
    """A digit: each place of ``picture`` whose bit is set."""
    return [
        "".join(
            mark if place >= 0 and bits >> place & 1 else " "
            for mark, place in zip(row, row_bits, strict=True)
        )
        for row, row_bits in zip(picture, places, strict=True)
    ]


def _side_by_side(blocks: list[list[str]]) -> list[str]:
    return ["".join(parts) for parts in zip(*blocks, strict=True)]


PART = HT16K33
