"""The arithmetic of the benchmarks: medians, the best peer, ratios, targets, and the page that is written."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.cases import CASES, chosen
from benchmarks.figures import FIGURES, TARGETS, TOOLS
from benchmarks.material import material
from benchmarks.measures import MEASURES
from benchmarks.programs import unpacked, wrong_samples
from benchmarks.results import Results, Verdict, shown
from benchmarks.tools.base import Lines


def measured(**figures: dict[str, list[float]]) -> Results:
    return Results(figures)


def verdicts(results: Results, figure: str) -> list[Verdict]:
    return [verdict for verdict in results.verdicts() if verdict.target.figure == figure]


def test_the_median_is_that_of_the_rounds() -> None:
    results = Results()
    for value in (9.0, 1.0, 2.0):
        results.add("eval", "belay", value)
    assert results.median("eval", "belay") == 2.0
    assert results.median("eval", "iotlab") is None


def test_the_best_peer_is_the_quickest_or_the_one_that_moves_most() -> None:
    results = measured(
        eval={"mpremote": [10.0], "belay": [1.5, 1.5, 99.0], "minimal": [0.1], "iotlab": [0.5]},
        put_random={"mpremote": [100.0], "belay": [150.0], "minimal": [900.0], "iotlab": [300.0]},
    )
    assert results.best_peer("eval") == "belay"
    assert results.times_best_peer("eval") == 3.0
    assert results.best_peer("put_random") == "belay"
    assert results.times_best_peer("put_random") == 2.0


def test_a_ratio_below_one_says_that_the_peer_is_better() -> None:
    results = measured(connect={"iotlab": [200.0], "mpytool": [10.0]})
    assert results.times_best_peer("connect") == 0.05


def test_a_target_against_the_peers_and_one_against_the_floor() -> None:
    results = measured(eval={"iotlab": [0.2], "belay": [1.0], "minimal": [0.1]})
    peers, floor = verdicts(results, "eval")
    assert peers.reached
    assert peers.words == "5 times belay"
    assert floor.reached
    assert floor.words == "2 times minimal client"
    results = measured(eval={"iotlab": [0.201], "belay": [1.0], "minimal": [0.1]})
    assert [verdict.reached for verdict in verdicts(results, "eval")] == [False, False]


@pytest.mark.parametrize(("ours", "reached"), [(500_000.0, True), (499_999.0, False)])
def test_a_target_that_is_a_figure_to_reach(ours: float, reached: bool) -> None:
    (verdict,) = verdicts(measured(stream_packed={"iotlab": [ours]}), "stream_packed")
    assert verdict.reached is reached


@pytest.mark.parametrize(("ours", "reached"), [(100.0, True), (100.1, False)])
def test_a_target_that_is_a_figure_not_to_exceed(ours: float, reached: bool) -> None:
    (verdict,) = verdicts(measured(**{"import": {"iotlab": [ours]}}), "import")
    assert verdict.reached is reached


def test_what_was_not_measured_is_neither_reached_nor_missed() -> None:
    assert measured().verdicts() == []
    assert verdicts(measured(eval={"iotlab": [0.2]}), "eval") == []
    assert verdicts(measured(eval={"belay": [0.2], "minimal": [0.1]}), "eval") == []


def test_results_survive_a_way_through_json(tmp_path: Path) -> None:
    results = measured(eval={"iotlab": [0.25, 0.5], "belay": [1.5]})
    results.trouble("belay", "put: failed")
    results.write(tmp_path / "told" / "results.json")
    again = Results.read(tmp_path / "told" / "results.json")
    assert (again.values, again.troubles) == (results.values, results.troubles)


def test_figures_are_shown_with_three_digits() -> None:
    assert [shown(value) for value in (0, 0.14559, 12.345, 99.96, 432.1, 1_234_567)] == [
        "0",
        "0.146",
        "12.3",
        "100",
        "432",
        "1,230,000",
    ]


def test_the_page_has_a_place_for_each_table() -> None:
    page = report.PAGE.read_text(encoding="utf-8")
    for name in report.sections(Results()):
        once = report.replaced(page, name, "| what | is | measured |")
        assert report.replaced(once, name, "| what | is | measured |") == once
        assert "| what | is | measured |" in once
    with pytest.raises(ValueError, match="no place for nothing"):
        report.replaced(page, "nothing", "")


def test_the_tables_tell_every_tool_and_what_went_wrong() -> None:
    results = measured(eval={"iotlab": [0.2], "belay": [1.0], "minimal": [0.1]})
    results.trouble("mpremote", "eval: failed: no answer")
    text = report.text(results)
    assert "| evaluate an expression (ms) | 0.2    | 1     | 0.1            | 5 ×" in text
    assert "mpremote (1 ×): eval: failed: no answer" in text


def test_cases_targets_and_figures_fit_together() -> None:
    assert {target.figure for target in TARGETS} <= set(FIGURES)
    assert {target.against for target in TARGETS} <= {"", "peers", *TOOLS}
    assert {tool for case in CASES for tool in case.tools} == set(TOOLS)
    assert {case.measure for case in CASES} == {*MEASURES, "import", "kernel"}
    assert len({case.name for case in CASES}) == len(CASES)


def test_cases_are_chosen_by_the_beginnings_of_their_names() -> None:
    assert chosen("") == list(CASES)
    assert [case.name for case in chosen("eval, get_s")] == ["eval", "get_source"]
    with pytest.raises(ValueError, match="no case 'fly'"):
        chosen("eval,fly")


def test_the_material_is_the_same_each_time_and_not_easy_to_pack() -> None:
    import zlib

    data = material("random", 65536).data
    assert data == material("random", 65536, ram=True).data
    assert len(zlib.compress(data)) > 65536
    text = material("source", 65536).data
    assert len(text) == 65536
    assert b"def wrap(" in text


def test_samples_that_are_missing_changed_or_out_of_order_are_seen() -> None:
    good = [(0, 0.0), (1, 0.5), (2, 1.0)]
    assert wrong_samples(good, 3) == ""
    assert wrong_samples(good[:2], 3) == "2 samples came, 3 were sent"
    assert wrong_samples([good[0], good[2], good[1]], 3) == "sample 1 came as (2, 1.0)"
    assert wrong_samples([good[0], (1, 0.25), good[2]], 3) == "sample 1 came as (1, 0.25)"
    assert unpacked([struct.pack("<IfIf", 0, 0.0, 1, 0.5), struct.pack("<If", 2, 1.0)]) == good


def test_lines_are_found_however_they_are_cut() -> None:
    got: list[bytes] = []
    lines = Lines(got.append)
    for byte in b"one\r\ntwo\r\nend 2\r\n":
        lines.take(bytes([byte]))
    assert got == [b"one\r", b"two\r"]
    assert lines.count == 2
