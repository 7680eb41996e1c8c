"""What all widgets of iotlab need: the built module, an allow-list for the browser, a static picture."""

from __future__ import annotations

import base64
import logging
import threading
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any, ClassVar

from iotlab.errors import UnavailableError

try:
    import anywidget
    from IPython.display import DisplayHandle
except ImportError as error:
    raise UnavailableError.extra("a widget", "widgets") from error

_log = logging.getLogger(__name__)


def built(name: str) -> str:
    """The text of a built file; ``UnavailableError`` says how to build it where it is missing."""
    try:
        return (files("iotlab.widgets") / "static" / name).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UnavailableError(
            f"the widgets' {name} was not built: run 'python hatch_build.py' in iotlab's source folder, "
            "or install iotlab again"
        ) from error


class Widget(anywidget.AnyWidget):
    """The base of iotlab's widgets: one ES module, state on the model, nothing taken from the page on trust.

    A subclass names its ``module`` ("live": ``static/live.js`` and ``static/live.css``) and lists in
    ``actions`` what the page may ask for: the name of an action and the method that serves it, called
    with the message. Anything else that comes from the page is refused, changes of the state included.

    The page's messages are served while a cell runs if the kernel and the front end have subshells
    (ipykernel 7, JupyterLab 4.5 and later); methods in ``actions`` have to be thread-safe. Elsewhere they
    wait for the cell. What is sent to the page never waits.
    """

    module: ClassVar[str]
    actions: ClassVar[Mapping[str, str]] = {}

    def __init__(self, **traits: Any) -> None:
        self._esm = built(f"{self.module}.js")
        self._css = built(f"{self.module}.css")
        #: Held while rows are sent, so that messages reach the page in the order of their rows.
        self._sending = threading.RLock()
        self._handles: list[Any] = []
        super().__init__(**traits)
        _serve_while_busy(self.comm)
        self.on_msg(self._serve)

    # -- what the page may do -----------------------------------------------------------------

    def _serve(self, _widget: object, content: object, _buffers: object) -> None:
        action = content.get("action") if isinstance(content, dict) else None
        method = self.actions.get(action) if isinstance(action, str) else None
        if method is None:
            _log.warning("%s refused a message from the page: %.200r", type(self).__name__, content)
            return
        getattr(self, method)(content)

    def set_state(self, sync_data: Mapping[str, object]) -> None:
        """The page wants to change the state: refused, as every state here is the kernel's to set."""
        _log.warning("%s refused a change by the page: %.200r", type(self).__name__, list(sync_data))

    # -- how it shows -------------------------------------------------------------------------

    def picture(self) -> bytes | None:
        """A PNG for places where no widget manager runs; None while there is nothing to show."""
        return None

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data, metadata = super()._repr_mimebundle_(**options) or ({}, {})
        png = self.picture()
        if png is not None:
            data = {**data, "image/png": base64.b64encode(png).decode("ascii")}
        return data, metadata

    def _ipython_display_(self) -> None:
        """Shown under a display id of its own, so that the picture can be renewed."""
        handle: Any = DisplayHandle()
        data, metadata = self._repr_mimebundle_()
        handle.display(data, metadata=metadata, raw=True)
        self._handles.append(handle)

    def renew_picture(self) -> None:
        """Put the picture as it is now into the outputs that show the widget."""
        if not self._handles or self.comm is None:
            return
        data, metadata = self._repr_mimebundle_()
        for handle in self._handles:
            handle.update(data, metadata=metadata, raw=True)


def _serve_while_busy(comm: Any) -> None:
    """Let messages of this comm go where the front end sends them: to its subshell, not to the main one.

    ipykernel 7.4 sends a comm's messages back to the shell that wrote to the comm last, which is the main
    one, where they wait for the running cell (private ``_reply_subshell_for``; there is no public switch).
    Kernels without that method need nothing.
    """
    if hasattr(comm, "_reply_subshell_for"):
        route: Callable[[object, object], object] = lambda _data, asked: asked  # noqa: E731
        comm._reply_subshell_for = route
