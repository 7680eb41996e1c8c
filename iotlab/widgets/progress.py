"""The progress bar, under the name by which notebooks look for it. It needs no extra."""

from __future__ import annotations

from iotlab.progress import progress_bar

__all__ = ["progress_bar"]
