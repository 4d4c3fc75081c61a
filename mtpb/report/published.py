"""Figures that papers report, shown beside measured ones.

A published figure is shown only beside finished runs of the whole published content, judged by the
same scorer. If the sampling differs from the published setting, the differences are named next to
the figure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mtpb.errors import UsageError
from mtpb.report.estimates import estimate
from mtpb.rundir.decode import decode
from mtpb.rundir.run import Run
from mtpb.rundir.store import read_json
from mtpb.statistics.metrics import problem_rates
from mtpb.tables import Column, Estimate, Kind, Plain

SHIPPED = Path(__file__).with_name("published.json")  # results/published links to it


@dataclass(frozen=True, slots=True)
class Setting:
    """The setting of a source's figures of a benchmark: the content (SHA-256 of its records), the
    scorer and the sampling. With several temperatures each figure is of the best one. None: the
    source does not say."""

    sha256: str
    scorer: str
    n: int | None = None
    temperatures: tuple[float, ...] | None = None
    top_p: float | None = None
    top_k: int | None = None

    def figure(self, value: float, runs: Sequence[Run]) -> PublishedFigure:
        """A figure of this setting, to stand beside one of these runs."""
        return PublishedFigure(float(value), self.scorer, differing(runs, self))


@dataclass(frozen=True, slots=True)
class Source:
    """The content of one file: who published the figures, their settings by benchmark, and a
    mapping for each figure, with `benchmark` and the other keys that select its runs."""

    source: str
    figures: tuple[Mapping[str, Any], ...]
    settings: Mapping[str, Setting]


@dataclass(frozen=True, slots=True)
class PublishedFigure:
    """A published figure, the scorer that it is by, and how the setting of our runs differs, None
    if it does not."""

    value: float
    scorer: str
    differing: str | None


@dataclass(frozen=True, slots=True)
class Published:
    """The figures of a file, or of all files of a folder."""

    sources: tuple[Source, ...] = field(default=())

    @classmethod
    def read(cls, place: Path) -> Published:
        """Reads a file, or all .json files of a folder.

        Raises UsageError if there is no file, or one lacks its source, figures or settings.
        """
        paths = sorted(place.glob("*.json")) if place.is_dir() else [place]
        if not paths:
            raise UsageError(f"published={place}: no .json file in this folder")
        return cls(tuple(map(_read, paths)))

    def figure(self, runs: Sequence[Run], name: str) -> PublishedFigure | None:
        """The published figure for these runs of one model, by benchmark, format, size and data;
        None if there is none, or a run is not finished or of other content."""
        run = runs[0]
        for source, row in self._rows(run):
            if (row.get("size"), row.get("data")) == (run.size, run.data) and name in row:
                setting = source.settings[run.benchmark.name]
                if all(_of_content(run, setting) for run in runs):
                    return PublishedFigure(
                        float(row[name]), setting.scorer, differing(runs, setting)
                    )
        return None

    def others(self, runs: Sequence[Run], name: str) -> dict[str, PublishedFigure]:
        """Figures of models that cannot be run here, by model, if some run is of the published
        content. `differing` is that of the run whose setting differs least."""
        found: dict[str, PublishedFigure] = {}
        for run in runs:
            for source, row in self._rows(run):
                setting = source.settings[run.benchmark.name]
                if "model" in row and name in row and _of_content(run, setting):
                    figure = PublishedFigure(
                        float(row[name]), setting.scorer, differing([run], setting)
                    )
                    known = found.get(row["model"])
                    if known is None or len(figure.differing or "") < len(known.differing or ""):
                        found[row["model"]] = figure
        return found

    def _rows(self, run: Run) -> Iterator[tuple[Source, Mapping[str, Any]]]:
        """The figures of the run's benchmark and format, with their sources."""
        for source in self.sources:
            for row in source.figures:
                asked = (row["benchmark"], row.get("format", run.format))
                if asked == (run.benchmark.name, run.format):
                    yield source, row

    def notes(self, benchmark: str) -> tuple[str, ...]:
        """Notes that name the sources of a benchmark's figures."""
        return tuple(
            f"Published: {source.source}"
            for source in self.sources
            if any(row["benchmark"] == benchmark for row in source.figures)
        )


