"""A table that shows itself: as text in a terminal, as HTML in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

# JupyterLab's theme where there is one; else what the page has (Voila, GitHub).
_TABLE = "border-collapse:collapse;margin:.4em 0;color:var(--jp-ui-font-color1,inherit)"
_HEAD = "text-align:left;padding:.25em .9em;border-bottom:2px solid var(--jp-border-color1,#9e9e9e);font-weight:600"
_CELL = (
    "text-align:left;padding:.25em .9em;border-bottom:1px solid var(--jp-border-color2,#e0e0e0);"
    "vertical-align:top"
)


@dataclass(frozen=True)
class Table:
    """``columns`` are the headings, each row has as many cells. ``empty`` is said where there are no rows."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    empty: str = "nothing"

    def __str__(self) -> str:
        if not self.rows:
            return self.empty
        lines = [list(self.columns), *(list(row) for row in self.rows)]
        widths = [max(len(line[k]) for line in lines) for k in range(len(self.columns))]
        return "\n".join(
            "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        if not self.rows:
            return f"<p>{escape(self.empty)}</p>"
        head = "".join(f'<th scope="col" style="{_HEAD}">{escape(c)}</th>' for c in self.columns)
        cells = ["".join(f'<td style="{_CELL}">{escape(cell)}</td>' for cell in row) for row in self.rows]
        body = "".join(f"<tr>{row}</tr>" for row in cells)
        return f'<table style="{_TABLE}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
