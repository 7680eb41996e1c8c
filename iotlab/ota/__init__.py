"""Update over the air: pack an application, install it beside the running one, try it, confirm it or roll back.

>>> from iotlab import ota
>>> ota.bundle("counter", version="2.0.0").save()        # doctest: +SKIP
>>> slots = ota.slots(board)                             # doctest: +SKIP
>>> slots.install(ota.Bundle.load("counter-2.0.0.zip"))  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable

from iotlab import discovery
from iotlab.board import Board
from iotlab.config import Settings
from iotlab.errors import NotFoundError, UnsupportedError
from iotlab.ota.contract import Installed, Slot, Slots, SlotStatus
from iotlab.ota.kinds.micropython import answers
from iotlab.ota.manifest import Manifest
from iotlab.ota.pack import Bundle, bundle
from iotlab.ota.wire import TIMEOUT_S
from iotlab.registry import Registry

__all__ = ["Bundle", "Installed", "Manifest", "Slot", "SlotStatus", "Slots", "bundle", "connect", "slots"]

#: By what a board runs (``info.state``); a package outside announces ``iotlab.slots``.
_KINDS = Registry[Callable[..., Slots]](
    package="iotlab.ota.kinds", attribute="SLOTS", group="iotlab.slots", kind="kind of slots"
)


def connect(target: str | None = None, *, settings: Settings | None = None) -> Board:
    """As :func:`iotlab.connect`, but an application that runs from a slot goes on.

    It is interrupted by the first call that needs the interpreter, such as ``board.exec``.
    """
    return discovery.connect(target, settings=settings, attendant=answers)


def slots(board: Board, *, timeout_s: float = TIMEOUT_S) -> Slots:
    """The slots of ``board``, of the kind that fits what it runs. It may be silent for ``timeout_s``.

    ``UnsupportedError`` where nothing on the board can have slots: a blank one has to be flashed first.
    """
    try:
        make = _KINDS.load(board.info.state)
    except NotFoundError:
        raise UnsupportedError(
            f"{board.info.name} has no slots, its state is {board.info.state!r}: flash MicroPython first"
        ) from None
    return make(board, timeout_s=timeout_s)