def differing(runs: Sequence[Run], setting: Setting) -> str | None:
    """How the sampling of the runs differs from the published setting, None if it does not."""
    samplings = [run.manifest.sampling for run in runs]
    found = []
    for label, wanted, ours in (
        ("n", setting.n, [run.samples_per_case for run in runs]),
        ("T", setting.temperatures, [None if s is None else s.temperature for s in samplings]),
        ("top-p", setting.top_p, [None if s is None else s.top_p for s in samplings]),
        ("top-k", setting.top_k, [None if s is None else s.top_k for s in samplings]),
    ):
        theirs = wanted if isinstance(wanted, tuple) or wanted is None else (wanted,)
        if theirs is not None and set(ours) != set(theirs):
            found.append(f"{label} {_listed(ours)}, theirs {_listed(theirs)}")
    return "; ".join(found) or None


def columns(group: str) -> tuple[Column, ...]:
    """The columns that `beside` fills; `group` distinguishes several of them in a table."""
    prefix = "" if group == "published" else f"{group.partition(', ')[2]}_"
    return (
        Column(f"{prefix}published", "figure", Kind.rate, group),
        Column(f"{prefix}difference", "ours − it", Kind.difference, group),
        Column(f"{prefix}within", "within ours", Kind.flag, group),
        Column(f"{prefix}differing", "our setting", Kind.text, group),
    )


def beside(ours: Estimate, published: PublishedFigure | None) -> tuple[Plain, Plain, Plain, Plain]:
    """The published value, ours minus it, whether it lies within our interval, and what differs
    between the settings."""
    if published is None:
        return None, None, None, None
    value, setting = published.value, published.differing
    if ours.value is None or ours.low is None or ours.high is None:
        return value, None, None, setting
    # compared as they are shown, rounded: equal numbers must not be called outside
    within = round(ours.low, 3) <= round(value, 3) <= round(ours.high, 3)
    return value, ours.value - value, within, setting


def beside_pass_rate(run: Run, published: Published) -> tuple[Plain, Plain, Plain, Plain]:
    """What `beside` says of a run's pass rate over all cases, by the published figure's scorer."""
    figure = published.figure([run], "pass_rate")
    if figure is None:
        return beside(Estimate(None), None)
    return beside(estimate(problem_rates(run, figure.scorer)[:, 0]), figure)


def _of_content(run: Run, setting: Setting) -> bool:
    """Whether the run is a finished one of all the published content, by the same scorer."""
    same = run.benchmark.sha256 == setting.sha256 and setting.scorer in run.scorers
    everything = not run.manifest.identity.get("benchmark.problems")
    answered = len(run.verdicts.units(setting.scorer)) == run.benchmark.cases
    return same and everything and answered and run.finished


def _listed(values: Sequence[float | None]) -> str:
    known = sorted({value for value in values if value is not None})
    return ", ".join(f"{value:g}" for value in known) or "unknown"


def _read(path: Path) -> Source:
    content = read_json(path, _EXPECTED)
    try:
        source = decode(Source, content)
        for number, figure in enumerate(source.figures):
            if figure.get("benchmark") not in source.settings:
                raise UsageError(
                    f"key 'figures[{number}].benchmark': {figure.get('benchmark')!r} has no entry "
                    "in 'settings'"
                )
    except UsageError as error:
        raise UsageError(f"published={path}: {error}; {_EXPECTED}") from error
    return source


_EXPECTED = (
    "expected an object with source, settings (by benchmark: sha256, scorer, n, temperatures, "
    "top_p, top_k) and figures that each name their benchmark; results/published shows one"
)
