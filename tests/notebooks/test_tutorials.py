"""Every tutorial runs from the first cell to the last, its solutions too, in two different worlds."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

import iotlab.sim
from iotlab.config import Settings
from iotlab.sim.world import WorldState

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
TUTORIALS = sorted(p.name for p in NOTEBOOKS.glob("[0-9][0-9]-*.ipynb"))
SEEDS = (7, 1977)
SOLUTION = re.compile(r"<details><summary>Show a solution</summary>.*?```python\n(.*?)```", re.DOTALL)


class Executed:
    """An executed notebook, its cells found by tag."""

    def __init__(self, notebook: nbformat.NotebookNode, world: WorldState) -> None:
        self.cells, self.world = notebook.cells, world

    def cell(self, tag: str) -> Any:
        (cell,) = [c for c in self.cells if tag in c.metadata.get("tags", [])]
        return cell

    def text(self, tag: str) -> str:
        """All plain text that a cell put out."""
        return "".join(
            o["text"] if o["output_type"] == "stream" else o.get("data", {}).get("text/plain", "")
            for o in self.cell(tag).outputs
        )

    def air(self, tag: str, quantity: str) -> tuple[float, float]:
        """The least and the greatest value of ``quantity`` while the cell ran."""
        from datetime import datetime

        told = self.cell(tag).metadata["execution"]
        start, end = (
            datetime.fromisoformat(told[key].replace("Z", "+00:00")).timestamp()
            for key in ("iopub.status.busy", "iopub.status.idle")
        )
        values = [self.world.value(quantity, start + (end - start) * k / 20) for k in range(21)]
        return min(values), max(values)

    def assert_measured(self, tag: str, quantity: str, measured: float, resolution: float) -> None:
        least, greatest = self.air(tag, quantity)
        assert least - resolution <= measured <= greatest + resolution


def with_solutions(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook with a cell for each hidden solution, behind the text that hides it."""
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        if cell.cell_type == "markdown":
            for code in SOLUTION.findall(cell.source):
                cells.append(nbformat.v4.new_code_cell(code, metadata={"tags": ["solution"]}))
    notebook.cells = cells
    return notebook


@pytest.fixture
def executed(
    request: pytest.FixtureRequest, lab_environment: dict[str, str], tmp_path: Path
) -> dict[int, Executed]:
    """The notebook that the test names, executed in both worlds."""
    name = request.param
    return {seed: run(name, seed, tmp_path / str(seed)) for seed in SEEDS}


def run(name: str, seed: int, folder: Path) -> Executed:
    folder.mkdir()
    shutil.copy(NOTEBOOKS / name, folder)
    notebook = with_solutions(nbformat.read(folder / name, as_version=4))
    with iotlab.sim.Bench.start(seed=seed, settings=Settings.load(state_dir=folder / "state")) as bench:
        world = WorldState.from_json((bench.folder / "world.json").read_text())
        client = NotebookClient(
            notebook, timeout=120, record_timing=True, resources={"metadata": {"path": str(folder)}}
        )
        client.execute()
    return Executed(notebook, world)


def numbers(text: str) -> dict[str, float]:
    """A printed dict of readings."""
    found = re.search(r"\{.*?\}", text, re.DOTALL)
    assert found, text
    values: dict[str, float] = json.loads(found.group().replace("'", '"'))
    return values


