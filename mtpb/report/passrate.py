"""Tables of pass rates, by scorer and by groups of problems; of failures, and of cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mtpb.config.report import Thresholds
from mtpb.report.estimates import estimate
from mtpb.report.published import Published, beside, beside_pass_rate, columns
from mtpb.report.runs import SuiteRuns
from mtpb.rundir.manifest import EngineFacts
from mtpb.rundir.run import Run
from mtpb.rundir.verdicts import STATUSES, Floats, Ints, Verdicts
from mtpb.statistics.intervals import single_figures
from mtpb.statistics.metrics import problem_figures, problem_rates
from mtpb.tables import Cell, Column, Estimate, Kind, Table, marked

_PASSED = STATUSES.index(next(s for s in STATUSES if s.value == "passed"))


@dataclass(frozen=True, slots=True)
class Grouping:
    """Groups of problems. `kind` is for file names, `label` for titles; `of` maps a problem's id to
    its group, and problems that are not in it have none. `reference` is the run whose pass rates
    define the groups, if one does."""

    kind: str
    label: str
    of: Mapping[str, str]
    notes: tuple[str, ...] = ()
    reference: Run | None = None


def scorers(suite: SuiteRuns, published: Published) -> Table:
    """Each model at its best temperature, by both scorers, over all cases and the clean ones."""
    clean = any(run.clean is not None for run in suite.best)
    subsets = ("all", "clean") if clean else ("all",)
    rows: list[tuple[Cell, ...]] = []
    for run in suite.best:
        figures = [_pass_rate(run, scorer, s) for s in subsets for scorer in run.scorers]
        paper = beside_pass_rate(run, published)
        ours = marked(figures, run)
        rows.append((run.data, run.size, run.model, run.temperature, *ours, *paper))
    nothing = (None,) * (len(subsets) * len(suite.runs[0].scorers))
    for model, figure in published.others(suite.best, "pass_rate").items():
        paper = beside(Estimate(None), figure)
        rows.append(("–", "–", model, None, *nothing, *paper))
    shown = any(row[-4] is not None for row in rows)
    return Table(
        f"{suite.name}-pass-rate",
        f"{suite.label}: pass rate by data variant and size{_asked(suite)}, % [95 % interval]",
        (
            Column("data", "data"),
            Column("size", "size"),
            Column("model", "model"),
            Column("temperature", "at T", Kind.number),
            *(
                Column(f"{scorer}_{subset}", scorer, Kind.rate, f"{subset} cases")
                for subset in subsets
                for scorer in suite.runs[0].scorers
            ),
            *columns("published"),
        ),
        tuple(rows),
        (*suite.notes, *(published.notes(suite.benchmark) if shown else ())),
    )


def _pass_rate(run: Run, scorer: str, subset: str) -> Estimate:
    verdicts = run.verdicts if subset == "all" else run.clean
    if verdicts is None or scorer not in run.scorers:
        return Estimate(None)
    return estimate(problem_figures(verdicts.units(scorer), (), len(run.problems))[:, 0])


def by_key(suite: SuiteRuns, key: str, label: str = "") -> Grouping:
    """By a key of the problems, `difficulty` or `category`, where it is set."""
    said = {problem.id: getattr(problem, key) for problem in suite.problems}
    groups = {id: value for id, value in said.items() if value}
    return Grouping((label or key).replace(" ", "-"), label or key, groups)


def by_turns(suite: SuiteRuns) -> Grouping:
    return Grouping("turns", "turns", {p.id: _turns_label(p.turns) for p in suite.problems})


def _turns_label(count: int) -> str:
    return f"{count} turn{'s' * (count != 1)}"


def by_difficulty(suite: SuiteRuns, reference: Run, thresholds: Thresholds) -> Grouping:
    """By each problem's pass rate in a reference run."""
    rates = problem_rates(reference)[:, 0]
    groups = {
        problem.id: _level(rate, thresholds)
        for problem, rate in zip(suite.problems, rates.tolist(), strict=True)
        if not np.isnan(rate)
    }
    note = (
        f"Difficulty: by the pass rate of {reference.model}{_asked(suite, reference)}; easy from "
        f"{100 * thresholds.easy:g} % on, hard below {100 * thresholds.hard:g} %. Its own row "
        "is of the samples that define the groups: easy ones look too easy, hard ones too hard."
    )
    label = f"difficulty for {reference.model}"
    return Grouping("difficulty", label, groups, (note,), reference)


def _level(rate: float, thresholds: Thresholds) -> str:
    return "easy" if rate >= thresholds.easy else "hard" if rate < thresholds.hard else "medium"


def groups(suite: SuiteRuns, grouping: Grouping) -> Table:
    """Pass rates of each model by groups of problems, the number of problems in the heading."""
    labels = suite.labels(grouping.of)
    names = group_order(labels)
    rows: list[tuple[Cell, ...]] = []
    for run in suite.best:
        figures = [of_group(run, members(labels, name)) for name in names]
        rows.append((run.model, *marked(figures, run, grouping.reference)))
    columns = tuple(Column(name, f"{name} ({labels.count(name)})", Kind.rate) for name in names)
    return Table(
        f"{suite.name}-by-{grouping.kind}",
        f"{suite.label}: pass rate by {grouping.label} (problems){_asked(suite)}, "
        "% [95 % interval]",
        (Column("model", "model"), *columns),
        tuple(rows),
        grouping.notes,
    )


