"""Settings: argument > environment > ``iotlab.toml`` > default.

A :class:`Settings` is a frozen value that is passed explicitly; nothing in the library looks up the
environment by itself. ``Settings.load()`` at the edge (a command, a notebook's first call) makes one.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import platformdirs

from iotlab import toml
from iotlab.errors import ConfigError

FILE_NAME = "iotlab.toml"


@dataclass(frozen=True)
class Settings:
    """What can be set.

    ``board``: the board that is meant where none is named.
    ``bench``: the bench that is meant where none is named.
    ``runtime_dir``: sockets and serial endpoints of running benches (a Unix socket's path has a limit of 100 bytes).
    ``state_dir``: what outlives a bench, the boards' flash.
    ``webrepl_password``: what boards ask for that are reached by ``webrepl://``, where the URL does not say it.
    ``micropython``: a MicroPython unix port to run on the virtual boards instead of the extra ``bench``'s.
    """

    board: str = ""
    bench: str = "default"
    runtime_dir: Path = Path()
    state_dir: Path = Path()
    webrepl_password: str = field(default="", repr=False)
    micropython: Path | None = None

    @classmethod
    def load(
        cls, *, environment: Mapping[str, str] | None = None, folder: Path | None = None, **arguments: Any
    ) -> Settings:
        """Settings from ``arguments``, then ``IOTLAB_*`` of ``environment``, then ``iotlab.toml``.

        ``folder`` is where the search for ``iotlab.toml`` begins; it goes on in the folders above.
        Arguments that are ``None`` count as not given. Raises ``ConfigError`` for a key nobody knows.
        """
        environment = os.environ if environment is None else environment
        known = [field.name for field in fields(cls)]
        values: dict[str, Any] = {
            "runtime_dir": _default_runtime_dir(environment),
            "state_dir": platformdirs.user_state_path("iotlab"),
        }
        values.update(_from_file(folder or Path.cwd(), known))
        values.update(
            {name: environment[key] for name in known if environment.get(key := f"IOTLAB_{name.upper()}")}
        )
        values.update({name: value for name, value in arguments.items() if value is not None})
        for name in ("runtime_dir", "state_dir", "micropython"):
            if values.get(name) is not None:
                values[name] = Path(values[name]).expanduser().absolute()
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise ConfigError(f"there is no setting {unknown[0]!r}; there are {', '.join(known)}")
        return cls(**values)

    def bench_dir(self, bench: str = "") -> Path:
        """Where the bench ``bench`` keeps its sockets and serial endpoints while it runs."""
        return self.runtime_dir / (bench or self.bench)

    def flash_dir(self, bench: str = "") -> Path:
        """Where the flash of the boards of ``bench`` is kept."""
        return self.state_dir / "bench" / (bench or self.bench)


def _from_file(folder: Path, known: list[str]) -> dict[str, Any]:
    for place in (folder, *folder.absolute().parents):
        path = place / FILE_NAME
        if path.is_file():
            return _read(path, known)
    return {}


def _read(path: Path, known: list[str]) -> dict[str, Any]:
    try:
        values: dict[str, Any] = toml.loads(path.read_text(encoding="utf-8"))
    except (toml.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error
    for name, value in values.items():
        if name not in known:
            raise ConfigError(f"{path}: there is no setting {name!r}; there are {', '.join(known)}")
        if not isinstance(value, str):
            shown = "" if name == "webrepl_password" else f", not {value!r}"
            raise ConfigError(f"{path}: {name} is a text in quotes{shown}")
    for name in ("runtime_dir", "state_dir", "micropython"):
        if name in values:
            values[name] = path.parent / Path(values[name]).expanduser()
    return values


def _default_runtime_dir(environment: Mapping[str, str]) -> Path:
    given = environment.get("XDG_RUNTIME_DIR")
    if given and os.access(given, os.W_OK):
        return Path(given) / "iotlab"
    return Path(tempfile.gettempdir()) / f"iotlab-{_user_id()}"


def _user_id() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
