"""The board's kernel as a person sees it: in JupyterLab, Notebook 7 and Voila."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from iotlab.sim import Bench
from iotlab.testing.browser import Dashboard, Lab, find_plot, voila_server
from iotlab.testing.servers import Server, free_port

if TYPE_CHECKING:
    from conftest import Shoot
    from playwright.sync_api import Browser

KERNEL = {"name": "iotlab-micropython", "display_name": "MicroPython (iotlab)", "language": "micropython"}
#: The state of the kernel as JupyterLab shows it, while a completion is asked for and answered.
_COMPLETE = """async () => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const reply = await kernel.requestComplete({code: 'whi', cursor_pos: 3});
  await new Promise(resolve => setTimeout(resolve, 300));
  return {matches: reply.content.matches, status: kernel.status};
}"""
_RUN_ALL = """async () => {
  await window.jupyterapp.restored;
  const panel = window.jupyterapp.shell.currentWidget;
  await panel.context.ready;
  await panel.sessionContext.ready;
  await panel.sessionContext.session.kernel.info;
  await window.jupyterapp.commands.execute('notebook:run-all-cells');
  return panel.content.model.sharedModel.toJSON().cells;
}"""


def write(folder: Path, name: str, *cells: str) -> str:
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": KERNEL})
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in ("%connect esp32", *cells)]
    nbformat.write(notebook, folder / name)
    return name


def test_a_plot_moves_while_its_cell_runs(bench: Bench, lab: Lab, lab_folder: Path, shoot: Shoot) -> None:
    lab.open_notebook(write(lab_folder, "board-plot.ipynb"))
    assert lab.run_all().errors == []
    code = "import time\nwhile True:\n    plot(ramp=time.ticks_ms() % 1000)\n    time.sleep_ms(20)"
    lab.page.evaluate(
        """(code) => {
          const panel = window.jupyterapp.shell.currentWidget;
          panel.content.model.sharedModel.insertCell(1, {cell_type: 'code', source: code});
          panel.content.activeCellIndex = 1;
          window.jupyterapp.commands.execute('notebook:run-cell');
        }""",
        code,
    )
    plot = find_plot(lab.page)
    plot.wait("plot.rows() > 50")
    assert lab.page.evaluate(_COMPLETE) == {"matches": ["while"], "status": "busy"}
    plot.wait("plot.rows() > 100")
    shoot(lab.page, "board-plot")
    lab.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()")
    lab.page.wait_for_function(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'"
    )


def test_ten_megabytes_do_not_freeze_the_page(bench: Bench, lab: Lab, lab_folder: Path, shoot: Shoot) -> None:
    loud = "for n in range(200000): print('%06d' % n, 'x' * 42)"
    run = lab.run_notebook(write(lab_folder, "loud.ipynb", loud, "6 * 7"))
    assert run.errors == []
    assert "left out here" in run.text(1)
    assert run.text(1).endswith(f"199999 {'x' * 42}\n")
    assert run.text(2) == "42"
    assert len(run.text(1)) < 400_000
    shoot(lab.page, "loud")


def test_voila(bench: Bench, browser: Browser, tmp_path: Path, shoot: Shoot) -> None:
    name = write(tmp_path, "page.ipynb", "print('printed')", "display({'t_s': [0, 1], 'level': [21, 22]})")
    with voila_server(tmp_path / name) as server:
        page = Dashboard.open(browser)
        page.enter(server)
        page.page.get_by_text("printed").wait_for(timeout=60_000)
        page.page.get_by_role("cell", name="22").wait_for(timeout=60_000)
        shoot(page.page, "voila-board")
        assert page.complaints == []
        page.close()


@pytest.fixture
def notebook_server(lab_folder: Path, lab_environment: dict[str, str]) -> Iterator[Server]:
    """Notebook 7 on the same folder."""
    port, token = free_port(), secrets.token_hex(16)
    arguments = [
        *("-m", "notebook", "--no-browser", "--allow-root", "--expose-app-in-browser"),
        *("--ServerApp.ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"),
        *(f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={lab_folder.resolve()}"),
    ]
    with Server(arguments, port=port, token=token) as running:
        yield running


def test_notebook_7(
    bench: Bench, browser: Browser, notebook_server: Server, lab_folder: Path, shoot: Shoot
) -> None:
    name = write(lab_folder, "seven.ipynb", "print('printed')", "6 * 7")
    page = Lab.open(browser)
    page.page.goto(f"{notebook_server.url}/notebooks/{name}?token={notebook_server.token}")
    page.page.wait_for_function("() => window.jupyterapp?.shell?.currentWidget?.context")
    cells: list[dict[str, Any]] = page.page.evaluate(_RUN_ALL)
    shoot(page.page, "notebook-7")
    assert [cell["outputs"][0].get("text") for cell in cells[1:2]] == ["printed\n"]
    assert cells[2]["outputs"][0]["data"]["text/plain"] == "42"
    page.close()
