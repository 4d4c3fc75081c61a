"""Multi-turn against single-turn: the same problems asked turn by turn and all at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mtpb.metrics import bootstrap_interval
from mtpb.prompt_scores import prompt_scores
from mtpb.report.passk import estimate
from mtpb.report.passrate import Grouping, group_order, members
from mtpb.report.published import Published, beside
from mtpb.report.runs import Run, Suite, best_runs
from mtpb.tables import Cell, Column, Estimate, Kind, Table
from mtpb.verdicts import Floats


class Pair(NamedTuple):
    """A model's runs of both formats."""

    multi: Run
    single: Run

    @property
    def gain(self) -> Floats:
        """Each problem's pass rate turn by turn minus that of all at once: [P]."""
        difference: Floats = self.multi.rates()[:, 0] - self.single.rates()[:, 0]
        return difference


def pairs(suite: Suite) -> list[Pair]:
    """The models that were asked both ways, each at its best temperatures."""
    single = {run.name: run for run in best_runs(suite.of_format("single_turn"))}
    multi = best_runs(suite.of_format("multi_turn"))
    return [Pair(run, single[run.name]) for run in multi if run.name in single]


def formats(suite: Suite, published: Published) -> Table:
    """Pass rate and prompt perplexity both ways, and perplexity of solved and unsolved problems."""
    rows: list[tuple[Cell, ...]] = []
    for pair in pairs(suite):
        multi, single = pair.multi.rates()[:, 0], pair.single.rates()[:, 0]
        rates = (estimate(multi), estimate(single), paired(pair.gain))
        papers = [cell for run in pair for cell in _published(run, published)]
        rows.append((pair.multi.name, *rates, *papers, *_perplexities(pair, multi, single)))
    both = "pass rate, %"
    columns = (
        Column("model", "model"),
        Column("multi_turn", "multi-turn", Kind.rate, both),
        Column("single_turn", "single-turn", Kind.rate, both),
        Column("gain", "difference", Kind.difference, both),
        *(
            Column(f"{format}_{key}", label, kind, f"published, {format}")
            for format in ("multi-turn", "single-turn")
            for key, label, kind in _PUBLISHED
        ),
        *(
            Column(f"{format}_{part}", part, Kind.number, f"prompt perplexity, {format}")
            for format in ("multi-turn", "single-turn")
            for part in ("all", "solved", "unsolved")
        ),
    )
    return Table(
        f"{suite.name}-formats",
        f"{suite.label}: multi-turn against single-turn [95 % interval]",
        columns,
        tuple(rows),
        (
            "Solved: at least one sample passes. The difference is paired by problem.",
            *published.source(suite.benchmark),
        ),
    )


_PUBLISHED = (
    ("published", "official", Kind.rate),
    ("difference", "ours − it", Kind.difference),
    ("within", "within ours", Kind.flag),
)


def _published(run: Run, published: Published) -> tuple[Cell, Cell, Cell]:
    """The published pass rate, which is by the official scorer, beside ours by the same."""
    ours = estimate(run.rates("official")[:, 0]) if "official" in run.scorers else Estimate(None)
    return beside(ours, published.value(run, "pass_rate"))


def paired(differences: Floats) -> Estimate:
    """Mean of differences of rates, in [-1, 1], with its interval; differences [P]."""
    shifted = estimate((1 + differences) / 2)  # to [0, 1], where the interval is made
    if shifted.value is None or shifted.low is None or shifted.high is None:
        return shifted
    return Estimate(*(2 * end - 1 for end in (shifted.value, shifted.low, shifted.high)))


def gains(suite: Suite, difficulty: Grouping) -> Table:
    """Multi-turn minus single-turn by difficulty."""
    labels = [difficulty.of.get(problem["id"]) for problem in suite.problems]
    names = group_order(labels)
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (pair.multi.name, *(paired(pair.gain[members(labels, name)]) for name in names))
        for pair in pairs(suite)
    )
    return Table(
        f"{suite.name}-gain-by-{difficulty.kind}",
        f"{suite.label}: multi-turn minus single-turn pass rate by {difficulty.label} (problems), "
        "points [95 % interval]",
        (
            Column("model", "model"),
            *(Column(n, f"{n} ({labels.count(n)})", Kind.difference) for n in names),
        ),
        rows,
        difficulty.notes,
    )


def perplexities(run: Run) -> Floats:
    """Prompt perplexity of each problem, mean over its conversations: [P]; NaN where unknown."""
    index = {problem["id"]: i for i, problem in enumerate(run.problems)}
    total, count = np.zeros(len(index)), np.zeros(len(index))
    for score in prompt_scores(run.directory):
        if score.problem in index and score.tokens:
            total[index[score.problem]] += score.perplexity
            count[index[score.problem]] += 1
    found: Floats = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return found


def _perplexities(pair: Pair, multi: Floats, single: Floats) -> list[Estimate]:
    figures = []
    for run, rates in ((pair.multi, multi), (pair.single, single)):
        values = perplexities(run)
        figures += [_mean(values), _mean(values[rates > 0]), _mean(values[rates == 0])]
    return figures


def _mean(values: Floats) -> Estimate:
    """Mean of figures without an upper bound; a single one has no interval."""
    known = values[~np.isnan(values)]
    if len(known) < 2:
        return Estimate(float(known[0]) if len(known) else None)
    low, high = bootstrap_interval(known[:, None])[0]
    return Estimate(float(known.mean()), float(low), float(high))
