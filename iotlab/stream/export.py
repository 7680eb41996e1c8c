"""A recording as a file, a DataFrame or a picture. numpy, pandas and matplotlib load when first needed."""

from __future__ import annotations

import io
import math
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from iotlab.errors import ConfigError, UnavailableError
from iotlab.stream.quantity import panels, quantity
from iotlab.stream.thin import thinned

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from iotlab.stream.recording import Batch, Recording

#: Line colours on a light ground, told apart by colour-blind readers too; the widget uses the same.
COLOURS = ("#1668c7", "#d9480f", "#2b8a3e", "#9c36b5", "#c2255c", "#0b7285", "#a67c00", "#5f3dc4")
_CSV_ROWS = 10_000
_PICTURE_ROWS = 3000


def csv_header(names: tuple[str, ...]) -> str:
    """The first line of a CSV file: ``t_s`` and the names."""
    return ",".join(("t_s", *(_csv_field(name) for name in names))) + "\r\n"


def csv_rows(batch: Batch) -> str:
    """The lines of ``batch``: times to the microsecond, values as exact as they are, NaN as nothing."""
    lines = []
    for t_s, *values in zip(batch.t_s, *batch.columns, strict=True):
        fields = ("" if math.isnan(value) else repr(value) for value in values)
        lines.append(",".join((f"{t_s:.6f}", *fields)))
    return "".join(line + "\r\n" for line in lines)


def csv_parts(recording: Recording) -> Iterator[str]:
    """The text of a CSV file in portions, so that a long recording never stands in memory twice."""
    names, end = recording.names, recording.end
    yield csv_header(names)
    start = 0
    while start < end:
        batch = recording.rows(start, min(start + _CSV_ROWS, end))
        if not len(batch):
            return
        # A trace that came up while this was written is left out: the header is written already.
        yield csv_rows(type(batch)(batch.first, names, batch.t_s, batch.columns[: len(names)]))
        start = batch.first + len(batch)


def _csv_field(text: str) -> str:
    """Quoted as RFC 4180, section 2 asks."""
    if not any(sign in text for sign in ',"\r\n'):
        return text
    return '"' + text.replace('"', '""') + '"'


def write_csv(recording: Recording, path: str | os.PathLike[str], *, overwrite: bool) -> Path:
    """See ``Recording.to_csv``."""
    place = Path(path)
    if place.exists() and not overwrite:
        raise _exists(place)
    part = place.with_name(f".{place.name}.{secrets.token_hex(4)}.part")
    try:
        with open(part, "x", encoding="utf-8", newline="") as file:
            file.writelines(csv_parts(recording))
        if overwrite:
            part.replace(place)
        else:
            _place_new(part, place)
    finally:
        part.unlink(missing_ok=True)
    return place


def _place_new(part: Path, place: Path) -> None:
    """Give ``part`` its name without ever replacing a file that came up meanwhile."""
    try:
        place.hardlink_to(part)
    except FileExistsError:
        raise _exists(place) from None
    except OSError:  # a filesystem without hard links, such as FAT
        if place.exists():
            raise _exists(place) from None
        part.replace(place)


def _exists(place: Path) -> ConfigError:
    return ConfigError(f"{place} exists: give another name, or overwrite=True to replace it")


def to_dataframe(recording: Recording) -> pandas.DataFrame:
    """See ``Recording.to_dataframe``."""
    try:
        import numpy
        import pandas
    except ImportError as error:
        raise UnavailableError.extra("a DataFrame", "widgets") from error
    batch = recording.rows()
    columns = {n: numpy.array(c) for n, c in zip(batch.names, batch.columns, strict=True)}
    frame: pandas.DataFrame = pandas.DataFrame(
        columns, index=pandas.Index(numpy.array(batch.t_s), name="t_s")
    )
    frame.attrs["started_at"] = recording.started_at
    return frame


def figure(recording: Recording, title: str = "") -> Figure:
    """See ``Recording.figure``."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UnavailableError.extra("a figure", "widgets") from error

    class RecordingFigure(Figure):
        """A Figure that a notebook shows without pyplot."""

        def _repr_png_(self) -> bytes:
            return figure_png(self)

    batch = thinned(recording.rows(), _PICTURE_ROWS)
    groups = panels(batch.names) or [("", [])]
    drawn = RecordingFigure(figsize=(8.0, 0.9 + 1.7 * len(groups)), layout="constrained")
    axes = drawn.subplots(len(groups), 1, sharex=True, squeeze=False)[:, 0]
    for ax, (unit, names) in zip(axes, groups, strict=True):
        for name in names:
            place = batch.names.index(name)
            colour = COLOURS[place % len(COLOURS)]
            ax.plot(batch.t_s, batch.columns[place], color=colour, linewidth=1.4, label=quantity(name).label)
        _dress(ax, unit, names)
    axes[-1].set_xlabel("time (s)")
    drawn.align_ylabels(list(axes))
    if title:
        drawn.suptitle(title, fontsize="medium", fontweight="bold")
    return drawn


def figure_png(drawn: Figure) -> bytes:
    """The picture as PNG."""
    picture = io.BytesIO()
    drawn.savefig(picture, format="png", dpi=110)
    return picture.getvalue()


def _dress(ax: Axes, unit: str, names: list[str]) -> None:
    ax.grid(True, color="#d0d4da", linewidth=0.6)
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    ax.margins(x=0)
    if len(names) == 1:
        ax.set_ylabel(quantity(names[0]).title)
    elif names:
        ax.set_ylabel(unit)
        # Above the lines, which may be anywhere inside.
        ax.legend(loc="lower left", bbox_to_anchor=(0, 0.98), frameon=False, fontsize="small", ncols=4)
    with suppress(AttributeError):
        ax.yaxis.get_major_formatter().set_useOffset(False)  # type: ignore[attr-defined]
