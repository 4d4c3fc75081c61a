"""MTPB with its faults mended: what is asked, what is accepted, and samples judged again."""

import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import Benchmark, BenchmarkError, load
from benchmarks.derived.references import NAMES, solution, templates
from benchmarks.errata import entries
from mtpb.checking.preflight import reference_samples
from mtpb.config import BenchmarkConfig, SandboxConfig
from mtpb.report.build import Options, report
from mtpb.rundir.records import Sample
from mtpb.rundir.run import Run
from mtpb.rundir.verdicts import Verdicts
from mtpb.running.describe import describe_benchmark
from mtpb.running.evaluation import Evaluation
from mtpb.running.imported import read_samples
from mtpb.running.judge import Judge
from sandbox import Limits, Pool
from tests.mtpb.runs import manifest_of


@pytest.fixture(scope="module")
def path(data_dir: Path) -> str:
    return str(data_dir / "mtpb.jsonl")


@pytest.fixture(scope="module")
def suite(path: str) -> Benchmark:
    return load("mtpb-verified", path)


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(Limits(cpu_s=10), workers=2, libraries=("numpy",)) as pool:
        yield pool


def mended(suite: Benchmark) -> set[tuple[str, int]]:
    return {(p.id, i) for p in suite.problems for i, c in enumerate(p.cases) if c.mended}


def printing(values: Iterable[tuple[str, int, object]]) -> list[Sample]:
    return [Sample(id, case, 0, (), f"print({value!r})\n") for id, case, value in values]


def test_all_but_the_cases_that_cannot_be_mended_are_asked(path: str, suite: Benchmark) -> None:
    published = load("mtpb", path)
    everything = {(p.id, i) for p in published.problems for i in range(len(p.cases))}
    asked = {(p.id, i) for p in suite.problems for i in range(len(p.cases))}
    assert (len(suite.problems), len(asked)) == (111, 554)
    assert asked == everything - suite.left_out
    spoilt = {case for case in asked if not published.clean(*case)}
    assert mended(suite) == spoilt


def test_prompts_and_inputs_are_the_published_ones(path: str, suite: Benchmark) -> None:
    published = load("mtpb", path)
    for problem in suite.problems:
        other = published.problem(problem.id)
        assert problem.turns == other.turns
        for case, before in zip(problem.cases, other.cases, strict=False):
            assert (case.input, case.expected) == (before.input, before.expected)


def test_duplicates_say_which_case_stays(path: str, suite: Benchmark) -> None:
    published = load("mtpb", path)
    for entry in entries("mtpb"):
        for case, (id, other) in zip(entry.cases, entry.same_as or (), strict=False):
            one, same = published.problem(entry.problem), suite.problem(id)
            assert one.prompts(one.cases[case])[1:] == same.prompts(same.cases[other])[1:]
        assert (entry.kind == "duplicate") == (entry.same_as is not None)


@pytest.mark.parametrize("name", NAMES)
def test_references_yield_every_corrected_value(name: str, suite: Benchmark, pool: Pool) -> None:
    """And the last value of each problem; `mtpb.check` runs the first reference on all."""
    problems = [replace(p, reference=solution(p, name)) for p in suite.problems]
    wanted = mended(suite) | {(p.id, len(p.cases) - 1) for p in problems}
    every = reference_samples(replace(suite, problems=tuple(problems)))
    samples = [sample for sample in every if sample.key[:2] in wanted]
    verdicts = list(Judge(suite, pool, "verified").verdicts(samples))
    assert {v.key[:2] for v in verdicts} == wanted
    assert [v for v in verdicts if not v.passed] == []


def test_references_are_written_apart() -> None:
    first, second = map(templates, NAMES)
    assert first.keys() == second.keys()
    assert [
        id for id in first if first[id].split("\n\n\n")[1] == second[id].split("\n\n\n")[1]
    ] == []


def test_wrong_published_values_are_not_accepted(suite: Benchmark, pool: Pool) -> None:
    faulty = [
        (p.id, i, c.expected)
        for p in suite.problems
        for i, c in enumerate(p.cases)
        if c.mended and c.expected not in c.mended.answers
    ]
    verdicts = list(Judge(suite, pool, "verified").verdicts(printing(faulty)))
    assert len(faulty) == 24
    assert not any(verdict.passed for verdict in verdicts)
    assert sum(verdict.scores["official"] for verdict in verdicts) == 23  # one is a dict


def test_both_readings_of_none_are_accepted(suite: Benchmark, pool: Pool) -> None:
    samples = printing([("41", 1, None), ("41", 4, "None"), ("41", 1, ""), ("41", 0, "None")])
    verdicts = Judge(suite, pool, "verified").verdicts(samples)
    assert [verdict.passed for verdict in verdicts] == [True, True, False, False]


def test_other_content_cannot_be_verified(tmp_path: Path, path: str) -> None:
    part = tmp_path / "part.jsonl"
    part.write_text("\n".join(Path(path).read_text().splitlines()[:3]))
    with pytest.raises(BenchmarkError, match=r"part\.jsonl: not the published mtpb"):
        load("mtpb-verified", part)


def test_a_name_is_refused_as_for_published_content(path: str) -> None:
    with pytest.raises(BenchmarkError, match=r"benchmark\.name=mine"):
        load("mtpb-verified", path, name="mine")


def test_samples_of_the_published_suite_are_judged_again(
    path: str, suite: Benchmark, pool: Pool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    values = [("9", 2, "John"), ("9", 1, "Mitch"), ("10", 4, 170), ("38", 0, 1), ("94", 1, 55)]
    file = tmp_path / "samples.jsonl"
    official = {"id": "38", "input": {"a1": "alco"}, "completions": "print(1)"}
    lines = [*(s.to_json() for s in printing(values)), json.dumps(official)]
    file.write_text("\n".join(lines))
    with caplog.at_level(logging.WARNING):
        samples = list(read_samples(file, suite))
    assert [(s.problem, s.case) for s in samples] == [("9", 2), ("9", 1), ("94", 1)]
    assert "3 lines are of cases that mtpb-verified leaves out" in caplog.text
    verdicts = list(Judge(suite, pool, "verified").verdicts(samples))
    scores = [[v.scores[name] for name in ("official", "strict", "verified")] for v in verdicts]
    assert scores == [[False, False, True], [True, True, True], [True, True, False]]

    facts = describe_benchmark(suite, "multi_turn", "verified")
    manifest = replace(manifest_of({"1": [[True]]}), benchmark=facts, planned=3, sampling=None)
    run = Run("run", manifest, Verdicts.of(verdicts, [p.id for p in facts.problems]))
    tables = {table.name: table for table in report([run], Options()).tables}
    moved = tables["mtpb-verified-moved"]
    assert [row[1:8] for row in moved.rows] == [
        ("9", "2", 1, 0, 1, 1, 0),
        ("94", "1", 1, 1, 0, 0, 1),
    ]
    assert [row[-1] for row in moved.rows] == [
        entry.note for entry in entries("mtpb") if (entry.problem, entry.kind) in MOVED
    ]
    columns = [column.key for column in tables["mtpb-verified-pass-rate"].columns]
    assert {"official_all", "strict_all", "verified_all"} <= set(columns)


MOVED = {("9", "wrong"), ("94", "wrong")}


def test_the_scorer_is_the_suites_own(path: str) -> None:
    config = BenchmarkConfig("mtpb-verified", path=path)
    assert Evaluation.of(config, SandboxConfig(workers=1)).scorer == "verified"
