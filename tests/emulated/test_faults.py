"""Single faults in the link: a small part of what `make faults` does, with the same programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fault_cases import CASES, Case
from fault_mpremote import MpremoteRig
from fault_rig import IotlabRig, Rig, opened
from fault_run import BYTE_KINDS, measure, plan, run

from iotlab.errors import DisconnectedError
from iotlab.micropython.frames import DATA, encode
from iotlab.sim import Bench
from iotlab.testing.faults import DIRECTIONS, KINDS, Direction, Fault, Kind


@pytest.fixture(scope="module")
def bench(lab_environment: dict[str, str]) -> Iterator[Bench]:
    with Bench.start(
        {"boards": {kind: {"kind": kind} for kind in ("esp32", "pico")}}, name="faults"
    ) as running:
        yield running


@pytest.fixture(scope="module")
def rig(bench: Bench) -> Iterator[Rig]:
    with opened(IotlabRig, bench["esp32"]) as made:
        yield made


@pytest.fixture(scope="module")
def exchanges(rig: Rig) -> dict[str, dict[Direction, int]]:
    """How many bytes each case sends in each direction, where nothing goes wrong."""
    return {name: measure(rig, case) for name, case in CASES.items()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", list(CASES))
def test_no_promise_is_broken(
    rig: Rig, exchanges: dict[str, dict[Direction, int]], case: str, kind: Kind
) -> None:
    count = 1 if kind == "stall" or case in ("install", "update") else 3
    faults = plan(case, exchanges[case], count, kinds=[kind], seed=7)
    outcomes = [run(rig, CASES[case], fault) for fault in faults]
    assert sum(one.applied for one in outcomes) >= count
    assert [(one.command, one.broken, one.error) for one in outcomes if one.broken] == []
    if kind == "stall":
        assert {one.result for one in outcomes} == {"right"}
    if case in ("put", "get") and kind in BYTE_KINDS:
        assert [one.command for one in outcomes if one.result != "right"] == []


def test_the_harness_finds_what_corrupts(bench: Bench) -> None:
    """mpremote puts wrong bytes on the board and says nothing: were that not seen here, nothing would be."""
    case = CASES["put"]
    with opened(MpremoteRig, bench["pico"]) as rig:
        faults = plan("put", measure(rig, case), 6, kinds=["duplicate"], directions=["to-board"])
        outcomes = [run(rig, case, fault) for fault in faults]
    wrong = [one for one in outcomes if one.result == "wrong"]
    assert wrong
    assert all(
        one.left == "neither" and one.broken == ("wrong bytes", "between", "next call") for one in wrong
    )


class Silence(Case):
    """Waits for bytes that never come."""

    name = "get"
    deadline_s = 0.5

    def run(self, rig: Rig) -> Any:
        return rig.link.read(timeout_s=3600)


def test_a_call_that_hangs_is_ended_and_told(rig: Rig) -> None:
    outcome = run(rig, Silence(), Fault("drop", "from-board", 0))
    assert (outcome.result, outcome.applied) == ("hang", False)
    assert DisconnectedError.__name__ in outcome.error
    assert outcome.recovery is not None
    assert outcome.recovery.step == "nothing"  # the board is found again by itself


def test_a_run_says_how_to_do_it_again(rig: Rig) -> None:
    fault = Fault("flip", DIRECTIONS[1], 40, mask=0x10)
    outcome = run(rig, CASES["get"], fault)
    assert outcome.command.endswith("--case get --fault flip --direction from-board --offset 40 --mask 0x10")
    assert type(outcome).from_dict(outcome.to_dict()) == outcome


@pytest.mark.parametrize(
    ("offset", "byte"),
    [(len(b"OK\x10["), DATA), (len(encode(DATA, 7, b"+\0\0")) + len(b"OK"), ord("\x06"))],
    ids=["the channel of the first frame", "the board's word that it took a piece"],
)
@pytest.mark.parametrize("case", ["eval", "put"])
def test_a_byte_that_becomes_the_mark_of_an_error_is_made_good(
    rig: Rig, case: str, offset: int, byte: int
) -> None:
    """What follows it stands where the REPL prints a traceback, until the board is seen to go on."""
    outcome = run(rig, CASES[case], Fault("flip", "from-board", offset, mask=byte ^ 0x04))
    assert outcome.applied
    assert (outcome.result, outcome.error, outcome.broken) == ("right", "", ())
