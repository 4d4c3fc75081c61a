"""The starter suites hold what they promise: solvable as stated, and not by lazy answers."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType

import pytest

import benchmarks
from benchmarks import Benchmark, Case, Problem, load, official, strict
from sandbox import Harness, Isolation, Limits, Outcome, Pool, Program, Status, Test
from tests.benchmarks.runner import run_here

LAZY = {
    line["problem"]: line
    for line in map(
        json.loads, Path(__file__).with_name("starter-lazy.jsonl").read_text().splitlines()
    )
}
SCORERS = {"official": official, "strict": strict}

Judged = tuple[str, int, str, bool]  # problem, case, scorer, accepted
Answers = Callable[[Problem, Case], Sequence[str]]


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with Pool(Limits(cpu_s=3.0, wall_s=10.0), workers=2, isolation=Isolation.basic) as pool:
        yield pool


@pytest.fixture(scope="module")
def starter() -> Benchmark:
    return load("starter")


@pytest.fixture(scope="module")
def functions() -> Benchmark:
    return load("starter-function")


def history(suite: Benchmark, problem: Problem, case: Case, answers: Sequence[str]) -> str:
    protocol = suite.protocol
    turns = zip(problem.prompts(case), answers, strict=True)
    return protocol.preamble + "".join(
        protocol.wrap(prompt) + answer + protocol.closing for prompt, answer in turns
    )


def lazily(problem: Problem, case: Case) -> list[str]:
    """The reference's answers with one of them replaced by a shortcut."""
    answers, lazy = list(problem.solution(case)), LAZY[problem.id]
    answers[lazy["turn"]] = lazy["text"] if problem.test else lazy["text"].format(**case.input)
    return answers


def judge_all(pool: Pool, suite: Benchmark, answers: Answers) -> list[Judged]:
    running = []
    for problem in suite.problems:
        for number, case in enumerate(problem.cases):
            source = history(suite, problem, case, answers(problem, case))
            for scorer in suite.scorers:
                future = pool.submit(program(problem, case, source, scorer))
                running.append((problem.id, number, case, scorer, future))
    return [
        (problem, number, scorer, accepted(future.result(), case, scorer))
        for problem, number, case, scorer, future in running
    ]


def program(problem: Problem, case: Case, source: str, scorer: str) -> Program:
    if problem.test:
        test = problem.test
        return Program(source, test=Test(test.setup, test.sources["test"], test.names))
    rules = SCORERS[scorer]
    return Program(source, harness=Harness(rules.HARNESS, rules.arguments(case.expected)))


def accepted(outcome: Outcome, case: Case, scorer: str) -> bool:
    if outcome.status is not Status.passed:
        return False
    return scorer == "test" or SCORERS[scorer].mismatch(outcome.value, case.expected) is None


@pytest.mark.parametrize("name", ["starter", "starter-function"])
def test_every_reference_passes(pool: Pool, name: str) -> None:
    assert [
        judged for judged in judge_all(pool, load(name), Problem.solution) if not judged[-1]
    ] == []


def test_every_lazy_answer_fails_somewhere(starter: Benchmark) -> None:
    for problem in starter.problems:
        for scorer in SCORERS.values():
            assert not all(solved_here(starter, problem, case, scorer) for case in problem.cases)


def solved_here(suite: Benchmark, problem: Problem, case: Case, scorer: ModuleType) -> bool:
    source = history(suite, problem, case, lazily(problem, case))
    difference, end = run_here(scorer, source, case.expected)
    return difference is None and end is None


def test_every_lazy_function_fails(pool: Pool, functions: Benchmark) -> None:
    assert not [judged for judged in judge_all(pool, functions, lazily) if judged[-1]]


def test_every_problem_has_one_lazy_answer(starter: Benchmark, functions: Benchmark) -> None:
    problems = [problem.id for suite in (starter, functions) for problem in suite.problems]
    assert list(LAZY) == problems


def test_starter_has_the_promised_shape(starter: Benchmark) -> None:
    assert len(starter.problems) >= 48
    assert {p.category for p in starter.problems} == {
        "string",
        "array",
        "math",
        "dict",
        "algorithm",
    }
    for problem in starter.problems:
        assert 2 <= len(problem.turns) <= 6
        assert len(problem.cases) == 5
        assert problem.reference is not None


def test_functions_have_the_promised_shape(functions: Benchmark) -> None:
    assert len(functions.problems) >= 48
    for problem in functions.problems:
        assert problem.test is not None
        assert f"def {problem.test.names[0]}(" in problem.turns[0]
        assert problem.turns[0].count('"""') == 2
        assert problem.test.sources["test"].count("assert") >= 5


@pytest.mark.parametrize("name", ["starter", "starter-function"])
def test_half_is_easy_a_third_medium_the_rest_hard(name: str) -> None:
    problems = load(name).problems
    share = {k: n / len(problems) for k, n in Counter(p.difficulty for p in problems).items()}
    assert share == pytest.approx({"easy": 0.5, "medium": 0.33, "hard": 0.17}, abs=0.05)


def test_no_constant_answer_solves_a_problem(starter: Benchmark) -> None:
    for problem in starter.problems:
        expected = [json.dumps(case.expected) for case in problem.cases]
        assert max(Counter(expected).values()) <= 3, problem.name


def test_cases_differ_in_their_inputs(starter: Benchmark) -> None:
    for problem in starter.problems:
        assert len({json.dumps(case.input) for case in problem.cases}) == 5, problem.name


def test_expected_values_are_of_types_that_both_scorers_know(starter: Benchmark) -> None:
    expected = [case.expected for problem in starter.problems for case in problem.cases]
    assert {type(value) for value in expected} == {int, float, str, bool, list}


def test_stop_rule_leaves_references_whole(starter: Benchmark, functions: Benchmark) -> None:
    for suite in (starter, functions):
        for problem in suite.problems:
            for text in problem.solution(problem.cases[0]):
                assert suite.protocol.stop(text) is None, problem.name


def test_names_and_problems_are_unique(starter: Benchmark, functions: Benchmark) -> None:
    for suite in (starter, functions):
        assert len({p.name for p in suite.problems}) == len(suite.problems)
        assert len({p.turns for p in suite.problems}) == len(suite.problems)


def test_problems_are_not_those_of_the_public_suites(
    starter: Benchmark, functions: Benchmark, data_dir: Path
) -> None:
    mtpb = load("mtpb", data_dir / "mtpb.jsonl")
    humaneval = load("humaneval", data_dir / "HumanEval.jsonl.gz")
    assert not {p.turns for p in starter.problems} & {p.turns for p in mtpb.problems}
    assert not {p.name for p in functions.problems} & {p.name for p in humaneval.problems}


def test_starter_suites_need_no_libraries_but_numpy(starter: Benchmark) -> None:
    assert starter.libraries == ("numpy",)
    assert (starter.protocol.scorer, starter.scorers) == ("strict", ("official", "strict"))
    assert load("starter-function").scorers == ("test",)


def test_changed_copy_of_a_starter_suite_is_said(
    starter: Benchmark, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copy = tmp_path / "copy.jsonl"
    lines = (Path(benchmarks.__file__).parent / "data" / "starter.jsonl").read_text().splitlines()
    assert starter.source == "benchmarks/data/starter.jsonl"
    copy.write_text("\n".join(lines))
    assert load("starter", copy).sha256 == starter.sha256
    assert not caplog.records
    copy.write_text("\n".join(lines[:3]))
    assert len(load("starter", copy).problems) == 3
    assert len(caplog.records) == 1
