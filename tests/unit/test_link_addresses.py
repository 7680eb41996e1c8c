"""Where the URL of a link leads, and what is said where it leads nowhere."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from iotlab.errors import ConfigError, ConnectError, DisconnectedError, NotFoundError
from iotlab.link import LINKS, Link, open_link, split_password
from iotlab.link._address import address
from iotlab.link.rfc2217 import Rfc2217Link
from iotlab.link.webrepl import WebReplLink


@contextmanager
def server(answer: bytes) -> Iterator[str]:
    """A server that says ``answer`` to whatever comes first, and nothing more. Its host and port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            client, _ = listener.accept()
            with client:
                client.recv(4096)
                client.sendall(answer)
                while client.recv(4096):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join(20)
        assert not thread.is_alive()


def test_a_module_of_links_is_a_scheme() -> None:
    assert {"serial", "socket", "rfc2217", "webrepl", "ws"} <= set(LINKS.names())
    assert all(issubclass(LINKS.load(name), Link) for name in LINKS.names())


@pytest.mark.parametrize(
    ("url", "shown", "password"),
    [
        ("webrepl://board.local", "webrepl://board.local:8266", ""),
        ("webrepl://:a%2Fb%40c@board.local:80/", "webrepl://board.local:80", "a/b@c"),
        ("webrepl://:a/b@c@10.0.0.7", "webrepl://10.0.0.7:8266", "a/b@c"),
        ("webrepl://:secret@[fe80::1]", "webrepl://[fe80::1]:8266", "secret"),
    ],
)
def test_an_address(url: str, shown: str, password: str) -> None:
    where = address(url, default_port=8266)
    assert (str(where), where.password) == (shown, password)
    assert not password or password not in repr(where)


@pytest.mark.parametrize("port", ["/dev/ttyUSB0", "COM3", "loop://", "spy:///dev/tty@home"])
def test_what_has_no_password_is_left_alone(port: str) -> None:
    assert split_password(port) == (port, "")


@pytest.mark.parametrize(
    "rest", ["", "host", "host:port", "host:99999", ":4000", "host:4000/path", "host:1?x=y"]
)
def test_a_url_that_leads_nowhere(rest: str) -> None:
    with pytest.raises(ConfigError, match="write socket://host:port"):
        open_link(f"socket://{rest}")


def test_a_wrong_url_does_not_show_its_password() -> None:
    with pytest.raises(ConfigError) as caught:
        open_link("webrepl://:s3cret-99@host:port")
    assert "s3cret" not in str(caught.value)


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ConnectError, match=rf"socket://127\.0\.0\.1:{port} does not answer .*switched on"):
        open_link(f"socket://127.0.0.1:{port}")


def test_no_such_host() -> None:
    with pytest.raises(NotFoundError, match="there is no host"):
        open_link(f"socket://{'x' * 64}:4000")


def test_a_server_that_knows_no_rfc2217() -> None:
    with server(b"login: ") as where, pytest.raises(ConnectError, match="does not speak RFC 2217"):
        Rfc2217Link(f"rfc2217://{where}", timeout_s=0.3)


@pytest.mark.parametrize("answer", [b"HTTP/1.0 200 OK\r\n\r\n<html>", b"SSH-2.0-x\r\n", b""])
def test_a_server_that_is_no_webrepl(answer: bytes) -> None:
    with server(answer) as where, pytest.raises(ConnectError, match="does not answer as a WebREPL"):
        WebReplLink(f"webrepl://{where}", password="Kx7-vq2_w", timeout_s=0.3)


def test_a_server_that_says_commands_of_telnet_in_pieces() -> None:
    """What is between the commands arrives, a doubled 0xff once, whatever the pieces are."""
    asked = {  # and what is answered: the speed, no flow control
        b"\xff\xfa\x2c\x01\0\x01\xc2\0\xff\xf0": b"\xff\xfd\x2c\xff\xfa\x2c\x65\0\x01\xc2\0\xff\xf0",
        b"\xff\xfa\x2c\x05\x01\xff\xf0": b"\xff\xfa\x2c\x69\x01\xff\xf0",
    }
    said = b"a\xff\xffb\xff\xf1c\xff\xfb\x01d\xff\xfa\x2c\x6b\xff\xff\xff\xf0e\xff\x7ff"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        heard = bytearray()

        def serve() -> None:
            client, _ = listener.accept()
            with client:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for question, answer in asked.items():
                    while question not in heard:
                        heard.extend(client.recv(4096))
                    client.sendall(answer)
                for byte in said:
                    client.sendall(bytes((byte,)))
                while not heard.endswith(b"done"):
                    heard.extend(client.recv(4096))

        thread = threading.Thread(target=serve)
        thread.start()
        with open_link(f"rfc2217://127.0.0.1:{listener.getsockname()[1]}") as link:
            assert link.read_exactly(7, timeout_s=10) == b"a\xffbcdef"
            link.write(b"\xff done")
            with pytest.raises(DisconnectedError):
                link.read(timeout_s=10)
        thread.join(10)
    assert b"\xff\xfe\x01" in heard, "echo was refused"
    assert heard.endswith(b"\xff\xff done")
