"""Versions that do not work are rolled back by the board itself, and it says why."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ota_lab import CONFIRM, counter, packed, small_bench, wipe

import iotlab
from iotlab import ota
from iotlab.board import Board
from iotlab.errors import SlotError
from iotlab.ota import Slots
from iotlab.sim import Bench

LOOP = "while True:\n    pass\n"
IDLE = "import time\nwhile True:\n    time.sleep_ms(50)\n"


@pytest.fixture(scope="module")
def bench(lab_environment: dict[str, str]) -> Iterator[Bench]:
    with small_bench() as running:
        yield running


@pytest.fixture
def board(bench: Bench) -> Iterator[Board]:
    """A board on which 1.0.0 runs, confirmed."""
    wipe(bench)
    with iotlab.connect("esp32") as connected:
        slots = ota.slots(connected)
        slots.install(counter("1.0.0"))
        connected.reset("hard")
        assert slots.wait().version == "1.0.0"
        yield connected


@pytest.fixture
def slots(board: Board) -> Slots:
    return ota.slots(board)


def rolled_back(slots: Slots, board: Board, bundle: ota.Bundle) -> str:
    """Install, start, wait for the end of the trial; why it was rolled back."""
    slots.install(bundle)
    board.reset("hard")
    told = slots.wait()
    assert (told.running, told.version, told.next) == ("a", "1.0.0", "a")
    assert told["b"].state == "failed"
    return told["b"].reason


def test_it_raises(board: Board, slots: Slots) -> None:
    broken = {
        "main.py": "import lib.heater\n",
        "lib/heater.py": "def on():\n    raise ValueError('too hot')\non()\n",
    }
    reason = rolled_back(slots, board, packed("2.0.0", broken))
    assert reason.startswith("it raised\nTraceback")
    assert 'File "/slots/b/app/lib/heater.py", line 2' in reason or 'File "lib/heater.py", line 2' in reason
    assert reason.strip().endswith("ValueError: too hot")
    assert "failed: ValueError: too hot" in str(slots.status())


@pytest.mark.parametrize(
    "source", ["this is no Python", "import nothing_of_that_name"], ids=["syntax", "import"]
)
def test_it_does_not_even_start(board: Board, slots: Slots, source: str) -> None:
    assert "Error" in rolled_back(slots, board, packed("2.0.0", source))


def test_it_is_never_confirmed(board: Board, slots: Slots) -> None:
    reason = rolled_back(slots, board, packed("2.0.0", LOOP, trial_s=1))
    assert reason == "it was not confirmed within 1 s"


def test_it_hangs_with_interrupts_off(board: Board, slots: Slots) -> None:
    source = "import machine\nmachine.disable_irq()\n" + LOOP
    reason = rolled_back(slots, board, packed("2.0.0", source, watchdog_s=1))
    assert reason == "it hung: the watchdog reset the board before it was confirmed"


def test_it_promised_to_be_alive_and_is_not(board: Board, slots: Slots) -> None:
    source = "import iotlab_slots\niotlab_slots.alive()\n" + LOOP
    reason = rolled_back(slots, board, packed("2.0.0", source, watchdog_s=1))
    assert reason == "it hung: the watchdog reset the board before it was confirmed"


def test_one_that_keeps_its_promise_is_left_in_peace(bench: Bench, board: Board, slots: Slots) -> None:
    source = "import iotlab_slots, time\nwhile True:\n    iotlab_slots.alive()\n    time.sleep_ms(50)\n"
    slots.install(packed("2.0.0", source, watchdog_s=1, trial_s=3))
    board.reset("hard")
    slots_said: list[str] = []
    assert slots.wait(output=slots_said.append)["b"].reason == "it was not confirmed within 3 s"


def test_it_resets_the_board(board: Board, slots: Slots) -> None:
    reason = rolled_back(slots, board, packed("2.0.0", "import machine\nmachine.reset()\n"))
    assert reason == "the board was reset or lost its power before it was confirmed"


def test_it_ends_the_interpreter(board: Board, slots: Slots) -> None:
    reason = rolled_back(slots, board, packed("2.0.0", "import sys\nsys.exit()\n"))
    assert reason == "the board was reset or lost its power before it was confirmed"


def test_the_power_goes_during_the_trial(bench: Bench, board: Board, slots: Slots) -> None:
    slots.install(packed("2.0.0", IDLE))
    board.reset("hard")
    assert slots.status().trial
    bench["esp32"].power_cycle()
    told = slots.wait()
    assert (told.version, told["b"].state) == ("1.0.0", "failed")
    assert told["b"].reason == "the board was reset or lost its power before it was confirmed"


def test_the_power_goes_after_the_confirmation(bench: Bench, board: Board, slots: Slots) -> None:
    slots.install(counter("2.0.0"))
    board.reset("hard")
    assert slots.wait().version == "2.0.0"
    bench["esp32"].power_cycle()
    board.look_again()
    assert slots.status().version == "2.0.0"


def test_it_raises_after_the_confirmation(bench: Bench, board: Board, slots: Slots) -> None:
    slots.install(packed("2.0.0", CONFIRM + "raise ValueError('later')"))
    board.reset("hard")
    told = slots.wait()
    assert told["b"].state == "confirmed"
    bench["esp32"].power_cycle()
    board.look_again()
    assert slots.status().running == "b"


def test_ctrl_c_is_no_failure(board: Board, slots: Slots) -> None:
    slots.install(packed("2.0.0", IDLE))
    board.reset("hard")
    board.interrupt()
    told = slots.status()
    assert (told.running, told.interrupted, told["b"].state) == ("b", True, "trial")
    with pytest.raises(SlotError, match="a version is on trial"):
        slots.resume()
    slots.confirm()
    slots.resume()
    assert slots.status().version == "2.0.0"
    assert board.left_alone


def test_a_file_is_damaged_before_the_first_start(board: Board, slots: Slots) -> None:
    slots.install(counter("2.0.0"))
    board.files.write("/slots/b/app/main.py", b"#" * len(counter("2.0.0").files["main.py"]))
    board.reset("hard")
    told = slots.wait()
    assert (told.version, told["b"].reason) == ("1.0.0", "it was not started: main.py is damaged")


def test_a_file_of_the_confirmed_version_is_gone(board: Board, slots: Slots) -> None:
    slots.install(counter("2.0.0"))
    board.reset("hard")
    assert slots.wait().version == "2.0.0"
    board.files.remove("/slots/b/app/main.py")
    board.reset("hard")
    assert slots.status().version == "1.0.0"


def test_what_failed_can_be_installed_again(board: Board, slots: Slots) -> None:
    bad, good = packed("2.0.0", "raise ValueError"), counter("2.0.1")
    rolled_back(slots, board, bad)
    slots.install(good)
    board.reset("hard")
    told = slots.wait()
    assert (told.version, told["b"].reason) == ("2.0.1", "")


def test_a_version_for_a_newer_micropython_is_refused(board: Board, slots: Slots) -> None:
    before = board.files.ls("/slots/a/app"), slots.status()
    with pytest.raises(
        SlotError, match=r"app 2\.0\.0 needs MicroPython 9\.1, the board has 1\.\d+\.\d+: flash"
    ):
        slots.install(counter("2.0.0", min_micropython="9.1"))
    assert (board.files.ls("/slots/a/app"), slots.status().slots) == (before[0], before[1].slots)


def test_code_for_another_machine_is_refused(board: Board, slots: Slots) -> None:
    accepts = board.eval("__import__('sys').implementation._mpy")
    version = accepts & 0xFF
    arm = 5 << 2 | accepts >> 8 & 3  # MP_NATIVE_ARCH_ARMV7M
    for head in (bytes((77, version - 1, 0, 31)), bytes((77, version, arm, 31))):
        with pytest.raises(SlotError, match=r"lib\.mpy was compiled for another MicroPython"):
            slots.install(packed("2.0.0", {"main.py": CONFIRM, "lib.mpy": head}))
    with pytest.raises(SlotError, match=r"lib\.mpy is no compiled MicroPython"):
        slots.install(packed("2.0.0", {"main.py": CONFIRM, "lib.mpy": b"print(1)"}))
    slots.install(packed("2.0.0", {"main.py": CONFIRM, "lib.mpy": bytes((77, version, 0, 31))}))


def test_too_little_space_is_seen_before_a_byte_is_written(bench: Bench, board: Board, slots: Slots) -> None:
    board.exec(
        "import os\n"
        "free = os.statvfs('/')[3]\n"
        "with open('/ballast', 'wb') as f:\n"
        "    for _ in range(free - 20): f.write(bytes(4080))\n"
    )
    board.reset("hard")
    before = bench["esp32"].flash_operations
    with pytest.raises(SlotError, match=r"app 2\.0\.0 needs \d+ KiB, and \d+ KiB are free on the board"):
        slots.install(packed("2.0.0", {"main.py": CONFIRM, "data.bin": b"\x55" * 100_000}))
    assert bench["esp32"].flash_operations == before
    assert slots.status().version == "1.0.0"


def test_fat_is_refused(board: Board) -> None:
    board.exec(
        "import os, vfs\n"
        "class Disk:\n"
        "    def __init__(self): self.data = bytearray(512 * 400)\n"
        "    def readblocks(self, n, b): b[:] = self.data[n * 512 : n * 512 + len(b)]\n"
        "    def writeblocks(self, n, b): self.data[n * 512 : n * 512 + len(b)] = b\n"
        "    def ioctl(self, op, arg): return {4: 400, 5: 512}.get(op, 0)\n"
        "disk = Disk()\n"
        "vfs.VfsFat.mkfs(disk)\n"
        "vfs.umount('/')\n"
        "vfs.mount(vfs.VfsFat(disk), '/')\n"
    )
    board.files.write("/main.py", b"print('mine')\n")
    with pytest.raises(
        SlotError, match="the board's file system is FAT, and only littlefs survives a power cut"
    ):
        ota.slots(board).install(counter("2.0.0"))
    assert [entry.path for entry in board.files.walk()] == ["/main.py"]
