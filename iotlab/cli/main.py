"""The command ``iotlab``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from iotlab import __version__
from iotlab.cli.base import Command
from iotlab.errors import IotlabError
from iotlab.registry import Registry

COMMANDS: Registry[Command] = Registry(
    package="iotlab.cli", attribute="COMMAND", group="iotlab.commands", kind="command"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    told = parser().parse_args(arguments)
    try:
        status: int = told.run(told)
        return status
    except IotlabError as error:
        print(f"iotlab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # the reader of our output left: `iotlab boards | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def parser() -> argparse.ArgumentParser:
    """The parser with every command."""
    made = argparse.ArgumentParser(prog="iotlab", description="An interactive hardware lab in Jupyter.")
    made.add_argument("--version", action="version", version=f"iotlab {__version__}")
    verbs = made.add_subparsers(metavar="command", required=True)
    for name in names():
        command = COMMANDS.load(name)
        verb = verbs.add_parser(name, help=command.summary, description=command.summary)
        command.configure(verb)
        verb.set_defaults(run=command.run)
    return made


def names() -> list[str]:
    """The names of every command."""
    return [name for name in COMMANDS.names() if name != "main"]


if __name__ == "__main__":
    sys.exit(main())
