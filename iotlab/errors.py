"""Every error that iotlab raises on purpose.

::

    IotlabError
     ├ ConfigError        (ValueError)           a setting, a bench file or an argument makes no sense
     ├ NotFoundError      (LookupError)          no such board, port, chip or file
     ├ UnavailableError   (ImportError)          an optional part is not installed; names the extra
     ├ UnsupportedError   (NotImplementedError)  this kind of board cannot do that
     ├ InUseError                                somebody else holds it; names the holder
     ├ ClosedError                               used after ``close()``
     ├ DeadlineError      (TimeoutError)         took too long; ``.partial`` is what had come
     ├ LinkError          (OSError)
     │  ├ ConnectError                           the other end did not answer as a board does
     │  │  └ StuckError                          its program does not stop on Ctrl-C
     │  ├ DisconnectedError                      the other end went away
     │  │  └ RestartedError                      the board restarted: what it had in memory is lost
     │  └ CorruptError                           bytes arrived, but not the ones that were sent
     ├ BusError           (OSError)
     │  ├ NackError                              nothing acknowledged that address; ``.address``
     │  └ ArbitrationError                       another master, or a bus line that is held
     ├ RemoteError                               code on the board raised; ``.traceback``
     ├ FlashError                                writing firmware failed
     ├ SlotError                                 an update could not be installed, confirmed or reverted
     └ SignatureError                            a bundle is not what it says it is

Messages end in what to do next.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping


class IotlabError(Exception):
    """Base of everything iotlab raises on purpose."""


class ConfigError(IotlabError, ValueError):
    """A setting, a bench file or an argument makes no sense."""


class NotFoundError(IotlabError, LookupError):
    """No such board, port, chip or file."""


class UnavailableError(IotlabError, ImportError):
    """An optional part is not installed. The message names the extra."""

    @classmethod
    def extra(cls, what: str, extra: str) -> UnavailableError:
        """``what`` needs an extra: say which, and the command that installs it."""
        return cls(f"{what} needs the extra {extra!r}: pip install 'iotlab[{extra}]'")


class UnsupportedError(IotlabError, NotImplementedError):
    """This kind of board cannot do that."""


class InUseError(IotlabError):
    """Somebody else holds the board or the port."""

    def __init__(self, message: str, *, holder: str = "") -> None:
        super().__init__(message)
        self.holder = holder


class ClosedError(IotlabError):
    """Used after ``close()``."""


class DeadlineError(IotlabError, TimeoutError):
    """Took too long. ``partial`` is what had come until then."""

    def __init__(self, message: str, *, partial: bytes = b"") -> None:
        super().__init__(message)
        self.partial = partial


class LinkError(IotlabError, OSError):
    """The bytes between this machine and a board."""


class ConnectError(LinkError):
    """The other end did not answer as a board does."""


class StuckError(ConnectError):
    """The program on the board does not stop on Ctrl-C: only a reset ends it."""


class DisconnectedError(LinkError):
    """The other end went away."""


class RestartedError(DisconnectedError):
    """The board restarted, by its own code, its button or its watchdog: what it had in memory is lost."""


class CorruptError(LinkError):
    """Bytes arrived, but not the ones that were sent. ``partial`` is what came, as far as it makes sense."""

    def __init__(self, message: str, *, partial: bytes = b"") -> None:
        super().__init__(message)
        self.partial = partial


class BusError(IotlabError, OSError):
    """A transfer on a bus failed. ``errno`` is the board's own, where it gave one."""

    def __init__(self, message: str, *, code: int = errno.EIO) -> None:
        super().__init__(code, message)

    def __str__(self) -> str:
        return str(self.args[1])


class NackError(BusError):
    """Nothing acknowledged ``address`` (7 bits)."""

    def __init__(self, address: int, message: str = "") -> None:
        super().__init__(
            message or f"nothing answers at I2C address 0x{address:02x}: is the chip plugged in and powered?",
            code=errno.ENODEV,
        )
        self.address = address


class ArbitrationError(BusError):
    """Another master, or something holds a line of the bus low."""


#: What the numbers mean that MicroPython's file systems give without a name. Source: lib/littlefs/lfs.h.
_MEANINGS: Mapping[int, str] = {
    28: "no space is left on it: remove files",
    36: "the name is too long",
    39: "the folder is not empty",
}
#: What a file system says that knows no numbers. Source: the strings of MicroPython for the micro:bit 1.0.1.
_WORDS: Mapping[str, int] = {"file not found": errno.ENOENT}


class RemoteError(IotlabError):
    """Code on the board raised.

    ``traceback`` is the board's own text, verbatim; ``kind`` the class name there (``"OSError"``);
    ``code`` the errno of an ``OSError`` on the board, else ``None``.
    """

    def __init__(self, traceback: str) -> None:
        self.traceback = traceback.replace("\r\n", "\n").rstrip("\n")
        last = self.traceback.rsplit("\n", 1)[-1]
        kind, _, self.detail = last.partition(": ")
        self.kind = kind.strip()
        self.code = self._errno()
        meaning = _MEANINGS.get(self.code) if self.code is not None else None
        last += f" ({meaning})" if meaning else ""
        super().__init__(f"on the board: {last}\n{self.traceback}")

    def _errno(self) -> int | None:
        if self.kind != "OSError":
            return None
        text = self.detail.strip().removeprefix("[Errno ").split("]", 1)[0].strip("() ,")
        if text.lstrip("-").isdigit():
            return abs(int(text))
        value = _WORDS.get(text) or getattr(errno, text, None)
        return value if isinstance(value, int) else None


class FlashError(IotlabError):
    """Writing firmware failed. The message says how to recover."""


class SlotError(IotlabError):
    """An update could not be installed, confirmed or reverted."""


class SignatureError(IotlabError):
    """A bundle is not what it says it is."""
