"""Both scorers, clause by clause, with the harness run in this process and in the sandbox."""

import json
from pathlib import Path

import pytest

from benchmarks import load, official, strict
from tests.benchmarks.programs import ALL, Judged
from tests.benchmarks.runner import run_here

EACH = pytest.mark.parametrize("judged", ALL, ids=lambda judged: judged.shows)


@EACH
def test_official_scorer_says(judged: Judged) -> None:
    difference, end = run_here(official, judged.program, judged.expected)
    accepted = difference is None and not isinstance(end, SystemExit)
    assert accepted == judged.official, difference


@EACH
def test_strict_scorer_says(judged: Judged) -> None:
    difference, end = run_here(strict, judged.program, judged.expected)
    ended_well = end is None or (isinstance(end, SystemExit) and end.code in (None, 0))
    assert (difference is None and ended_well) == judged.strict, difference


@pytest.mark.parametrize("scorer", [official, strict])
@pytest.mark.parametrize("value", [None, ("none",), ("tuple", (("str", "value"),)), ("int", 3)])
def test_no_sound_report_is_nothing_printed(scorer: object, value: object) -> None:
    assert scorer.mismatch(value, 3) == "nothing was printed"  # type: ignore[attr-defined]


def test_program_learns_the_type_and_nothing_more() -> None:
    assert official.arguments([1, 2]) == {"expected_type": "list"}
    assert strict.arguments([1, 2]) == {}


@pytest.mark.parametrize("expected", [True, 1, 1.5, "a", [1], None, {"a": 1}])
def test_forged_values_never_crash_the_trusted_side(expected: object) -> None:
    bomb = ("array", (10**9, 0), ())
    number = ("object", "decimal.Decimal", "Decimal('1E+999999999')")
    for payload in (bomb, ("list", (bomb,)), number, ("list", (number,)), ("set", ())):
        for kind in ("value", "series", "refused", "arguments"):
            report = ("tuple", (("str", kind), payload))
            assert strict.mismatch(report, expected) is not None
            official.mismatch(report, expected)


def test_details_are_short_and_name_both_values() -> None:
    huge = ("tuple", (("str", "value"), ("list", (("int", 10**5000),) * 1000)))
    assert len(str(strict.mismatch(huge, 3))) < 300
    detail, _ = run_here(strict, "print('3')", 3)
    assert detail == "printed '3' (str), expected 3"


def test_gold_answers_printed_literally_are_accepted(data_dir: Path) -> None:
    suite = load("mtpb", data_dir / "mtpb.jsonl")
    cases = [(p, n, case.expected) for p in suite.problems for n, case in enumerate(p.cases)]
    assert len(cases) == 575
    for problem, number, expected in cases:
        program = f"print({expected!r})"
        refused = "unscorable" in suite.errata(problem.id, number)
        assert (run_here(official, program, expected)[0] is None) != refused
        assert run_here(strict, program, expected)[0] is None


def test_gold_answers_are_not_accepted_for_other_cases(data_dir: Path) -> None:
    suite = load("mtpb", data_dir / "mtpb.jsonl")
    for problem in suite.problems:
        first, second = problem.cases[0].expected, problem.cases[1].expected
        if json.dumps(first) != json.dumps(second):
            assert run_here(strict, f"print({first!r})", second)[0] is not None
