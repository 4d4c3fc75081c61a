"""Checks of a suite: do its references pass, do lazy answers fail, does a prompt tell the answer?

Each check yields what is to be mended, with the place where the problem stands if that is known.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from benchmarks import Benchmark, Problem
from mtpb.checking.preflight import reference_samples
from mtpb.errors import UsageError
from mtpb.rundir.records import Sample
from mtpb.running.judge import Judge
from sandbox import Pool

_LEAST_SHOWN = 3  # characters of an answer that stand in a prompt by accident
_LAZY = (
    *("None", "True", "False", "0", "1", "''", "[]", "{}"),
    "args[0] if args else None",
)


@dataclass(frozen=True, slots=True)
class SuiteUnderCheck:
    """The suite and the places of its problems, as `file:line` by id."""

    benchmark: Benchmark
    places: Mapping[str, str]

    def at(self, problem: str) -> str:
        place = self.places.get(problem)
        return f"{place}: problem {problem!r}" if place else f"problem {problem!r}"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check: what is to be mended (nothing: it passed), and what was looked at.

    A check that does not apply has looked at nothing. `hints` are worth a look, and no fault.
    """

    name: str
    looked_at: str
    faults: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()


def findings(suite: SuiteUnderCheck, pool: Pool) -> Iterator[CheckResult]:
    """All checks of a suite whose records are sound."""
    yield _references(suite, pool)
    yield _lazy_answers(suite, pool)
    yield _duplicates(suite)
    yield _given_away(suite)


def _references(suite: SuiteUnderCheck, pool: Pool) -> CheckResult:
    benchmark = suite.benchmark
    samples = list(reference_samples(benchmark))
    without = [problem for problem in benchmark.problems if problem.reference is None]
    faults = [
        f"{suite.at(sample.problem)}{_case(benchmark, sample)}: the reference does not pass: {why}"
        for sample, why in _judged(suite, pool, samples)
        if why
    ]
    looked_at = f"{len(samples)} solutions"
    if without:
        looked_at += f"; {len(without)} problems have none, such as {suite.at(without[0].id)}"
    return CheckResult("references pass", looked_at if samples else "", tuple(faults))


def _judged(
    suite: SuiteUnderCheck, pool: Pool, samples: list[Sample]
) -> Iterator[tuple[Sample, str]]:
    """The samples, each with the reason why it does not pass; "" for one that does."""
    judge = Judge(suite.benchmark, pool, suite.benchmark.scorer)
    pending = [judge.submit(sample) for sample in samples]
    for sample, each in zip(samples, pending, strict=True):
        try:
            verdict = each.result()
        except UsageError as error:  # the test is broken
            yield sample, str(error)
        else:
            yield sample, "" if verdict.passed else f"{verdict.status.value} {verdict.detail}"


def _case(benchmark: Benchmark, sample: Sample) -> str:
    several = len(benchmark.problem(sample.problem).cases) > 1
    return f", case {sample.case}" if several else ""


def _lazy_answers(suite: SuiteUnderCheck, pool: Pool) -> CheckResult:
    """Answers that compute nothing must fail at least one case."""
    if suite.benchmark.has_tests:
        return _lazy_functions(suite, pool)
    faults = [
        f"{suite.at(problem.id)}: {why}"
        for problem in suite.benchmark.problems
        if (why := _lazy_print(problem))
    ]
    hints = [
        f"{suite.at(problem.id)}: printing the input {key!r} passes all cases; is that meant?"
        for problem in suite.benchmark.problems
        for key in _answering_inputs(problem)
    ]
    looked_at = f"{len(suite.benchmark.problems)} problems"
    return CheckResult("lazy answers fail", looked_at, tuple(faults), tuple(hints))


def _lazy_print(problem: Problem) -> str:
    """Why a program that prints a constant passes all cases; "" if none does."""
    expected = [json.dumps(case.expected, sort_keys=True) for case in problem.cases]
    if len(expected) == 1:
        return f"one case, so that print({problem.cases[0].expected!r}) passes; give a second one"
    if len(set(expected)) == 1:
        return f"print({problem.cases[0].expected!r}) passes all cases; give one with another value"
    return ""


def _lazy_functions(suite: SuiteUnderCheck, pool: Pool) -> CheckResult:
    benchmark = suite.benchmark
    tried = [
        (problem, answer)
        for problem in benchmark.problems
        if problem.test is not None and problem.test.names
        for answer in _LAZY
    ]
    samples = [
        Sample(problem.id, 0, number, (), _lazy_program(problem, answer))
        for number, (problem, answer) in enumerate(tried)
    ]
    faults = [
        f"{suite.at(problem.id)}: a function that returns {answer} passes; give a test where that "
        "is wrong"
        for (problem, answer), (_, why) in zip(tried, _judged(suite, pool, samples), strict=True)
        if not why
    ]
    return CheckResult(
        "lazy answers fail", f"{len(tried)} programs" if tried else "", tuple(faults)
    )


def _lazy_program(problem: Problem, answer: str) -> str:
    names = problem.test.names if problem.test else ()
    return "".join(f"def {name}(*args, **options):\n    return {answer}\n" for name in names)


def _duplicates(suite: SuiteUnderCheck) -> CheckResult:
    first: dict[str, str] = {}
    faults = []
    for problem in suite.benchmark.problems:
        text = " ".join(" ".join(problem.turns).split()).casefold()
        if text in first:
            faults.append(f"{suite.at(problem.id)}: the same prompts as {suite.at(first[text])}")
        first.setdefault(text, problem.id)
    return CheckResult(
        "no prompt twice", f"{len(suite.benchmark.problems)} problems", tuple(faults)
    )


def _given_away(suite: SuiteUnderCheck) -> CheckResult:
    faults = [
        f"{suite.at(problem.id)}: {why}"
        for problem in suite.benchmark.problems
        if (why := _told(problem))
    ]
    return CheckResult(
        "no answer in a prompt", f"{len(suite.benchmark.problems)} problems", tuple(faults)
    )


def _told(problem: Problem) -> str:
    """Where the prompts tell the answer; "" where they do not."""
    if problem.test is not None:
        line = next(_shared_lines(problem.turns[0], problem.reference or ()), "")
        return f"the prompt has a line of the solution: {line}" if line else ""
    if len(problem.cases) == 1:
        text = " ".join(problem.turns)
        expected = problem.cases[0].expected
        shown = (str(expected), repr(expected), json.dumps(expected))
        answer = next((each for each in shown if len(each) >= _LEAST_SHOWN and each in text), "")
        return f"the prompts have the expected value in them: {answer}" if answer else ""
    asked = problem.turns[-1]
    for key in _answering_inputs(problem):
        if f"{{{key}" in asked:
            return f"the last prompt has the expected value in it, as the input {key!r}"
    return ""


def _answering_inputs(problem: Problem) -> Iterator[str]:
    """Inputs that are the expected value in every case."""
    expected = [json.dumps(case.expected, sort_keys=True) for case in problem.cases]
    for key in problem.cases[0].input:
        inputs = [json.dumps(case.input.get(key), sort_keys=True) for case in problem.cases]
        if inputs == expected:
            yield key


def _shared_lines(prompt: str, solution: Iterable[str]) -> Iterator[str]:
    """Lines that do something, of both."""
    asked = {line.strip() for line in prompt.splitlines()}
    for text in solution:
        for line in map(str.strip, text.splitlines()):
            if line.startswith("return ") and line in asked:
                yield line
