"""Takes the picture in the README: the lab as it looks, with a live plot of the virtual bench.

python scripts/picture.py            writes docs/lab.png
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs" / "lab.png"


def shown(folder: Path) -> None:
    """The tutorials, of the live plot's only the first half: it is to run when the picture is taken."""
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        shutil.copy(notebook, folder)
    path = folder / "04-live-sensor-plot.ipynb"
    document = json.loads(path.read_text())
    cells = document["cells"]
    plot = next(n for n, cell in enumerate(cells) if "plot" in cell["metadata"].get("tags", []))
    document["cells"] = cells[plot - 2 : plot + 1]
    path.write_text(json.dumps(document))


def main() -> None:
    home = tempfile.mkdtemp(prefix="iotlab-", dir="/tmp")  # short: the bench's sockets live below it
    os.environ.update(IOTLAB_RUNTIME_DIR=f"{home}/run", IOTLAB_STATE_DIR=f"{home}/state")

    from iotlab.sim import Bench
    from iotlab.testing.browser import Lab, find_plot, lab_server, open_browser

    lab_folder = Path(home) / "lab"
    lab_folder.mkdir()
    shown(lab_folder)
    try:
        with Bench.start(seed=4) as bench, lab_server(lab_folder) as server, open_browser() as browser:
            lab = Lab.open(browser)
            lab.page.set_viewport_size({"width": 1280, "height": 960})
            lab.enter(server)
            run = lab.run_notebook("04-live-sensor-plot.ipynb")
            if run.errors:
                raise SystemExit(run.errors[0])
            plot = find_plot(lab.page)
            plot.wait("plot.rows() > 120", timeout_s=60)
            bench.world.temperature_c = 27.5
            plot.wait("plot.rows() > 190", timeout_s=60)
            bench.world.release()
            plot.wait("plot.rows() > 270", timeout_s=60)
            lab.page.screenshot(path=TARGET)
            print(TARGET)
    finally:
        shutil.rmtree(home)


if __name__ == "__main__":
    main()
