"""The runs of a report, and the groups that tables are made of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from mtpb.cli.ending import say
from mtpb.errors import UsageError
from mtpb.report.estimates import mean
from mtpb.report.front.settings import started
from mtpb.rundir.manifest import ProblemFacts
from mtpb.rundir.run import Run, count_of_problems, matching, read_run
from mtpb.rundir.store import RunDirectory, plain_json
from mtpb.statistics.metrics import problem_rates
from mtpb.tables import clean


@dataclass(frozen=True)
class SuiteRuns:
    """Runs on the same problems, which are shown in the same tables."""

    name: str
    label: str
    runs: tuple[Run, ...]

    @property
    def problems(self) -> Sequence[ProblemFacts]:
        return self.runs[0].problems

    @property
    def benchmark(self) -> str:
        return self.runs[0].benchmark.name

    @property
    def notes(self) -> tuple[str, ...]:
        """What readers of its figures must know of the suite."""
        note = self.runs[0].benchmark.note
        return (f"{note}.",) if note else ()

    @property
    def is_part(self) -> bool:
        """Whether the figures are of a part of the suite's problems."""
        chosen = self.runs[0].manifest.identity.get("benchmark.problems")
        return bool(chosen) or len(self.answered) < len(self.problems)

    @property
    def has_tests(self) -> bool:
        """Whether this is a function suite, whose figures are pass@k."""
        return self.runs[0].benchmark.has_tests

    @cached_property
    def answered(self) -> frozenset[str]:
        """The ids of problems on which some run has a verdict; imported samples may lack some."""
        return frozenset(
            run.verdicts.problems[index]
            for run in self.runs
            for index in np.unique(run.verdicts.problem).tolist()
        )

    def labels(self, of: Mapping[str, str]) -> list[str | None]:
        """The label of each problem; None for a problem without a label or without a verdict."""
        return [of.get(p.id) if p.id in self.answered else None for p in self.problems]

    def of_format(self, format: str) -> tuple[Run, ...]:
        return tuple(run for run in self.runs if run.format == format)

    @property
    def main_format(self) -> str:
        """Multi-turn if some run is of it, else the runs' format."""
        formats = {run.format for run in self.runs}
        return "multi_turn" if "multi_turn" in formats else min(formats)

    @cached_property
    def best(self) -> tuple[Run, ...]:
        """Each model's run in the main format at its best temperature, ordered by model."""
        return best_runs(self.of_format(self.main_format))

    def reference(self, named: str | None) -> Run | None:
        """The run whose pass rates say which problems are easy or hard; None if it is missing.

        `named` is a model, whose best run in the main format is taken, or a run's directory. None
        takes the best run of all models in the main format, finished ones first.
        """
        if named is None:
            return max(self.best, key=lambda run: (run.finished, _score(run)), default=None)
        place = Path(named).resolve()
        of_name = (run for run in self.best if run.model == named)
        at_place = (run for run in self.runs if Path(run.source).resolve() == place)
        return next(chain(of_name, at_place), None)


def best_runs(runs: Iterable[Run]) -> tuple[Run, ...]:
    """The run with the highest pass rate of each model, ordered by model."""
    models: dict[str, Run] = {}
    for run in sorted(runs, key=_score, reverse=True):
        models.setdefault(run.model, run)
    return tuple(sorted(models.values(), key=lambda run: run.model_order))


def _score(run: Run) -> float:
    return mean(problem_rates(run)[:, 0])


def find_runs(patterns: str | Sequence[str]) -> list[Run]:
    """The runs that a glob, or several, match: run directories or folders that hold some.

    A run that cannot be read is left out with a warning. Raises UsageError where none is found.
    """
    asked = [patterns] if isinstance(patterns, str) else list(patterns)
    runs = [run for run in map(_readable, matching(asked)) if run is not None]
    if not runs:
        raise UsageError(
            f"runs={json.dumps(asked)}: no run directory with verdicts matches; a pattern names "
            "run directories or folders that hold some, such as results"
        )
    return runs


def _readable(directory: RunDirectory) -> Run | None:
    """The run, or None if it is broken or no samples were ever planned."""
    try:
        run = read_run(directory)
    except UsageError as error:
        warn_left_out(directory, str(error))
        return None
    return run if len(run.verdicts) or run.manifest.planned else None


