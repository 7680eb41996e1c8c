"""What a kernel that is restarted finds again: the board that ``%connect`` chose."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from iotlab.config import Settings


class Remembered:
    """The board of one kernel, kept in the runtime folder. ``kernel``: what Jupyter calls the kernel; it stays the
    same when the kernel is restarted. Without one nothing is kept."""

    def __init__(self, kernel: str) -> None:
        self._kernel = kernel

    def board(self, settings: Settings) -> str | None:
        """The board that was chosen; None where none was."""
        with suppress(OSError, ValueError, KeyError, TypeError):
            if self._kernel:
                return str(json.loads(self._place(settings).read_text(encoding="utf-8"))["board"])
        return None

    def keep(self, settings: Settings, board: str) -> None:
        """``board`` was chosen."""
        if self._kernel:
            place = self._place(settings)
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            place.write_text(json.dumps({"board": board}), encoding="utf-8")

    def forget(self, settings: Settings) -> None:
        """The kernel ends for good."""
        if self._kernel:
            self._place(settings).unlink(missing_ok=True)

    def _place(self, settings: Settings) -> Path:
        return settings.runtime_dir / "kernels" / f"{self._kernel}.json"
