"""What a command of ``iotlab`` is. One module per command, which exports it as ``COMMAND``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """``configure`` adds arguments to the command's parser; ``run`` returns the exit status.

    ``run`` may raise ``IotlabError``: the message goes to the standard error, and the status is 1.
    """

    summary: str
    configure: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], int]
