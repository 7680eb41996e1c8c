"""What was run in this session, as a front end asks for it."""

from __future__ import annotations

from fnmatch import fnmatchcase

#: Sessions are numbered; this kernel remembers only the running one.
SESSION = 1


class History:
    """The cells of the session, numbered from 1."""

    def __init__(self) -> None:
        self._lines: list[tuple[int, str, str | None]] = []

    def add(self, number: int, source: str, output: str | None) -> None:
        """Cell ``number`` was run; ``output`` is the text of its value, where it has one."""
        self._lines.append((number, source, output))

    def tail(self, n: int) -> list[tuple[int, str, str | None]]:
        """The last ``n`` cells."""
        return self._lines[-n:] if n > 0 else []

    def range(self, session: int, start: int, stop: int | None) -> list[tuple[int, str, str | None]]:
        """Cells from number ``start`` up to, not with, ``stop``. Session 0 is this one; no older ones are kept."""
        if session not in (0, SESSION):
            return []
        return [line for line in self._lines if start <= line[0] and (stop is None or line[0] < stop)]

    def search(self, pattern: str, n: int | None, unique: bool) -> list[tuple[int, str, str | None]]:
        """The cells that match a shell pattern (``*``, ``?``); the latest of equal ones with ``unique``."""
        found = [line for line in self._lines if fnmatchcase(line[1], pattern)]
        if unique:
            latest = {line[1]: line for line in found}
            found = sorted(latest.values())
        return found if n is None else found[-n:] if n > 0 else []
