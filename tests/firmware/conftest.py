"""A bench with a Pico that executes its genuine firmware, which ``make test-pico-firmware`` builds first."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import build_pico_firmware
import pytest

from iotlab.sim import Bench

PARTS = {
    "mpu6050": {"address": 0x69},
    "at24c32": {"address": 0x57},
    "led": {"pin": 25},
    "button": {"pin": 15},
    "potentiometer": {"pin": 26},
}


@pytest.fixture(scope="session")
def firmware() -> Path:
    """The UF2 file."""
    found = build_pico_firmware.built()
    assert found, "the Pico's firmware is not built here: make test-pico-firmware builds it"
    return found


@pytest.fixture(scope="module")
def bench(lab_environment: dict[str, str], firmware: Path) -> Iterator[Bench]:
    shutil.rmtree(lab_environment["IOTLAB_STATE_DIR"], ignore_errors=True)
    pico = {"engine": "rp2040py", "firmware": str(firmware), "parts": PARTS}
    with Bench.start({"boards": {"pico": pico}}) as running:
        yield running
