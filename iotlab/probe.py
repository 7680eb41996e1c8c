"""What is on an I2C bus: a scan, and for each address that answers what it probably is, and why."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from html import escape
from typing import Any

from iotlab.bus.i2c import FIRST_ADDRESS, LAST_ADDRESS, I2CBus
from iotlab.errors import NackError
from iotlab.sensors import Found, identify, profiles
from iotlab.table import Table

# JupyterLab's theme where there is one; else what the page has (Voila, GitHub).
_GRID = (
    "border-collapse:collapse;margin:.4em 0;font-family:var(--jp-code-font-family,monospace);"
    "color:var(--jp-ui-font-color1,inherit)"
)
_HEAD = "padding:.1em .45em;font-weight:600;opacity:.7;text-align:center"
_CELL = "padding:.1em .45em;text-align:center"
_EMPTY = _CELL + ";opacity:.35"
_FOUND = _CELL + ";font-weight:700;border-radius:3px;background:var(--jp-brand-color1,#1976d2);color:#fff"


@dataclass(frozen=True)
class ProbeResult:
    """What a probe found, by address. Shows itself as i2cdetect's grid with a table of what and why."""

    found: tuple[Found, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, fit for JSON."""
        return {"found": [found.to_dict() for found in self.found]}

    def table(self) -> Table:
        """Each candidate with its evidence."""
        rows = []
        for found in self.found:
            where = f"0x{found.address:02x}"
            if not found.candidates:
                rows.append([where, "?", "", found.note])
            for candidate in found.candidates:
                name = f"{candidate.title}, {candidate.what}"
                rows.append([where, name, candidate.confidence, candidate.evidence])
                where = ""
        return Table(["address", "what it is", "how sure", "why"], rows, empty="Nothing answers on this bus.")

    def grid(self) -> str:
        """The addresses as ``i2cdetect`` prints them."""
        lines = ["     " + "  ".join(f"{column:x}" for column in range(16))]
        for row in range(0, 0x80, 16):
            cells = " ".join(self._cell(row + column) for column in range(16))
            lines.append(f"{row:02x}: {cells}".rstrip())
        return "\n".join(lines)

    def __str__(self) -> str:
        return f"{self.grid()}\n\n{self.table()}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        corner = f'<th style="{_HEAD}"></th>'
        head = corner + "".join(f'<th scope="col" style="{_HEAD}">{column:x}</th>' for column in range(16))
        rows = "".join(self._html_row(row) for row in range(0, 0x80, 16))
        table = f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
        grid = f'<table style="{_GRID}" aria-label="I2C addresses">{table}</table>'
        return grid + self.table()._repr_html_()

    # -- details ------------------------------------------------------------------------------

    def _cell(self, address: int) -> str:
        if not FIRST_ADDRESS <= address <= LAST_ADDRESS:
            return "  "
        return f"{address:02x}" if self._at(address) else "--"

    def _at(self, address: int) -> Found | None:
        return next((found for found in self.found if found.address == address), None)

    def _html_row(self, row: int) -> str:
        cells = [f'<th scope="row" style="{_HEAD}">{row:02x}</th>']
        for address in range(row, row + 16):
            found, text = self._at(address), self._cell(address)
            if found is None:
                cells.append(f'<td style="{_EMPTY}">{text.strip()}</td>')
            else:
                title = ", ".join(candidate.title for candidate in found.candidates) or "not known"
                cells.append(f'<td style="{_FOUND}" title="{escape(title)}">{text}</td>')
        return f"<tr>{''.join(cells)}</tr>"


def probe(bus: I2CBus, *, also: Container[int] = ()) -> ProbeResult:
    """Scan ``bus`` and identify what answers.

    Only registers that identify a chip are read: nothing is written but their addresses, and at addresses
    where even that could do harm nothing at all, unless they are in ``also`` (because you know that there
    is no such chip: the evidence says which).

    >>> from iotlab.sim.chips.bme280 import BME280
    >>> from iotlab.sim.chips.ssd1306 import SSD1306
    >>> from iotlab.testing.i2c import ChipBus
    >>> from iotlab.testing.world import SteadyWorld
    >>> world = SteadyWorld()
    >>> for found in probe(ChipBus(BME280(world), SSD1306(world))).found:
    ...     print(hex(found.address), found.candidates[0].title, found.candidates[0].confidence)
    0x3c SSD1306 possible
    0x77 BME280 certain
    """
    known = profiles()
    return ProbeResult(tuple(_identified(bus, address, known, also) for address in bus.scan()))


def _identified(bus: I2CBus, address: int, known: Any, also: Container[int]) -> Found:
    try:
        return identify(bus, address, known, also=also)
    except NackError:
        return Found(address, (), "it answered the scan and then no more: was it unplugged?")
