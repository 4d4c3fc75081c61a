"""Baselines: runs boiled down to their verdicts."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from mtpb.baseline import listing, save, show
from mtpb.comparing.baselines import read_baseline, run_or_baseline
from mtpb.comparing.comparison import Question, compare
from mtpb.comparing.gate import Gate
from mtpb.errors import UsageError
from mtpb.rundir.records import VerdictStatus
from mtpb.rundir.run import read_run
from mtpb.rundir.store import RunDirectory
from tests.mtpb.runs import manifest_of, passes, run_of, verdict, verdicts_of, write_run
from tests.processes import run_module

OUTCOMES = {str(i): [passes(i % 5, 4), passes(1, 4)] for i in range(12)}


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return run_of(tmp_path / "run", OUTCOMES)


def baseline_command(*overrides: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return run_module("mtpb.baseline", *overrides, cwd=cwd)


def test_a_baseline_has_all_that_the_verdicts_say(tmp_path: Path) -> None:
    statuses = [status for status in VerdictStatus if status is not VerdictStatus.sandbox_error]
    verdicts = [
        verdict(
            "a", status is VerdictStatus.passed, status, sample=i, official=i % 2 == 0, strict=i < 3
        )
        for i, status in enumerate(statuses)
    ]
    manifest = manifest_of({"a": [[True]]}, scorers=["official", "strict"])
    run = write_run(tmp_path / "run", verdicts, replace(manifest, planned=8))
    kept = read_baseline(save("b", str(run.path), tmp_path, False)).verdicts
    whole = read_run(run).verdicts
    for column in ("problem", "case", "sample", "status", "passed"):
        assert getattr(kept, column).tolist() == getattr(whole, column).tolist()
    for scorer in ("official", "strict"):
        assert kept.scores[scorer].tolist() == whole.scores[scorer].tolist()


def test_a_run_compares_with_its_own_baseline_as_with_itself(
    tmp_path: Path, run: RunDirectory
) -> None:
    save("main", str(run.path), tmp_path / "baselines", False)
    baseline = run_or_baseline("main", tmp_path / "baselines")
    question = Question(Gate())
    with_baseline = compare(baseline, read_run(run), question)
    with_itself = compare(read_run(run), read_run(run), question)
    assert with_baseline.figures == with_itself.figures
    assert with_baseline.problems == with_itself.problems
    assert with_baseline.changed == with_baseline.overridden == ()


def test_a_name_is_found_beside_a_folder_that_is_no_run(
    tmp_path: Path, run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    save("main", str(run.path), tmp_path, False)
    (tmp_path / "main").mkdir()
    monkeypatch.chdir(tmp_path)
    assert run_or_baseline("main", tmp_path).directory is None


def test_the_clean_subset_survives(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", OUTCOMES, dirty=[("0", 1), ("3", 0)])
    baseline = read_baseline(save("main", str(run.path), tmp_path, False))
    for side in (baseline, read_run(run)):
        comparison = compare(side, read_run(run), Question(Gate(), subset="clean"))
        assert sum(comparison.samples) == 2 * (96 - 8)


def test_a_baseline_is_small_and_holds_no_answers(tmp_path: Path) -> None:
    outcomes = {str(i): [passes(i % 40, 40)] * 5 for i in range(115)}
    benchmark = manifest_of(outcomes).benchmark
    secret = tuple(
        replace(p, cases=tuple(replace(case, expected="a secret answer") for case in p.cases))
        for p in benchmark.problems
    )
    manifest = replace(manifest_of(outcomes), benchmark=replace(benchmark, problems=secret))
    run = write_run(tmp_path / "run", verdicts_of(outcomes), manifest)
    path = save("paper", str(run.path), tmp_path, False)
    assert path.stat().st_size < 60_000
    assert "secret" not in path.read_text()
    assert "toy" not in json.loads(path.read_text())["model"].values()


def test_saving_twice_gives_the_same_bytes(tmp_path: Path, run: RunDirectory) -> None:
    first = save("main", str(run.path), tmp_path, False).read_bytes()
    assert save("main", str(run.path), tmp_path, True).read_bytes() == first


def test_a_taken_name_is_not_overwritten_unless_forced(tmp_path: Path, run: RunDirectory) -> None:
    save("main", str(run.path), tmp_path, False)
    with pytest.raises(UsageError, match="is there already"):
        save("main", str(run.path), tmp_path, False)


@pytest.mark.parametrize("name", ["../up", "", "a/b", ".hidden"])
def test_a_name_is_a_file_name(tmp_path: Path, run: RunDirectory, name: str) -> None:
    with pytest.raises(UsageError, match="name="):
        save(name, str(run.path), tmp_path, False)


def test_an_unfinished_run_makes_no_baseline(tmp_path: Path) -> None:
    partial = write_run(tmp_path / "part", verdicts_of(OUTCOMES)[:-1], manifest_of(OUTCOMES))
    with pytest.raises(UsageError, match="95 of 96 samples are judged"):
        save("main", str(partial.path), tmp_path, False)
    verdicts = [verdict("0", False, VerdictStatus.sandbox_error), *verdicts_of(OUTCOMES)[1:]]
    broken = write_run(tmp_path / "broken", verdicts, manifest_of(OUTCOMES))
    with pytest.raises(UsageError, match="sandbox itself failed on 1"):
        save("main", str(broken.path), tmp_path, False)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"baseline_version": 1}'])
def test_a_file_that_is_no_baseline_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "odd.json").write_text(content)
    with pytest.raises(UsageError, match="baseline"):
        run_or_baseline("odd", tmp_path)


def test_the_list_and_the_page_of_a_baseline(tmp_path: Path, run: RunDirectory) -> None:
    path = save("main", str(run.path), tmp_path, False)
    rate = sum(i % 5 for i in range(12)) / 96 + 1 / 8
    assert f"{100 * rate:.1f}" in listing(tmp_path).text()
    page = show(read_baseline(path))
    assert f"{100 * rate:.1f}" in page
    assert "sampling.temperature: 0.2" in page


def test_the_command_saves_lists_and_shows(tmp_path: Path, run: RunDirectory) -> None:
    saved = baseline_command("action=save", "name=main", f"run={run.path}", cwd=tmp_path)
    assert (saved.returncode, saved.stdout) == (0, "baselines/main.json\n")
    assert "main" in baseline_command("action=list", cwd=tmp_path).stdout
    assert "array" in baseline_command("action=show", "name=main", cwd=tmp_path).stdout


@pytest.mark.parametrize("overrides", [("action=drop",), ("action=save", "name=x")])
def test_bad_input_ends_with_2_and_one_message(tmp_path: Path, overrides: tuple[str, ...]) -> None:
    done = baseline_command(*overrides, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
