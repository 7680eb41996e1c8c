"""The tutorials that ship with iotlab, and the user's own copies of them.

A copy that its reader changed is never written over. Which copies are as we left them is known from a small
file beside them, ``.iotlab-notebooks.json``: the SHA-256 of each file as it was copied.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from tempfile import NamedTemporaryFile
from typing import Any

import iotlab
from iotlab.errors import ConfigError, NotFoundError

MANIFEST = ".iotlab-notebooks.json"


@dataclass(frozen=True)
class Copied:
    """What ``copy_notebooks`` did, in paths relative to the folder.

    ``new`` were not there, ``updated`` were as an older release left them, ``kept`` were changed by their
    reader while iotlab has something newer.
    """

    folder: Path
    new: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        """What the user should know, a sentence a line."""
        if self.new:
            yield f"copied {len(self.new)} files to {self.folder}"
        if self.updated:
            yield f"updated to iotlab {iotlab.__version__}: {', '.join(self.updated)}"
        for name in self.kept:
            yield f"kept your changed {name}: delete it and start again to get the one of this release"


def shipped_notebooks() -> Path:
    """The folder of the tutorials: inside the installed package, or of the checkout that iotlab runs from.

    Raises ``NotFoundError`` when this installation has none.
    """
    package = Path(iotlab.__file__).parent
    for folder in (package / "notebooks", package.parent / "notebooks"):
        if any(folder.glob("*.ipynb")):
            return folder
    raise NotFoundError(f"this installation has no notebooks in {package}: install iotlab again")


def copy_notebooks(source: Path, folder: Path) -> Copied:
    """Bring ``folder`` up to date with ``source``, and leave alone what its reader changed.

    ``source`` itself is left as it is: nothing is copied onto it. Raises ``ConfigError`` when ``folder`` is
    no folder or cannot be written.
    """
    copied = Copied(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if folder.resolve() != source.resolve():
            _copy(source, folder, copied)
    except OSError as error:
        raise ConfigError(
            f"cannot put the notebooks in {folder}: {error.strerror or error}; name another folder"
        ) from error
    return copied


def _copy(source: Path, folder: Path, copied: Copied) -> None:
    known = _read_manifest(folder)
    hashes = dict(known)
    for name in _files(source):
        content = (source / name).read_bytes()
        ours = _digest(content)
        target = folder / name
        if not target.exists():
            copied.new.append(name)
        elif (theirs := _digest(target.read_bytes())) == ours:
            hashes[name] = ours
            continue
        elif theirs == known.get(name):
            copied.updated.append(name)
        else:
            if known.get(name) != ours:
                copied.kept.append(name)
            continue
        _write(target, content)
        hashes[name] = ours
    if hashes != known:
        manifest = {"iotlab": iotlab.__version__, "sha256": hashes}
        _write(folder / MANIFEST, json.dumps(manifest, indent=1, sort_keys=True).encode() + b"\n")


def _files(source: Path) -> list[str]:
    """Every file to copy, without hidden ones (checkpoints, and the manifest of a copy)."""
    paths = (path.relative_to(source) for path in source.rglob("*") if path.is_file())
    visible = (path for path in paths if not any(part.startswith((".", "__")) for part in path.parts))
    return sorted(str(PurePosixPath(path)) for path in visible)


def _read_manifest(folder: Path) -> Mapping[str, str]:
    """The hashes of an earlier copy. A manifest that cannot be read means that nothing is known."""
    try:
        manifest: Any = json.loads((folder / MANIFEST).read_text())
        return {str(name): str(digest) for name, digest in manifest["sha256"].items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write(target: Path, content: bytes) -> None:
    """Write whole or not at all: a reader's notebook is never half a notebook."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=target.parent, prefix=".iotlab-", delete=False) as part:
        part.write(content)
    path = Path(part.name)
    try:
        path.chmod(0o644)
        path.replace(target)
    except OSError:
        path.unlink(missing_ok=True)
        raise
