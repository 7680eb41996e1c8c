"""How long a statement takes on the board, by the board's own clock."""

from __future__ import annotations

import textwrap

from IPython.core.magics.execution import TimeitResult

from iotlab.board import Output
from iotlab.errors import UnsupportedError
from iotlab.micropython.board import MicroPythonBoard

#: As IPython measures: so many runs, each with so many loops that it takes at least so long.
RUNS = 7
_LONG_ENOUGH_S = 0.2
#: ``time.ticks_us`` of some ports starts anew after 2**30 us; a run has to end well before.
_MOST_LOOPS = 10**7
# The statement becomes the body of a function, as CPython's timeit does it: what it assigns are local names.
_TIMED = """def _iotlab_timed(_iotlab_n):
    import time
{setup}
    _iotlab_t = time.ticks_us()
    for _iotlab_k in range(_iotlab_n):
{statement}
    return time.ticks_diff(time.ticks_us(), _iotlab_t)
"""


def timed(
    board: MicroPythonBoard,
    statement: str,
    *,
    setup: str = "",
    loops: int = 0,
    runs: int = RUNS,
    output: Output | None = None,
) -> TimeitResult:
    """Measure ``statement``; without ``loops`` as many as make a run long enough. What it prints goes to ``output``.

    Raises ``RemoteError`` where it raises, ``UnsupportedError`` on firmware without ``time.ticks_us``.
    """
    if not board.eval("hasattr(__import__('time'),'ticks_us')"):
        raise UnsupportedError("this firmware has no time.ticks_us to measure with")
    code = _TIMED.format(
        setup=textwrap.indent(textwrap.dedent(setup) or "pass", " " * 4),
        statement=textwrap.indent(textwrap.dedent(statement), " " * 8),
    )
    board.exec(code)

    def run(n: int) -> float:
        board.exec(f"_iotlab_us = _iotlab_timed({n})", output=output)
        return float(board.eval("_iotlab_us")) / 1e6

    try:
        count = loops or 1
        while not loops and run(count) < _LONG_ENOUGH_S and count < _MOST_LOOPS:
            count *= 10
        each = [run(count) for _ in range(runs)]
    finally:
        board.exec("[globals().pop(n, None) for n in ('_iotlab_timed', '_iotlab_us')]")
    return TimeitResult(count, runs, min(each) / count, max(each) / count, each, 0, 3)
