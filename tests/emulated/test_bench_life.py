"""A bench comes up, is found, goes down, and leaves nothing behind, whatever happens to its owner."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from raw_port import wait_for

import iotlab.sim
from iotlab.cli.main import main
from iotlab.config import Settings
from iotlab.errors import ConfigError, FlashError, InUseError, NotFoundError
from iotlab.sim import Bench
from iotlab.sim.engine import process
from iotlab.sim.running import RunningBench

ONE = {"boards": {"esp32": {"parts": {"led": {"pin": 2}}}}}


@pytest.fixture
def settings(short_path: Path, lab_environment: dict[str, str]) -> Settings:
    return Settings.load(runtime_dir=short_path / "run", state_dir=short_path / "state")


def processes_of(bench: Bench) -> dict[int, str]:
    """Every process of a bench: the boards' and their interpreters', each with the moment it started."""
    told = RunningBench.read(bench.folder)
    assert told is not None
    pids = [board.pid for board in told.boards] + [board.status()["pid"] for board in bench.values()]
    return {pid: process.started(pid) for pid in pids}


def gone(pids: dict[int, str]) -> Callable[[], bool]:
    return lambda: all(process.started(pid) != since for pid, since in pids.items())


def test_it_comes_up_and_leaves_nothing(settings: Settings) -> None:
    with Bench.start(settings=settings) as bench:
        assert list(bench) == ["esp32", "pico"]
        assert {board.status()["state"] for board in bench.values()} == {"firmware"}
        assert Path(bench["esp32"].port).exists()
        pids = processes_of(bench)
        assert all(pids.values())
        assert "bme280" in repr(bench)
        assert "<table" in bench._repr_html_()
    assert gone(pids)()
    assert [path.name for path in bench.folder.iterdir()] == ["lock"]
    bench.stop()


def test_it_is_found_by_name(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOTLAB_RUNTIME_DIR", str(settings.runtime_dir))
    with pytest.raises(NotFoundError, match="iotlab bench up"):
        iotlab.sim.bench()
    with Bench.start(ONE, settings=settings) as bench:
        found = iotlab.sim.bench()
        assert found["esp32"].port == bench["esp32"].port
        with pytest.raises(NotFoundError, match="'pico'; it has esp32"):
            found["pico"]


def test_a_second_one_of_the_same_name_is_refused(settings: Settings) -> None:
    with Bench.start(ONE, settings=settings) as bench:
        before = processes_of(bench)
        with pytest.raises(InUseError, match="runs already") as caught:
            Bench.start(ONE, settings=settings)
        assert caught.value.holder == f"process {os.getpid()}"
        assert processes_of(bench) == before
        with Bench.start(ONE, name="other", settings=settings) as other:
            assert other["esp32"].port != bench["esp32"].port


OWNER = """
import json, sys
from pathlib import Path
from iotlab.config import Settings
from iotlab.sim import Bench
bench = Bench.start(json.loads(sys.argv[1]), settings=Settings.load(runtime_dir=sys.argv[2], state_dir=sys.argv[3]))
print("up", flush=True)
sys.stdin.read()
"""


def test_it_ends_with_its_owner_even_by_sigkill(settings: Settings) -> None:
    arguments = [json.dumps(ONE), str(settings.runtime_dir), str(settings.state_dir)]
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "up\n"
        pids = processes_of(Bench.running(settings=settings))
        owner.send_signal(signal.SIGKILL)
    wait_for(gone(pids))
    with Bench.start(ONE, settings=settings) as again:  # what the other one left is cleaned up
        assert again["esp32"].status()["state"] == "firmware"


def test_the_interpreter_ends_with_its_board(settings: Settings) -> None:
    with Bench.start(ONE, settings=settings) as bench:
        pids = processes_of(bench)
        board = RunningBench.read(bench.folder)
        assert board is not None
        os.kill(board.boards[0].pid, signal.SIGKILL)
        wait_for(lambda: process.started(bench_interpreter(pids, board)) == "")


def bench_interpreter(pids: dict[int, str], told: RunningBench) -> int:
    return next(pid for pid in pids if pid != told.boards[0].pid)


def test_no_process_but_its_own_is_ever_killed(settings: Settings) -> None:
    """The registry names a pid that belongs to somebody else by now."""
    with subprocess.Popen(["sleep", "1000"]) as stranger:
        with Bench.start(ONE, settings=settings) as bench:
            told = RunningBench.read(bench.folder)
            assert told is not None
            os.kill(told.boards[0].pid, signal.SIGKILL)
            wait_for(lambda: not told.alive)
            path = bench.folder / "bench.json"
            data = json.loads(path.read_text())
            data["boards"][0]["pid"] = stranger.pid
            path.write_text(json.dumps(data))
            with Bench.start(ONE, settings=settings) as again:
                assert again["esp32"].status()["state"] == "firmware"
        assert stranger.poll() is None
        stranger.kill()


def test_files_outlive_the_bench(settings: Settings) -> None:
    for _ in range(2):
        with Bench.start(ONE, settings=settings) as bench:
            unique_id = bench["esp32"].status()["unique_id"]
    assert settings.flash_dir().joinpath("esp32.flash").stat().st_size == 4 << 20
    assert unique_id.startswith("240ac4")


def test_the_world_has_its_seed_and_what_is_held(settings: Settings) -> None:
    with Bench.start({**ONE, "world": {"light_lux": 12.5}}, seed=7, settings=settings) as bench:
        assert bench.world.light_lux == 12.5
        bench.world.temperature_c = 41.3
        assert Bench.running(settings=settings).world.temperature_c == 41.3


def test_a_board_that_cannot_come_up_says_why(settings: Settings, tmp_path: Path) -> None:
    image = tmp_path / "firmware.bin"
    image.write_bytes(b"this is no firmware")
    with pytest.raises(FlashError, match="'esp32' did not start: the image is no firmware"):
        Bench.start({"boards": {"esp32": {"firmware": str(image)}}}, settings=settings)
    assert not (settings.bench_dir() / "bench.json").exists()
    assert not settings.flash_dir().joinpath("esp32.flash").exists()


def test_a_path_too_long_for_sockets_is_refused(tmp_path: Path) -> None:
    deep = Settings.load(runtime_dir=tmp_path / ("x" * 80), state_dir=tmp_path)
    with pytest.raises(ConfigError, match="IOTLAB_RUNTIME_DIR"):
        Bench.start(ONE, settings=deep)


def test_the_command_starts_shows_and_stops(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IOTLAB_RUNTIME_DIR", str(settings.runtime_dir))
    monkeypatch.setenv("IOTLAB_STATE_DIR", str(settings.state_dir))
    assert main(["bench", "status"]) == 1
    assert "iotlab bench up" in capsys.readouterr().err
    assert main(["bench", "up"]) == 0
    try:
        pids = processes_of(iotlab.sim.bench())
        assert main(["bench", "up"]) == 0
        assert "runs already" in capsys.readouterr().out
        assert processes_of(iotlab.sim.bench()) == pids
        assert main(["bench", "status"]) == 0
        assert "firmware" in capsys.readouterr().out
    finally:
        assert main(["bench", "down"]) == 0
    assert gone(pids)()
    assert main(["bench", "down"]) == 1


def test_a_bench_whose_folder_was_removed_ends(settings: Settings) -> None:
    bench = Bench.start(ONE, owner=False, settings=settings)
    pids = processes_of(bench)
    shutil.rmtree(bench.folder)
    wait_for(gone(pids))
