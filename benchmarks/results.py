"""The measured values of all rounds, and what they come to."""

from __future__ import annotations

import json
import re
import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typing_extensions import Self

from benchmarks.figures import FIGURES, TARGETS, TOOLS, Figure, Target

#: A list of numbers as ``json`` indents it, one to a line.
_LISTS = re.compile(r"\[\s+([-\d.e+,\s]+?)\s+\]")


@dataclass
class Results:
    """``values[figure][tool]``: one value from each round. ``troubles``: what went wrong, in words, by tool."""

    values: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    troubles: dict[str, list[str]] = field(default_factory=dict)
    #: The machine, the versions, the options.
    about: dict[str, Any] = field(default_factory=dict)

    def add(self, figure: str, tool: str, value: float) -> None:
        self.values.setdefault(figure, {}).setdefault(tool, []).append(value)

    def trouble(self, tool: str, what: str) -> None:
        """A measurement that failed, or whose data were wrong: its values do not count."""
        self.troubles.setdefault(tool, []).append(what)

    def median(self, figure: str, tool: str) -> float | None:
        """The median of the rounds; None where there is none."""
        values = self.values.get(figure, {}).get(tool)
        return statistics.median(values) if values else None

    def tools(self, figures: Iterable[Figure]) -> list[str]:
        """The tools that have one of the figures, in the order that they are shown in."""
        found = {tool for figure in figures for tool in self.values.get(figure.name, {})}
        return [tool for tool in TOOLS if tool in found]

    def ours(self, figure: str) -> str | None:
        """Which of iotlab's has the figure: the library or the kernel."""
        found = self.values.get(figure, {})
        return next((tool for tool in found if TOOLS[tool].role == "ours"), None)

    def best_peer(self, figure: str) -> str | None:
        """The peer with the best median."""
        peers = {
            tool: statistics.median(values)
            for tool, values in self.values.get(figure, {}).items()
            if TOOLS[tool].role == "peer"
        }
        if not peers:
            return None
        return (min if FIGURES[figure].lower else max)(peers, key=peers.__getitem__)

    def times_best_peer(self, figure: str) -> float | None:
        """How many times as good as the best peer iotlab is."""
        ours, peer = self.ours(figure), self.best_peer(figure)
        if ours is None or peer is None:
            return None
        return self._times(figure, ours, peer)

    def verdicts(self) -> list[Verdict]:
        """The targets whose figures were measured."""
        found = (self._verdict(target) for target in TARGETS)
        return [verdict for verdict in found if verdict is not None]

    # -- as JSON ------------------------------------------------------------------------------

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        rounded = {
            figure: {tool: [float(f"{value:.5g}") for value in values] for tool, values in tools.items()}
            for figure, tools in self.values.items()
        }
        medians = {f: {t: statistics.median(v) for t, v in tools.items()} for f, tools in rounded.items()}
        told = {
            "about": self.about,
            "medians": medians,
            "values": rounded,
            "targets": [verdict.to_dict() for verdict in self.verdicts()],
            "troubles": self.troubles,
        }
        text = _LISTS.sub(lambda found: f"[{' '.join(found[1].split())}]", json.dumps(told, indent=1))
        path.write_text(text + "\n")

    @classmethod
    def read(cls, path: Path) -> Self:
        told = json.loads(path.read_text())
        return cls(told["values"], told["troubles"], told["about"])

    # -- details ------------------------------------------------------------------------------

    def _times(self, figure: str, ours: str, theirs: str) -> float | None:
        mine, other = self.median(figure, ours), self.median(figure, theirs)
        if mine is None or other is None:
            return None
        return FIGURES[figure].times_better(mine, other)

    def _verdict(self, target: Target) -> Verdict | None:
        ours = self.ours(target.figure)
        if ours is None:
            return None
        mine = self.median(target.figure, ours)
        other = self.best_peer(target.figure) if target.against == "peers" else target.against or None
        if mine is None or (target.against and other is None):
            return None
        lower = FIGURES[target.figure].lower
        if other is None:
            return Verdict(target, mine, mine <= target.limit if lower else mine >= target.limit)
        theirs = self.median(target.figure, other)
        if theirs is None:
            return None
        times = FIGURES[target.figure].times_better(mine, theirs)
        return Verdict(target, times, times >= target.limit, other)


@dataclass(frozen=True)
class Verdict:
    """What became of a target.

    ``got`` is the figure; or how many times as good as that of ``other`` it is.
    """

    target: Target
    got: float
    reached: bool
    other: str = ""

    @property
    def words(self) -> str:
        """``got``, with its unit."""
        if not self.other:
            return f"{shown(self.got)} {FIGURES[self.target.figure].unit}".strip()
        if self.target.limit < 1:
            return f"{shown(1 / self.got)} times {TOOLS[self.other].title}"
        return f"{shown(self.got)} times {TOOLS[self.other].title}"

    def to_dict(self) -> dict[str, Any]:
        return {
            "figure": self.target.figure,
            "wanted": self.target.words,
            "got": self.words,
            "reached": self.reached,
        }


def shown(value: float) -> str:
    """A figure as people read it: three digits that count, thousands with commas.

    >>> shown(0.14559), shown(12.345), shown(1234567.0), shown(0)
    ('0.146', '12.3', '1,230,000', '0')
    """
    if value == 0:
        return "0"
    rounded = float(f"{value:.3g}")
    if abs(rounded) >= 100:
        return f"{rounded:,.0f}"
    return f"{rounded:.3g}"
