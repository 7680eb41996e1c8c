"""Single faults in the link: a small part of what `make faults` does, with the same programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fault_cases import CASES, Case, content
from fault_mpremote import MpremoteRig
from fault_rig import ALIVE, IotlabRig, Rig, Watchdog, opened
from fault_run import BYTE_KINDS, measure, plan, run

from iotlab.errors import DisconnectedError, RestartedError
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
    sizes = {name: measure(rig, case) for name, case in CASES.items()}
    rig.fresh()  # without the attendant of the updates, who looks for their program after each disconnect
    return sizes


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", list(CASES))
def test_no_promise_is_broken(
    rig: Rig, exchanges: dict[str, dict[Direction, int]], case: str, kind: Kind
) -> None:
    count = 1 if kind == "stall" or case in ("install", "update") else 3
    faults = plan(case, exchanges[case], count, kinds=[kind], seed=7)
    outcomes = [run(rig, CASES[case], fault) for fault in faults]
    assert sum(one.applied for one in outcomes) >= count
    assert [one for one in outcomes if one.broken] == []
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


@pytest.mark.parametrize("call", ["eval", "put"])
def test_a_doubled_end_of_a_call_restarts_nothing(rig: Rig, call: str) -> None:
    """The raw REPL takes an 0x04 on an empty line for a soft reset."""
    rig.mark()
    rig.exec("import os\nif 'doubled' not in os.listdir('/'): os.mkdir('/doubled')")
    at, doubled = 60, 0
    while doubled < 3:  # one request has more digits than another
        rig.passed.clear()
        rig.link.arm(Fault("duplicate", "to-board", at))
        if call == "eval":
            assert rig.eval("6 * 7") == 42
        else:
            rig.put("/doubled/file", b"content")
        rig.link.arm(None)
        request = next(one.data for one in rig.passed if one.direction == "to-board")
        doubled += at == request.index(b"\x04")
        at = request.index(b"\x04")
        assert rig.eval(f"{ALIVE!r} in globals()")


def test_a_changed_number_of_blocks_is_not_waited_for(rig: Rig) -> None:
    """A cell has no time-out that would end it."""
    case = CASES["cell"]
    at, changed = 60, 0
    while changed < 3:  # one request has more digits than another
        case.prepare(rig)
        rig.passed.clear()
        rig.link.arm(Fault("flip", "to-board", at, mask=ord("1") ^ ord("3")))
        with Watchdog(rig, 20.0):
            assert case.run(rig) == case.wanted
        rig.link.arm(None)
        request = next(one.data for one in rig.passed if one.direction == "to-board")
        number = request.index(b"'<stdin>',1,") + len("'<stdin>',")
        changed += at == number
        at = number


def test_what_a_put_left_that_was_cut_off_goes_with_the_next_call(rig: Rig) -> None:
    rig.fresh()  # without the attendant of the updates, who leaves their program alone
    rig.exec("import os\nif 'cut' not in os.listdir('/'): os.mkdir('/cut')")
    rig.link.arm(Fault("disconnect", "to-board", 3000))
    with pytest.raises(DisconnectedError):
        rig.put("/cut/off", content("cut"))
    rig.steered.power_cycle()  # else Ctrl-C ends the put on the board, which then tidies up itself
    with pytest.raises(RestartedError):
        rig.exec("pass")
    assert rig.exec("import os\nprint(os.listdir('/cut'))") == "[]\n"


def test_a_put_that_is_cut_off_leaves_nothing_for_another_host_to_find(rig: Rig) -> None:
    """Ctrl-C comes twice, and the second time while the board tidies up."""
    rig.exec("import os\nif 'cut' not in os.listdir('/'): os.mkdir('/cut')")
    for offset in range(300, 6000, 300):
        rig.link.arm(Fault("disconnect", "to-board", offset))
        with pytest.raises(DisconnectedError):
            rig.put("/cut/off", content("cut"))
        rig.reopen()
        assert rig.exec("import os\nprint(os.listdir('/cut'))") == "[]\n"
