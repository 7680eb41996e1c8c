"""``iotlab ota pack|status|install|confirm|revert``: update the application on a board."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable

from iotlab import ota
from iotlab.cli.base import Command
from iotlab.ota import Slots
from iotlab.progress import progress_bar


def configure(parser: ArgumentParser) -> None:
    verbs = parser.add_subparsers(metavar="what", required=True)
    pack = verbs.add_parser("pack", help="an application's folder into a bundle, name-version.zip")
    pack.add_argument("folder", help="the folder with its main.py")
    pack.add_argument("--version", required=True, help="what this version is called, such as 2.0.1")
    pack.add_argument(
        "--name", default="", help="what the application is called; the folder's name without it"
    )
    pack.add_argument("--trial", type=int, default=30, metavar="SECONDS", help="the time to be confirmed in")
    pack.add_argument("--output", default="", help="the file or folder to write")
    pack.set_defaults(verb=_pack)
    status = verbs.add_parser("status", help="what the slots hold and what runs")
    install = verbs.add_parser("install", help="a bundle into the slot that is not in use")
    install.add_argument("bundle", help="the file that `iotlab ota pack` wrote")
    install.add_argument(
        "--start", action="store_true", help="reset the board and wait for the end of the trial"
    )
    confirm = verbs.add_parser("confirm", help="the version on trial works")
    revert = verbs.add_parser("revert", help="back to the version before, at the next reset")
    for verb, run in ((status, _status), (install, _install), (confirm, _confirm), (revert, _revert)):
        verb.add_argument(
            "--board", help="name or port, as `iotlab boards` shows it; needed where there are several"
        )
        verb.set_defaults(verb=run)


def run(arguments: Namespace) -> int:
    status: int = arguments.verb(arguments)
    return status


def _pack(arguments: Namespace) -> int:
    packed = ota.bundle(
        arguments.folder, version=arguments.version, name=arguments.name, trial_s=arguments.trial
    )
    print(f"{packed.save(arguments.output)}: {packed}")
    return 0


def _status(arguments: Namespace) -> int:
    return _with_slots(arguments, lambda _: None)


def _confirm(arguments: Namespace) -> int:
    return _with_slots(arguments, lambda slots: slots.confirm())


def _revert(arguments: Namespace) -> int:
    return _with_slots(arguments, lambda slots: slots.revert())


def _install(arguments: Namespace) -> int:
    bundle = ota.Bundle.load(arguments.bundle)
    with ota.connect(arguments.board) as board:
        slots = ota.slots(board)
        with progress_bar(f"{bundle.name} {bundle.version}") as bar:
            print(slots.install(bundle, progress=bar))
        if not arguments.start:
            return 0
        board.reset("hard")
        told = slots.wait(timeout_s=bundle.manifest.trial_s + 30.0)
        print(told)
        return 0 if told.version == bundle.version else 1


def _with_slots(arguments: Namespace, do: Callable[[Slots], None]) -> int:
    """Do something without interrupting the application, and show what there is then."""
    with ota.connect(arguments.board) as board:
        slots = ota.slots(board)
        do(slots)
        print(slots.status())
    return 0


COMMAND = Command("update the application on a board: pack, status, install, confirm, revert", configure, run)
