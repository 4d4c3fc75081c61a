"""Run directories as reports see them, and the groups that tables are made of."""

from __future__ import annotations

import glob
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from mtpb.errors import UsageError
from mtpb.metrics import clean_cases, problem_figures, read_verdicts
from mtpb.store import RunDirectory
from mtpb.tables import MISSHAPEN, data_order, left_out
from mtpb.verdicts import Floats, Verdicts


@dataclass(frozen=True)
class Run:
    """A run and what its manifest says of it. Verdicts are read when they are first needed."""

    directory: RunDirectory
    manifest: Mapping[str, Any] = field(repr=False)

    @property
    def model(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.manifest["model"]
        return found

    @property
    def name(self) -> str:
        return self.model.get("name") or self.directory.path.name

    @property
    def size(self) -> str:
        return self.model.get("size") or "–"

    @property
    def data(self) -> str:
        return self.model.get("data") or "–"

    @property
    def parameters(self) -> int:
        return self.model.get("parameters") or 0

    @property
    def benchmark(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.manifest["benchmark"]
        return found

    @property
    def problems(self) -> Sequence[Mapping[str, Any]]:
        found: Sequence[Mapping[str, Any]] = self.benchmark["problems"]
        return found

    @property
    def whole(self) -> bool:
        """Whether all the suite's problems were asked and answered."""
        part = (self.manifest.get("identity") or {}).get("benchmark.problems")
        return not part and len(np.unique(self.verdicts.problem)) == len(self.problems)

    @property
    def format(self) -> str:
        return str(self.benchmark["format"])

    @property
    def scorer(self) -> str:
        return str(self.benchmark["scorer"])

    @property
    def scorers(self) -> Sequence[str]:
        found: Sequence[str] = self.benchmark["scorers"]
        return found

    @property
    def temperature(self) -> float | None:
        return (self.manifest.get("sampling") or {}).get("temperature")

    @property
    def model_order(self) -> tuple[tuple[int, str], int, str]:
        """Sorts models by data variant, then size."""
        return (data_order(self.data), self.parameters, self.name)

    @cached_property
    def verdicts(self) -> Verdicts:
        return read_verdicts(self.directory, self.manifest)

    @cached_property
    def samples_per_case(self) -> int:
        """The fewest samples that a case has."""
        units = self.verdicts.units(self.scorer)
        return int(units.n.min()) if len(units) else 0

    @cached_property
    def clean(self) -> Verdicts | None:
        """The verdicts of cases without known faults; None where no errata are known."""
        mask = clean_cases(self.benchmark)
        if mask is None:
            return None
        return self.verdicts.select(mask[self.verdicts.problem, self.verdicts.case])

    def rates(self, scorer: str | None = None, ks: Sequence[int] = ()) -> Floats:
        """Pass rate and pass@k of each problem of the manifest: [P, 1 + len(ks)]."""
        return rates_of(self.verdicts, scorer or self.scorer, ks, len(self.problems))


def rates_of(verdicts: Verdicts, scorer: str, ks: Sequence[int], problems: int) -> Floats:
    """Pass rate and pass@k of each problem: [problems, 1 + len(ks)]; NaN without samples."""
    return problem_figures(verdicts.units(scorer), ks, problems)


@dataclass(frozen=True)
class Suite:
    """Runs on the same problems, which can stand in one table."""

    name: str
    label: str
    runs: tuple[Run, ...]

    @property
    def problems(self) -> Sequence[Mapping[str, Any]]:
        return self.runs[0].problems

    @property
    def benchmark(self) -> str:
        return str(self.runs[0].benchmark["name"])

    @property
    def has_tests(self) -> bool:
        """A function suite, judged by tests; its figures are pass@k."""
        return list(self.runs[0].scorers) == ["test"]

    def of_format(self, format: str) -> tuple[Run, ...]:
        return tuple(run for run in self.runs if run.format == format)

    @property
    def main_format(self) -> str:
        """Multi-turn where it was asked so, else what there is."""
        formats = {run.format for run in self.runs}
        return "multi_turn" if "multi_turn" in formats else min(formats)

    @cached_property
    def best(self) -> tuple[Run, ...]:
        """Each model's run in the main format at its best temperature, ordered by model."""
        return best_runs(self.of_format(self.main_format))

    def reference(self, named: str | None) -> Run | None:
        """The run that tells easy problems from hard ones, None if it is not here.

        `named` is a model, whose best run in the main format is taken, or a run's directory;
        without it, the best of all models in the main format is taken.
        """
        if named is None:
            return max(self.best, key=lambda run: mean(run.rates()[:, 0]), default=None)
        place = Path(named).resolve()
        of_name = (run for run in self.best if run.name == named)
        at_place = (run for run in self.runs if run.directory.path.resolve() == place)
        return next(chain(of_name, at_place), None)


def best_runs(runs: Iterable[Run]) -> tuple[Run, ...]:
    """Of each model the run with the highest pass rate, ordered by model."""
    models: dict[str, Run] = {}
    for run in sorted(runs, key=lambda run: -mean(run.rates()[:, 0])):
        models.setdefault(run.name, run)
    return tuple(sorted(models.values(), key=lambda run: run.model_order))


def mean(values: Floats) -> float:
    """Mean of what is known; minus infinity where nothing is, so that it is never the best."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else -np.inf


def find_runs(patterns: str | Sequence[str]) -> list[Run]:
    """The runs that a glob, or several, match: run directories or folders that hold some.

    A run that cannot be read is left out with a warning. Raises UsageError where none is left that
    has verdicts.
    """
    asked = [patterns] if isinstance(patterns, str) else list(patterns)
    found: dict[Path, RunDirectory] = {}
    for pattern in asked:
        for place in sorted(glob.glob(str(Path(pattern).expanduser()), recursive=True)):
            for manifest in sorted(Path(place).rglob("manifest.json")):
                found.setdefault(manifest.parent.resolve(), RunDirectory(manifest.parent))
    runs = [run for run in map(_readable, found.values()) if run is not None]
    if not runs:
        raise UsageError(
            f"runs={json.dumps(asked)}: no run directory with verdicts matches; a pattern names "
            "run directories or folders that hold some, such as results"
        )
    return runs


def _readable(directory: RunDirectory) -> Run | None:
    """The run, with its verdicts read, or None if it has none or is broken."""
    try:
        run = Run(directory, directory.manifest())
        _ = (run.model_order, run.format, run.scorers, run.scorer, run.benchmark["sha256"])
        return run if len(run.verdicts) else None
    except (UsageError, *MISSHAPEN) as error:
        left_out(directory, error)
        return None


def suites_of(runs: Iterable[Run]) -> tuple[Suite, ...]:
    """Runs grouped by the problems they were asked, multi-turn suites first.

    Of runs that agree in model, format and temperature the one with the most samples stays.
    """
    groups: dict[tuple[Any, ...], list[Run]] = {}
    for run in sorted(runs, key=lambda run: -len(run.verdicts)):
        ids = tuple(problem["id"] for problem in run.problems)
        key = (run.benchmark["name"], run.benchmark["sha256"], ids)
        twins = groups.setdefault(key, [])
        if not any(_same_place(run, twin) for twin in twins):
            twins.append(run)
    ordered = sorted(groups.items(), key=lambda group: (group[1][0].scorers == ["test"], group[0]))
    return tuple(
        _suite(key[0], members, [k[0] for k, _ in ordered].count(key[0]) > 1)
        for key, members in ordered
    )


def _suite(name: str, runs: Sequence[Run], ambiguous: bool) -> Suite:
    count = len(runs[0].problems)
    digest = str(runs[0].benchmark["sha256"])[:6]
    stem = f"{name}-{count}-{digest}" if ambiguous else name
    label = f"{name} ({count} problems)" if ambiguous else name
    return Suite(stem, label, tuple(sorted(runs, key=lambda run: run.model_order)))


def _same_place(one: Run, other: Run) -> bool:
    return (one.name, one.format, one.temperature) == (other.name, other.format, other.temperature)
