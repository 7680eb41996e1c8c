"""A board's WebREPL and its password, which is never told."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest

import iotlab
from iotlab.config import Settings
from iotlab.errors import ConfigError, ConnectError, InUseError
from iotlab.link import open_link
from iotlab.testing.links import pty_pair
from iotlab.testing.webrepl import WebReplBridge

PASSWORD = "Kx7-vq2_w"


@pytest.fixture
def webrepl() -> Iterator[WebReplBridge]:
    with pty_pair() as (port, _peer), WebReplBridge(port, password=PASSWORD) as bridge:
        yield bridge


def with_password(url: str, password: str) -> str:
    return url.replace("://", f"://:{password}@")


def test_the_password_may_stand_in_the_url(webrepl: WebReplBridge) -> None:
    with open_link(with_password(webrepl.url, PASSWORD), password="another-one") as link:
        assert link.name == webrepl.url
        assert PASSWORD not in repr(vars(link))


def test_ws_is_another_name(webrepl: WebReplBridge) -> None:
    with open_link(webrepl.url.replace("webrepl", "ws"), password=PASSWORD) as link:
        assert link.name.startswith("ws://127.0.0.1:")


def test_it_is_not_in_what_is_logged(webrepl: WebReplBridge, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), open_link(webrepl.url, password=PASSWORD) as link:
        link.write(b"x")
    assert "websocket" in caplog.text.lower()
    assert PASSWORD not in caplog.text


def test_a_wrong_password(webrepl: WebReplBridge) -> None:
    wrong = "Wq9_tz4-k"
    with pytest.raises(ConnectError, match="refuses the password") as caught:
        open_link(webrepl.url, password=wrong)
    assert wrong not in str(caught.value)
    with open_link(webrepl.url, password=PASSWORD):
        pass


def test_no_password(webrepl: WebReplBridge) -> None:
    with pytest.raises(ConfigError, match="set IOTLAB_WEBREPL_PASSWORD"):
        open_link(webrepl.url)


@pytest.mark.parametrize("weak", ["1234", "seven77", "Password1", "trustno1"])
def test_a_weak_password_is_warned_about(weak: str) -> None:
    with (
        pty_pair() as (port, _peer),
        WebReplBridge(port, password=weak) as bridge,
        pytest.warns(UserWarning, match="easily guessed") as caught,
    ):
        open_link(bridge.url, password=weak).close()
    assert not [each for each in caught if weak in str(each.message)]


def test_a_board_has_one_webrepl(webrepl: WebReplBridge) -> None:
    with (
        open_link(webrepl.url, password=PASSWORD),
        pytest.raises(InUseError, match="somebody else is connected"),
    ):
        open_link(webrepl.url, password=PASSWORD)


def test_a_board_that_is_not_there_tells_no_password() -> None:
    with pytest.raises(ConnectError) as caught:
        iotlab.connect(f"webrepl://:{PASSWORD}@127.0.0.1:1")
    assert "webrepl://127.0.0.1:1 does not answer" in str(caught.value)
    assert PASSWORD not in str(caught.value)


def test_the_setting_is_not_shown(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("lab")
    (folder / "iotlab.toml").write_text(f'webrepl_password = "{PASSWORD}"\n')
    settings = Settings.load(environment={}, folder=folder)
    assert settings.webrepl_password == PASSWORD
    assert PASSWORD not in repr(settings)
    (folder / "iotlab.toml").write_text("webrepl_password = 87654399\n")
    with pytest.raises(ConfigError, match="webrepl_password is a text in quotes") as caught:
        Settings.load(environment={}, folder=folder)
    assert "87654399" not in str(caught.value)


def test_without_the_library() -> None:
    code = "import sys; sys.modules['websockets'] = None; import iotlab.link; iotlab.link.open_link('ws://board')"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert "UnavailableError: a webrepl:// link needs the extra 'webrepl'" in ran.stderr
