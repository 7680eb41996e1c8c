"""The user's copies of the tutorials: brought up to date, and never written over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from iotlab.cli._notebooks import MANIFEST, copy_notebooks, shipped_notebooks
from iotlab.errors import ConfigError


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A release with two notebooks."""
    folder = tmp_path / "release"
    (folder / "dashboards").mkdir(parents=True)
    (folder / "00-welcome.ipynb").write_text("welcome 1")
    (folder / "dashboards" / "bench.ipynb").write_text("bench 1")
    return folder


def test_everything_is_copied_into_a_new_folder(source: Path, tmp_path: Path) -> None:
    mine = tmp_path / "deep" / "mine"
    copied = copy_notebooks(source, mine)
    assert copied.new == ["00-welcome.ipynb", "dashboards/bench.ipynb"]
    assert (mine / "dashboards" / "bench.ipynb").read_text() == "bench 1"


def test_a_second_start_touches_nothing(source: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    copy_notebooks(source, mine)
    before = {path: path.stat().st_mtime_ns for path in mine.rglob("*")}
    copied = copy_notebooks(source, mine)
    assert not list(copied.lines())
    assert {path: path.stat().st_mtime_ns for path in mine.rglob("*")} == before


def test_an_upgrade_replaces_what_its_reader_left_alone(source: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    copy_notebooks(source, mine)
    (source / "00-welcome.ipynb").write_text("welcome 2")
    copied = copy_notebooks(source, mine)
    assert copied.updated == ["00-welcome.ipynb"]
    assert (mine / "00-welcome.ipynb").read_text() == "welcome 2"


def test_a_changed_copy_survives_every_upgrade(source: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    copy_notebooks(source, mine)
    (mine / "00-welcome.ipynb").write_text("my own notes")
    assert not list(copy_notebooks(source, mine).lines()), "nothing newer: nothing to say"
    for release in ("welcome 2", "welcome 3"):
        (source / "00-welcome.ipynb").write_text(release)
        copied = copy_notebooks(source, mine)
        assert copied.kept == ["00-welcome.ipynb"]
        assert (mine / "00-welcome.ipynb").read_text() == "my own notes"
    assert "delete it and start again" in " ".join(copied.lines())


def test_a_deleted_copy_comes_back_as_it_is_now(source: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    copy_notebooks(source, mine)
    (mine / "00-welcome.ipynb").unlink()
    (source / "00-welcome.ipynb").write_text("welcome 2")
    assert copy_notebooks(source, mine).new == ["00-welcome.ipynb"]
    assert (mine / "00-welcome.ipynb").read_text() == "welcome 2"


def test_a_file_that_was_there_before_is_kept(source: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "00-welcome.ipynb").write_text("not from iotlab")
    assert copy_notebooks(source, mine).kept == ["00-welcome.ipynb"]
    assert (mine / "00-welcome.ipynb").read_text() == "not from iotlab"


@pytest.mark.parametrize("broken", ["", "[]", '{"sha256": 3}', "{"])
def test_with_a_broken_manifest_every_difference_counts_as_the_readers(
    source: Path, tmp_path: Path, broken: str
) -> None:
    mine = tmp_path / "mine"
    copy_notebooks(source, mine)
    (mine / MANIFEST).write_text(broken)
    (source / "00-welcome.ipynb").write_text("welcome 2")
    assert copy_notebooks(source, mine).kept == ["00-welcome.ipynb"]
    assert (mine / "00-welcome.ipynb").read_text() == "welcome 1"


def test_the_source_itself_stays_as_it_is(source: Path) -> None:
    assert not list(copy_notebooks(source, source).lines())
    assert not (source / MANIFEST).exists()


def test_hidden_files_are_not_copied(source: Path, tmp_path: Path) -> None:
    (source / ".ipynb_checkpoints").mkdir()
    (source / ".ipynb_checkpoints" / "old.ipynb").write_text("old")
    copy_notebooks(source, tmp_path / "mine")
    assert not (tmp_path / "mine" / ".ipynb_checkpoints").exists()
    names = json.loads((tmp_path / "mine" / MANIFEST).read_text())["sha256"]
    assert sorted(names) == ["00-welcome.ipynb", "dashboards/bench.ipynb"]


def test_a_file_in_place_of_the_folder_is_one_clear_sentence(source: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("a file")
    with pytest.raises(ConfigError, match=r"cannot put the notebooks in .*name another folder"):
        copy_notebooks(source, tmp_path / "mine")


def test_this_installation_has_the_tutorials() -> None:
    assert (shipped_notebooks() / "00-welcome.ipynb").exists()
