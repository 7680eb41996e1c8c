"""The rules of `make faults` find what there is to find: a client does each wrong thing on purpose, and is caught."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from fault_cases import CASES, FOLDER, Case, Left
from fault_rig import IotlabRig, Rig, opened
from fault_run import Outcome, run

from iotlab.errors import CorruptError, DisconnectedError, RemoteError, RestartedError
from iotlab.sim import Bench
from iotlab.testing.faults import Fault

#: Nothing is lost by it: what goes wrong is the client's doing.
HARMLESS = Fault("stall", "to-board", 0, stall_s=0.01)

#: What a client does instead of running a case as it should.
Client = Callable[[IotlabRig, Case], Any]


class Mistreated(Case):
    """A case, run by ``client``."""

    def __init__(self, case: Case, client: Client) -> None:
        self.name, self.wanted, self.opens = case.name, case.wanted, case.opens
        self._case, self._client = case, client

    def prepare(self, rig: Rig) -> None:
        self._case.prepare(rig)

    def run(self, rig: Rig) -> Any:
        assert isinstance(rig, IotlabRig)
        return self._client(rig, self._case)

    def left(self, rig: Rig) -> tuple[Left, list[str]]:
        return self._case.left(rig)


@pytest.fixture(scope="module")
def rig(lab_environment: dict[str, str]) -> Iterator[IotlabRig]:
    with (
        Bench.start({"boards": {"esp32": {"kind": "esp32"}}}, name="rules") as bench,
        opened(IotlabRig, bench["esp32"]) as made,
    ):
        assert isinstance(made, IotlabRig)
        yield made


def outcome_of(rig: IotlabRig, name: str, client: Client) -> Outcome:
    outcome = run(rig, Mistreated(CASES[name], client), HARMLESS)
    assert outcome.applied
    return outcome


def properly(rig: IotlabRig, case: Case) -> Any:
    return case.run(rig)


def changed(rig: IotlabRig, case: Case) -> Any:
    """One byte of text, one value, is another one."""
    right = case.run(rig)
    if isinstance(right, int):
        return right + 1
    at = len(right) // 2
    other = b"?" if isinstance(right, bytes) else "?" if isinstance(right, str) else type(right)(("?",))
    return right[:at] + other + right[at + 1 :]


def short(rig: IotlabRig, case: Case) -> Any:
    return case.run(rig)[:-1]


def twice(rig: IotlabRig, case: Case) -> Any:
    case.run(rig)
    return case.run(rig)


def not_at_all(rig: IotlabRig, case: Case) -> Any:
    rig.eval("0")
    return case.wanted


def on_the_board(code: str, *, error: Exception | None = None) -> Client:
    """What arrived is changed by ``code`` before anybody looks."""

    def client(rig: IotlabRig, case: Case) -> Any:
        right = case.run(rig)
        rig.exec(code)
        if error:
            raise error
        return right

    return client


def raising(error: Exception) -> Client:
    def client(rig: IotlabRig, case: Case) -> Any:
        rig.eval("0")
        raise error

    return client


def closing(rig: IotlabRig, case: Case) -> Any:
    right = case.run(rig)
    rig.board.close()
    return right


def restarting(rig: IotlabRig, case: Case) -> Any:
    """And keeping it to itself."""
    rig.steered.reset()
    with suppress(RestartedError):
        rig.exec("pass")
    return case.run(rig)


FLIP = "with open({0!r}, 'r+b') as f:\n b = f.read(1)[0] ^ 1\n f.seek(0)\n f.write(bytes([b]))"
FLIP_PUT = FLIP.format(f"{FOLDER}/put.bin")
FLIP_APPLICATION = FLIP.format("/slots/a/app/data.bin")
LEAVE_A_PART = f"open({FOLDER + '/put.bin.part'!r}, 'w').close()"


@pytest.mark.parametrize("name", [name for name in CASES if name != "update"])
def test_who_does_as_it_should_is_not_caught(rig: IotlabRig, name: str) -> None:
    outcome = outcome_of(rig, name, properly)
    assert (outcome.result, outcome.left, outcome.broken) == ("right", "new", ())


@pytest.mark.parametrize("name", ["get", "exec", "eval", "cell", "stream", "items", "connect"])
def test_one_value_that_is_another_is_caught(rig: IotlabRig, name: str) -> None:
    outcome = outcome_of(rig, name, changed)
    assert (outcome.result, outcome.broken) == ("wrong", ("wrong bytes",))
    assert outcome.error != ""


@pytest.mark.parametrize(
    ("name", "client", "broken"),
    [
        ("get", short, {"wrong bytes"}),
        ("stream", short, {"wrong bytes"}),
        ("exec", twice, {"wrong bytes", "between"}),
        ("eval", twice, {"wrong bytes", "between"}),
        ("cell", twice, {"wrong bytes", "between"}),
        ("exec", not_at_all, {"wrong bytes"}),
        ("put", not_at_all, {"wrong bytes"}),
        ("install", not_at_all, {"wrong bytes"}),
        ("put", on_the_board(FLIP_PUT), {"wrong bytes", "between"}),
        ("put", on_the_board(FLIP_PUT, error=CorruptError("it failed")), {"between"}),
        ("put", on_the_board(LEAVE_A_PART, error=CorruptError("it failed")), {"between"}),
        ("install", on_the_board(FLIP_APPLICATION), {"wrong bytes", "between"}),
        ("put", raising(CorruptError("check the cable")), set()),
        ("get", raising(RemoteError("ValueError: seven")), {"not named"}),
        ("get", raising(DisconnectedError("nobody pulled a cable")), {"not named"}),
        ("get", closing, {"next call"}),
        ("get", restarting, {"next call"}),
    ],
)
def test_what_a_client_does_wrong_is_caught(
    rig: IotlabRig, name: str, client: Client, broken: set[str]
) -> None:
    assert set(outcome_of(rig, name, client).broken) == broken
