"""``iotlab boards``: what is in reach."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace

from iotlab.cli.base import Command
from iotlab.discovery import boards


def configure(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--identify",
        action="store_true",
        help="ask real boards what they run; this interrupts their programs",
    )
    parser.add_argument("--json", action="store_true", help="as JSON, for other programs")


def run(arguments: Namespace) -> int:
    found = boards(identify=arguments.identify)
    print(json.dumps([e.to_dict() for e in found], indent=1) if arguments.json else found)
    return 0


COMMAND = Command("the boards in reach: what they are, what they run, who holds them", configure, run)
