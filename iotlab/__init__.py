"""An interactive hardware lab: boards, buses, plots and updates from notebook cells."""

from __future__ import annotations

__version__ = "0.1.0"
