"""MTPB+: inputs of ours, right values on which two references agree, lazy answers that fail."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import Benchmark, load
from benchmarks.derived.references import NAMES, solution
from mtpb.checking.preflight import reference_samples
from mtpb.errors import UsageError
from mtpb.rundir.records import Sample, Turn
from mtpb.running.imported import read_samples
from mtpb.running.judge import Judge
from sandbox import Limits, Pool

LEAST = 15  # inputs of a problem
LEFT_OUT = {"14", "23", "26", "38", "46"}


@pytest.fixture(scope="module")
def published(data_dir: Path) -> Benchmark:
    return load("mtpb", data_dir / "mtpb.jsonl")


@pytest.fixture(scope="module")
def suite(data_dir: Path) -> Benchmark:
    return load("mtpb-plus", data_dir / "mtpb.jsonl")


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(Limits(cpu_s=10), workers=2, libraries=("numpy",)) as pool:
        yield pool


def test_problems_that_are_not_covered_are_named(published: Benchmark, suite: Benchmark) -> None:
    ids = [problem.id for problem in published.problems]
    assert [p.id for p in suite.problems] == [id for id in ids if id not in LEFT_OUT]
    assert suite.note.startswith("110 of the 115 problems of mtpb")
    assert suite.note.endswith("left out: 14, 23, 26, 38, 46")


def test_inputs_are_many_and_none_is_published(published: Benchmark, suite: Benchmark) -> None:
    for problem in suite.problems:
        known = [json.dumps(c.input, sort_keys=True) for c in published.problem(problem.id).cases]
        ours = [json.dumps(case.input, sort_keys=True) for case in problem.cases]
        assert len(set(ours)) == len(ours) >= LEAST, problem.id
        assert not set(ours) & set(known), problem.id


def test_inputs_have_the_names_and_types_of_the_published_ones(
    published: Benchmark, suite: Benchmark
) -> None:
    for problem in suite.problems:
        cases = published.problem(problem.id).cases
        types = {key: {type(c.input[key]) for c in cases} for key in cases[0].input}
        for case in problem.cases:
            assert case.input.keys() == types.keys(), problem.id
            assert all(type(v) in types[k] for k, v in case.input.items()), problem.id


def test_no_constant_and_no_input_is_the_answer_everywhere(suite: Benchmark) -> None:
    for problem in suite.problems:
        expected = [json.dumps(case.expected) for case in problem.cases]
        assert len(set(expected)) > 1, problem.id
        for key in problem.cases[0].input:
            assert [json.dumps(case.input[key]) for case in problem.cases] != expected, problem.id


@pytest.mark.parametrize("name", NAMES)
def test_references_agree_in_the_sandbox(name: str, suite: Benchmark, pool: Pool) -> None:
    """Two cases of each problem; `mtpb.check benchmark=mtpb-plus` runs all."""
    number = NAMES.index(name)
    problems = [
        replace(p, reference=solution(p, name), cases=p.cases[number::8]) for p in suite.problems
    ]
    part = replace(suite, problems=tuple(problems))
    verdicts = list(Judge(part, pool, "verified").verdicts(reference_samples(part)))
    assert len(verdicts) == 2 * len(problems)
    assert [v for v in verdicts if not v.passed] == []


def test_answers_to_the_published_inputs_alone_fail(
    published: Benchmark, suite: Benchmark, pool: Pool
) -> None:
    samples = [
        Sample(p.id, 0, 0, (), special_casing(published, p.id, p.cases[0].input))
        for p in suite.problems
    ]
    verdicts = list(Judge(suite, pool, "verified").verdicts(samples))
    assert [v.problem for v in verdicts if v.passed] == []


def special_casing(published: Benchmark, problem: str, given: object) -> str:
    known = [(case.input, case.expected) for case in published.problem(problem).cases]
    return f"print(next(value for given, value in {known!r} if given == {given!r}))\n"


def test_samples_of_the_published_suite_are_refused(
    published: Benchmark, suite: Benchmark, tmp_path: Path
) -> None:
    file = tmp_path / "samples.jsonl"
    for benchmark, fits in ((suite, True), (published, False)):
        problem = benchmark.problem("3")
        prompts = problem.prompts(problem.cases[1])
        turns = tuple(Turn(prompt, "", "", 0, "stop") for prompt in prompts)
        file.write_text(Sample("3", 1, 0, turns, "print(1)").to_json() + "\n")
        if fits:
            assert len(list(read_samples(file, suite))) == 1
        else:
            with pytest.raises(UsageError, match="is it the right benchmark"):
                list(read_samples(file, suite))
