"""The known faults of MTPB as data."""

from pathlib import Path

import pytest

from benchmarks import clean, errata, load, strict
from benchmarks.errata import entries
from tests.benchmarks.runner import run_here


def count(kind: str) -> int:
    return sum(kind in kinds for kinds in errata("mtpb").values())


def test_counts_are_those_found_by_solving_all_problems() -> None:
    found = {kind: count(kind) for kind in ("wrong", "unscorable", "missing", "undetermined")}
    assert found == {"wrong": 29, "unscorable": 7, "missing": 10, "undetermined": 4}
    assert count("duplicate") == 6


def test_a_case_is_clean_unless_its_value_cannot_be_asked_for() -> None:
    assert not clean("mtpb", "9", 2)
    assert clean("mtpb", "9", 1)
    assert clean("mtpb", "70", 0)  # ambiguous
    assert clean("humaneval", "9", 2)


def test_clean_cases_of_the_whole_suite(data_dir: Path) -> None:
    suite = load("mtpb", data_dir / "mtpb.jsonl")
    cases = [(p.id, number) for p in suite.problems for number in range(len(p.cases))]
    assert sum(suite.clean(*case) for case in cases) == 525
    assert set(errata("mtpb")) <= set(cases)


def test_right_values_differ_from_the_expected_ones(data_dir: Path) -> None:
    suite = load("mtpb", data_dir / "mtpb.jsonl")
    for entry in entries("mtpb"):
        if entry.kind == "wrong" and entry.right:
            for case, right in zip(entry.cases, entry.right, strict=True):
                expected = suite.problem(entry.problem).cases[case].expected
                assert run_here(strict, f"print({right!r})", expected)[0] is not None


def test_other_content_has_no_errata(data_dir: Path, tmp_path: Path) -> None:
    part = tmp_path / "part.jsonl"
    part.write_text("\n".join((data_dir / "mtpb.jsonl").read_text().splitlines()[:9]))
    assert load("mtpb", part).clean("9", 2)


def test_data_that_are_no_erratum_are_refused() -> None:
    from benchmarks.errata import _erratum

    with pytest.raises(ValueError, match="not an erratum"):
        _erratum({"problem": 9})
