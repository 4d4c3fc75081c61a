"""A run in memory: its manifest and its verdicts.

Reports, comparisons, tables and `load_run` take a `Run`, which was read from a run directory or
from a saved baseline.
"""

from __future__ import annotations

import glob
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from mtpb.errors import UsageError
from mtpb.rundir.manifest import BenchmarkFacts, Manifest, ProblemFacts, data_order
from mtpb.rundir.store import RunDirectory, expanded
from mtpb.rundir.verdicts import Verdicts


@dataclass(frozen=True)
class Run:
    """`source` names the run in messages: the directory's path or the baseline's name.

    `directory` is None for a baseline, which has no samples.
    """

    source: str
    manifest: Manifest
    verdicts: Verdicts = field(repr=False)
    directory: RunDirectory | None = None

    @property
    def benchmark(self) -> BenchmarkFacts:
        return self.manifest.benchmark

    @property
    def problems(self) -> Sequence[ProblemFacts]:
        return self.benchmark.problems

    @property
    def scorer(self) -> str:
        """The scorer that the run was configured with."""
        return self.benchmark.scorer

    @property
    def scorers(self) -> Sequence[str]:
        return self.benchmark.scorers

    @property
    def format(self) -> str:
        return self.benchmark.format

    @property
    def temperature(self) -> float | None:
        return None if self.manifest.sampling is None else self.manifest.sampling.temperature

    @property
    def model(self) -> str:
        """The model's name; the run's where the samples have none."""
        return self.manifest.model.name or self.source

    @property
    def size(self) -> str:
        return self.manifest.model.size or "–"

    @property
    def data(self) -> str:
        return self.manifest.model.data or "–"

    @property
    def parameters(self) -> int:
        return self.manifest.model.parameters or 0

    @property
    def model_order(self) -> tuple[tuple[int, str], int, str]:
        """Sorts models by data variant, then by size."""
        return (data_order(self.data), self.parameters, self.model)

    @cached_property
    def judged(self) -> int:
        """How many samples are judged; one on which the sandbox itself failed is not."""
        return int(self.verdicts.judged.sum())

    @property
    def finished(self) -> bool:
        """Whether every planned sample is judged."""
        return self.judged >= self.manifest.planned

    @property
    def extent(self) -> str:
        """How far the run is, in words: `178 of 690 samples`."""
        return extent(self.judged, self.manifest.planned)

    @cached_property
    def samples_per_case(self) -> int:
        """The number of samples of the case that has the fewest."""
        return self.verdicts.units(self.scorer).fewest

    @cached_property
    def clean(self) -> Verdicts | None:
        """The verdicts on cases without known faults; None where no errata are known."""
        return clean_verdicts(self.verdicts, self.benchmark)

    @property
    def subsets(self) -> Mapping[str, Verdicts]:
        """`all` verdicts, and the `clean` ones where the benchmark's errata are known."""
        return {"all": self.verdicts} | ({} if self.clean is None else {"clean": self.clean})


def extent(judged: int, planned: int) -> str:
    """How many of the planned samples are judged, in words."""
    return f"{judged:,} of {planned:,} samples"


def count_of_problems(answered: int, asked: int) -> str:
    """The number of problems behind figures, in words: `3 problems`, `3 of 115 problems`."""
    several = "" if asked == 1 else "s"
    return f"{asked} problem{several}" if answered == asked else f"{answered} of {asked} problems"


def read_run(directory: RunDirectory) -> Run:
    """Reads manifest and verdicts of a run directory.

    Raises UsageError if it is not a run directory, if a line is not a verdict, and if a verdict is
    on a problem or a case that the manifest does not list.
    """
    manifest = directory.manifest()
    source = encodable(str(directory.path))  # reports are UTF-8, a folder's name may not be
    return Run(source, manifest, read_verdicts(directory, manifest), directory)


def encodable(text: str) -> str:
    """The text with escapes for lone surrogates, which UTF-8 does not encode."""
    return text.encode("utf-8", "backslashreplace").decode()


def read_verdicts(directory: RunDirectory, manifest: Manifest) -> Verdicts:
    """A run's verdicts, problems in the manifest's order; UsageError for one it does not list."""
    cases = {problem.id: len(problem.cases) for problem in manifest.benchmark.problems}
    verdicts = Verdicts.read(directory.verdicts_path, tuple(cases))
    listed = np.array([cases.get(problem, 0) for problem in verdicts.problems], dtype=np.int64)
    unlisted = np.flatnonzero(verdicts.case >= listed[verdicts.problem])
    if len(unlisted):
        problem, case = verdicts.problems[verdicts.problem[unlisted[0]]], verdicts.case[unlisted[0]]
        known = f"{cases[problem]} cases of it" if problem in cases else "no such problem"
        raise UsageError(
            f"{directory.verdicts_path}: a verdict on problem {problem!r}, case {case}, but key "
            f"'benchmark.problems' of {directory.manifest_path} lists {known}; the two files are "
            "of different runs: put those of one run together, or run anew in another output"
        )
    return verdicts


def run_directories(place: Path) -> list[RunDirectory]:
    """The run directories below a folder, which may be one itself, by path."""
    return [RunDirectory(manifest.parent) for manifest in sorted(place.rglob("manifest.json"))]


def matching(patterns: Iterable[str]) -> list[RunDirectory]:
    """The run directories that globs match, each once: themselves, or in folders that match."""
    given = [expanded(pattern) for pattern in patterns]
    places = [
        Path(place)
        for one in given
        for place in ([one] if one.exists() else sorted(glob.glob(str(one), recursive=True)))
    ]
    found = (directory for place in places for directory in run_directories(place))
    there: dict[Path, RunDirectory] = {}
    for directory in found:
        there.setdefault(directory.path.resolve(), directory)
    return list(there.values())


def clean_verdicts(verdicts: Verdicts, benchmark: BenchmarkFacts) -> Verdicts | None:
    """The verdicts on cases that are free of known faults; None where no errata are known."""
    if not benchmark.has_errata:
        return None
    problems = benchmark.problems
    clean = np.zeros((len(problems), max(len(p.cases) for p in problems)), dtype=bool)
    for row, problem in zip(clean, problems, strict=True):
        row[: len(problem.cases)] = [case.clean for case in problem.cases]
    return verdicts.select(clean[verdicts.problem, verdicts.case])
