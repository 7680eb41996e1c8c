"""The lab as a person sees it: the tutorials in JupyterLab, the dashboard in Voila, on the virtual bench."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest

from iotlab.config import Settings
from iotlab.sim import Bench
from iotlab.testing.browser import Dashboard, Lab, find_plot, voila_server

if TYPE_CHECKING:
    from conftest import Shoot
    from playwright.sync_api import Browser

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
TUTORIALS = sorted(p.name for p in NOTEBOOKS.glob("[0-9][0-9]-*.ipynb"))


@pytest.fixture
def fresh_bench(lab_environment: dict[str, str], tmp_path: Path) -> Iterator[Bench]:
    with Bench.start(settings=Settings.load(state_dir=tmp_path / "state")) as running:
        yield running


@pytest.mark.parametrize("name", TUTORIALS)
def test_a_tutorial_runs_in_jupyterlab(
    fresh_bench: Bench, lab: Lab, lab_folder: Path, shoot: Shoot, name: str
) -> None:
    shutil.copy(NOTEBOOKS / name, lab_folder)
    run = lab.run_notebook(name)
    shoot(lab.page, name.removesuffix(".ipynb"))
    assert run.errors == []
    assert run.unfinished == []


def test_the_plot_follows_the_world(fresh_bench: Bench, lab: Lab, lab_folder: Path, shoot: Shoot) -> None:
    """From the air to the page: board, driver, stream and widget."""
    notebook = nbformat.read(NOTEBOOKS / "04-live-sensor-plot.ipynb", as_version=4)
    tags = [set(c.metadata.get("tags", [])) for c in notebook.cells]
    notebook.cells = notebook.cells[: 1 + next(n for n, tag in enumerate(tags) if "plot" in tag)]
    nbformat.write(notebook, lab_folder / "plot.ipynb")
    assert lab.run_notebook("plot.ipynb").errors == []
    plot = find_plot(lab.page)
    plot.wait("plot.rows() > 10")
    fresh_bench.world.temperature_c = 41.3
    plot.wait("Math.abs(plot.last().temperature_c - 41.3) < 0.05", timeout_s=2)
    shoot(lab.page, "live-plot")
    fresh_bench["esp32"].chip("bme280").unplug()
    plot.wait("root.innerText.includes('0x77')", timeout_s=5)
    shoot(lab.page, "live-plot-unplugged")


def test_the_dashboard(fresh_bench: Bench, browser: Browser, tmp_path: Path, shoot: Shoot) -> None:
    shutil.copy(NOTEBOOKS / "dashboards" / "bench.ipynb", tmp_path)
    led = fresh_bench["esp32"].chip("led")
    with voila_server(tmp_path / "bench.ipynb") as server:
        page = Dashboard.open(browser)
        page.enter(server)
        plot = find_plot(page.page, timeout_s=60)
        plot.wait("plot.rows() > 5", timeout_s=20)
        fresh_bench.world.temperature_c = 41.3
        plot.wait("Math.abs(plot.last().temperature_c - 41.3) < 0.05", timeout_s=2)
        assert "MicroPython" in page.page.inner_text("body")
        assert led.on is False
        switch = page.page.get_by_role("button", name="LED")
        switch.click()
        page.page.locator("button.mod-active", has_text="LED").wait_for()
        wait_until(lambda: led.on is True)
        shoot(page.page, "dashboard")
        switch.click()
        wait_until(lambda: led.on is False)
        assert page.errors == []
        assert page.complaints == []
        page.close()


def wait_until(condition: object, timeout_s: float = 10.0) -> None:
    """Wait for a condition on the bench, which tells nobody when it changes."""
    import time

    end = time.monotonic() + timeout_s
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
