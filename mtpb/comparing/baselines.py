"""Files of baselines: a run's verdicts, in a form small enough to be committed.

The JSON file has the main parts of the manifest and a line for each problem, in which every sample
is one letter. It has no prompts, programs or expected values.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtpb.errors import UsageError
from mtpb.rundir.manifest import SCHEMA_VERSION, Manifest
from mtpb.rundir.records import SCORERS, Verdict, VerdictStatus
from mtpb.rundir.run import Run, read_run
from mtpb.rundir.store import RunDirectory, expanded, read_json, write_whole
from mtpb.rundir.verdicts import STATUSES, Verdicts

BASELINE_VERSION = 1
LETTERS = {
    VerdictStatus.passed: "P",
    VerdictStatus.wrong_answer: "W",
    VerdictStatus.no_output: "N",
    VerdictStatus.syntax_error: "S",
    VerdictStatus.exception: "X",
    VerdictStatus.timeout: "T",
    VerdictStatus.memory: "M",
    VerdictStatus.blocked: "B",
    VerdictStatus.sandbox_error: "E",
    VerdictStatus.truncated: "U",
    VerdictStatus.no_code: "C",
}
_PROBLEM_KEYS = ("id", "name", "category", "difficulty", "turns")
_NOT_THERE = "."
_MOST_SAMPLES = 100_000
_MEANING = {letter: status for status, letter in LETTERS.items()}


def run_or_baseline(reference: str, baselines: Path) -> Run:
    """A run directory, a baseline's file, or the name of a baseline in the folder `baselines`.

    Raises UsageError if it is none of them, or has no verdicts.
    """
    path = expanded(reference)
    directory = RunDirectory(path)
    named = baselines / f"{reference}.json"
    if directory.manifest_path.exists() or (path.is_dir() and not named.exists()):
        run = read_run(directory)
    else:
        run = read_baseline(path if path.is_file() else baseline_path(reference, baselines))
    if not len(run.verdicts):
        raise UsageError(f"{reference}: no verdicts in it; run mtpb.run or mtpb.score first")
    return run


def baseline_path(name: str, folder: Path) -> Path:
    """The file of a baseline; UsageError that lists the known ones if there is none."""
    path = folder / f"{name}.json"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in folder.glob("*.json"))) or "none"
        raise UsageError(
            f"{name}: neither a run directory nor a baseline in {folder}/ (there: {known}); "
            "python -m mtpb.baseline action=save makes one"
        )
    return path


def write_baseline(path: Path, directory: RunDirectory) -> None:
    """Saves a run's verdicts as a baseline. Raises UsageError for a run that is not finished."""
    run = read_run(directory)
    refuse_unfinished(run)
    head = json.dumps(_head(run, path.stem), indent=1, ensure_ascii=False)
    lines = ",\n".join("  " + json.dumps(line, ensure_ascii=False) for line in _problem_lines(run))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, (head.removesuffix("\n}"), f',\n "problems": [\n{lines}\n ]\n}}\n'))


def read_baseline(path: Path) -> Run:
    """A baseline that `write_baseline` wrote; UsageError if it is another file."""
    content = read_json(path, "is this a baseline?")
    version = content.get("baseline_version")
    if version != BASELINE_VERSION:
        raise UsageError(
            f"{path}: baseline_version is {version!r}, expected {BASELINE_VERSION}; "
            "save the baseline anew with python -m mtpb.baseline action=save"
        )
    try:
        problems = content["problems"]
        verdicts = Verdicts.of(_read_verdicts(problems), [p["id"] for p in problems])
        benchmark = {**content["benchmark"], "problems": list(map(_problem, problems))}
    except (KeyError, TypeError, IndexError) as error:
        raise UsageError(f"{path}: broken baseline ({error!r}); save it anew") from error
    manifest = Manifest.from_json(
        {"schema_version": SCHEMA_VERSION, **content, "benchmark": benchmark},
        path,
        lambda: len(verdicts),
    )
    return Run(path.stem, manifest, verdicts)


def refuse_unfinished(run: Run) -> None:
    """Raises UsageError for a run that lacks verdicts, or has programs the sandbox failed on."""
    failed = len(run.verdicts) - run.judged
    if failed:
        raise UsageError(
            f"{run.source}: the sandbox itself failed on {failed} programs; judge them again "
            "with the command that made the run"
        )
    highest = int(run.verdicts.sample.max(initial=0))
    if highest >= _MOST_SAMPLES:
        raise UsageError(
            f"{run.source}: a sample has the number {highest}; baselines have room for "
            f"{_MOST_SAMPLES} samples a case"
        )
    if not run.finished or not run.judged:
        raise UsageError(
            f"{run.source}: {run.extent} are judged; finish the run with the command that started "
            "it"
        )


def _head(run: Run, name: str) -> dict[str, Any]:
    content = run.manifest.to_json()
    benchmark = {key: value for key, value in content["benchmark"].items() if key != "problems"}
    kept = ("planned", "guarantee", "sampling", "seed", "engine", "sandbox", "packages", "python")
    return {
        "baseline_version": BASELINE_VERSION,
        "name": name,
        "identity": content["identity"],
        "model": {key: value for key, value in content["model"].items() if key != "path"},
        "benchmark": {**benchmark, "errata": run.benchmark.has_errata},
        **{key: content[key] for key in (*kept, "git_commit", "throughput") if key in content},
    }


def _problem_lines(run: Run) -> Iterator[dict[str, Any]]:
    """The problems with their verdicts: a string for each case, a character for each sample."""
    verdicts = run.verdicts
    letters = np.array([LETTERS[status] for status in STATUSES])
    columns = {"status": letters[verdicts.status]}
    for scorer, passed in verdicts.scores.items():
        columns[scorer] = np.where(passed, "1", "0")
    for index, problem in enumerate(run.problems):
        rows = np.flatnonzero(verdicts.problem == index)
        yield {
            **{key: getattr(problem, key) for key in _PROBLEM_KEYS},
            "clean": "".join("01"[case.clean] for case in problem.cases),
            **{
                name: _strings(column[rows], verdicts.select(rows), len(problem.cases))
                for name, column in columns.items()
            },
        }


def _problem(line: Mapping[str, Any]) -> dict[str, Any]:
    """A problem's entry of a manifest, as far as a baseline has it."""
    cases = [{"clean": clean == "1"} for clean in line["clean"]]
    return {**{key: line[key] for key in _PROBLEM_KEYS}, "cases": cases}


def _strings(letters: NDArray[np.str_], verdicts: Verdicts, cases: int) -> list[str]:
    """A string for each case; the index of a letter is the sample's number."""
    strings = [[_NOT_THERE] * (1 + int(verdicts.sample.max(initial=-1))) for _ in range(cases)]
    places = zip(letters.tolist(), verdicts.case.tolist(), verdicts.sample.tolist(), strict=True)
    for letter, case, sample in places:
        strings[case][sample] = letter
    return ["".join(string).rstrip(_NOT_THERE) for string in strings]


def _read_verdicts(problems: Sequence[Mapping[str, Any]]) -> Iterator[Verdict]:
    for problem in problems:
        for case, letters in enumerate(problem["status"]):
            for sample, letter in enumerate(letters):
                if letter == _NOT_THERE:
                    continue
                status = _MEANING[letter]
                scores = {
                    scorer: problem[scorer][case][sample] == "1"
                    for scorer in SCORERS
                    if scorer in problem
                }
                passed = status is VerdictStatus.passed
                yield Verdict(
                    problem["id"], case, sample, passed, status, "", None, None, 0, 0, scores
                )
