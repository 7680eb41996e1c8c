"""The magics for the ordinary Python kernel: ``%load_ext iotlab``.

One module per magic; its name is the magic's, and it exports ``MAGIC``, a subclass of ``base.BoardMagic``.
A package outside announces a magic in the entry point group ``iotlab.magics``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from iotlab.errors import UnavailableError
from iotlab.registry import Registry

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from iotlab.magics.base import BoardMagic

MAGICS: Registry[type[BoardMagic]] = Registry(
    package="iotlab.magics", attribute="MAGIC", group="iotlab.magics", kind="magic"
)


def register(shell: InteractiveShell) -> None:
    """Give ``shell`` the magics. ``UnavailableError`` where IPython is missing."""
    try:
        from iotlab.magics.base import Lab
    except ImportError as error:
        raise UnavailableError.extra("%load_ext iotlab", "kernel") from error
    lab = Lab(shell)
    for name in MAGICS.names():
        shell.register_magics(MAGICS.load(name)(shell, lab))
