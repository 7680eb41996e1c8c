"""``iotlab bench up|status|down``: start the virtual bench, look at it, stop it."""

from __future__ import annotations

import contextlib
from argparse import ArgumentParser, Namespace

from iotlab.cli.base import Command
from iotlab.config import Settings
from iotlab.errors import NotFoundError
from iotlab.sim import Bench
from iotlab.sim.running import RunningBench


def configure(parser: ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="what", required=True)
    up = verbs.add_parser("up", help="start the boards; they go on until `iotlab bench down`")
    up.add_argument("file", nargs="?", help="a bench file (TOML); the built-in bench without it")
    up.add_argument("--seed", type=int, help="another weather on the bench")
    status = verbs.add_parser("status", help="what runs")
    down = verbs.add_parser("down", help="stop the boards")
    for verb, run in ((up, _up), (status, _status), (down, _down)):
        verb.add_argument("--name", default="", help="a bench of that name beside others")
        verb.set_defaults(verb=run)


def run(arguments: Namespace) -> int:
    status: int = arguments.verb(arguments)
    return status


def _up(arguments: Namespace) -> int:
    if arguments.file is None and arguments.seed is None:
        with contextlib.suppress(NotFoundError):
            bench = Bench.running(arguments.name)
            print(f"it runs already: {bench}")
            return 0
    print(Bench.start(arguments.file, name=arguments.name, seed=arguments.seed, owner=False))
    return 0


def _status(arguments: Namespace) -> int:
    print(Bench.running(arguments.name))
    return 0


def _down(arguments: Namespace) -> int:
    folder = Settings.load().bench_dir(arguments.name)
    told = RunningBench.read(folder)
    if told is None:
        raise NotFoundError("no virtual bench runs: there is nothing to stop")
    Bench(folder, told).stop()
    print(f"bench {told.name!r} stopped")
    return 0


COMMAND = Command("the virtual bench: up, status, down", configure, run)
