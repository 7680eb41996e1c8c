"""SSD1306: controller of a small OLED display. Solomon Systech SSD1306, rev. 1.1.

Options: ``address`` (SA0 low 0x3C, high 0x3D), ``width`` and ``height`` of the panel (128x64 or 128x32),
``external_vcc`` (the panel has its own high voltage: no charge pump needed).
"""

from __future__ import annotations

from typing import Any

from iotlab.errors import ConfigError
from iotlab.sim.chips.base import I2CChip, UnmodelledError
from iotlab.sim.world import Environment

COLUMNS, PAGES, ROWS = 128, 8, 64  # GDDRAM, 8.7
#: Panels and whether their rows are wired to the COM pins alternately (DAh, table 10-3).
PANELS = {(128, 64): True, (128, 32): False}

HORIZONTAL, VERTICAL, PAGE = 0, 1, 2  # 20h, 10.1.3
CONTINUATION, DATA = 0x80, 0x40  # Co and D/C# of a control byte, 8.1.5.2
DISPLAY_OFF = 0x40  # status register, table 9-2

#: Bytes that follow a command (table 9-1). 8Dh is from the application note on the charge
#: pump at the end of the datasheet; ADh is the SSD1315's, and an SSD1306 takes no notice of it.
ARGUMENTS = {
    0x20: 1,
    0x21: 2,
    0x22: 2,
    0x81: 1,
    0x8D: 1,
    0xA8: 1,
    0xAD: 1,
    0xD3: 1,
    0xD5: 1,
    0xD9: 1,
    0xDA: 1,
    0xDB: 1,
}


