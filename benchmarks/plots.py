"""The pictures of docs/performance.md: small SVG files that change only where figures do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.figures import FIGURES, TOOLS
from benchmarks.results import Results, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"ours": "#2a6fbb", "peer": "#b0b7c0", "floor": "#e3c878"}
#: Each picture: its panels, and whether their scale is logarithmic.
PICTURES = {
    "round-trips": (("connect", "eval", "kernel_cell"), True),
    "files": (("put_random", "get_random", "put_source", "get_source"), True),
    "files-115200": (("slow_put_random", "slow_get_random", "slow_put_source", "slow_get_source"), False),
    "streams": (("stream_printed", "stream_packed", "kernel_lines"), True),
}


def write(results: Results, place: Path) -> list[Path]:
    """Draw what was measured; a bar is the median, its whisker the lowest and highest round."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    style: Any = {
        "svg.hashsalt": "iotlab",
        "svg.fonttype": "none",
        "font.size": 8,
        "font.family": "sans-serif",
    }
    written = []
    place.mkdir(parents=True, exist_ok=True)
    with pyplot.rc_context(style):
        for name, (figures, logarithmic) in PICTURES.items():
            panels = [figure for figure in figures if figure in results.values]
            if not panels:
                continue
            picture, axes = pyplot.subplots(
                1, len(panels), figsize=(3.1 * len(panels), 2.1), squeeze=False, layout="constrained"
            )
            for axis, figure in zip(axes[0], panels, strict=True):
                _draw(axis, figure, results, logarithmic=logarithmic)
            path = place / f"{name}.svg"
            picture.savefig(path, metadata={"Date": None})
            pyplot.close(picture)
            written.append(path)
    return written


def _draw(axis: Axes, name: str, results: Results, *, logarithmic: bool) -> None:
    figure = FIGURES[name]
    tools = results.tools([figure])
    medians = [results.median(name, tool) or 0.0 for tool in tools]
    rounds = [results.values[name][tool] for tool in tools]
    below = [middle - min(values) for middle, values in zip(medians, rounds, strict=True)]
    above = [max(values) - middle for middle, values in zip(medians, rounds, strict=True)]
    titles = [TOOLS[tool].title for tool in tools]
    bars = axis.barh(
        titles,
        medians,
        color=[COLOURS[TOOLS[tool].role] for tool in tools],
        xerr=[below, above],
        error_kw={"ecolor": "#555", "elinewidth": 0.7},
    )
    axis.bar_label(bars, labels=[f" {shown(value)}" for value in medians], label_type="edge", padding=4)
    if logarithmic:
        axis.set_xscale("log")
        axis.set_xlim(min(medians) / 3, max(medians) * 12)
    else:
        axis.margins(x=0.25)
    axis.invert_yaxis()
    better = "less" if figure.lower else "more"
    axis.set_title(f"{figure.title}\n{figure.unit}, {better} is better", fontsize=8)
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(axis="y", length=0)