def of_group(run: Run, problems: Ints) -> Estimate:
    """Pass rate of some problems; the interval of a single one is over its samples."""
    if len(problems) != 1:
        return estimate(problem_rates(run)[problems, 0])
    units = run.verdicts.units(run.scorer)
    value, low, high = single_figures(units, (), len(run.problems))[problems[0], 0].tolist()
    return Estimate(None) if np.isnan(value) else Estimate(value, low, high)


def members(labels: Sequence[str | None], name: str) -> Ints:
    return np.flatnonzero([label == name for label in labels])


def group_order(labels: Iterable[str | None]) -> list[str]:
    """Difficulties from easy to hard, numbers by value, other names by the alphabet."""
    known = {"easy": 0, "medium": 1, "hard": 2}
    return sorted(
        {label for label in labels if label is not None},
        key=lambda n: (known.get(n, 0), int(n.split()[0]) if n[:1].isdigit() else 0, n),
    )


def failures(suite: SuiteRuns) -> Table:
    """Shares of all samples by status and by the turn that fails first."""
    turns = range(0 if suite.has_tests else max(problem.turns for problem in suite.problems))
    rows: list[tuple[Cell, ...]] = []
    for run in suite.best:
        judged = run.verdicts.select(run.verdicts.judged)
        for status in np.unique(judged.status[judged.status != _PASSED]):
            here = judged.status == status
            at_turns = [_share(run, judged, here & (judged.turn == turn)) for turn in (*turns, -1)]
            name = STATUSES[status].value.replace("_", " ")
            shares = (_share(run, judged, here), *(at_turns if turns else ()))
            rows.append((run.model, name, *marked(shares, run)))
    columns = (
        Column("model", "model"),
        Column("status", "status"),
        Column("all", "all", Kind.rate),
        *(Column(f"turn_{i + 1}", str(i + 1), Kind.rate, "fails at turn") for i in turns),
        *((Column("none", "at no one turn", Kind.rate),) if turns else ()),
    )
    title = "how samples fail" if suite.has_tests else "which turn fails first, and how"
    note = "A turn fails where an uncaught error names one of its lines; a dash: no such sample."
    return Table(
        f"{suite.name}-failures",
        f"{suite.label}: {title}, share of all samples, % [95 % interval]",
        columns,
        tuple(rows),
        (note,) if turns else (),
    )


def _share(run: Run, judged: Verdicts, rows: np.ndarray[Any, np.dtype[np.bool_]]) -> Estimate:
    """Share of samples, means over problems; nothing where there is no such sample."""
    if not rows.any():
        return Estimate(None)
    count = len(run.problems)
    total = np.bincount(judged.problem, minlength=count).astype(float)
    found = np.bincount(judged.problem, weights=rows, minlength=count)
    shares: Floats = np.where(total > 0, found / np.maximum(total, 1), np.nan)
    return estimate(shares)


def cost(suites: Sequence[SuiteRuns]) -> Table:
    """Tokens, programs, seconds and device of each run; measured once, without intervals.

    `repeats`: what is the same in another run of the same configuration.
    """
    rows: list[tuple[Cell, ...]] = []
    for suite in suites:
        for run in suite.runs:
            engine = run.manifest.engine or EngineFacts()
            spent = [getattr(run.manifest.throughput, key) for key in _SPENT]
            label = f"{suite.label}, {_words(run.format)}" if not suite.has_tests else suite.label
            figures = marked((len(run.verdicts), *spent), run)
            device = engine.device_name or engine.device
            repeats = None if run.manifest.sampling is None else run.manifest.guarantee.value
            where = device or ("server" if run.manifest.server else None)
            rows.append((run.model, label, run.temperature, *figures, where, repeats))
    columns = (
        Column("model", "model"),
        Column("suite", "suite"),
        Column("temperature", "T", Kind.number),
        Column("samples", "samples", Kind.count),
        *(Column(key, label, kind) for key, (label, kind) in _SPENT.items()),
        Column("device", "device"),
        Column("repeats", "repeats"),
    )
    return Table("cost", "Cost of each run", columns, tuple(rows))


_SPENT = {
    "tokens": ("tokens", Kind.count),
    "generate_s": ("generating, s", Kind.number),
    "tokens_per_s": ("tokens/s", Kind.number),
    "programs": ("programs", Kind.count),
    "judge_s": ("judging, s", Kind.number),
    "programs_per_s": ("programs/s", Kind.number),
}


def _asked(suite: SuiteRuns, run: Run | None = None) -> str:
    """The format of a suite, or of one run of it, for titles; empty for a function suite."""
    format = suite.main_format if run is None else run.format
    return "" if suite.has_tests else f", {_words(format)}"


def _words(format: str) -> str:
    return format.replace("_", "-")
