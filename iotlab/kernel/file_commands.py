"""``%`` lines about the board's files."""

from __future__ import annotations

from pathlib import Path

from iotlab.errors import ConfigError, NotFoundError
from iotlab.kernel.commands import Group
from iotlab.table import Table

#: Forgets the modules whose files changed, so that the next import takes the new ones; tells which were there.
_FORGET = "[m for m in {modules!r} if __import__('sys').modules.pop(m, None)]"


class FileCommands(Group):
    """Files between this machine and the board."""

    def do_ls(self, path: str = "/") -> None:
        """%ls [path] -- the files on the board"""
        found = self.place.attachment.board().files.ls(path)
        rows = [(f.path + ("/" if f.is_dir else ""), "" if f.is_dir else str(f.size)) for f in found]
        self.front.show(Table(("path", "bytes"), rows, empty=f"{path} is empty"))

    def do_put(self, local: str, remote: str = "") -> None:
        """%put local [remote] -- copy a file of this machine to the board"""
        path = Path(local).expanduser()
        if not path.is_file():
            raise NotFoundError(f"there is no file {local} on this machine (in {Path.cwd()})")
        target = remote or "/" + path.name
        target += path.name if target.endswith("/") else ""
        self.place.attachment.board().files.put(path, target)
        self.place.mirror.add(target, path)
        self.front.say(f"{local} -> {self.place.attachment.name}:{target}\n")

    def do_get(self, remote: str, local: str = "") -> None:
        """%get remote [local] -- copy a file of the board to this machine"""
        place = self.place.attachment.board().files.get(remote, local)
        self.front.say(f"{self.place.attachment.name}:{remote} -> {place}\n")

    def do_rm(self, path: str) -> None:
        """%rm path -- remove a file of the board, or an empty folder"""
        self.place.attachment.board().files.remove(path)

    def do_sync(self, *arguments: str) -> None:
        """%sync folder [target] [--delete] -- make the board hold what the folder holds, by copying what differs"""
        delete, paths = "--delete" in arguments, [a for a in arguments if a != "--delete"]
        if not 1 <= len(paths) <= 2 or any(path.startswith("--") for path in paths):
            raise ConfigError("use it as %sync folder [target] [--delete]")
        folder, target = Path(paths[0]).expanduser(), paths[1] if len(paths) > 1 else "/"
        board = self.place.attachment.board()
        changed = board.files.sync(folder, target, delete=delete)
        self.place.mirror.add_folder(target, folder)
        for path in changed:
            self.front.say(f"{path}\n")
        modules = [_module(path, target) for path in changed if path.endswith((".py", ".mpy"))]
        loaded = board.eval(_FORGET.format(modules=modules)) if modules else []
        self.front.say(f"{len(changed)} {'file' if len(changed) == 1 else 'files'} changed\n")
        if loaded:
            self.front.say(f"import {', '.join(loaded)} again: the board still runs what was there before\n")

    def do_mpremote(self, *words: str) -> None:
        """%mpremote command ... -- mpremote's own commands on this board; %mpremote help lists them"""
        from iotlab.mpremote import run

        try:
            run(self.place.attachment.board, words, output=self.front.say)
        finally:
            self.place.forget()  # it may have reset the board

    def cell_writefile(self, text: str, path: str) -> None:
        """%%writefile path -- the cell becomes a file on the board"""
        data = text.lstrip("\n").encode()
        target = path if path.startswith("/") else f"/{path}"
        self.place.attachment.board().files.write(target, data)
        self.front.say(f"{self.place.attachment.name}:{target}, {len(data)} bytes\n")


def _module(path: str, target: str) -> str:
    """What the file ``path`` is imported as, with ``target`` among the folders that are looked into."""
    root = "/" + target.strip("/")
    inner = path.removeprefix(root if root in ("/", "/lib") else "/").strip("/").removeprefix("lib/")
    name = inner.rsplit(".", 1)[0].replace("/", ".")
    return name.removesuffix(".__init__")
