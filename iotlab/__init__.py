"""An interactive hardware lab: boards, buses, plots and updates from notebook cells.

>>> import iotlab
>>> board = iotlab.connect("esp32")
>>> board.i2c(0).scan()
[60, 119]
>>> board.close()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iotlab.discovery import boards, connect
    from iotlab.micropython.aligned import aligned
    from iotlab.widgets.live import live

__version__ = "0.1.0"
__all__ = ["__version__", "aligned", "boards", "connect", "live"]

#: Where the public names live. They are imported when they are first used: `import iotlab` stays light.
_HOMES = {
    "aligned": "iotlab.micropython.aligned",
    "boards": "iotlab.discovery",
    "connect": "iotlab.discovery",
    "live": "iotlab.widgets.live",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'iotlab' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*globals(), *_HOMES]


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext iotlab``: the magics for the ordinary Python kernel."""
    from iotlab.magics import register

    register(shell)
