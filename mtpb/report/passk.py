"""pass@k of function suites by model: at the best temperature, and with held-out selection."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mtpb.report.estimates import estimate, mean
from mtpb.report.published import Published, beside, columns
from mtpb.report.runs import SuiteRuns
from mtpb.rundir.run import Run
from mtpb.rundir.verdicts import Floats
from mtpb.statistics.intervals import LEVEL
from mtpb.statistics.ks import usual_ks
from mtpb.statistics.metrics import problem_rates
from mtpb.tables import Cell, Column, Estimate, Kind, Table, marked

SPLITS = 50
RESAMPLES = 1000

_HONEST = (
    f"Honest: the temperature is chosen on a random half of the problems and scored on the other, "
    f"averaged over {SPLITS} splits in both directions; best is chosen and scored on all of them."
)


def ks_of(suite: SuiteRuns) -> tuple[int, ...]:
    """The default k for the run with the most samples a case."""
    return usual_ks(max(run.samples_per_case for run in suite.runs))


def models_of(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs grouped by model and sorted by temperature; models in the order of the runs."""
    models: dict[str, list[Run]] = {}
    for run in runs:
        models.setdefault(run.model, []).append(run)
    return [sorted(found, key=lambda run: run.temperature or 0) for found in models.values()]


def grid(suite: SuiteRuns) -> Table:
    """pass@k by size and data variant, each at its best temperature: the paper's table."""
    ks = ks_of(suite)
    rows: list[tuple[Cell, ...]] = []
    for runs in models_of(suite.runs):
        figures = [best_cell(runs, k) for k in ks]
        rows.append((runs[0].data, runs[0].size, runs[0].model, *figures))
    return Table(
        f"{suite.name}-pass-at-k",
        f"{suite.label}: pass@k by data variant and size, best temperature per k, "
        "% [95 % interval]",
        (
            Column("data", "data"),
            Column("size", "size"),
            Column("model", "model"),
            *(Column(f"pass@{k}", f"pass@{k}", Kind.rate) for k in ks),
        ),
        tuple(rows),
    )


def temperatures(suite: SuiteRuns, published: Published) -> Table:
    """Each model and k: the best temperature, the honest figure, and the published one."""
    rows: list[tuple[Cell, ...]] = []
    for runs in models_of(suite.runs):
        for k in ks_of(suite):
            chosen, figure = best(runs, k)
            able = able_runs(runs, k)
            paper = beside(figure, published.figure(able, f"pass@{k}")) if able else (None,) * 4
            at = None if chosen is None else chosen.temperature
            ours = (*marked((figure, at), chosen), *marked((honest(runs, k),), *able))
            rows.append((runs[0].model, f"pass@{k}", *ours, *paper))
    shown = any(row[5] is not None for row in rows)
    return Table(
        f"{suite.name}-temperatures",
        f"{suite.label}: pass@k at the best and at an honest temperature, % [95 % interval]",
        (
            Column("model", "model"),
            Column("figure", "figure"),
            Column("best", "best", Kind.rate),
            Column("temperature", "at T", Kind.number),
            Column("honest", "honest", Kind.rate),
            *columns("published"),
        ),
        tuple(rows),
        (_HONEST, *(published.notes(suite.benchmark) if shown else ())),
    )


def able_runs(runs: Sequence[Run], k: int) -> list[Run]:
    """The runs with at least k samples a case."""
    return [run for run in runs if run.samples_per_case >= k]


def best(runs: Sequence[Run], k: int) -> tuple[Run | None, Estimate]:
    """The run with the highest pass@k of a model's temperatures, and its figure."""
    able = able_runs(runs, k)
    if not able:
        return None, Estimate(None)
    chosen = max(able, key=lambda run: mean(problem_rates(run, ks=(k,))[:, 1]))
    return chosen, estimate(problem_rates(chosen, ks=(k,))[:, 1])


def best_cell(runs: Sequence[Run], k: int) -> Cell:
    """The figure of `best`, marked if its run is not finished."""
    run, figure = best(runs, k)
    return marked((figure,), run)[0]


def honest(runs: Sequence[Run], k: int) -> Estimate:
    """pass@k where the temperature is chosen on other problems than it is scored on.

    The interval is a bootstrap over problems of the whole procedure. Empty for a single
    temperature.
    """
    able = [problem_rates(run, ks=(k,))[:, 1] for run in able_runs(runs, k)]
    if len(able) < 2:
        return Estimate(None)
    values = np.stack(able)
    values = values[:, ~np.isnan(values).any(axis=0)]
    if values.shape[1] < 4:
        return Estimate(None)
    rng = np.random.default_rng(0)
    problems = values.shape[1]
    weights = rng.multinomial(problems, np.full(problems, 1 / problems), RESAMPLES).astype(float)
    drawn = np.concatenate([np.ones((1, problems)), weights])  # first each problem once
    scores = np.mean([_scored(values, drawn, half) for half in _halves(problems, rng)], axis=0)
    low, high = np.nanquantile(scores[1:], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    if low == high:  # all problems agree, so the bootstrap has no width
        return Estimate(float(scores[0]), *estimate(values[0])[1:])
    return Estimate(float(scores[0]), float(low), float(high))


def _halves(problems: int, rng: np.random.Generator) -> list[Floats]:
    """Random halves of the problems as masks, each followed by its complement."""
    masks = []
    for _ in range(SPLITS):
        mask = (rng.permutation(problems) < problems // 2).astype(float)
        masks += [mask, 1 - mask]
    return masks


def _scored(values: Floats, weights: Floats, half: Floats) -> Floats:
    """Scores [R] on one half of the problems at the temperature that is best on the other.

    values [T, P]; weights [R, P] is how often each problem is drawn; half [P].
    """
    choosing = weights * (1 - half) @ values.T
    scoring = weights * half
    means = scoring @ values.T / np.maximum(scoring.sum(axis=1, keepdims=True), 1e-300)
    return np.take_along_axis(means, choosing.argmax(axis=1)[:, None], axis=1)[:, 0]
