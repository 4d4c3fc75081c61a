"""Runs with feedback, from outside: same first attempts, resumable, refused where they must be."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from mtpb.rundir.records import VerdictStatus
from mtpb.rundir.store import RunDirectory
from tests.mtpb.commands import call

RUN = (
    "model=codegen-300K-mono",
    "benchmark=starter-function",
    "benchmark.limit=6",
    "sampling.n=3",
    "sampling.temperature=0.8",
    "sampling.max_new_tokens=48",
    "sandbox.workers=1",
)
FEEDBACK = (*RUN, "benchmark.conversation=feedback", "output=feedback")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with feedback, and one without."""
    folder = tmp_path_factory.mktemp("runs")
    for overrides in ((*RUN, "output=plain"), FEEDBACK):
        done = call("run", *overrides, cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder


def test_first_attempts_are_those_of_a_run_without_feedback(folder: Path) -> None:
    plain = {one.key: one for one in RunDirectory(folder / "plain").samples()}
    again = {one.key: one for one in RunDirectory(folder / "feedback").samples()}
    assert {key: one.attempts[0] for key, one in again.items()} == {
        key: one.turns for key, one in plain.items()
    }
    before = {one.key: one.passed for one in RunDirectory(folder / "plain").verdicts()}
    verdicts = list(RunDirectory(folder / "feedback").verdicts())
    assert {one.key: one.passed and one.attempts == 1 for one in verdicts} == before
    assert any((one.attempts or 0) > 1 for one in verdicts)
    assert all(one.attempts == 3 for one in verdicts if not one.passed)
    metrics, plain_metrics = (
        RunDirectory(folder / name).metrics() for name in ("feedback", "plain")
    )
    first = metrics["attempts"]["pass@1"][0]["value"]
    assert first == plain_metrics["results"][0]["overall"]["pass@1"]
    assert metrics["attempts"]["pass@1"][2]["value"] == metrics["results"][0]["overall"]["pass@1"]


def test_a_run_that_was_stopped_goes_on_to_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    stopped = call("run", *FEEDBACK, "limits.tokens=200", "engine.slots=2", cwd=tmp_path)
    assert stopped.returncode == 2
    samples = (folder / "feedback" / "samples.jsonl").read_bytes()
    there = (tmp_path / "feedback" / "samples.jsonl").read_bytes()
    assert 0 < len(there) < len(samples)
    assert call("run", *FEEDBACK, "engine.slots=2", cwd=tmp_path).returncode == 0
    assert (tmp_path / "feedback" / "samples.jsonl").read_bytes() == samples


def test_after_a_failure_of_the_sandbox_attempts_go_on(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "feedback"
    shutil.copytree(folder / "feedback", copy)
    whole = (copy / "samples.jsonl").read_bytes()
    *verdicts, last = RunDirectory(copy).verdicts()
    *samples, sample = RunDirectory(copy).samples()
    assert (last.key, last.attempts) == (sample.key, 3)
    first = replace(sample, turns=sample.attempts[0])
    failed = replace(last, status=VerdictStatus.sandbox_error, attempts=1)
    for name, records in (("samples", [*samples, first]), ("verdicts", [*verdicts, failed])):
        (copy / f"{name}.jsonl").write_text("".join(one.to_json() + "\n" for one in records))
    done = call("run", *FEEDBACK, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (copy / "samples.jsonl").read_bytes() == whole
    assert [one.attempts for one in RunDirectory(copy).verdicts()][-1] == 3


def test_it_is_not_judged_anew(folder: Path) -> None:
    done = call("rescore", "run=feedback", "output=again", cwd=folder)
    assert done.returncode == 2
    assert "turns with feedback" in done.stderr


@pytest.mark.parametrize(
    "override", ["benchmark.max_turns=0", "benchmark.max_turns=1", "benchmark.max_turns=101"]
)
def test_numbers_of_attempts_out_of_range_are_refused(override: str, tmp_path: Path) -> None:
    done = call("run", *FEEDBACK, override, cwd=tmp_path)
    assert done.returncode == 2
    assert override in done.stderr
