"""The live plot in JupyterLab and Voila, on a source that is a plain Python object."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest

from iotlab.testing.browser import Dashboard, Lab, find_plot, voila_server

if TYPE_CHECKING:
    from conftest import Shoot, WriteNotebook
    from playwright.sync_api import Browser

# A test here starts a kernel and a page, which takes its time on a busy machine.
pytestmark = pytest.mark.timeout(300)

#: A source whose value and health the test sets from another cell.
SOURCE = """
from iotlab.widgets.live import live

class Room:
    temperature_c = 22.5
    broken = ""
    def read(self):
        if self.broken:
            raise OSError(self.broken)
        return {"temperature_c": self.temperature_c, "humidity_percent": 45.0}

room = Room()
"""
PLOT = "plot = live(room, rate_hz=20, title='Room', window_s=10)\nplot"


def test_shows_what_the_source_gives(lab: Lab, write_notebook: WriteNotebook, shoot: Shoot) -> None:
    run = lab.run_notebook(write_notebook(SOURCE, PLOT))
    assert run.errors == []
    plot = find_plot(lab.page)
    plot.wait("plot.rows() > 40")
    data = plot.data()
    assert set(data) == {"t_s", "temperature_c", "humidity_percent"}
    assert len(data["t_s"]) > 40
    assert set(data["temperature_c"]) == {22.5}
    assert plot.last() == {"temperature_c": 22.5, "humidity_percent": 45.0}
    values = lab.page.locator(".iotlab-chip").all_inner_texts()
    assert [" ".join(value.split()) for value in values] == ["temperature 22.50 °C", "humidity 45 %"]
    shoot(lab.page, "live-lab")


def test_a_step_is_on_the_page_within_two_seconds(lab: Lab, write_notebook: WriteNotebook) -> None:
    lab.run_notebook(write_notebook(SOURCE, PLOT))
    plot = find_plot(lab.page)
    plot.wait("plot.rows() > 10")
    lab.run_code("room.temperature_c = 41.3")
    plot.wait("Math.abs(plot.last().temperature_c - 41.3) < 1e-4", timeout_s=2)
    plot.wait("plot.data().temperature_c.some((value) => Math.abs(value - 41.3) < 1e-4)", timeout_s=2)


def test_a_reloaded_page_gets_the_data_again(lab: Lab, write_notebook: WriteNotebook) -> None:
    name = write_notebook(SOURCE, PLOT)
    lab.run_notebook(name)
    plot = find_plot(lab.page)
    plot.wait("plot.rows() > 40")
    before = plot.rows()
    lab.save()
    lab.reload()
    lab.open_notebook(name)
    plot = find_plot(lab.page)
    plot.wait("plot.data().t_s.length > 40")  # the rows from before the reload are drawn too
    assert plot.rows() >= before
    data = plot.data()
    assert data["t_s"][0] == pytest.approx(max(0.0, (data["t_s"][-1] or 0) - 10), abs=0.5)


def test_two_views_show_the_same(lab: Lab, write_notebook: WriteNotebook) -> None:
    lab.run_notebook(write_notebook(SOURCE, PLOT, "plot"))
    first, second = find_plot(lab.page, 0), find_plot(lab.page, 1)
    second.wait("plot.rows() > 40")
    lab.run_code("plot.stop()")
    for view in (first, second):
        view.wait("state === 'stopped'")
    assert first.data() == second.data()
    assert first.rows() == second.rows()


def test_pause_and_resume_on_the_page(lab: Lab, write_notebook: WriteNotebook) -> None:
    lab.run_notebook(write_notebook(SOURCE, PLOT))
    plot = find_plot(lab.page)
    plot.wait("plot.rows() > 10")
    lab.page.get_by_role("button", name="Pause").click()
    plot.wait("state === 'paused'")
    paused = plot.rows()
    assert lab.run_code("plot.stream.state") == "'paused'"
    assert plot.rows() == paused
    lab.page.get_by_role("button", name="Resume").click()
    plot.wait(f"state === 'running' && plot.rows() > {paused + 10}")
    assert None in plot.data()["temperature_c"], "the pause breaks the line"


def test_keys_pause_and_move_the_cursor(lab: Lab, write_notebook: WriteNotebook) -> None:
    lab.run_notebook(write_notebook(SOURCE, PLOT))
    plot = find_plot(lab.page)
    plot.wait("plot.rows() > 10")
    lab.page.locator(".iotlab-plots").focus()
    lab.page.keyboard.press("Space")
    plot.wait("state === 'paused'")
    lab.page.keyboard.press("ArrowLeft")
    plot.wait("root.querySelectorAll('.iotlab-at-cursor').length === 2")
    lab.page.keyboard.press("Escape")
    plot.wait("root.querySelectorAll('.iotlab-at-cursor').length === 0")


def test_the_page_is_served_while_a_cell_runs(lab: Lab, write_notebook: WriteNotebook) -> None:
    """Both ways: rows reach the page, and its pause button reaches the kernel."""
    lab.run_notebook(write_notebook("import threading", SOURCE, PLOT))
    plot = find_plot(lab.page)
    plot.wait("plot.rows() > 10")
    # The cell ends by itself once the button has worked; without that it fails after a minute.
    lab.start_code(
        "import time\nuntil = time.monotonic() + 60\n"
        "while plot.stream.state != 'paused':\n    assert time.monotonic() < until\n    time.sleep(0.01)"
    )
    seen = plot.rows()
    plot.wait(f"plot.rows() > {seen + 10}")
    lab.page.get_by_role("button", name="Pause").click()
    plot.wait("state === 'paused'", timeout_s=20)
    assert lab.run_code("'the cell ended'") == "'the cell ended'"


def test_a_broken_source_is_told_on_the_page(lab: Lab, write_notebook: WriteNotebook, shoot: Shoot) -> None:
    lab.run_notebook(write_notebook(SOURCE, PLOT))
    plot = find_plot(lab.page)
    plot.wait("plot.rows() > 10")
    banner = lab.page.get_by_role("alert")
    lab.run_code("room.broken = 'the chip <b>was</b> unplugged'")
    banner.wait_for()
    assert "OSError: the chip <b>was</b> unplugged" in banner.inner_text()
    shoot(lab.page, "live-broken")
    lab.run_code("room.broken = ''")
    banner.wait_for(state="hidden")
    assert None in plot.data()["temperature_c"], "failed readings are gaps"


def test_saves_everything_as_csv(lab: Lab, write_notebook: WriteNotebook) -> None:
    lab.run_notebook(write_notebook(SOURCE, PLOT.replace("20", "2000")))
    plot = find_plot(lab.page)
    plot.wait("plot.rows() > 12000", timeout_s=60)  # more than one portion
    lab.run_code("plot.stop()")
    plot.wait("state === 'stopped'")
    with lab.page.expect_download() as download:
        lab.page.get_by_role("button", name="Save CSV").click()
    assert download.value.suggested_filename.startswith("room-")
    with open(download.value.path(), newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["t_s", "temperature_c", "humidity_percent"]
    assert len(rows) - 1 == plot.rows()
    assert all(row[1:] == ["22.5", "45.0"] for row in rows[1:])
    times = [float(row[0]) for row in rows[1:]]
    assert times == sorted(times)


def test_running_the_cell_again_ends_the_earlier_plot(lab: Lab, write_notebook: WriteNotebook) -> None:
    lab.run_notebook(
        write_notebook(SOURCE, "plots = globals().get('plots', [])", PLOT + "\nplots.append(plot)\nplot")
    )
    find_plot(lab.page).wait("plot.rows() > 5")
    lab.run_all()
    find_plot(lab.page).wait("plot.rows() > 5")
    assert lab.run_code("[p.stream.state for p in plots]") == "['closed', 'running']"


def test_the_page_cannot_change_the_state(lab: Lab, write_notebook: WriteNotebook) -> None:
    lab.run_notebook(write_notebook(SOURCE, PLOT))
    find_plot(lab.page).wait("plot.rows() > 5")
    lab.run_code("import ipywidgets; before = plot.get_state()")
    lab.send_to_widget(
        "plot", {"method": "update", "state": {"_esm": "evil", "title": "evil", "state": "closed"}}
    )
    lab.send_to_widget("plot", {"method": "custom", "content": {"action": "close"}})
    lab.send_to_widget("plot", {"method": "custom", "content": {"action": "pause"}})
    # The comm's messages are served in order, so when the allowed one worked the others were served.
    find_plot(lab.page).wait("state === 'paused'")
    assert (
        lab.run_code("plot.title, plot._esm == before['_esm'], plot.stream.state")
        == "('Room', True, 'paused')"
    )


def test_dark_theme(lab: Lab, write_notebook: WriteNotebook, shoot: Shoot) -> None:
    lab.run_notebook(write_notebook(SOURCE, PLOT))
    plot = find_plot(lab.page)
    lab.set_theme("JupyterLab Dark")
    plot.wait("root.classList.contains('iotlab-dark') && plot.rows() > 60")
    shoot(lab.page, "live-dark")
    lab.set_theme("JupyterLab Light")
    plot.wait("!root.classList.contains('iotlab-dark')")


def test_nbconvert_shows_a_picture(lab: Lab, write_notebook: WriteNotebook, lab_folder: Path) -> None:
    name = write_notebook(SOURCE, PLOT, "plot.recording.wait(20)\nplot.stop()")
    assert lab.run_notebook(name).errors == []
    find_plot(lab.page).wait("state === 'stopped'")
    lab.save()
    saved = nbformat.read(lab_folder / name, as_version=4)
    outputs = [output for cell in saved.cells for output in cell.outputs]
    assert [("image/png" in output.data) for output in outputs] == [True]
    page = subprocess.run(
        [sys.executable, "-m", "nbconvert", "--to", "html", "--stdout", str(lab_folder / name)],
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    assert "data:image/png;base64," + outputs[0].data["image/png"][:60] in page


def test_a_saved_notebook_shows_its_plot_without_the_kernel(lab: Lab, write_notebook: WriteNotebook) -> None:
    """Where the front end saves widgets with the notebook, the plot is there when it is opened again."""
    plugin = "@jupyter-widgets/jupyterlab-manager:plugin"
    lab.page.evaluate(
        "([id, raw]) => window.jupyterapp.serviceManager.settings.save(id, raw)",
        [plugin, '{"saveState": true}'],
    )
    lab.reload()
    name = write_notebook(SOURCE, PLOT, "plot.recording.wait(20)\nplot.stop()")
    lab.run_notebook(name)
    plot = find_plot(lab.page)
    plot.wait("state === 'stopped'")
    before = plot.data()
    lab.close_notebook()
    lab.open_notebook(name)
    plot = find_plot(lab.page)
    plot.wait("state === 'stopped' && plot.rows() >= 20")
    assert plot.data() == before
    lab.page.evaluate(
        "([id, raw]) => window.jupyterapp.serviceManager.settings.save(id, raw)", [plugin, "{}"]
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_voila(browser: Browser, tmp_path: Path, theme: str, shoot: Shoot) -> None:
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(SOURCE), nbformat.v4.new_code_cell(PLOT)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    nbformat.write(notebook, tmp_path / "board.ipynb")
    with voila_server(tmp_path / "board.ipynb", theme=theme) as server:
        page = Dashboard.open(browser, dark=theme == "dark")
        page.enter(server)
        plot = find_plot(page.page)
        plot.wait("plot.rows() > 40", timeout_s=30)
        assert page.errors == []
        assert json.dumps(plot.last(), sort_keys=True) == '{"humidity_percent": 45, "temperature_c": 22.5}'
        page.page.get_by_role("button", name="Pause").click()
        plot.wait("state === 'paused'")
        plot.wait(f"root.classList.contains('iotlab-dark') === {str(theme == 'dark').lower()}")
        shoot(page.page, f"live-voila-{theme}")
        page.close()
        assert page.complaints == []
        assert page.outside == []
