"""JupyterLab and Voila driven in a headless Chromium, for tests that look at what a person sees.

Needs playwright (``pip install playwright``) and a Chromium: Debian's ``chromium``, or another one named in
``IOTLAB_CHROMIUM``. The servers are those of ``iotlab.testing.servers``.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from typing_extensions import Self

from iotlab.errors import NotFoundError, RemoteError, UnavailableError
from iotlab.testing.servers import Server, lab_server, voila_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request

__all__ = [
    "Dashboard",
    "Lab",
    "NotebookRun",
    "PlotOnPage",
    "Server",
    "Window",
    "chromium_path",
    "find_plot",
    "lab_server",
    "open_browser",
    "voila_server",
]

_CHROMIUM_ARGUMENTS = (
    "--no-sandbox",  # as root, as in a container, it would not start otherwise
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
#: Voila's template asks a CDN for the icons that Voila brings along itself; the page does without.
_VOILA_ICONS = re.compile(r"//cdn\.[^/]+/.*font-?awesome")
_CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
_VIEWPORT = {"width": 1280, "height": 1000}

_OPEN = """async ({path, kernel}) => {
  const app = window.jupyterapp;
  await app.restored;
  const panel = await app.commands.execute('docmanager:open', {path, factory: 'Notebook', kernel});
  await panel.context.ready;
  await panel.sessionContext.ready;
  await panel.sessionContext.session.kernel.info;
  app.shell.activateById(panel.id);
}"""
_RUN = """async () => {
  const app = window.jupyterapp;
  await app.commands.execute('notebook:run-all-cells');
}"""
_CELLS = """() => {
  const panel = window.jupyterapp.shell.currentWidget;
  return panel.content.model.sharedModel.toJSON().cells;
}"""
_SAVE = "() => window.jupyterapp.shell.currentWidget.context.save()"
_CLOSE = """async () => {
  const panel = window.jupyterapp.shell.currentWidget;
  await panel.sessionContext.shutdown();
  await panel.context.save();
  panel.close();
}"""
_OPENED = "() => window.jupyterapp?.shell.currentWidget?.context?.path ?? ''"
_EXECUTE = """async ({code, wait}) => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const future = kernel.requestExecute({code, store_history: false}, !wait);
  if (!wait) return null;
  let shown = '';
  future.onIOPub = ({header, content}) => {
    if (header.msg_type === 'stream') shown += content.text;
    if (header.msg_type === 'execute_result') shown += content.data['text/plain'];
  };
  const {content} = await future.done;
  return content.status === 'ok' ? {shown} : {failed: `${content.ename}: ${content.evalue}`};
}"""
_BUSY = "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'busy'"
_COMM_MESSAGE = """({comm, data}) => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const header = {
    msg_id: crypto.randomUUID(), msg_type: 'comm_msg', session: kernel.clientId, username: '',
    date: new Date().toISOString(), version: '5.3',
  };
  kernel.sendShellMessage({
    header, parent_header: {}, metadata: {}, channel: 'shell', buffers: [], content: {comm_id: comm, data},
  }, false);
}"""
_THEME = """(name) => window.jupyterapp.commands.execute('apputils:change-theme', {theme: name})"""


def chromium_path() -> str:
    """The Chromium to use; ``UnavailableError`` where there is none."""
    named = os.environ.get("IOTLAB_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, _CHROMIUM_NAMES)), None)
    if not found:
        raise UnavailableError("no Chromium here: 'apt-get install chromium', or name one in IOTLAB_CHROMIUM")
    return found


@contextmanager
def open_browser(program: str | Path = "") -> Iterator[Browser]:
    """A headless Chromium with a fresh profile; ``program`` where it is not the usual one."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise UnavailableError("driving a browser needs playwright: pip install playwright") from error
    with sync_playwright() as playwright:
        found = str(program) or chromium_path()
        browser = playwright.chromium.launch(executable_path=found, args=list(_CHROMIUM_ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class NotebookRun:
    """A notebook after "Run All": its cells as nbformat dictionaries."""

    cells: list[dict[str, Any]]

    @property
    def errors(self) -> list[str]:
        """What the cells that failed say."""
        return [
            f"{output['ename']}: {output['evalue']}"
            for cell in self.cells
            for output in cell.get("outputs", [])
            if output["output_type"] == "error"
        ]

    @property
    def unfinished(self) -> list[str]:
        """Sources of code cells that did not run, which is what follows a cell that failed."""
        return [
            cell["source"]
            for cell in self.cells
            if cell["cell_type"] == "code" and cell["source"].strip() and not cell.get("execution_count")
        ]

    def text(self, number: int) -> str:
        """What code cell ``number`` printed and showed, as plain text."""
        cell = [cell for cell in self.cells if cell["cell_type"] == "code"][number]
        return "".join(_plain(output) for output in cell["outputs"])


def _plain(output: dict[str, Any]) -> str:
    shown = output.get("text") or output.get("data", {}).get("text/plain", "")
    return shown if isinstance(shown, str) else "".join(shown)


def _is_outside(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in ("http", "https") and parts.hostname != "127.0.0.1"


@dataclass
class Window:
    """A page of the browser with what went wrong on it."""

    page: Page
    #: Errors on the console, exceptions and failed requests.
    complaints: list[str] = field(default_factory=list)
    #: Addresses on other machines that the page asked for, with or without success.
    outside: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, browser: Browser, *, dark: bool = False) -> Self:
        context = browser.new_context(
            viewport=_VIEWPORT,  # type: ignore[arg-type]
            color_scheme="dark" if dark else "light",
            accept_downloads=True,
        )
        window = cls(context.new_page())
        window.page.on("console", window._said)
        window.page.on("pageerror", lambda error: window.complaints.append(f"exception: {error}"))
        window.page.on("request", window._asked)
        window.page.on("requestfailed", window._failed)
        return window

    def close(self) -> None:
        """Close the page and forget its cookies."""
        self.page.context.close()

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not _is_outside(message.location["url"]):
            self.complaints.append(f"console: {message.text}")

    def _asked(self, request: Request) -> None:
        if _is_outside(request.url):
            self.outside.append(request.url)

    def _failed(self, request: Request) -> None:
        # A reload aborts what was under way.
        if not _is_outside(request.url) and request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"request failed: {request.url}")


class Lab(Window):
    """JupyterLab in a page."""

    def enter(self, server: Server) -> None:
        """Load JupyterLab with an empty workspace of its own."""
        name = secrets.token_hex(4)
        url = f"{server.url}/lab/workspaces/{name}?reset&token={server.token}"
        self.page.goto(url, wait_until="domcontentloaded")
        self._restored()

    def reload(self) -> None:
        """As the reload button does; kernels go on."""
        self.page.reload(wait_until="domcontentloaded")
        self._restored()

    def open_notebook(self, path: str, *, kernel: str = "") -> None:
        """Open ``path`` (relative to the server's folder) and wait for its kernel."""
        choice = {"name": kernel} if kernel else None
        self.page.evaluate(_OPEN, {"path": path, "kernel": choice})

    def run_all(self) -> NotebookRun:
        """Run all cells of the current notebook; returns when the last one has ended."""
        self.page.evaluate(_RUN)
        return NotebookRun(self.page.evaluate(_CELLS))

    def run_notebook(self, path: str, *, kernel: str = "") -> NotebookRun:
        """Open ``path`` and run all its cells."""
        self.open_notebook(path, kernel=kernel)
        return self.run_all()

    @property
    def current_notebook(self) -> str:
        """The path of the notebook in front; "" where there is none."""
        return str(self.page.evaluate(_OPENED))

    def run_code(self, code: str) -> str:
        """Run ``code`` in the current notebook's kernel; returns what it printed and showed, as text.

        ``RemoteError`` where it raised.
        """
        answer = self.page.evaluate(_EXECUTE, {"code": code, "wait": True})
        if "failed" in answer:
            raise RemoteError(answer["failed"])
        return str(answer["shown"])

    def start_code(self, code: str) -> None:
        """As ``run_code``, but returns when the kernel has begun."""
        self.page.evaluate(_EXECUTE, {"code": code, "wait": False})
        self.page.wait_for_function(_BUSY)

    def send_to_widget(self, name: str, data: dict[str, Any]) -> None:
        """Send a message to the widget in the kernel's variable ``name``, as a hostile page may."""
        comm = self.run_code(f"print({name}.model_id, end='')")
        self.page.evaluate(_COMM_MESSAGE, {"comm": comm, "data": data})

    def save(self) -> None:
        """Save the current notebook."""
        self.page.evaluate(_SAVE)

    def close_notebook(self) -> None:
        """Shut down the current notebook's kernel, save it and close its tab."""
        self.page.evaluate(_CLOSE)

    def set_theme(self, name: str) -> None:
        """ "JupyterLab Light" or "JupyterLab Dark"."""
        self.page.evaluate(_THEME, name)
        dark = "false" if "Dark" in name else "true"
        self.page.wait_for_selector(f"body[data-jp-theme-light='{dark}']", state="attached")

    def _restored(self) -> None:
        self.page.wait_for_function("() => window.jupyterapp && window.jupyterapp.restored")
        self.page.evaluate("() => window.jupyterapp.restored.then(() => true)")


class Dashboard(Window):
    """A Voila page."""

    def enter(self, server: Server, path: str = "") -> None:
        """Load the dashboard; returns when the page stands, before its widgets do."""
        self.page.route(_VOILA_ICONS, lambda route: route.abort())
        place = f"/voila/render/{path}" if path else "/"
        self.page.goto(server.url + place, wait_until="domcontentloaded")

    def _asked(self, request: Request) -> None:
        if not _VOILA_ICONS.search(request.url):
            super()._asked(request)

    @property
    def errors(self) -> list[str]:
        """Tracebacks and standard error that the page shows."""
        shown = "[data-mime-type='application/vnd.jupyter.stderr'], .voila-error"
        return self.page.locator(shown).all_inner_texts()


def find_plot(page: Page, number: int = 0, *, timeout_s: float = 30.0) -> PlotOnPage:
    """The live plot ``number`` on the page; ``NotFoundError`` where it does not come up in time."""
    from playwright.sync_api import TimeoutError as Late

    try:
        page.locator(".iotlab-live").nth(number).wait_for(timeout=timeout_s * 1000)
    except Late as error:
        raise NotFoundError(f"there is no live plot {number} on the page after {timeout_s} s") from error
    return PlotOnPage(page, number)


@dataclass(frozen=True)
class PlotOnPage:
    """A live plot as the page has it, through the element's own ``iotlab`` property."""

    page: Page
    number: int = 0

    def data(self) -> dict[str, list[float | None]]:
        """The points that are drawn: ``t_s`` and each trace; None breaks a line."""
        return self._ask("data()")  # type: ignore[no-any-return]

    def last(self) -> dict[str, float]:
        """The newest value of each trace."""
        return self._ask("last()")  # type: ignore[no-any-return]

    def rows(self) -> int:
        """Rows that came since the recording began."""
        return int(self._ask("rows()"))

    def wait(self, condition: str, *, timeout_s: float = 30.0) -> None:
        """Wait until the JavaScript ``condition`` on ``plot`` holds: ``"plot.last().temperature_c > 40"``.

        Also in reach are ``root``, the plot's element, and ``state``. Raises playwright's ``TimeoutError``.
        """
        script = (
            "(number) => { const root = document.querySelectorAll('.iotlab-live')[number];"
            "if (!root) return false; const plot = root.iotlab, state = root.dataset.state;"
            f"return {condition}; }}"
        )
        self.page.wait_for_function(script, arg=self.number, timeout=timeout_s * 1000)

    def _ask(self, call: str) -> Any:
        return self.page.evaluate(
            f"(number) => document.querySelectorAll('.iotlab-live')[number].iotlab.{call}", self.number
        )
