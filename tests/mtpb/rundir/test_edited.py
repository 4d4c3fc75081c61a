"""Run directories that were edited by hand: one message that names file and key, or what is right.

Edits are texts of the files and what stands in their place.
"""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mtpb.errors import UsageError
from mtpb.formats.instances import instances
from mtpb.formats.results import figures
from mtpb.formats.samples import exported_samples
from mtpb.rundir.frames import load_run
from mtpb.rundir.prompt_scores import FILE, prompt_scores
from mtpb.rundir.records import Verdict
from mtpb.rundir.run import read_run
from mtpb.rundir.store import METRICS, RunDirectory, write_json
from mtpb.statistics.summary import summarise
from tests.mtpb.commands import call
from tests.mtpb.runs import manifest_of, passes, verdicts_of, write_run

OUTCOMES = {"1": [passes(1, 4)], "2": [passes(2, 4)]}
HUGE = "9" * 400  # too large for a float


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    manifest = manifest_of(OUTCOMES, scorers=["test"])
    run = write_run(tmp_path / "run", verdicts_of(OUTCOMES), manifest, samples=True)
    write_json(run.path / METRICS, summarise(read_run(run)))
    return run


def edit(path: Path, old: str, new: str) -> None:
    """In its first line that has it."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"case": 0', '"case": 0.9', "1: key 'case': expected int, got 0.9"),
        ('"case": 0', '"case": "0"', "1: key 'case': expected int, got '0'"),
        ('"case": 0', f'"case": {HUGE}', "1: key 'case': expected a number below"),
        ('"turn": null', '"turn": 1.5', "1: key 'turn': expected int, got 1.5"),
        ('"cpu_s": 0.1', f'"cpu_s": {HUGE}', "1: key 'cpu_s': expected a number below"),
        ('{"problem"', "[" * 200_000 + '{"problem"', "1: not a line of JSON"),
    ],
)
def test_a_value_that_no_run_writes_is_refused(
    old: str, new: str, says: str, run: RunDirectory
) -> None:
    edit(run.verdicts_path, old, new)
    with pytest.raises(UsageError) as refusal:
        read_run(run)
    assert f"verdicts.jsonl:{says}" in str(refusal.value)


@pytest.mark.parametrize("number", ["NaN", "1e999", HUGE])
def test_a_number_that_is_none_is_refused(number: str, run: RunDirectory) -> None:
    line = run.verdicts_path.read_text().splitlines()[0]
    with pytest.raises(UsageError, match="key 'wall_s'"):
        Verdict.from_json(line.replace('"wall_s": 0.2', f'"wall_s": {number}'))
    edit(run.manifest_path, '"temperature": 0.2', f'"temperature": {number}')
    with pytest.raises(UsageError, match=r"manifest\.json: key 'sampling.temperature'"):
        run.manifest()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"scorers": [\n   "test"', '"scorers": [\n   "test", "test"'),
        ('"seed": 0,', '"benchmark.max_turns": "many",'),
        ('"benchmark.problems": null', '"benchmark.problems": 5'),
        ('"identity": {', f'"identity": {"[" * 200_000}'),
    ],
)
def test_a_manifest_that_no_run_writes_is_refused(old: str, new: str, run: RunDirectory) -> None:
    edit(run.manifest_path, old, new)
    with pytest.raises(UsageError, match=r"manifest\.json: "):
        run.manifest()


def test_a_folder_whose_name_is_no_utf_8_is_reported(run: RunDirectory, tmp_path: Path) -> None:
    os.rename(run.path, os.fsencode(tmp_path) + b"/\xff")
    done = call("report", "runs=.", "output=report", "figures=false", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "\\udcff" in (tmp_path / "report" / "index.html").read_text()
    assert set(load_run(tmp_path)["run"]) == {f"{tmp_path}/\\udcff"}


@pytest.mark.parametrize("line", ["{]", "[]", "{}", '{"problem": "1", "case": 0, "tokens": "x"}'])
def test_a_line_that_is_no_likelihood_is_named(line: str, run: RunDirectory) -> None:
    (run.path / FILE).write_text(line + "\n")
    with pytest.raises(UsageError, match=r"perplexity\.jsonl:1: "):
        list(prompt_scores(run))


def test_a_sample_without_turns_is_exported_as_its_program(run: RunDirectory) -> None:
    """Some are imported so."""
    sample = next(run.samples())
    run.samples_path.write_text(replace(sample, turns=()).to_json() + "\n")
    (exported,) = exported_samples(run, whole=False)
    assert exported == {"task_id": "1", "solution": sample.program}


def test_samples_that_are_there_twice_are_exported_once(run: RunDirectory) -> None:
    run.samples_path.write_text(run.samples_path.read_text() * 2)
    assert len(list(exported_samples(run, whole=True))) == 8
    assert len(list(instances(read_run(run), run))) == 8


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"results"', '"others"', "not as runs write it"),
        ('"pass_rate": 0.375', '"pass_rate": "high"', "key 'value': expected float, got 'high'"),
        ('"pass_rate": 0.375', '"pass_rate": NaN', "key 'value': expected a number below"),
        ('"samples": 8', '"samples": 7', "of 7 samples, not of 8"),
    ],
)
def test_figures_that_are_not_those_of_the_run_are_not_shared(
    old: str, new: str, says: str, run: RunDirectory
) -> None:
    edit(run.path / METRICS, old, new)
    with pytest.raises(UsageError, match=r"metrics\.json: ") as refusal:
        figures(read_run(run), run)
    assert says in str(refusal.value)


@pytest.mark.parametrize("missing", ["samples", "verdicts"])
def test_samples_and_verdicts_that_do_not_belong_together_are_not_exported(
    missing: str, run: RunDirectory, tmp_path: Path
) -> None:
    edit(run.path / f"{missing}.jsonl", '"sample": 0', '"sample": 3')
    last = run.verdicts_path.read_text().splitlines()[3]
    if missing == "verdicts":  # as many as before, one sample twice
        edit(run.manifest_path, '"planned": 8', '"planned": 7')
    assert json.loads(last)["sample"] == 3
    form = "format=every_eval_ever_samples"
    done = call("exchange", "run=run", form, "output=out", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    there: dict[str, Any] = {"samples": "verdicts", "verdicts": "samples"}
    assert f"problem '1', case 0, sample 0 is only in {there[missing]}.jsonl" in done.stderr


def test_texts_that_utf_8_cannot_encode_are_loaded_as_escapes(
    run: RunDirectory, tmp_path: Path
) -> None:
    edit(run.samples_path, '"program": "', '"program": "# \\ud800')
    edit(run.verdicts_path, '"detail": "', '"detail": "\\udfff')
    edit(run.manifest_path, '"name": "problem 1"', '"name": "\\udc00"')
    row = load_run(run.path).iloc[0]
    assert (row["detail"], row["name"]) == ("\\udfff", "\\udc00")
    assert row["program"].startswith("# \\ud800print")
    done = call("exchange", "run=run", "format=parquet", "output=out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
