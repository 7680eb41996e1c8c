"""``ws://``: another name for ``webrepl://``, as MicroPython's own client writes it."""

from __future__ import annotations

from iotlab.link.webrepl import WebReplLink

LINK = WebReplLink