class SSD1306(I2CChip):
    """What is in the display RAM, and what of it is to be seen on the panel.

    The panel is mounted as on the usual modules: upright with segment remap (A1h) and remapped COM
    scan (C8h), as the published drivers set them.
    """

    addresses = (0x3C, 0x3D)

    def __init__(
        self,
        world: Environment,
        *,
        address: int | None = None,
        width: int = 128,
        height: int = 64,
        external_vcc: bool = False,
    ) -> None:
        super().__init__(world, address=address)
        if (width, height) not in PANELS:
            sizes = " or ".join(f"{w}x{h}" for w, h in PANELS)
            raise ConfigError(f"the panel is {sizes}, not {width}x{height}")
        self.width, self.height, self.external_vcc = width, height, external_vcc
        self.power_on()

    def power_on(self) -> None:
        """Reset values: 8.5 and table 9-1. What the RAM holds is not defined: it is dark here."""
        self._ram = [bytearray(COLUMNS) for _ in range(PAGES)]
        self._command: list[int] = []
        self.on = self.inverted = self.all_on = self._pump = False
        self.contrast = 0x7F
        self._mode = PAGE
        self._columns, self._pages = (0, COLUMNS - 1), (0, PAGES - 1)
        self._column = self._page = 0
        self._start_line = self._offset = 0
        self._rows = ROWS
        self._flip_columns = self._flip_rows = False
        self._alternate = True

    # -- the wire -----------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Control bytes, each followed by one byte (Co = 1) or by all the rest (8.1.5.2)."""
        place = 0
        while place < len(data):
            control = data[place]
            if control & 0x3F:
                raise self._unmodelled(f"control byte 0x{control:02x}", "8.1.5.2")
            end = place + 2 if control & CONTINUATION else len(data)
            for value in data[place + 1 : end]:
                if control & DATA:
                    self._store(value)
                else:
                    self._take(value)
            place = end

    def read(self, size: int) -> bytes:
        """The status register (table 9-2); its reserved bits are 0 here."""
        return bytes([0 if self.on else DISPLAY_OFF]) * size

    # -- commands -----------------------------------------------------------------------------

    def _take(self, value: int) -> None:
        """One byte of a command; a command may be spread over transactions."""
        self._command.append(value)
        if len(self._command) > ARGUMENTS.get(self._command[0], 0):
            command, self._command = self._command, []
            if len(command) == 1:
                self._simple(value)
            else:
                self._with_arguments(command[0], command[1:])

    def _simple(self, command: int) -> None:
        if command <= 0x1F:  # 00h to 1Fh: for page addressing mode (10.1.1, 10.1.2)
            low = command < 0x10
            self._column = self._column & 0x70 | command if low else self._column & 0x0F | (command & 7) << 4
        elif 0x40 <= command <= 0x7F:
            self._start_line = command & 0x3F
        elif command in (0xA0, 0xA1):
            self._flip_columns = command == 0xA1
        elif command in (0xA4, 0xA5):
            self.all_on = command == 0xA5
        elif command in (0xA6, 0xA7):
            self.inverted = command == 0xA7
        elif command in (0xAE, 0xAF):
            self.on = command == 0xAF
        elif 0xB0 <= command <= 0xB7:
            self._page = command & 7
        elif 0xC0 <= command <= 0xCF:
            self._flip_rows = bool(command & 0x08)
        elif command not in (0x2E, 0xE3):  # "deactivate scroll", while none runs; NOP
            raise self._unmodelled(f"command 0x{command:02x}", "table 9-1")

    def _with_arguments(self, command: int, arguments: list[int]) -> None:
        first = arguments[0]
        if command == 0x20:
            if first & 3 == 3:
                raise self._unmodelled("addressing mode 3", "10.1.3")
            self._mode = first & 3
        elif command == 0x21:
            self._columns = (first & 0x7F, arguments[1] & 0x7F)
            self._column = self._columns[0]
        elif command == 0x22:
            self._pages = (first & 7, arguments[1] & 7)
            self._page = self._pages[0]
        elif command == 0x81:
            self.contrast = first
        elif command == 0x8D:
            self._pump = bool(first & 0x04)
        elif command == 0xA8:
            if first & 0x3F < 15:
                raise self._unmodelled("a multiplex ratio below 16", "table 9-1")
            self._rows = (first & 0x3F) + 1
        elif command == 0xD3:
            self._offset = first & 0x3F
        elif command == 0xDA:
            if first & 0x20:
                raise self._unmodelled("COM left/right remap", "table 9-1")
            self._alternate = bool(first & 0x10)
        # D5h, D9h, DBh are timing and voltage, ADh is no command: nothing of them is to be seen

    def _store(self, value: int) -> None:
        """A byte of display data; the pointer moves on as the mode says (10.1.3)."""
        # the remap is in the way to the RAM: what is stored already stays where it is (10.1.8)
        segment = COLUMNS - 1 - self._column if self._flip_columns else self._column
        self._ram[self._page][segment] = value
        if self._mode == PAGE:
            self._column = (self._column + 1) % COLUMNS
        elif self._mode == HORIZONTAL:
            self._column, wrapped = _next(self._column, self._columns, COLUMNS)
            if wrapped:
                self._page, _ = _next(self._page, self._pages, PAGES)
        else:
            self._page, wrapped = _next(self._page, self._pages, PAGES)
            if wrapped:
                self._column, _ = _next(self._column, self._columns, COLUMNS)

    # -- what is to be seen -------------------------------------------------------------------

    def pixels(self) -> list[list[bool]]:
        """The panel, row by row from the top: True is lit."""
        if not self.on or not (self._pump or self.external_vcc):
            return [[False] * self.width for _ in range(self.height)]
        return [self._panel_row(y) for y in range(self.height)]

    def lines(self) -> list[str]:
        """The panel as text, one line for each row: "#" is lit, "." is dark."""
        return ["".join("#" if lit else "." for lit in row) for row in self.pixels()]

    def state(self) -> dict[str, Any]:
        """``pixels_hex`` has the rows from the top, eight pixels to a byte, the leftmost highest."""
        lines = self.lines()
        packed = b"".join(
            int(line.replace("#", "1").replace(".", "0"), 2).to_bytes(self.width // 8, "big")
            for line in lines
        )
        return {
            **super().state(),
            "on": self.on,
            "contrast": self.contrast,
            "inverted": self.inverted,
            "width": self.width,
            "height": self.height,
            "lines": lines,
            "pixels_hex": packed.hex(),
        }

    def _panel_row(self, y: int) -> list[bool]:
        """Row ``y`` of the panel: through its wiring to a COM pin, and from the pin to a row of the RAM."""
        pin = _pin(self.height - 1 - y, PANELS[self.width, self.height])
        common = _common(pin, self._alternate)
        if common >= self._rows:
            return [False] * self.width  # beyond the multiplex ratio
        scanned = self._rows - 1 - common if self._flip_rows else common
        row = (scanned + self._offset + self._start_line) % ROWS
        page, bit = self._ram[row // 8], 1 << row % 8
        return [self.all_on or bool(page[COLUMNS - 1 - x] & bit) != self.inverted for x in range(self.width)]

    def _unmodelled(self, what: str, page: str) -> UnmodelledError:
        return UnmodelledError(
            f"SSD1306: {what} is not modelled by this simulation; see Solomon Systech SSD1306 rev. 1.1, {page}"
        )


def _next(value: int, window: tuple[int, int], size: int) -> tuple[int, bool]:
    """The next place in ``window``, and whether it began anew."""
    if value == window[1]:
        return window[0], True
    return (value + 1) % size, False


def _pin(common: int, alternate: bool) -> int:
    """The COM pin for the ``common``-th row: in turn from both halves where alternate (table 10-3)."""
    return common // 2 + 32 * (common % 2) if alternate else common


def _common(pin: int, alternate: bool) -> int:
    """The inverse of :func:`_pin`."""
    return 2 * (pin % 32) + pin // 32 if alternate else pin


PART = SSD1306