def tutorial(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("executed", [name], indirect=True, ids=[name[:2]])


@tutorial("00-welcome.ipynb")
def test_welcome(executed: dict[int, Executed]) -> None:
    readings = []
    for notebook in executed.values():
        assert notebook.text("led") == "True"
        reading = numbers(notebook.text("reading"))
        notebook.assert_measured("reading", "temperature_c", reading["temperature_c"], 0.05)
        readings.append(reading)
    assert readings[0] != readings[1]


@tutorial("01-flash-a-board.ipynb")
def test_flashing(executed: dict[int, Executed]) -> None:
    for notebook in executed.values():
        assert "'empty'" in notebook.text("empty")
        assert notebook.text("exec-empty").startswith("ConnectError: esp32 runs no MicroPython")
        assert "esp32" in notebook.text("image")
        assert "micropython" in notebook.text("flash")
        assert notebook.text("hello") == "MicroPython is here\n"
        assert notebook.text("broken").startswith("FlashError: broken.bin is damaged")
        assert "'other'" in notebook.text("torn")
        assert notebook.text("recovered") == "42"
        assert "bootloader" in notebook.text("bootsel")
        assert "RPI-RP2" in notebook.text("drive")
        assert notebook.text("pico") == "'micropython'"
        assert "FlashError: esp32-micropython-1.16.bin is for esp32" in notebook.text("wrong-kind")


@tutorial("02-first-cells-on-the-board.ipynb")
def test_first_cells(executed: dict[int, Executed]) -> None:
    for notebook in executed.values():
        assert notebook.text("answer") == "42"
        assert notebook.text("led") == "1"
        assert notebook.text("blink").count("LED is") == 4
        assert notebook.text("button") == "'released'"
        assert notebook.text("half") == "5.0\n"
        assert notebook.text("after-error") == "6.0"
        assert "note.txt" in notebook.text("file")
        assert notebook.text("file-after-reset") == "I was here.\n\n"


@tutorial("03-bus-probing.ipynb")
def test_probing(executed: dict[int, Executed]) -> None:
    readings = []
    for notebook in executed.values():
        assert notebook.text("scan") == "['0x3c', '0x77']"
        assert "BME280" in notebook.text("probe")
        assert notebook.text("chip-id") == "'0x60'"
        said = re.findall(r"-?[\d.]+", notebook.text("driver"))
        notebook.assert_measured("driver", "temperature_c", float(said[0]), 0.05)
        notebook.assert_measured("driver", "humidity_percent", float(said[1]), 0.15)
        notebook.assert_measured("driver", "pressure_hpa", float(said[2]), 0.3)
        assert notebook.text("unplugged") == "['0x3c']"
        assert "nothing answers at I2C address 0x77" in notebook.text("reading-unplugged")
        again = numbers(notebook.text("reading-again"))
        notebook.assert_measured("reading-again", "temperature_c", again["temperature_c"], 0.05)
        readings.append(again)
    assert readings[0] != readings[1]


@tutorial("04-live-sensor-plot.ipynb")
def test_live_plot(executed: dict[int, Executed]) -> None:
    readings = []
    for notebook in executed.values():
        (shown,) = [o for o in notebook.cell("plot").outputs if o["output_type"] == "display_data"]
        assert "application/vnd.jupyter.widget-view+json" in shown["data"]
        assert "image/png" in shown["data"]
        assert "temperature_c" in notebook.text("table")
        assert "temperature_c" in notebook.text("csv")
        assert any("image/png" in o.get("data", {}) for o in notebook.cell("figure").outputs)
        reading = numbers(notebook.text("reading"))
        notebook.assert_measured("reading", "temperature_c", reading["temperature_c"], 0.05)
        readings.append(reading)
    assert readings[0] != readings[1]


@tutorial("05-update-over-the-air.ipynb")
def test_updates(executed: dict[int, Executed]) -> None:
    for notebook in executed.values():
        assert "has no slots yet" in notebook.text("before")
        assert "blinker 1.0.0" in notebook.text("bundle")
        assert "on trial at the next reset" in notebook.text("install-1")
        assert "1.0.0" in confirmed(notebook.text("trial-1"))
        assert notebook.text("blinking") in ("{False, True}", "{True, False}")
        assert "interrupted" not in notebook.text("install-2")
        assert "2.0.0" in confirmed(notebook.text("trial-2"))
        assert "ValueError: the lamp has no dimmer" in notebook.text("rollback")
        assert "2.0.0" in confirmed(notebook.text("rollback"))
        assert notebook.text("reason").startswith("blinker 3.0.0 - ")
        assert "Error: " in notebook.text("power-cut")
        assert "2.0.0" in confirmed(notebook.text("after-power-cut"))
        assert "4.0.0" not in notebook.text("after-power-cut")


def confirmed(table: str) -> str:
    """The line of the table that says which version is confirmed and runs."""
    (line,) = [line for line in table.split("\n") if "confirmed" in line and "runs" in line]
    return line


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("00-welcome.ipynb", "reading"),
        ("03-bus-probing.ipynb", "driver"),
        ("04-live-sensor-plot.ipynb", "reading"),
    ],
)
def test_a_reading_without_the_chip_fails(
    lab_environment: dict[str, str], tmp_path: Path, name: str, tag: str
) -> None:
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    tags = [c.metadata.get("tags", []) for c in notebook.cells]
    notebook.cells = notebook.cells[: 1 + next(n for n, there in enumerate(tags) if tag in there)]
    for cell in notebook.cells:  # what looks at the chip by itself has a cell of its own
        if cell.cell_type == "code" and "chip-id" in cell.metadata.get("tags", []):
            cell.source = ""
    with iotlab.sim.Bench.start() as bench:
        bench["esp32"].chip("bme280").unplug()
        client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}})
        with pytest.raises(CellExecutionError, match="0x77"):
            client.execute()
    (error,) = [
        o for c in notebook.cells if c.cell_type == "code" for o in c.outputs if o.output_type == "error"
    ]
    assert error.ename == "NackError"


def test_every_tutorial_is_tested() -> None:
    source = Path(__file__).read_text()
    assert [name for name in TUTORIALS if f'@tutorial("{name}")' not in source] == []


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.rglob("*.ipynb")), ids=lambda p: p.name)
def test_notebooks_are_clean(path: Path) -> None:
    """No outputs in git, and every tutorial has the parts that a reader looks for."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
    text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    if path.name in TUTORIALS:
        for part in (
            "**You will learn**",
            "**You need**",
            "## What can go wrong",
            "## Exercise",
            "<details>",
        ):
            assert part in text
