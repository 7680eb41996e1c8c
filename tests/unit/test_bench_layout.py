"""Bench files: what they say, and what is said about one that makes no sense."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from iotlab.errors import ConfigError, NotFoundError
from iotlab.sim.layout import BenchLayout, BoardLayout, PartLayout


def test_the_built_in_bench() -> None:
    layout = BenchLayout.load()
    boards = {board.name: board for board in layout.boards}
    assert list(boards) == ["esp32", "pico"]
    assert [part.name for part in boards["esp32"].parts] == [
        "bme280",
        "ssd1306",
        "led",
        "button",
        "potentiometer",
    ]
    assert boards["esp32"].parts[0] == PartLayout("bme280", "bme280", (18, 19), {"address": 0x77})
    assert boards["pico"].parts[0] == PartLayout("mpu6050", "mpu6050", (5, 4), {"address": 0x69})


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "bench.toml"
    (tmp_path / "firmware.bin").write_bytes(b"")
    path.write_text(
        'name = "mine"\nseed = 7\n[world]\nlight_lux = 5\n[boards.left]\nkind = "esp32"\nfirmware = "firmware.bin"\n'
        'baud = 9600\n[boards.left.parts.warm]\nchip = "bme280"\nscl = 22\nsda = 21\naddress = 0x76\n'
    )
    layout = BenchLayout.load(path)
    assert (layout.name, layout.seed, layout.held) == ("mine", 7, {"light_lux": 5.0})
    (board,) = layout.boards
    assert (board.kind, board.baud, board.firmware) == ("esp32", 9600, str(tmp_path / "firmware.bin"))
    assert board.parts == (PartLayout("warm", "bme280", (22, 21), {"address": 0x76}),)


def test_a_layout_goes_through_json() -> None:
    for board in BenchLayout.load().boards:
        assert BoardLayout.from_dict(json.loads(json.dumps(board.to_dict()))) == board


def test_what_executes_the_firmware() -> None:
    boards = {"pico": {"engine": "rp2040py", "firmware": "none"}, "microbit": {}, "esp32": {}}
    layout = BenchLayout.load({"boards": boards})
    assert [board.engine for board in layout.boards] == ["rp2040py", "qemu", "unix"]


def test_two_chips_of_a_kind_on_two_buses() -> None:
    parts = {"near": {"chip": "bme280"}, "far": {"chip": "bme280", "scl": 22, "sda": 21}}
    layout = BenchLayout.load({"boards": {"esp32": {"parts": parts}}})
    assert [part.pins for part in layout.boards[0].parts] == [(18, 19), (22, 21)]


def board(**table: Any) -> dict[str, Any]:
    return {"boards": {"esp32": table}}


def part(**table: Any) -> dict[str, Any]:
    return board(parts={"x": table})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "a bench has at least one board"),
        ({"board": {}}, "a bench has no 'board'; it has name, seed, world, boards"),
        ({"boards": {"a b": {}}}, "the name 'a b' does not do"),
        ({"boards": {"x" * 25: {}}}, "does not do: 1 to 24 letters"),
        ({"boards": {"mega": {}}}, "there is no virtual board 'mega'; there are esp32, microbit, pico"),
        ({"boards": {"rom": {}}}, "there is no virtual board 'rom'"),
        ({"boards": {"esp32": 3}}, r"board 'esp32' is a table: \[boards.esp32\]"),
        (board(colour="red"), "board 'esp32' has no 'colour'; it has kind, firmware"),
        (board(baud="fast"), "baud is a number, not 'fast'"),
        (board(baud=300), "baud is 1200 to 4000000, not 300"),
        (board(heap_kib=1), "heap_kib is 64 to 65536, not 1"),
        (
            board(firmware="nowhere.bin"),
            'there is no firmware .*nowhere.bin; write a path, "preinstalled" or "none"',
        ),
        (board(engine="steam"), "no 'steam' executes the firmware of ESP32; there is unix"),
        (
            {"boards": {"pico": {"engine": "rp2040py"}}},
            'rp2040py executes what is in the flash: write firmware = the path of a firmware file, or "none"',
        ),
        (
            {"boards": {"microbit": {"parts": {"led": {"pin": 1}}}}},
            "nothing can be wired to a micro:bit here: leave its parts away",
        ),
        (part(chip="bme9"), "part 'x': there is no simulated part 'bme9'; there are .*bme280"),
        (part(chip="led"), "part 'x' needs a pin: add pin = <number>"),
        (part(chip="led", pin=6), "ESP32 has no pin 6; it has 0-5, 12-23, 25-27, 32-39"),
        (part(chip="led", pin=True), "ESP32 has no pin True"),
        (part(chip="led", pin=2, size=3), "part 'x': led: .*'size'"),
        (part(chip="bme280", address=0x50), "part 'x': bme280: .*0x77, 0x76, not 0x50"),
        (part(chip="bme280", address="0x76"), "part 'x': bme280: .*0x77, 0x76, not '0x76'"),
        (part(chip="bme280", scl=5, sda=5), "part 'x': scl and sda are two pins, not 5 twice"),
        (
            board(parts={"led": {"pin": 2}, "button": {"pin": 2}}),
            "led and button are both on pin 2: choose another one",
        ),
        (board(parts={"bme280": {}, "led": {"pin": 18}}), "bme280 and led are both on pin 18"),
        ({**board(), "world": {"tea_c": 80}}, "the world has no 'tea_c'; it has .*temperature_c"),
        ({**board(), "world": {"light_lux": "much"}}, "world.light_lux is a number, not 'much'"),
        ({**board(), "seed": True}, "seed is a number, not True"),
        (
            board(parts={"a": {"chip": "bme280"}, "b": {"chip": "bme280"}}),
            r"a and b have the same address 0x77: give b another one \(a bme280 can have 0x77, 0x76\) or other pins",
        ),
    ],
)
def test_what_makes_no_sense(data: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        BenchLayout.load(data)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no bench file"):
        BenchLayout.load(tmp_path / "none.toml")
    path = tmp_path / "broken.toml"
    path.write_text("[boards")
    with pytest.raises(ConfigError, match=r"broken\.toml: "):
        BenchLayout.load(path)
    path.write_text("seed = 'x'")
    with pytest.raises(ConfigError, match=r"broken\.toml: a bench has at least one board"):
        BenchLayout.load(path)
