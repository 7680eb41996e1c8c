"""Settings: argument > environment > ``iotlab.toml`` > default."""

from __future__ import annotations

from pathlib import Path

import pytest

from iotlab.config import Settings
from iotlab.errors import ConfigError


def test_each_source_beats_the_next(tmp_path: Path) -> None:
    environment: dict[str, str] = {}
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)

    def load(**arguments: str) -> Settings:
        return Settings.load(environment=environment, folder=inner, **arguments)

    assert load().bench == "default"
    (tmp_path / "iotlab.toml").write_text('bench = "file"\nstate_dir = "state"\n')
    assert load().bench == "file"
    assert load().state_dir == tmp_path / "state", "relative to the file"
    environment["IOTLAB_BENCH"] = "environment"
    assert load().bench == "environment"
    assert load(bench="argument").bench == "argument"


def test_where_a_running_bench_is(tmp_path: Path) -> None:
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    assert (
        Settings.load(environment={"XDG_RUNTIME_DIR": str(runtime)}, folder=tmp_path).runtime_dir
        == runtime / "iotlab"
    )
    missing = Settings.load(environment={"XDG_RUNTIME_DIR": str(tmp_path / "gone")}, folder=tmp_path)
    assert missing.runtime_dir.name.startswith("iotlab-")
    told = Settings.load(environment={}, folder=tmp_path, runtime_dir=tmp_path, state_dir=tmp_path)
    assert told.bench_dir() == tmp_path / "default"
    assert told.bench_dir("other") == tmp_path / "other"
    assert told.flash_dir() == tmp_path / "bench" / "default"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("benhc = 'x'", "there is no setting 'benhc'; there are .*bench"),
        ("bench = 3", "bench is a text in quotes, not 3"),
        ("bench = ", r"iotlab\.toml: "),
    ],
)
def test_a_file_that_makes_no_sense(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "iotlab.toml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        Settings.load(environment={}, folder=tmp_path)


def test_an_argument_nobody_knows(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no setting 'colour'"):
        Settings.load(environment={}, folder=tmp_path, colour="red")
