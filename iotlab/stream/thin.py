"""Fewer rows that look the same: the lowest and the highest value of each bucket. Needs numpy."""

from __future__ import annotations

from array import array

from iotlab.errors import UnavailableError
from iotlab.stream.recording import Batch


def thinned(batch: Batch, max_rows: int) -> Batch:
    """``batch`` in at most ``max_rows`` rows (3 at least). Extremes and gaps survive, a short batch is untouched.

    ``UnavailableError`` where numpy is needed and not installed.
    """
    if len(batch) <= max_rows:
        return batch
    try:
        import numpy
    except ImportError as error:
        raise UnavailableError.extra("a picture of a long recording", "widgets") from error
    t_s = numpy.array(batch.t_s)
    size = -(-len(t_s) // (max_rows // 3))
    starts = numpy.arange(0, len(t_s), size)
    ends = numpy.append(starts[1:], len(t_s)) - 1
    empty = numpy.ones(len(t_s), dtype=bool)
    columns = []
    for column in batch.columns:
        values = numpy.array(column)
        empty &= numpy.isnan(values)
        columns.append((numpy.fmin.reduceat(values, starts), numpy.fmax.reduceat(values, starts)))
    gap = numpy.logical_or.reduceat(empty, starts)
    # Three rows a bucket: lowest, highest, and a row of NaN where the bucket has a gap.
    times = numpy.column_stack((t_s[starts], t_s[ends], t_s[ends])).ravel()
    keep = numpy.column_stack((numpy.ones_like(gap), numpy.ones_like(gap), gap)).ravel()
    missing = numpy.full(len(starts), numpy.nan)
    thin = [numpy.column_stack((low, high, missing)).ravel()[keep] for low, high in columns]
    return Batch(
        batch.first,
        batch.names,
        array("d", times[keep].tobytes()),
        tuple(array("d", column.tobytes()) for column in thin),
    )
