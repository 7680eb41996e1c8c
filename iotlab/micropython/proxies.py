"""Objects that stay on a board, and what stands for them here."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any

from typing_extensions import Self

from iotlab.errors import ClosedError, IotlabError, RemoteError, RestartedError, UnsupportedError

if TYPE_CHECKING:
    from iotlab.micropython.remote import Remote

#: What front ends look for on every object that they show; nobody's board has it.
_ASKED_BY_FRONT_ENDS = ("__", "_repr_", "_ipython_")


@dataclass
class Held:
    """What a proxy stands for: the object under ``number``, put there by the helper number ``generation``."""

    remote: Remote
    number: int
    kind: str
    generation: int
    closed: bool = False

    def there(self) -> str:
        """The object as an expression on the board. ``ClosedError`` and ``RestartedError`` where it is gone."""
        if self.closed:
            raise ClosedError(f"the proxy of a {self.kind} was closed: make another one")
        if not self.remote.still(self.generation):
            raise RestartedError(
                f"{self.remote.board.info.name} restarted: the {self.kind} of a proxy is lost, make it anew"
            )
        return f"{self.remote.there}.o[{self.number}]"

    def release(self) -> None:
        """The board may forget it, if it is there."""
        if not self.closed:
            self.closed = True
            if self.generation == self.remote.generation:
                self.remote.released.append(self.number)


class Proxy:
    """Stands for an object on a board: attributes, calls, items, ``len``, iteration and comparison go there.

    Plain values come back by value, other objects as proxies. The board keeps the object until its proxy is
    garbage here, or a ``with`` block of the proxy ends, which also leaves the object's own context where it has
    one. Each use is a call on the board, and raises as one; ``RestartedError`` after a restart. See
    :meth:`MicroPythonBoard.proxy`.
    """

    __slots__ = ("__weakref__", "_held")
    _held: Held

    def __init__(self, remote: Remote, number: int, kind: str) -> None:
        held = Held(remote, number, kind, remote.generation)
        object.__setattr__(self, "_held", held)
        weakref.finalize(self, held.release).atexit = False

    def __getattr__(self, name: str) -> Any:
        if name.startswith(_ASKED_BY_FRONT_ENDS):
            raise AttributeError(name)
        try:
            return self._ask(f"{self._held.there()}.{name}")
        except RemoteError as error:
            if error.kind == "AttributeError":
                raise AttributeError(f"the {self._held.kind} on the board has no {name}") from error
            raise

    def __setattr__(self, name: str, value: Any) -> None:
        self._ask(f"setattr({self._held.there()},{name!r},{self._plain(value)})")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask(f"{self._held.there()}(*{self._plain(args)},**{self._plain(kwargs)})")

    def __getitem__(self, key: Any) -> Any:
        return self._ask(f"{self._held.there()}[{self._key(key)}]")

    def __setitem__(self, key: Any, value: Any) -> None:
        self._do("put", self._plain(key), self._plain(value))

    def __delitem__(self, key: Any) -> None:
        self._do("remove", self._plain(key))

    def __len__(self) -> int:
        return int(self._ask(f"len({self._held.there()})"))

    def __bool__(self) -> bool:
        return bool(self._ask(f"bool({self._held.there()})"))

    def __contains__(self, value: Any) -> bool:
        return bool(self._ask(f"{self._plain(value)} in {self._held.there()}"))

    def __iter__(self) -> Iterator[Any]:
        held = self._held
        held.there()
        items = Held(held.remote, int(self._do("each", "")), "iterator", held.generation)
        try:
            while True:
                items.there()
                for told in self._value(f"give({{}},0,{held.remote.there}.some({items.number}))", 0):
                    if told is None:
                        return
                    yield held.remote.known(told)
        finally:
            items.release()

    def __eq__(self, other: object) -> bool:
        try:
            wanted = self._plain(other)
        except UnsupportedError:
            return NotImplemented
        return bool(self._ask(f"{self._held.there()}=={wanted}"))

    __hash__ = object.__hash__

    def __dir__(self) -> list[str]:
        return [str(name) for name in self._ask(f"dir({self._held.there()})")]

    def __repr__(self) -> str:
        where = self._held.remote.board.info.name
        try:
            return f"<{self._ask(f'repr({self._held.there()})')} on {where}>"
        except IotlabError as error:
            return f"<a {self._held.kind} on {where}: {str(error).splitlines()[0]}>"

    def __enter__(self) -> Self:
        self._do("enter", "")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._do("leave", "")
        finally:
            self._held.release()

    # -- details ------------------------------------------------------------------------------

    def _ask(self, expression: str) -> Any:
        return self._value(f"give({{}},1,{expression})", 1)

    def _do(self, function: str, *given: str) -> Any:
        told = ",".join([self._held.there(), *filter(None, given)])
        return self._ask(f"{self._held.remote.there}.{function}({told})")

    def _value(self, code: str, how: int) -> Any:
        before, after = code.split("{}", 1)
        held = self._held
        return held.remote.value(lambda ask: f"{before}{ask}{after}", how, name=f"the {held.kind}")

    def _plain(self, value: Any) -> str:
        return self._held.remote.literal("what a proxy was given", value)

    def _key(self, key: Any) -> str:
        if isinstance(key, slice):
            parts = (key.start, key.stop) if key.step is None else (key.start, key.stop, key.step)
            return ":".join("" if part is None else self._plain(part) for part in parts)
        return self._plain(key)


def held_by(proxy: Proxy) -> Held:
    """What ``proxy`` stands for."""
    return object.__getattribute__(proxy, "_held")  # type: ignore[no-any-return]
