"""The genuine image that is fetched: once, whole, and the one that was meant."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from iotlab.errors import NotFoundError, UnavailableError
from iotlab.flash.firmware import SAMPLES, cache_dir, sample


@pytest.fixture
def no_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and pip and uv set up so that they find nothing."""
    monkeypatch.setenv("IOTLAB_CACHE_DIR", str(tmp_path / "cache"))
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "UV_OFFLINE": "1"}.items():
        monkeypatch.setenv(name, value)
    return tmp_path / "cache"


def test_it_is_the_one_that_is_pinned() -> None:
    path = sample("esp32")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == SAMPLES["esp32"].sha256
    assert path.is_relative_to(cache_dir())
    before = path.stat().st_mtime_ns
    assert sample("esp32") == path
    assert path.stat().st_mtime_ns == before


def test_what_is_in_the_cache_is_not_fetched_again(no_index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IOTLAB_CACHE_DIR")
    data = sample("esp32").read_bytes()
    monkeypatch.setenv("IOTLAB_CACHE_DIR", str(no_index))
    known = SAMPLES["esp32"]
    place = no_index / "firmware" / known.sha256[:12] / known.name
    place.parent.mkdir(parents=True)
    place.write_bytes(data)
    assert sample("esp32") == place
    place.write_bytes(data[:-1] + b"?")  # spoiled on the disk: it would be fetched again
    with pytest.raises(UnavailableError):
        sample("esp32")


def test_without_a_network_one_sentence_says_so(no_index: Path) -> None:
    with pytest.raises(UnavailableError, match=r"could not be fetched \(.*\): check the network") as caught:
        sample("esp32")
    assert "\n" not in str(caught.value)
    assert not [path for path in no_index.rglob("*") if path.is_file()]


def test_other_chips_are_named() -> None:
    with pytest.raises(NotFoundError, match="only for esp32: give a file"):
        sample("esp8266")
