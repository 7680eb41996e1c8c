"""Bundles: an application in one file, with a manifest that says what it is."""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from iotlab.errors import ConfigError, NotFoundError, SignatureError
from iotlab.ota.manifest import MAX_MANIFEST_BYTES, MAX_TOTAL_BYTES, File, Manifest

MANIFEST = "manifest.json"
_FOLDER = "app/"
#: Never part of an application: what an editor, a Mac or CPython leaves in a folder.
_LEFT_OUT = {"__pycache__", "Thumbs.db"}
_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can hold: the same content is always the same bytes

#: What ``zipfile`` raises over a file that is none, or a damaged one; which of them differs between Pythons.
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)


@dataclass(frozen=True)
class Bundle:
    """An application, ready to be installed. Making one checks every file against the manifest."""

    manifest: Manifest
    files: dict[str, bytes] = field(repr=False)

    def __post_init__(self) -> None:
        if set(self.files) != {file.path for file in self.manifest.files}:
            raise SignatureError("the bundle has other files than its manifest names: pack it anew")
        for file in self.manifest.files:
            data = self.files[file.path]
            if len(data) != file.size or hashlib.sha256(data).hexdigest() != file.sha256:
                raise SignatureError(f"{file.path} is not what the manifest says: get the bundle again")

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def version(self) -> str:
        return self.manifest.version

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return self.manifest.size

    def __str__(self) -> str:
        return f"{self.name} {self.version}: {len(self.files)} files, {self.size} bytes"

    def to_bytes(self) -> bytes:
        """The bundle as a zip: the manifest first, nothing compressed, the same bytes on every machine."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
            _add(archive, MANIFEST, self.manifest.to_bytes())
            for path in sorted(self.files):
                _add(archive, _FOLDER + path, self.files[path])
        return out.getvalue()

    def save(self, path: str | Path = "") -> Path:
        """Write the bundle; without ``path`` as ``name-version.zip`` here. Returns where it is."""
        place = Path(path) if path else Path(f"{self.name}-{self.version}.zip")
        if place.is_dir():
            place /= f"{self.name}-{self.version}.zip"
        part = place.with_name(place.name + ".part")
        part.write_bytes(self.to_bytes())
        part.replace(place)
        return place

    @classmethod
    def load(cls, path: str | Path) -> Bundle:
        """Read a bundle from a file that anybody may have made.

        ``NotFoundError`` where there is no file, ``SignatureError`` where it is no bundle or not a whole one.
        """
        try:
            data = Path(path).read_bytes()
        except FileNotFoundError:
            raise NotFoundError(
                f"there is no bundle {path}: make one with iotlab.ota.bundle(folder)"
            ) from None
        except OSError as error:
            raise SignatureError(f"{path} cannot be read ({error.strerror}): is it a file?") from error
        return cls.from_bytes(data)

    @classmethod
    def from_bytes(cls, data: bytes) -> Bundle:
        """The bundle in ``data``; see :meth:`load`."""
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                return _unpack(archive)
        except _BROKEN as error:
            raise SignatureError(
                f"this is no bundle ({error}): make one with iotlab.ota.bundle(folder)"
            ) from error


def bundle(
    folder: str | Path,
    *,
    version: str,
    name: str = "",
    min_micropython: str = "1.20",
    trial_s: int = 30,
    watchdog_s: int = 8,
    service: bool = True,
) -> Bundle:
    """Pack an application: every file in ``folder``, of which ``main.py`` (or ``main.mpy``) is started.

    ``name`` is the folder's where none is given; for the others see :class:`Manifest`. Files and folders whose
    names begin with a dot, and what CPython leaves, stay out. ``NotFoundError`` where there is no such folder,
    ``ConfigError`` for a link in it, ``SignatureError`` for what no manifest may hold.

    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp(), "blink")
    >>> folder.mkdir()
    >>> _ = (folder / "main.py").write_text("print('hello')")
    >>> print(bundle(folder, version="1.0.0"))
    blink 1.0.0: 1 files, 14 bytes
    """
    base = Path(folder)
    if not base.is_dir():
        raise NotFoundError(f"there is no folder {base}: give the folder with the application's main.py")
    files = {
        path.relative_to(base).as_posix(): path for path in sorted(base.rglob("*")) if _belongs(path, base)
    }
    total = sum(path.stat().st_size for path in files.values())
    if total > MAX_TOTAL_BYTES:
        raise SignatureError(f"{base} holds {total} bytes, more than {MAX_TOTAL_BYTES >> 20} MiB: pack less")
    content = {name: path.read_bytes() for name, path in files.items()}
    entries = tuple(File(path, len(data), hashlib.sha256(data).hexdigest()) for path, data in content.items())
    manifest = Manifest(
        name or base.resolve().name, version, entries, min_micropython, trial_s, watchdog_s, service
    )
    return Bundle(manifest, content)


def _belongs(path: Path, base: Path) -> bool:
    parts = path.relative_to(base).parts
    if any(part.startswith(".") or part in _LEFT_OUT for part in parts) or path.suffix == ".pyc":
        return False
    if path.is_symlink():
        raise ConfigError(f"{path} is a link: put the file itself into the folder")
    return path.is_file()


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, _TIME)
    entry.create_system = 3  # Unix, on every system
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, data)


def _unpack(archive: zipfile.ZipFile) -> Bundle:
    entries = archive.infolist()
    if not entries or entries[0].filename != MANIFEST:
        raise SignatureError(
            "this is no bundle, the manifest is not its first entry: make one with iotlab.ota.bundle"
        )
    manifest = Manifest.from_bytes(_take(archive, entries[0], MAX_MANIFEST_BYTES))
    sizes = {_FOLDER + file.path: file.size for file in manifest.files}
    names = [entry.filename for entry in entries[1:]]
    if len(set(names)) != len(names) or set(names) != set(sizes):
        raise SignatureError("the bundle has other files than its manifest names: pack it anew")
    content = {e.filename.removeprefix(_FOLDER): _take(archive, e, sizes[e.filename]) for e in entries[1:]}
    return Bundle(manifest, content)


def _take(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, at_most: int) -> bytes:
    """The content of an entry; never more than it may have, whatever the zip promises."""
    with archive.open(entry) as file:
        data = file.read(at_most + 1)
    if len(data) > at_most:
        raise SignatureError(f"{entry.filename} is larger than the manifest says: get the bundle again")
    return data
