"""Probing a bus."""

from __future__ import annotations

import doctest
import json
from collections.abc import Sequence
from html.parser import HTMLParser

import pytest

import iotlab.probe
import iotlab.sensors
import iotlab.sim.chips
import iotlab.testing.world
from iotlab.bus.i2c import I2CBus, Operation
from iotlab.probe import ProbeResult, probe
from iotlab.sensors import Candidate, Found
from iotlab.sim.chips.at24c32 import AT24C32
from iotlab.sim.chips.bme280 import BME280
from iotlab.sim.chips.mpu6050 import MPU6050
from iotlab.sim.chips.ssd1306 import SSD1306
from iotlab.testing.chips import ROOM
from iotlab.testing.i2c import ChipBus
from iotlab.testing.world import SteadyWorld


@pytest.fixture
def world() -> SteadyWorld:
    return SteadyWorld(**ROOM)


@pytest.fixture
def result(world: SteadyWorld) -> ProbeResult:
    return probe(ChipBus(BME280(world), SSD1306(world), AT24C32(world, address=0x57)))


class Page(HTMLParser):
    """The cells of a page, and whether every tag is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.cells: list[tuple[str, dict[str, str | None]]] = []
        self.attributes: dict[str, str | None] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.attributes = dict(attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.cells.append((data, self.attributes))


def test_the_grid_is_i2cdetects(result: ProbeResult) -> None:
    assert result.grid() == (
        "     0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f\n"
        "00:                         -- -- -- -- -- -- -- --\n"
        "10: -- -- -- -- -- -- -- -- -- -- -- -- -- -- -- --\n"
        "20: -- -- -- -- -- -- -- -- -- -- -- -- -- -- -- --\n"
        "30: -- -- -- -- -- -- -- -- -- -- -- -- 3c -- -- --\n"
        "40: -- -- -- -- -- -- -- -- -- -- -- -- -- -- -- --\n"
        "50: -- -- -- -- -- -- -- 57 -- -- -- -- -- -- -- --\n"
        "60: -- -- -- -- -- -- -- -- -- -- -- -- -- -- -- --\n"
        "70: -- -- -- -- -- -- -- 77"
    )


def test_the_text_says_what_and_why(result: ProbeResult) -> None:
    text = str(result)
    assert "0x77" in text
    assert "register 0xD0 reads 0x60: BME280" in text
    assert "answers at 0x3c, where an SSD1306 usually is" in text
    assert "answers at 0x57, where an AT24C32 can be" in text


def test_the_result_is_json(result: ProbeResult) -> None:
    data = json.loads(json.dumps(result.to_dict()))
    assert [found["address"] for found in data["found"]] == [0x3C, 0x57, 0x77]
    (candidate,) = data["found"][2]["candidates"]
    assert set(candidate) == {"name", "title", "what", "confidence", "evidence"}
    assert (candidate["name"], candidate["confidence"]) == ("bme280", "certain")


def test_the_page_marks_what_was_found(result: ProbeResult) -> None:
    page = Page(result._repr_html_())
    assert page.open == []
    marked = {text: attributes["title"] for text, attributes in page.cells if "title" in attributes}
    assert marked == {"3c": "SSD1306", "57": "AT24C32", "77": "BME280"}
    assert any("register 0xD0 reads 0x60" in text for text, _ in page.cells)


def test_the_page_goes_with_the_theme(result: ProbeResult) -> None:
    page = result._repr_html_()
    assert "var(--jp-ui-font-color1,inherit)" in page
    assert "<script" not in page
    assert "<style" not in page


def test_what_a_profile_says_cannot_break_the_page() -> None:
    """Profiles come from packages outside, too."""
    nasty = '"><script>alert(1)</script>&'
    result = ProbeResult((Found(0x40, (Candidate("x", nasty, nasty, "possible", nasty),)),))
    page = result._repr_html_()
    assert "<script" not in page
    assert Page(page).open == []
    assert nasty in str(result)


def test_an_empty_bus(world: SteadyWorld) -> None:
    result = probe(ChipBus())
    assert result.found == ()
    assert "Nothing answers on this bus." in str(result)
    assert "Nothing answers on this bus." in result._repr_html_()


@pytest.mark.parametrize("left", range(4))
def test_a_chip_pulled_out_meanwhile_is_said(world: SteadyWorld, left: int) -> None:
    class Loose(ChipBus):
        """Its BME280 falls out after ``left`` transfers since the scan."""

        def _scan(self) -> list[int]:
            self.left = left
            return [0x69, 0x77]

        def _transaction(self, address: int, operations: Sequence[Operation]) -> list[bytes]:
            if address == 0x77:
                if self.left == 0:
                    self.chips[0x77].unplug()
                self.left -= 1
            return super()._transaction(address, operations)

    bus: I2CBus = Loose(BME280(world), MPU6050(world, address=0x69))
    first, second = probe(bus).found
    assert first.candidates[0].name == "mpu6050"
    if left < 2:
        assert (second.candidates, second.note) == (
            (),
            "it answered the scan and then no more: was it unplugged?",
        )
    else:
        assert second.candidates[0].name == "bme280"


def test_something_that_nobody_knows_is_shown_too() -> None:
    result = ProbeResult((Found(0x10, (), "no chip is known at this address"),))
    assert "0x10" in str(result)
    assert "no chip is known at this address" in result._repr_html_()


@pytest.mark.parametrize("module", [iotlab.probe, iotlab.sensors, iotlab.sim.chips, iotlab.testing.world])
def test_examples(module: object) -> None:
    failed, tried = doctest.testmod(module)  # type: ignore[arg-type]
    assert tried > 0
    assert failed == 0
