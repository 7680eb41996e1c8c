"""Links: how bytes travel to one board. A module's name is the scheme of the URLs that it opens."""

from __future__ import annotations

from iotlab.link._address import split_password
from iotlab.link.base import Link
from iotlab.registry import Registry

__all__ = ["LINKS", "Link", "open_link", "split_password"]

LINKS: Registry[type[Link]] = Registry("iotlab.link", "LINK", "iotlab.links", "kind of link")


def open_link(port: str, *, password: str = "", quiet: bool = False) -> Link:
    """The link to ``port``: a serial port, or a URL such as ``socket://``, ``rfc2217://`` or ``webrepl://``.

    A URL that no module here is named after goes to pyserial. ``password`` is for a link that asks for one and
    has none in its URL; ``quiet`` leaves a serial port's modem lines alone as far as that goes.

    >>> with open_link("loop://") as link:  # pyserial's: what is written comes back
    ...     link.write(b"hello")
    ...     link.read_exactly(5, timeout_s=1)
    b'hello'
    """
    scheme, colon, _ = port.partition("://")
    kind = LINKS.load(scheme if colon and scheme in LINKS.names() else "serial")
    given = {"password": password, "quiet": quiet}
    return kind(port, **{name: given[name] for name in kind.options})
