"""The tables: on the screen, and in docs/performance.md, whose words around them people wrote."""

from __future__ import annotations

import re
from pathlib import Path

from benchmarks.figures import FIGURES, GROUPS, TOOLS, Figure, Group
from benchmarks.results import Results, shown

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE = DOCS / "performance.md"
PLACE = DOCS / "performance"


def text(results: Results) -> str:
    """Everything, for people."""
    parts = [_machine(results), _targets(results)]
    parts += [f"{group.title}\n\n{_group(group, results)}" for group in GROUPS if _measured(group, results)]
    if results.troubles:
        parts.append(f"What went wrong\n\n{_troubles(results)}")
    return "\n" + "\n\n".join(parts) + "\n"


def write(results: Results) -> list[Path]:
    """The page's tables, its pictures, and every value. Returns what was written."""
    from benchmarks import plots

    told = PLACE / "results.json"
    results.write(told)
    page = PAGE.read_text(encoding="utf-8")
    for name, table in sections(results).items():
        page = replaced(page, name, table)
    PAGE.write_text(page, encoding="utf-8")
    return [told, PAGE, *plots.write(results, PLACE)]


def sections(results: Results) -> dict[str, str]:
    """The parts of the page that are written here, by name."""
    tables = {
        "machine": _machine(results),
        "targets": _targets(results),
        "troubles": _troubles(results),
    }
    return {**tables, **{group.name: _group(group, results) for group in GROUPS}}


def replaced(page: str, name: str, table: str) -> str:
    """``page`` with ``table`` between the two comments that name it. ``ValueError`` where they are missing."""
    begin, end = f"<!-- {name}: written by make bench -->", f"<!-- end of {name} -->"
    found = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not found.search(page):
        raise ValueError(f"the page has no place for {name}: put {begin} and {end} into it")
    return found.sub(lambda _: f"{begin}\n{table}\n{end}", page, count=1)


# -- tables -----------------------------------------------------------------------------------


def _group(group: Group, results: Results) -> str:
    figures = _measured(group, results)
    tools = results.tools(figures)
    heads = [TOOLS[tool].title for tool in tools]
    compared = any(results.times_best_peer(figure.name) is not None for figure in figures)
    rows = [["", *heads, *(["iotlab to the best peer"] if compared else [])]]
    for figure in figures:
        unit = f" ({figure.unit})" if figure.unit else ""
        row = [f"{figure.title}{unit}", *(_cell(figure, tool, results) for tool in tools)]
        rows.append([*row, *([_times(figure, results)] if compared else [])])
    return _markdown(rows)


def _cell(figure: Figure, tool: str, results: Results) -> str:
    median = results.median(figure.name, tool)
    return "–" if median is None else shown(median)


def _times(figure: Figure, results: Results) -> str:
    times = results.times_best_peer(figure.name)
    return "" if times is None or not figure.compared else f"{shown(times)} ×"


def _targets(results: Results) -> str:
    rows = [["wanted", "", "measured", ""]]
    for verdict in results.verdicts():
        title = FIGURES[verdict.target.figure].title
        slow = ", 115200 baud" if verdict.target.figure.startswith("slow_") else ""
        rows.append(
            [
                f"{title}{slow}",
                verdict.target.words,
                verdict.words,
                "reached" if verdict.reached else "**missed**",
            ]
        )
    return _markdown(rows)


def _machine(results: Results) -> str:
    about = results.about
    if not about:
        return ""
    rows = [
        ["measured on", ""],
        ["CPU", f"{about['cpu']}, {about['cores']} cores"],
        ["memory", f"{about['memory_gib']} GiB"],
        ["system", f"{about['system']}, {about['kernel']}"],
        ["Python", about["python"]],
        *([name, version] for name, version in about["versions"].items()),
        ["rounds", f"{about.get('rounds')}, at 115200 baud {about.get('slow_rounds')}"],
        ["load of the machine", f"{about['load_before']} before, {about.get('load_after')} after"],
    ]
    return _markdown(rows)


def _troubles(results: Results) -> str:
    if not results.troubles:
        return "Nothing went wrong in any round, and no tool returned wrong data."
    lines = []
    for tool, troubles in results.troubles.items():
        for trouble in sorted(set(troubles)):
            lines.append(f"- {TOOLS[tool].title} ({troubles.count(trouble)} ×): {trouble}")
    return "\n".join(lines)


def _measured(group: Group, results: Results) -> list[Figure]:
    return [figure for figure in group.figures if figure.name in results.values]


def _markdown(rows: list[list[str]]) -> str:
    """A table whose columns line up on the screen too."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])
