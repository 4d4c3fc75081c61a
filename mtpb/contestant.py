"""A run as a comparison sees it: its manifest and its verdicts, from a directory or a baseline.

A baseline is a run boiled down to its verdicts, small enough to be committed: one JSON file with
what the run was and a line a problem, in which every sample is one letter. It has no prompts, no
programs and no expected values.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mtpb.errors import UsageError
from mtpb.metrics import clean_cases, read_verdicts
from mtpb.records import Status, Verdict
from mtpb.store import RunDirectory, read_json, write_whole
from mtpb.verdicts import STATUSES, Verdicts

BASELINE_VERSION = 1
LETTERS = {
    Status.passed: "P",
    Status.wrong_answer: "W",
    Status.no_output: "N",
    Status.syntax_error: "S",
    Status.exception: "X",
    Status.timeout: "T",
    Status.memory: "M",
    Status.blocked: "B",
    Status.sandbox_error: "E",
}
_NOT_THERE = "."
_MOST_SAMPLES = 100_000
_MEANING = {letter: status for status, letter in LETTERS.items()}


@dataclass(frozen=True, slots=True)
class Contestant:
    """One side of a comparison. `directory` is None for a saved baseline: it has no samples."""

    name: str
    manifest: Mapping[str, Any]
    verdicts: Verdicts
    directory: Path | None = None

    @property
    def identity(self) -> Mapping[str, Any]:
        identity: Mapping[str, Any] = self.manifest["identity"]
        return identity

    @property
    def benchmark(self) -> Mapping[str, Any]:
        benchmark: Mapping[str, Any] = self.manifest["benchmark"]
        return benchmark

    @property
    def scorer(self) -> str:
        """The scorer that the run chose."""
        return str(self.benchmark["scorer"])


def find_contestant(reference: str, baselines: Path) -> Contestant:
    """A run directory, a baseline's file, or the name of a baseline in the folder `baselines`.

    Raises UsageError if it is none of them, or has no verdicts.
    """
    path = Path(reference).expanduser()
    run = RunDirectory(path)
    named = baselines / f"{reference}.json"
    if run.manifest_path.exists() or (path.is_dir() and not named.exists()):
        contestant = read_run(run)
    else:
        file = path if path.is_file() else baseline_path(reference, baselines)
        contestant = read_baseline(file)
    if not len(contestant.verdicts):
        raise UsageError(f"{reference}: no verdicts in it; run mtpb.run or mtpb.score first")
    return contestant


def read_run(run: RunDirectory) -> Contestant:
    manifest = run.manifest()
    return Contestant(str(run.path), manifest, read_verdicts(run, manifest), run.path)


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


def write_baseline(path: Path, run: RunDirectory) -> None:
    """Saves a run's verdicts as a baseline. Raises UsageError for a run that is not whole."""
    contestant = read_run(run)
    refuse_unfinished(contestant)
    head = json.dumps(_head(contestant, path.stem), indent=1, ensure_ascii=False)
    lines = ",\n".join(
        "  " + json.dumps(line, ensure_ascii=False) for line in _problem_lines(contestant)
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, (head.removesuffix("\n}"), f',\n "problems": [\n{lines}\n ]\n}}\n'))


def read_baseline(path: Path) -> Contestant:
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
        manifest = {**content, "benchmark": _benchmark(content["benchmark"], problems)}
    except (KeyError, TypeError) as error:
        raise UsageError(f"{path}: broken baseline ({error!r}); save it anew") from error
    return Contestant(path.stem, manifest, verdicts)


def refuse_unfinished(contestant: Contestant) -> None:
    """Raises UsageError for a run that lacks verdicts, or has programs the sandbox failed on."""
    verdicts = contestant.verdicts
    failed = int((~verdicts.judged).sum())
    if failed:
        raise UsageError(
            f"{contestant.name}: the sandbox itself failed on {failed} programs; judge them again "
            "with the command that made the run"
        )
    highest = int(verdicts.sample.max(initial=0))
    if highest >= _MOST_SAMPLES:
        raise UsageError(
            f"{contestant.name}: a sample has the number {highest}; baselines have room for "
            f"{_MOST_SAMPLES} samples a case"
        )
    n = (contestant.manifest.get("sampling") or {}).get("n")
    wanted = sum(len(p["cases"]) for p in contestant.benchmark["problems"]) * (n or 0)
    if len(verdicts) < wanted or not len(verdicts):
        raise UsageError(
            f"{contestant.name}: {len(verdicts)} verdicts of {wanted}; finish the run with the "
            "command that started it"
        )


def _head(contestant: Contestant, name: str) -> dict[str, Any]:
    manifest, benchmark = contestant.manifest, contestant.benchmark
    model = {key: value for key, value in manifest["model"].items() if key != "path"}
    kept = ("name", "source", "sha256", "format", "scorers", "scorer")
    return {
        "baseline_version": BASELINE_VERSION,
        "name": name,
        "identity": dict(contestant.identity),
        "model": model,
        "benchmark": {
            **{key: benchmark[key] for key in kept if key in benchmark},
            "errata": clean_cases(benchmark) is not None,
        },
        **{
            key: manifest[key]
            for key in ("sampling", "seed", "engine", "sandbox", "packages", "python")
            if key in manifest
        },
        "git_commit": manifest.get("git_commit"),
        "throughput": manifest.get("throughput") or {},
    }


def _problem_lines(contestant: Contestant) -> Iterator[dict[str, Any]]:
    """A problem with its verdicts: per case a string with a letter, or a digit, a sample."""
    verdicts = contestant.verdicts
    letters = np.array([LETTERS[status] for status in STATUSES])
    columns = {"status": letters[verdicts.status]}
    for scorer, passed in verdicts.scores.items():
        columns[scorer] = np.where(passed, "1", "0")
    for index, problem in enumerate(contestant.benchmark["problems"]):
        rows = np.flatnonzero(verdicts.problem == index)
        cases = problem["cases"]
        yield {
            **{key: problem[key] for key in ("id", "name", "category", "difficulty", "turns")},
            "clean": "".join("01"[bool(case["clean"])] for case in cases),
            **{
                name: _strings(column[rows], verdicts.select(rows), len(cases))
                for name, column in columns.items()
            },
        }


def _strings(letters: NDArray[np.str_], verdicts: Verdicts, cases: int) -> list[str]:
    """A string per case, in which a sample's number is its letter's place."""
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
                by = {
                    scorer: problem[scorer][case][sample] == "1"
                    for scorer in ("official", "strict")
                    if scorer in problem
                }
                passed = status is Status.passed
                yield Verdict(
                    problem["id"], case, sample, passed, status, "", None, None, 0, 0, **by
                )


def _benchmark(head: Mapping[str, Any], problems: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The manifest's benchmark as far as a baseline knows it."""
    listed = [
        {
            **{key: problem[key] for key in ("id", "name", "category", "difficulty", "turns")},
            "cases": [
                {"expected": None, "errata": [], "clean": clean == "1"}
                for clean in problem["clean"]
            ],
        }
        for problem in problems
    ]
    return {**head, "problems": listed}
