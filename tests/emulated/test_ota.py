"""Installing beside a running application, trial and confirmation, on a board of the virtual bench."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ota_lab import CONFIRM, COUNTER, counter, packed, small_bench, wipe

import iotlab
from iotlab import ota
from iotlab.board import Board
from iotlab.cli.main import main
from iotlab.errors import SlotError, UnsupportedError
from iotlab.link.serial import SerialLink
from iotlab.micropython.board import MicroPythonBoard
from iotlab.ota import Slots
from iotlab.sim import Bench


@pytest.fixture(scope="module")
def bench(lab_environment: dict[str, str]) -> Iterator[Bench]:
    with small_bench() as running:
        yield running


@pytest.fixture
def board(bench: Bench) -> Iterator[Board]:
    wipe(bench)
    with iotlab.connect("esp32") as connected:
        yield connected


@pytest.fixture
def slots(board: Board) -> Slots:
    return ota.slots(board)


def states(slots: Slots) -> list[tuple[str, str]]:
    return [(one.version, one.state) for one in slots.status().slots]


def running(slots: Slots, board: Board, bundle: ota.Bundle) -> None:
    """Install and start; the application confirms itself."""
    slots.install(bundle)
    board.reset("hard")
    assert slots.wait().version == bundle.version


def seen_to_count(slots: Slots) -> int:
    """The first count that the running application prints."""
    printed: list[str] = []
    end = time.monotonic() + 20
    while time.monotonic() < end:
        slots.wait(output=printed.append)
        if found := re.search(r"counts (\d+)\n", "".join(printed)):
            return int(found[1])
    raise AssertionError("it does not count")


def test_a_board_without_slots_says_so(slots: Slots) -> None:
    told = slots.status()
    assert not told.prepared
    assert str(told) == "esp32 has no slots yet: the first install makes them"
    for verb in (slots.confirm, slots.revert):
        with pytest.raises(SlotError, match="has no slots yet: install a bundle first"):
            verb()


def test_install_trial_and_confirmation_by_the_application(board: Board, slots: Slots) -> None:
    done = slots.install(counter("1.0.0"))
    assert (done.slot, done.version, done.sent, done.interrupted) == ("a", "1.0.0", 1, False)
    assert states(slots) == [("1.0.0", "ready"), ("", "empty")]
    assert slots.status().next == "a"
    board.reset("hard")
    told = slots.wait()
    assert (told.running, told.version, told.interrupted) == ("a", "1.0.0", False)
    assert states(slots) == [("1.0.0", "confirmed"), ("", "empty")]


def test_the_application_goes_on_during_an_install(board: Board, slots: Slots) -> None:
    running(slots, board, counter("1.0.0"))
    printed: list[str] = []
    files = {"main.py": COUNTER.format(version="2.0.0"), "data.bin": bytes(range(256)) * 60}
    done = slots.install(packed("2.0.0", files), output=printed.append)
    assert not done.interrupted
    assert board.left_alone
    counts = [int(count) for count in re.findall(r"1\.0\.0 counts (\d+)\n", "".join(printed))]
    assert len(counts) > 10
    assert counts == list(range(counts[0], counts[0] + len(counts)))  # none was lost, it never restarted
    assert slots.status().running == "a"  # asking does not interrupt it either
    assert board.eval("count") >= counts[-1]  # this does
    assert slots.status().interrupted


def test_the_next_version_replaces_it_at_the_next_reset(board: Board, slots: Slots) -> None:
    running(slots, board, counter("1.0.0"))
    slots.install(counter("2.0.0"))
    told = slots.status()
    assert (told.version, told.running, told.next) == ("1.0.0", "a", "b")
    board.reset("hard")
    assert slots.wait().version == "2.0.0"
    running(slots, board, counter("3.0.0"))  # and so on: the slots take turns
    assert states(slots) == [("3.0.0", "confirmed"), ("2.0.0", "confirmed")]


def test_confirmation_by_the_host(board: Board, slots: Slots) -> None:
    slots.install(counter("1.0.0", confirms=False))
    with pytest.raises(SlotError, match=r"app 1\.0\.0 has not started yet: reset the board first"):
        slots.confirm()
    board.reset("hard")
    assert states(slots)[0] == ("1.0.0", "trial")
    slots.confirm()
    assert states(slots)[0] == ("1.0.0", "confirmed")
    assert slots.status().running == "a"
    with pytest.raises(SlotError, match="nothing is on trial"):
        slots.confirm()
    board.reset("hard")
    assert slots.status().version == "1.0.0"


def test_no_install_while_a_version_is_on_trial(board: Board, slots: Slots) -> None:
    slots.install(counter("1.0.0", confirms=False))
    board.reset("hard")
    with pytest.raises(SlotError, match=r"app 1\.0\.0 is on trial: confirm or revert it before"):
        slots.install(counter("2.0.0"))
    slots.confirm()
    slots.install(counter("2.0.0"))
    assert states(slots) == [("1.0.0", "confirmed"), ("2.0.0", "ready")]


def test_going_back(board: Board, slots: Slots) -> None:
    running(slots, board, counter("1.0.0"))
    with pytest.raises(SlotError, match="no earlier version to go back to"):
        slots.revert()
    running(slots, board, counter("2.0.0"))
    slots.revert()
    told = slots.status()
    assert (told.running, told.next, told["b"].state, told["b"].reason) == (
        "b",
        "a",
        "failed",
        "it was reverted",
    )
    board.reset("hard")
    assert slots.status().version == "1.0.0"


def test_what_was_installed_can_be_taken_back_before_it_starts(board: Board, slots: Slots) -> None:
    running(slots, board, counter("1.0.0"))
    slots.install(counter("2.0.0"))
    slots.revert()
    board.reset("hard")
    assert slots.status().version == "1.0.0"


def test_a_file_that_the_board_has_is_not_sent_again(board: Board, slots: Slots) -> None:
    table = bytes(range(256)) * 20
    first = packed("1", {"main.py": CONFIRM + COUNTER.format(version="1"), "lib/table.bin": table})
    running(slots, board, first)
    second = packed("2", {"main.py": CONFIRM + COUNTER.format(version="2"), "lib/table.bin": table})
    done = slots.install(second)
    assert (done.sent, done.reused, done.sent_bytes) == (1, 1, len(second.files["main.py"]))
    again = slots.install(second)
    assert (again.sent, again.reused, again.sent_bytes) == (0, 2, 0)
    board.reset("hard")
    assert slots.wait().version == "2"
    assert board.files.read("/slots/b/app/lib/table.bin") == table


def test_files_of_an_older_version_do_not_stay(board: Board, slots: Slots) -> None:
    for version in ("1", "2", "3"):
        source = CONFIRM + COUNTER.format(version=version)
        running(
            slots, board, packed(version, {"main.py": source, f"lib{version}/x.py": "", "old.py": version})
        )
    assert [e.path for e in board.files.walk("/slots/a/app")] == [
        f"/slots/a/app/{name}" for name in ("lib3/x.py", "main.py", "old.py")
    ]


def test_connecting_without_interrupting(board: Board, slots: Slots) -> None:
    running(slots, board, counter("1.0.0"))
    board.close()
    with ota.connect("esp32") as again:
        assert again.info.firmware.startswith("MicroPython 1.")
        assert ota.slots(again).status().running == "a"
        assert again.left_alone
    with iotlab.connect("esp32") as once_more:
        assert ota.slots(once_more).status().interrupted


def test_an_interrupted_application_is_started_again_after_an_install(board: Board, slots: Slots) -> None:
    running(slots, board, counter("1.0.0"))
    seen_to_count(slots)
    board.exec("count = 1_000_000")  # interrupts it
    done = slots.install(counter("2.0.0"))
    assert done.interrupted
    assert "the application was interrupted" in str(done)
    told = slots.status()
    assert (told.version, told.interrupted, told.next) == ("1.0.0", False, "b")
    assert board.left_alone
    assert seen_to_count(slots) < 1_000_000  # from the beginning


def test_an_application_that_reads_stdin_is_interrupted(board: Board, slots: Slots) -> None:
    running(slots, board, counter("1.0.0", service=False))
    assert board.left_alone
    done = slots.install(counter("2.0.0"))
    assert done.interrupted
    assert board.left_alone
    told = slots.status()
    assert (told.version, told.next) == ("1.0.0", "b")
    assert board.left_alone  # asking interrupted it too, and it goes on again


def test_an_application_of_timers_leaves_the_prompt_free(board: Board, slots: Slots) -> None:
    source = (
        CONFIRM
        + "from machine import Timer\nticks = 0\n"
        + "def tick(_):\n    global ticks\n    ticks += 1\n"
        + "timer = Timer(-1, period=10, callback=tick)\n"
    )
    running(slots, board, packed("1.0.0", source))
    before = board.eval("ticks")
    done = slots.install(counter("2.0.0"))
    assert not done.interrupted
    assert board.eval("ticks") > before
    assert slots.status().version == "1.0.0"


def test_the_program_from_before_is_kept_and_starts_where_no_slot_does(board: Board, slots: Slots) -> None:
    mine = b"print('I was here first')\nmine = 1\n"
    board.files.write("/main.py", mine)
    done = slots.install(packed("1.0.0", "raise ValueError('broken on purpose')"))
    assert "the program that was /main.py is kept as /factory.py" in str(done)
    assert board.files.read("/factory.py") == mine
    board.reset("hard")
    told = slots.wait()
    assert (told.running, told.next, told["a"].state) == ("factory", "factory", "failed")
    assert "the program from before" in str(told)
    assert board.eval("mine") == 1
    board.files.write("/main.py", b"print('another one')\n")
    with pytest.raises(SlotError, match=r"/main\.py and /factory\.py are both programs of yours"):
        slots.install(counter("1.0.0"))


def test_progress_is_told(slots: Slots) -> None:
    seen: list[tuple[str, int, int]] = []
    bundle = packed("1", {"main.py": CONFIRM, "data.bin": b"\x10" * 1000})
    slots.install(bundle, progress=lambda *told: seen.append(told))
    assert seen[0] == ("compare", 0, 0)
    sent = [done for stage, done, _ in seen if stage == "send"]
    assert sent == sorted(sent)
    assert sent[-1] == bundle.size
    assert seen[-1] == ("verify", 1, 1)


def test_the_status_as_a_table(board: Board, slots: Slots) -> None:
    running(slots, board, counter("1.0.0"))
    told = slots.status()
    assert re.search(r"a +app 1\.0\.0 +confirmed +runs, next", repr(told))
    assert "<table" in told._repr_html_()
    assert told.to_dict()["slots"][0]["version"] == "1.0.0"


def test_a_blank_board_has_no_slots(bench: Bench, board: Board) -> None:
    board.close()
    bench["esp32"].power_off()
    image = bench["esp32"].flash_read(0x1000, 0x1000)
    bench["esp32"].flash_erase(0x1000, 0x1000)
    bench["esp32"].power_on()
    with iotlab.connect("esp32") as blank, pytest.raises(UnsupportedError, match="flash MicroPython first"):
        ota.slots(blank)
    bench["esp32"].power_off()
    bench["esp32"].flash_write(0x1000, image)
    bench["esp32"].power_on()


class LossyLink(SerialLink):
    """Loses or spoils every seventh thing that the host says once it is told to."""

    spoil: Callable[[bytes], bytes] | None = None

    def _write(self, data: bytes) -> None:
        self.said = getattr(self, "said", 0) + 1
        if type(self).spoil and self.said % 7 == 0:
            data = type(self).spoil(data)
        if data:
            super()._write(data)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: b"",
        lambda data: data[:-1],
        lambda data: data[:9] + b"X" + data[10:],
        lambda data: data + data,
    ],
    ids=["lost", "cut", "flipped", "twice"],
)
def test_a_bad_line_only_takes_longer(
    board: Board, slots: Slots, spoil: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    running(slots, board, counter("1.0.0"))
    board.close()
    endpoint = next(e for e in iotlab.boards() if e.name == "esp32")
    data = bytes(range(256)) * 8
    with MicroPythonBoard(endpoint, open_link=LossyLink, attendant=ota.kinds.micropython.answers) as lossy:
        beside = ota.slots(lossy)
        monkeypatch.setattr(LossyLink, "spoil", staticmethod(spoil))
        done = beside.install(packed("2.0.0", {"main.py": CONFIRM, "data.bin": data}))
        monkeypatch.setattr(LossyLink, "spoil", None)
        assert not done.interrupted
        lossy.reset("hard")
        assert beside.wait().version == "2.0.0"
        assert lossy.files.read("/slots/b/app/data.bin") == data


def test_a_pico(lab_environment: dict[str, str]) -> None:
    with small_bench("pico", name="ota-pico"), iotlab.connect("pico") as pico:
        slots = ota.slots(pico)
        for version in ("1.0.0", "2.0.0"):
            done = slots.install(counter(version))
            assert not done.interrupted
            pico.reset("hard")
            assert slots.wait().version == version
        slots.install(packed("3.0.0", "raise ValueError('broken on purpose')"))
        pico.reset("hard")
        told = slots.wait()
        assert (told.version, told["a"].meaning) == ("2.0.0", "failed: ValueError: broken on purpose")


def test_the_command(board: Board, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    board.close()
    (tmp_path / "counter").mkdir()
    (tmp_path / "counter" / "main.py").write_text(CONFIRM + COUNTER.format(version="1.0.0"))
    made = tmp_path / "counter-1.0.0.zip"
    assert (
        main(["ota", "pack", str(tmp_path / "counter"), "--version", "1.0.0", "--output", str(tmp_path)]) == 0
    )
    assert capsys.readouterr().out.startswith(f"{made}: counter 1.0.0: 1 files")
    assert main(["ota", "install", str(made), "--start", "--board", "esp32"]) == 0
    assert "counter 1.0.0 is in slot a" in capsys.readouterr().out
    assert main(["ota", "status", "--board", "esp32"]) == 0
    assert re.search(r"a +counter 1\.0\.0 +confirmed +runs, next", capsys.readouterr().out)  # not interrupted
    assert main(["ota", "confirm", "--board", "esp32"]) == 1
    assert "nothing is on trial" in capsys.readouterr().err
    assert main(["ota", "revert", "--board", "esp32"]) == 1
    assert "no earlier version to go back to" in capsys.readouterr().err
