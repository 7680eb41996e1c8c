"""Plug-ins found by name: modules of a package, and entry points of other packages.

The module's name is the key, and the module exports one object under an agreed name. A package outside
announces the same object as an entry point, ``iotlab.<kind>``. Nothing is imported until it is asked for.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar, cast

from iotlab.errors import ConfigError, NotFoundError

T = TypeVar("T")


@dataclass(frozen=True)
class Registry(Generic[T]):
    """The plug-ins of one kind.

    ``package`` holds a module for each; ``attribute`` is what each module exports; ``group`` is the
    entry point group; ``kind`` is what messages call one of them. ``base`` and modules whose names
    begin with an underscore are no plug-ins.
    """

    package: str
    attribute: str
    group: str
    kind: str

    def names(self) -> list[str]:
        """Every key, sorted. Imports no plug-in."""
        return sorted({*self._modules(), *self._outside()})

    def load(self, name: str) -> T:
        """The object of the plug-in ``name``.

        Raises ``NotFoundError`` with the known names, ``ConfigError`` for an entry point that cannot
        be imported or a module without the agreed object.
        """
        if name in self._modules():
            module = importlib.import_module(f"{self.package}.{name}")
            return cast(T, self._export(module, name))
        outside = self._outside()
        if name in outside:
            return cast(T, self._load_outside(outside[name]))
        raise NotFoundError(f"there is no {self.kind} {name!r}; there are {', '.join(self.names())}")

    def _modules(self) -> list[str]:
        path = importlib.import_module(self.package).__path__
        found = (module.name for module in pkgutil.iter_modules(path))
        return [name for name in found if name != "base" and not name.startswith("_")]

    def _outside(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=self.group)}

    def _export(self, module: Any, name: str) -> Any:
        try:
            return getattr(module, self.attribute)
        except AttributeError:
            raise ConfigError(
                f"the {self.kind} {name!r} ({module.__name__}) exports no {self.attribute}: add it to the module"
            ) from None

    def _load_outside(self, point: EntryPoint) -> Any:
        try:
            return point.load()
        except (ImportError, AttributeError) as error:
            raise ConfigError(
                f"the {self.kind} {point.name!r} ({point.value}) cannot be loaded: {error}"
            ) from error
