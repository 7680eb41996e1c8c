"""How fast a board answers and its line carries, as far as that was seen."""

from __future__ import annotations

from dataclasses import dataclass

#: From here on base64, a third more bytes, is quicker than escaping, which takes MicroPython 0.3 µs for a byte.
_FAST_B_PER_S = 300_000


@dataclass
class Pace:
    """``word_s``: how long the board took lately until it said its first word. ``bytes_per_s``: what came through
    when much was under way; 0 where that was not seen yet."""

    word_s: float = 0.0
    bytes_per_s: float = 0.0

    @property
    def fast(self) -> bool:
        """Whether base64 is quicker than escaped bytes."""
        return self.bytes_per_s > _FAST_B_PER_S

    def note(self, size: int, duration_s: float) -> None:
        """``size`` bytes went over in ``duration_s``."""
        if size >= 4096 and duration_s > 0:
            self.bytes_per_s = size / duration_s

    def note_at_most(self, size: int, duration_s: float) -> None:
        """The same, and much of it may have been other work: this shows at most that the line is fast."""
        if size > duration_s * max(_FAST_B_PER_S, self.bytes_per_s):
            self.bytes_per_s = size / max(duration_s, 1e-6)
