"""Bundles: the same bytes every time, and nothing in one is believed."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotlab.errors import ConfigError, NotFoundError, SignatureError
from iotlab.micropython.frames import encode
from iotlab.ota import Bundle, Manifest, bundle
from iotlab.ota.manifest import MAX_TOTAL_BYTES, check_path, release
from iotlab.ota.wire import FRAME_SIZE, fitting


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    base = tmp_path / "counter"
    (base / "lib").mkdir(parents=True)
    (base / "main.py").write_text("import lib.sensor\n")
    (base / "lib" / "sensor.py").write_text("VALUE = 7\n")
    return base


def repacked(packed: Bundle, **changes: Any) -> bytes:
    """A bundle as somebody else may have made it: the manifest changed, or the zip around it."""
    plain = json.loads(packed.manifest.to_bytes())
    content = {f"app/{path}": data for path, data in packed.files.items()}
    first = changes.pop("first", True)
    content.update(changes.pop("content", {}))
    for name in changes.pop("without", ()):
        del content[name]
    plain.update(changes)
    entries = list(content.items())
    entries.insert(0 if first else len(entries), ("manifest.json", json.dumps(plain).encode()))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return out.getvalue()


def test_a_bundle_is_the_folder(folder: Path) -> None:
    packed = bundle(folder, version="2.0.0", trial_s=12)
    assert (packed.name, packed.version, packed.size) == ("counter", "2.0.0", 28)
    assert packed.files == {"main.py": b"import lib.sensor\n", "lib/sensor.py": b"VALUE = 7\n"}
    assert str(packed) == "counter 2.0.0: 2 files, 28 bytes"
    assert packed.manifest.trial_s == 12
    assert {f.path: f.sha256 for f in packed.manifest.files} == {
        path: hashlib.sha256(data).hexdigest() for path, data in packed.files.items()
    }


def test_saved_and_loaded_it_is_the_same(folder: Path, tmp_path: Path) -> None:
    packed = bundle(folder, version="2.0.0")
    place = packed.save(tmp_path)
    assert place.name == "counter-2.0.0.zip"
    assert Bundle.load(place) == packed
    with zipfile.ZipFile(place) as archive:  # any zip program opens it
        assert archive.namelist()[0] == "manifest.json"
        assert archive.testzip() is None


def test_the_same_files_are_the_same_bytes(folder: Path) -> None:
    before = bundle(folder, version="1").to_bytes()
    for path in sorted(folder.rglob("*"), reverse=True):
        path.touch()
    assert bundle(folder, version="1").to_bytes() == before
    # known for good: another Python, zlib or machine must come to the same
    assert (
        hashlib.sha256(before).hexdigest()
        == "c941b165eefd8ab8f2c9cc2033cadee7ea00f5f2899cc3d6c1d0470e0a7e990b"
    )


def test_what_is_left_out(folder: Path) -> None:
    for name in (".git/config", "__pycache__/main.cpython-311.pyc", ".DS_Store", "old.pyc"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    assert set(bundle(folder, version="1").files) == {"main.py", "lib/sensor.py"}


def test_folders_that_are_no_application(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no folder"):
        bundle(tmp_path / "nowhere", version="1")
    (folder / "main.py").rename(folder / "start.py")
    with pytest.raises(SignatureError, match=r"there is no main\.py"):
        bundle(folder, version="1")
    (folder / "main.py").symlink_to(folder / "start.py")
    with pytest.raises(ConfigError, match="is a link"):
        bundle(folder, version="1")


def test_files_too_large(folder: Path) -> None:
    with open(folder / "data.bin", "wb") as file:
        file.truncate(MAX_TOTAL_BYTES)
    with pytest.raises(SignatureError, match="more than 8 MiB"):
        bundle(folder, version="1")


def test_a_name_that_no_board_takes(folder: Path) -> None:
    (folder / "sénsor.py").write_text("")
    with pytest.raises(SignatureError, match="is no path for a file of an application"):
        bundle(folder, version="1")


@pytest.mark.parametrize("version", ["", "1 0", "../1", "1.0\n", "x" * 33])
def test_versions_that_are_none(folder: Path, version: str) -> None:
    with pytest.raises(SignatureError, match="the version"):
        bundle(folder, version=version)


EVIL = ["../main.py", "/main.py", "lib/../../boot.py", "a//b.py", ".hidden", "lib/.x", "c:\\x.py", "", "lib/"]
EVIL.append("a" * 97)


@pytest.mark.parametrize("path", EVIL)
def test_a_path_stays_inside(folder: Path, path: str) -> None:
    with pytest.raises(SignatureError, match="is no path"):
        check_path(path)
    packed = bundle(folder, version="1")
    files = [*json.loads(packed.manifest.to_bytes())["files"], [path, 1, hashlib.sha256(b"x").hexdigest()]]
    with pytest.raises(SignatureError, match="is no path"):
        Bundle.from_bytes(repacked(packed, files=files, content={f"app/{path}": b"x"}))


@given(st.text(max_size=40))
def test_whatever_path_is_taken_stays_inside(path: str) -> None:
    try:
        check_path(path)
    except SignatureError:
        return
    parts = path.split("/")
    assert path.isascii()
    assert all(part and not part.startswith(".") for part in parts)


def test_bundles_that_are_not_whole(folder: Path) -> None:
    packed = bundle(folder, version="1")
    whole = packed.to_bytes()
    for broken in (b"", b"PK", whole[:-30], whole[: len(whole) // 2], b"\0" * 500):
        with pytest.raises(SignatureError, match="no bundle"):
            Bundle.from_bytes(broken)
    with pytest.raises(SignatureError, match=r"main\.py is not what the manifest says"):
        Bundle.from_bytes(repacked(packed, content={"app/main.py": b"import lib.sensoR\n"}))
    with pytest.raises(SignatureError, match=r"main\.py is larger than the manifest says"):
        Bundle.from_bytes(repacked(packed, content={"app/main.py": b"x" * 10_000_000}))
    with pytest.raises(SignatureError, match="other files than its manifest names"):
        Bundle.from_bytes(repacked(packed, content={"app/extra.py": b""}))
    with pytest.raises(SignatureError, match="other files than its manifest names"):
        Bundle.from_bytes(repacked(packed, without=["app/main.py"]))
    with pytest.raises(SignatureError, match="the manifest is not its first entry"):
        Bundle.from_bytes(repacked(packed, first=False))


@given(st.data())
def test_a_flipped_byte_is_seen(data: st.DataObject) -> None:
    content = {"main.py": b"print('hello')\n" * 3}
    entry = json.dumps([["main.py", 45, hashlib.sha256(content["main.py"]).hexdigest()]])
    manifest = Manifest.from_bytes(b'{"format":1,"name":"a","version":"1","files":%s}' % entry.encode())
    packed = Bundle(manifest, content)
    whole = bytearray(packed.to_bytes())
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    try:
        found = Bundle.from_bytes(bytes(whole))
    except SignatureError:
        return
    assert found == packed  # it hit a time stamp or a comment of the zip: what is installed is the same


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": 2}, "update iotlab"),
        ({"name": 7}, "the name 7"),
        ({"version": ["1"]}, "the version"),
        ({"files": {}}, "no list of path, size and hash"),
        ({"files": [["main.py", 1]]}, "no list of path, size and hash"),
        ({"files": []}, "1 to 120 files"),
        ({"files": [["main.py", -1, "0" * 64]]}, "size of main.py"),
        ({"files": [["main.py", True, "0" * 64]]}, "size of main.py"),
        ({"files": [["main.py", 1, "0" * 63]]}, "hash of main.py"),
        ({"files": [["main.py", 1, "0" * 64]] * 2}, "names a file twice"),
        ({"files": [["main.py", 1, "0" * 64], ["main.py/x", 1, "0" * 64]]}, "names a file twice"),
        ({"files": [["main.py", MAX_TOTAL_BYTES, "0" * 64], ["x", 1, "0" * 64]]}, "larger than 8 MiB"),
        ({"trial_s": 0}, "trial_s"),
        ({"trial_s": 1.5}, "trial_s"),
        ({"watchdog_s": 9}, "watchdog_s is a whole number from 0 to 8"),
        ({"service": 1}, "service is true or false"),
        ({"min_micropython": "new"}, "min_micropython"),
        ({"surprise": 1}, "has not the entries"),
    ],
)
def test_manifests_that_break_a_rule(folder: Path, change: dict[str, Any], says: str) -> None:
    with pytest.raises(SignatureError, match=says):
        Bundle.from_bytes(repacked(bundle(folder, version="1"), **change))


def test_manifests_that_are_none() -> None:
    for data in (b"", b"[]", b"{", b"\xff", b"[" * 10_000, b"7"):
        with pytest.raises(SignatureError):
            Manifest.from_bytes(data)
    with pytest.raises(SignatureError, match="larger than 16384 bytes"):
        Manifest.from_bytes(b" " * 20_000)


def test_releases_compare_as_numbers() -> None:
    assert release("1.9") < release("1.20") < release("1.20.1") < release("2")


@given(st.binary(min_size=1, max_size=600), st.integers(0, 1000))
def test_a_piece_of_a_file_fits_into_a_frame(data: bytes, offset: int) -> None:
    sent, pieces = 0, []
    while sent < len(data):
        size = fitting(data, sent)
        assert size > 0
        pieces.append(data[sent : sent + size])
        frame = encode(7, 127, b"zzd" + (offset + sent).to_bytes(4, "big") + pieces[-1])
        assert len(frame) <= FRAME_SIZE
        sent += size
    assert b"".join(pieces) == data


def test_bytes_that_are_stuffed_fit_too() -> None:
    assert 110 <= fitting(b"\x10" * 600, 0) <= 125
    assert 225 <= fitting(b"a" * 600, 0) <= 240
