"""The content of metrics.json: a run's figures by scorer, subset, category and problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from mtpb.errors import UsageError
from mtpb.rundir.run import Run
from mtpb.rundir.verdicts import STATUSES, Floats, Ints, Units, Verdicts
from mtpb.statistics.attempts import attempts_json
from mtpb.statistics.intervals import group_figures, single_figures
from mtpb.statistics.ks import usual_ks
from mtpb.statistics.metrics import figure_names, problem_figures


def summarise(run: Run, ks: Sequence[int] | None = None) -> dict[str, Any]:
    """The content of metrics.json, computed from a run's verdicts.

    `ks` are the k of pass@k; by default those of 1, 10 and 100 for which every case has enough
    samples. Raises UsageError for a k that exceeds the samples of some case, and for a run without
    verdicts.
    """
    if not len(run.verdicts):
        raise UsageError("no verdicts; run mtpb.run or mtpb.score first")
    ks = checked_ks(run.verdicts, ks)
    categories = [problem.category for problem in run.problems]
    results = [
        {"scorer": scorer, "subset": subset, **_entry(chosen, scorer, ks, categories)}
        for scorer in run.scorers
        for subset, chosen in run.subsets.items()
        if len(chosen)
    ]
    attempts = {"attempts": attempts_json(run)} if run.manifest.max_turns > 1 else {}
    return {"results": results, **attempts, "throughput": run.manifest.throughput.rates}


def checked_ks(verdicts: Verdicts, ks: Sequence[int] | None) -> tuple[int, ...]:
    """The default k or those asked for; UsageError for one that exceeds the samples of a case."""
    drawn = _drawn(verdicts)
    if ks is None:
        return usual_ks(drawn.fewest)
    for k in ks:
        if k < 1:
            raise UsageError(f"k={k}: must be at least 1")
        for unit in np.flatnonzero(drawn.n < k):
            problem = verdicts.problems[drawn.problem[unit]]
            raise UsageError(
                f"k={k}: problem {problem!r}, case {drawn.case[unit]} has only {drawn.n[unit]} "
                "samples; choose a smaller k"
            )
    return tuple(sorted(set(ks)))


def _entry(
    verdicts: Verdicts, scorer: str, ks: Sequence[int], categories: Sequence[str]
) -> dict[str, Any]:
    """overall, by_category and by_problem of one scorer on one subset."""
    units = verdicts.units(scorer)
    counts = verdicts.status_counts(scorer)
    present = np.flatnonzero(counts.sum(axis=1))
    values = problem_figures(units, ks, len(counts))
    singles = single_figures(units, ks, len(counts))

    def group(members: Ints) -> dict[str, Any]:
        figures = singles[members[0]] if len(members) == 1 else group_figures(values[members])
        cases = np.isin(units.problem, members)
        size = {"problems": len(members), "cases": int(cases.sum())}
        return {**size, **_figures_json(figures, ks, counts[members].sum(axis=0))}

    by_category: dict[str, list[int]] = {}
    for member in present:
        by_category.setdefault(categories[int(member)], []).append(int(member))
    return {
        "overall": group(present),
        "by_category": {name: group(np.array(members)) for name, members in by_category.items()},
        "by_problem": {
            verdicts.problems[member]: _figures_json(singles[member], ks, counts[member])
            for member in present
        },
    }


def _figures_json(figures: Floats, ks: Sequence[int], counts: Ints) -> dict[str, Any]:
    names = figure_names(ks)
    rounded = [[None if np.isnan(x) else round(float(x), 9) for x in row] for row in figures]
    return {
        "samples": int(counts.sum()),
        **{name: row[0] for name, row in zip(names, rounded, strict=True)},
        "intervals": {
            name: None if row[0] is None else row[1:]
            for name, row in zip(names, rounded, strict=True)
        },
        "status": {
            status.value: int(count) for status, count in zip(STATUSES, counts, strict=True)
        },
    }


def _drawn(verdicts: Verdicts) -> Units:
    """The units, with samples counted on which the sandbox itself failed."""
    return replace(verdicts, status=np.zeros_like(verdicts.status)).units("test")
