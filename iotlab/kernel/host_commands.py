"""Cells on this machine, and variables between it and the board."""

from __future__ import annotations

from collections.abc import Awaitable

from iotlab.errors import ConfigError, RemoteError, UnsupportedError
from iotlab.kernel.commands import Group
from iotlab.micropython.values import to_literal


class HostCommands(Group):
    """``%%host`` and what it shares with the board."""

    def do_pull(self, *names: str) -> None:
        """%pull name... -- copy variables of the board to this machine's, for %%host cells"""
        board = self.place.attachment.board()
        for name in _checked("%pull", names):
            try:
                self.place.host.names[name] = board.eval(name, timeout_s=60.0)
            except UnsupportedError as error:
                raise UnsupportedError(f"%pull {name}: {error}") from error
            except RemoteError as error:
                if error.kind == "NameError":
                    raise ConfigError(f"the board has no variable {name}: assign it first") from error
                raise

    def do_push(self, *names: str) -> None:
        """%push name... -- copy variables of %%host cells to the board"""
        given = {name: to_literal(name, self.place.host.value(name)) for name in _checked("%push", names)}
        board = self.place.attachment.board()
        board.exec("\n".join(f"{name}={text}" for name, text in given.items()), timeout_s=60.0)

    def cell_host(self, text: str) -> Awaitable[None]:
        """%%host -- run the cell on this machine, in IPython, where `board` is the board of this notebook"""
        names = self.place.host.names
        if self.place.attachment.now:
            names["board"] = self.place.attachment.now
        return self.place.host.run(text, self.place.number, silent=self.place.silent)


def _checked(command: str, names: tuple[str, ...]) -> tuple[str, ...]:
    split = tuple(part for name in names for part in name.split(",") if part)
    if not split or not all(name.isidentifier() for name in split):
        raise ConfigError(f"use it as {command} name..., with names of variables")
    return split
