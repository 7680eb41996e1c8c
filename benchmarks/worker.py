"""One measurement of one tool, in a process of its own::

python -m benchmarks.worker TOOL MEASURE PORT OPTIONS      prints what was measured, as JSON
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict

from benchmarks.measures import MEASURES, Measured, Options
from benchmarks.tools.base import UnableError


def main() -> None:
    answer = os.dup(1)
    os.dup2(2, 1)  # some tools print
    tool, measure, port, options = sys.argv[1:]
    try:
        measured = MEASURES[measure](tool, port, Options(**json.loads(options)))
    except UnableError:
        measured = Measured()
    with os.fdopen(answer, "w") as out:
        json.dump(asdict(measured), out)


if __name__ == "__main__":
    main()
