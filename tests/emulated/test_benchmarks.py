"""The benchmarks' own machinery on its virtual boards: without the other tools, and without looking at the clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing

import pytest

from benchmarks import rounds
from benchmarks.cases import chosen
from benchmarks.ground import Ground, ground
from benchmarks.material import material
from benchmarks.measures import Options
from benchmarks.results import Results
from benchmarks.tools.minimal import Minimal

SMALL = Options(size=8192, calls=8, seconds=0.1, rate_hz=1000)


@pytest.fixture(scope="module")
def grounds(lab_environment: dict[str, str]) -> Iterator[Mapping[str, Ground]]:
    with pytest.MonkeyPatch.context() as patch:  # it sets them for the processes that it starts
        for name in ("IOTLAB_RUNTIME_DIR", "IOTLAB_STATE_DIR"):
            patch.setenv(name, lab_environment[name])
        with ground() as boards:
            yield boards


def test_iotlab_and_the_minimal_client_are_measured_without_wrong_data(grounds: Mapping[str, Ground]) -> None:
    cases = chosen("eval,put_random,get_random,stream_p,cpu")
    plan = rounds.Plan(cases, ("iotlab", "minimal"), rounds=1, slow_rounds=1, options=SMALL)
    results, said = Results(), list[str]()
    rounds.run(plan, grounds, results, said.append)
    assert results.troubles == {}
    assert len(said) == len(cases)
    assert set(results.values) == {case.name for case in cases} | {"cpu_rate"}
    for figure, values in results.values.items():
        assert set(values) == {"iotlab", "minimal"}, figure
        assert all(value > 0 for (value,) in values.values()), figure


def test_a_file_that_came_changed_is_seen(grounds: Mapping[str, Ground]) -> None:
    fast, wanted = grounds["fast"], material("random", 4096)
    fast.restart(keep=wanted)
    assert fast.holds(wanted)
    with closing(Minimal(fast.port)) as client:
        client.put(wanted.path, wanted.data[:-1] + b"!")
    assert not fast.holds(wanted)
    fast.restart()
    assert not fast.holds(wanted)


def test_a_measurement_that_fails_is_told_and_does_not_count(grounds: Mapping[str, Ground]) -> None:
    """The flash holds 2 MiB, so a file of 3 does not fit."""
    plan = rounds.Plan(
        chosen("put_random")[:1], ("minimal",), rounds=1, slow_rounds=1, options=Options(size=3 << 20)
    )
    results = Results()
    rounds.run(plan, grounds, results, str)
    assert results.values == {}
    assert "put_random: failed: OSError: 28" in results.troubles["minimal"][0]
