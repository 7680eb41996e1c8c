"""Builds the genuine MicroPython firmware of a Raspberry Pi Pico from Debian's packages, for the emulated RP2040.

No package that pip or apt brings holds such a firmware, so it is built, in about 80 seconds, into a cache folder;
prints the path of the UF2 file. A virtual Pico runs it with ``engine = "rp2040py"`` in the bench's TOML file::

    python scripts/build_pico_firmware.py

Needs Debian or Ubuntu with apt-get, dpkg-dev, cmake, make, gcc and the compiler for ARM; no root. See
``debian_source.py`` for where the sources come from: MicroPython's and Mbed TLS's source packages, and the
packages with the sources of the Pico's SDK and of TinyUSB. The libraries that MicroPython's source package is
published without are linked into their places in its ``lib/``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

import platformdirs
from debian_source import BuildError, Debian, check_tools, run

from iotlab.flash import uf2

TOOLS = {"cmake": "cmake", "gcc": "gcc", "make": "make", "arm-none-eabi-gcc": "gcc-arm-none-eabi"}
#: Files of the ARM compiler, and the packages that bring them.
ARM_FILES = {
    "libc.a": "libnewlib-arm-none-eabi",
    "libstdc++.a": "libstdc++-arm-none-eabi-newlib",
}
#: The SDK has no picotool in Debian's package, and the UF2 file is made here.
OPTIONS = ("-DPICO_NO_PICOTOOL=1", "-DMICROPY_BOARD=RPI_PICO")
#: The port's own modules and asyncio; the drivers of micropython-lib are no part of Debian's source package.
MANIFEST = 'freeze("$(PORT_DIR)/modules")\ninclude("$(MPY_DIR)/extmod/asyncio")\n'
#: The flash of an RP2040 in its memory (RP2040 datasheet, build 2023-03-02, 2.2.1).
FLASH_ADDRESS = 0x10000000
FOLDER = platformdirs.user_cache_path("iotlab") / "micropython-pico"
SUITE = "trixie"


def main() -> int:
    parser = argparse.ArgumentParser(description="Build MicroPython for the Pico from Debian's packages.")
    parser.add_argument("--suite", default=SUITE, help="Debian's suite (default: %(default)s)")
    parser.add_argument("--mirror", default="", help="a Debian mirror (default: the one apt uses)")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    told = parser.parse_args()
    try:
        print(build(told.folder.absolute() / told.suite, told.suite, told.mirror))
    except BuildError as error:
        print(f"{Path(__file__).name}: {error}", file=sys.stderr)
        return 1
    return 0


def built(folder: Path = FOLDER / SUITE) -> Path | None:
    """The firmware, where it was built before from what this file says now; else None."""
    made, stamp = folder / "firmware.uf2", folder / "made-of"
    return made if made.is_file() and stamp.is_file() and stamp.read_text() == _recipe() else None


def build(folder: Path, suite: str, mirror: str) -> Path:
    """The UF2 file in ``folder``; built at the first call, and when the options or the manifest change."""
    made = built(folder)
    if made:
        return made
    check_tools(TOOLS, missing=_missing_arm_files())
    shutil.rmtree(folder, ignore_errors=True)
    sources = folder / "source"
    sources.mkdir(parents=True)
    with Debian(folder / "apt", suite, mirror) as debian:
        micropython = debian.source("micropython", sources)
        mbedtls = debian.source("mbedtls", sources)
        sdk = debian.package("pico-sdk-source", sources) / "usr/src/pico-sdk"
        tinyusb = debian.package("tinyusb-source", sources) / "usr/src/tinyusb"
    for name, place in (("mbedtls", mbedtls), ("tinyusb", tinyusb)):
        shutil.rmtree(micropython / "lib" / name, ignore_errors=True)
        (micropython / "lib" / name).symlink_to(place)
    (micropython / "lib/micropython-lib").mkdir(exist_ok=True)
    (
        micropython / "lib/micropython-lib/README.md"
    ).touch()  # the build looks for it to tell whether it is there
    image = _compile(micropython, sdk, folder)
    made = folder / "firmware.uf2"
    made.write_bytes(uf2.pack(image, address=FLASH_ADDRESS, family=uf2.RP2040))
    shutil.rmtree(sources)
    (folder / "made-of").write_text(_recipe())
    return made


def _compile(micropython: Path, sdk: Path, folder: Path) -> bytes:
    """What the flash is to hold from its begin on."""
    manifest, place = folder / "manifest.py", folder / "source/build"
    manifest.write_text(MANIFEST)
    jobs = f"-j{os.cpu_count() or 1}"
    run("make", "-C", "mpy-cross", jobs, cwd=micropython)
    paths = (f"-DPICO_SDK_PATH_OVERRIDE={sdk}", f"-DMICROPY_FROZEN_MANIFEST={manifest}")
    run("cmake", "-S", "ports/rp2", "-B", str(place), *OPTIONS, *paths, cwd=micropython)
    run("make", "-C", str(place), jobs, cwd=micropython)
    return (place / "firmware.bin").read_bytes()


def _recipe() -> str:
    return f"{OPTIONS}{MANIFEST}"


def _missing_arm_files() -> list[str]:
    """The packages of those parts of the ARM compiler that it does not find."""
    if shutil.which("arm-none-eabi-gcc") is None:
        return list(ARM_FILES.values())
    found = {}
    for name in ARM_FILES:
        command = ["arm-none-eabi-gcc", f"-print-file-name={name}"]
        found[name] = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return [package for name, package in ARM_FILES.items() if not Path(found[name]).is_absolute()]


if __name__ == "__main__":
    sys.exit(main())
