"""The report of `make faults` says what was found, and fails where a promise was broken."""

from __future__ import annotations

import random

import pytest
from fault_report import Report
from fault_rig import Recovery
from fault_run import Outcome, offsets

from iotlab.testing.faults import Fault

SOUND = Recovery("nothing", False, False, ())


def outcome(**differing: object) -> Outcome:
    fields = {"result": "right", "left": "new", "recovery": SOUND, **differing}
    fault = fields.pop("fault", Fault("drop", "to-board", 3))
    tool, case = fields.pop("tool", "iotlab"), fields.pop("case", "put")
    return Outcome(tool, case, fault, fields.pop("applied", True), **fields)


PEER = outcome(tool="mpremote", result="wrong", left="neither", recovery=None)


def test_all_is_well() -> None:
    report = Report([outcome(), outcome(case="get"), PEER])
    assert report.kept
    assert "BROKEN" not in report.summary
    assert "1 of 1 (100.0%)" in report.document
    assert "## Runs that broke" not in report.document


@pytest.mark.parametrize(
    ("differing", "broken"),
    [
        ({"result": "wrong", "left": "new"}, "wrong bytes"),
        ({"result": "hang"}, "hang"),
        ({"result": "error", "named": True, "left": "neither"}, "between"),
        ({"result": "error", "named": False, "left": "old"}, "not named"),
        ({"recovery": Recovery("reset", False, True, ("it said",))}, "next call"),
        ({"recovery": Recovery("reconnect", False, False, ("gone",))}, "next call"),
        ({"later": "ValueError: odd"}, "next call"),
    ],
)
def test_one_run_breaks_a_promise(differing: dict[str, object], broken: str) -> None:
    bad = outcome(**differing)
    report = Report([bad, *[outcome()] * 99, outcome(case="get"), PEER])
    assert bad.broken == (broken,)
    assert not report.kept
    assert f"- {broken}: `{bad.command}`" in report.document
    assert "1 of 101 runs broke it" in report.document


def test_a_fault_that_did_not_come_to_pass_counts_for_nothing() -> None:
    report = Report([outcome(), outcome(case="get"), outcome(applied=False, result="wrong"), PEER])
    assert report.kept
    assert "in 1 more runs" in report.document


def test_after_a_disconnect_the_port_may_be_opened_anew() -> None:
    fault = Fault("disconnect", "to-board", 3)
    gone = outcome(
        fault=fault, result="error", named=True, recovery=Recovery("reconnect", True, False, ("gone",))
    )
    assert gone.broken == ()


def test_a_restart_that_is_told_is_no_broken_promise() -> None:
    told = Recovery("a second call", False, True, ("RestartedError: the board restarted",))
    assert outcome(recovery=told).broken == ()
    untrue = told._replace(restarted=False)
    assert outcome(recovery=untrue).broken == ("next call",)


def test_too_few_repaired() -> None:
    lost = outcome(result="error", named=True, left="old")
    report = Report([lost] * 6 + [outcome()] * 94 + [outcome(case="get"), PEER])
    assert (
        "BROKEN  at least 95% of the faults in one byte of a put end in the right bytes: 94 of 100"
        in report.summary
    )


def test_a_harness_that_finds_nothing_proves_nothing() -> None:
    peer = outcome(tool="mpremote", recovery=None)
    assert not Report([outcome(), outcome(case="get"), peer]).kept


@pytest.mark.parametrize("total", [1, 7, 50, 8000])
@pytest.mark.parametrize("count", [1, 4, 30])
def test_offsets_lie_in_the_exchange(total: int, count: int) -> None:
    found = offsets(total, count, random.Random(1))
    assert len(found) == count
    assert all(0 <= offset < total for offset in found)
    if total > 1000 and count == 30:
        assert sorted(found)[9] < 100
        assert max(found) >= total - 20
