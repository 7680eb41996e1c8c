"""Where a link in the network leads to. A password in its URL is kept apart from what is shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from iotlab.errors import ConfigError


@dataclass(frozen=True)
class Address:
    """A host and a port. ``str()`` is the URL without the password."""

    scheme: str
    host: str
    port: int
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


def address(url: str, *, default_port: int | None = None) -> Address:
    """The address in ``url``. ``ConfigError`` where it is none; the message does not show its password."""
    shown, password = split_password(url)
    try:
        parts = urlsplit(shown)
        host, port = parts.hostname, parts.port or default_port
    except ValueError:
        host = port = None
    if not host or not port or parts.path.strip("/") or parts.query or parts.fragment:
        scheme = shown.partition("://")[0]
        how = "[:password@]host[:port]" if default_port else "host:port"
        raise ConfigError(f"{shown!r} names no host and port: write {scheme}://{how}") from None
    return Address(parts.scheme, host, port, password)


def split_password(port: str) -> tuple[str, str]:
    """``port`` as it may be shown, and the password that it had.

    >>> split_password("webrepl://:a%2Fsecret@192.168.4.1")
    ('webrepl://192.168.4.1', 'a/secret')
    >>> split_password("/dev/ttyUSB0")
    ('/dev/ttyUSB0', '')
    """
    scheme, colon, rest = port.partition("://")
    user, at, where = rest.rpartition("@")
    if not colon or not at or rest.startswith("/"):
        return port, ""
    return f"{scheme}://{where}", unquote(user.partition(":")[2])
