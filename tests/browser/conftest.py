"""A browser and pages for the tests; pictures of them go to ``out/browser``, outside git."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest

from iotlab.testing.browser import Lab, Server, lab_server, open_browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

OUT = Path(__file__).parents[2] / "out" / "browser"
Shoot = Callable[["Page", str], None]
WriteNotebook = Callable[..., str]


@pytest.fixture(scope="session")
def browser(chromium: Path) -> Iterator[Browser]:
    with open_browser(chromium) as opened:
        yield opened


@pytest.fixture(scope="session")
def lab_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the JupyterLab server shows."""
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="session")
def server(lab_folder: Path, lab_environment: dict[str, str]) -> Iterator[Server]:
    """A JupyterLab server for the whole session."""
    with lab_server(lab_folder) as running:
        yield running


@pytest.fixture
def lab(browser: Browser, server: Server) -> Iterator[Lab]:
    """JupyterLab in a fresh page. Whatever the page complains about fails the test."""
    page = Lab.open(browser)
    page.enter(server)
    yield page
    complaints = list(page.complaints)  # JupyterLab itself complains when a kernel is shut down
    if page.current_notebook:
        page.close_notebook()
    page.close()
    assert complaints == []
    assert page.outside == []


@pytest.fixture
def shoot(request: pytest.FixtureRequest) -> Shoot:
    """Take a picture of a page for people to look at."""

    def take(page: Page, name: str) -> None:
        OUT.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=OUT / f"{name}.png")

    return take


@pytest.fixture
def write_notebook(lab_folder: Path, request: pytest.FixtureRequest) -> WriteNotebook:
    """Write a notebook with these code cells into the server's folder; returns its name."""

    def write(*cells: str) -> str:
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        )
        name = f"{request.node.name}.ipynb"
        nbformat.write(notebook, lab_folder / name)
        return name

    return write