def to_show(runs: Sequence[Run], partial: bool) -> list[Run]:
    """The finished runs; with `partial` also unfinished ones with some verdicts.

    Raises UsageError, with the extent of each run, if there is none.
    """
    shown = [run for run in runs if run.finished or (partial and run.judged)]
    if not shown:
        extents = "".join(f"\n  {run.source}: {run.extent}" for run in runs)
        remedy = "" if partial else ", or show them as they are, marked: partial=true"
        raise UsageError(
            "runs: none is finished; finish them with the commands that started them"
            f"{remedy}. Judged so far:{extents}"
        )
    return shown


def described(run: Run) -> str:
    """Model, format and temperature of a run, in few words."""
    words = [run.model]
    if not run.benchmark.has_tests:
        words.append(run.format.replace("_", "-"))
    if run.temperature is not None:
        words.append(f"T={run.temperature:g}")
    return ", ".join(words)


def suites_of(runs: Iterable[Run]) -> tuple[SuiteRuns, ...]:
    """Runs grouped by their problems: whole suites first, multi-turn ones before others.

    Of runs with the same model, format and temperature one is kept: a finished one if there is one,
    then the one with the most samples, then the latest. A warning names the others.
    """
    groups: dict[tuple[Any, ...], list[Run]] = {}
    latest_first = sorted(told_apart(list(runs)), key=lambda run: started(run) or "", reverse=True)
    for run in sorted(latest_first, key=lambda run: (not run.finished, -run.judged)):
        ids = tuple(problem.id for problem in run.problems)
        twins = groups.setdefault((run.benchmark.name, run.benchmark.sha256, ids), [])
        twin = next((twin for twin in twins if _same_place(run, twin)), None)
        if twin is None:
            twins.append(run)
        elif run.directory is not None:
            why = f"{twin.source} has the same model, format and temperature and stands for both"
            warn_left_out(run.directory, why)
    ordered = sorted(groups.items(), key=lambda group: (group[1][0].benchmark.has_tests, group[0]))
    suites = (
        _suite(key[0], members, [k[0] for k, _ in ordered].count(key[0]) > 1)
        for key, members in ordered
    )
    return tuple(sorted(suites, key=lambda suite: suite.is_part))


def told_apart(runs: Sequence[Run]) -> list[Run]:
    """The runs; to a name that different models share, a piece of their hash is added, and to one
    that is asked in several forms, the form."""
    origins: dict[str, set[str]] = {}
    forms: dict[str, set[str]] = {}
    for run in runs:
        origins.setdefault(run.model, set()).add(_origin(run))
        forms.setdefault(run.model, set()).add(run.manifest.form)
    return [
        _with_words(
            run,
            [_origin(run)[:6]] * (len(origins[run.model]) > 1)
            + [run.manifest.form or "completion"] * (len(forms[run.model]) > 1),
        )
        for run in runs
    ]


def _origin(run: Run) -> str:
    """Hash of the weights, of imported samples, or of what a server or the hub calls the model."""
    identity = run.manifest.identity
    known = identity.get("model.weights_sha256") or identity.get("samples.sha256")
    names = [identity.get(f"model.{key}") for key in ("served", "path", "revision")]
    return str(known or sha256(plain_json(names).encode()).hexdigest())


def _with_words(run: Run, words: Sequence[str]) -> Run:
    if not words:
        return run
    model = replace(run.manifest.model, name=f"{run.model} ({', '.join(words)})")
    return replace(run, manifest=replace(run.manifest, model=model))


def _suite(name: str, runs: Sequence[Run], ambiguous: bool) -> SuiteRuns:
    count = len(runs[0].problems)
    digest = runs[0].benchmark.sha256[:6]
    stem = f"{name}-{count}-{digest}" if ambiguous else name
    suite = SuiteRuns(stem, name, tuple(sorted(runs, key=lambda run: run.model_order)))
    if ambiguous or suite.is_part:
        suite = replace(suite, label=f"{name} ({count_of_problems(len(suite.answered), count)})")
    return suite


def _same_place(one: Run, other: Run) -> bool:
    return (one.model, one.format, one.temperature) == (
        other.model,
        other.format,
        other.temperature,
    )


def warn_left_out(directory: RunDirectory, why: str) -> None:
    """Says on standard error that a run is left out of what is being made."""
    say(clean(f"warning: {directory.path} is left out: {why}"))
