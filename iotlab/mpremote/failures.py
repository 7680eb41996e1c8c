"""mpremote's ways to fail, as exceptions of iotlab."""

from __future__ import annotations

import os
import urllib.error
from collections.abc import Iterator

from mpremote.transport import TransportExecError

from iotlab.errors import ConfigError, IotlabError, NotFoundError, RemoteError


def translated(error: BaseException, outside: BaseException | None, last_words: str) -> BaseException:
    """The exception to raise where mpremote's code raised ``error``, a ``SystemExit`` too.

    mpremote gives up with a sentence; what led to it is the context of what it raises. ``outside`` was being
    handled before; ``last_words`` is what it printed last.
    """
    if isinstance(error, IotlabError):
        return error
    text = last_words if isinstance(error, SystemExit) else str(error) or last_words
    causes = list(_led_to(error, outside))
    for cause in causes:
        if isinstance(cause, (IotlabError, KeyboardInterrupt)):
            return _found_missing(cause, text)
        if isinstance(cause, TransportExecError):
            return _found_missing(RemoteError(str(cause.error_output)), text)
    for cause in causes:
        if isinstance(cause, urllib.error.URLError):
            if isinstance(cause, urllib.error.HTTPError):
                cause.close()  # mpremote does not
            return NotFoundError(f"mpremote: {text}: check the name, the index and the network")
        if isinstance(cause, FileNotFoundError):
            return NotFoundError(f"mpremote: there is no {_named(cause)}: check the name")
        if isinstance(cause, OSError) and cause.errno is not None:
            return ConfigError(f"mpremote: {_named(cause)}: {os.strerror(cause.errno)}")
    return ConfigError(f"mpremote: {text}" if text else "mpremote gave up and did not say why")


def _found_missing(error: BaseException, text: str) -> BaseException:
    """``error``; a file that the board does not have is the same error wherever it was looked for."""
    if isinstance(error, RemoteError) and error.code == 2:
        missing = NotFoundError(f"mpremote: {text.rstrip('.')}: `fs ls` lists what is on the board")
        missing.__cause__ = error
        return missing
    return error


def _led_to(error: BaseException, outside: BaseException | None) -> Iterator[BaseException]:
    now: BaseException | None = error
    while now is not None and now is not outside:
        yield now
        now = now.__cause__ or now.__context__


def _named(error: OSError) -> str:
    """The file that an error is about: one of this machine has a name, one of the board is mpremote's text."""
    if error.filename:
        return f"{error.filename} on this machine"
    return f"{error.strerror or 'current folder'} on the board"
