"""Multi-turn against single-turn: the same problems asked turn by turn and in one prompt."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mtpb.report.estimates import estimate, paired, unbounded
from mtpb.report.passrate import Grouping, group_order, members
from mtpb.report.published import Published, beside_pass_rate, columns
from mtpb.report.runs import SuiteRuns, best_runs
from mtpb.rundir.prompt_scores import prompt_scores
from mtpb.rundir.run import Run
from mtpb.rundir.verdicts import Floats
from mtpb.statistics.metrics import problem_rates
from mtpb.tables import Cell, Column, Estimate, Kind, Table, marked


class BothFormats(NamedTuple):
    """A model's runs of both formats."""

    multi: Run
    single: Run

    @property
    def gain(self) -> Floats:
        """Each problem's multi-turn pass rate minus its single-turn one: [P]."""
        difference: Floats = problem_rates(self.multi)[:, 0] - problem_rates(self.single)[:, 0]
        return difference


def pairs(suite: SuiteRuns) -> list[BothFormats]:
    """The models with runs of both formats, each run at its best temperature."""
    single = {run.model: run for run in best_runs(suite.of_format("single_turn"))}
    multi = best_runs(suite.of_format("multi_turn"))
    return [BothFormats(run, single[run.model]) for run in multi if run.model in single]


def formats(suite: SuiteRuns, published: Published) -> Table:
    """Pass rate and prompt perplexity of both formats, for all, solved and unsolved problems."""
    rows: list[tuple[Cell, ...]] = []
    for pair in pairs(suite):
        multi, single = problem_rates(pair.multi)[:, 0], problem_rates(pair.single)[:, 0]
        rates = (
            *marked((estimate(multi),), pair.multi),
            *marked((estimate(single),), pair.single),
            *marked((paired(pair.gain),), *pair),
        )
        papers = [cell for run in pair for cell in beside_pass_rate(run, published)]
        surprise = [cell for run in pair for cell in marked(_perplexities(run), run)]
        rows.append((pair.multi.model, *rates, *papers, *surprise))
    both = "pass rate, %"
    first = 4  # of the columns with published figures
    shown = any(row[first] is not None or row[first + 4] is not None for row in rows)
    return Table(
        f"{suite.name}-formats",
        f"{suite.label}: multi-turn against single-turn [95 % interval]",
        (
            Column("model", "model"),
            Column("multi_turn", "multi-turn", Kind.rate, both),
            Column("single_turn", "single-turn", Kind.rate, both),
            Column("gain", "difference", Kind.difference, both),
            *columns("published, multi-turn"),
            *columns("published, single-turn"),
            *(
                Column(f"{format}_{part}", part, Kind.number, f"prompt perplexity, {format}")
                for format in ("multi-turn", "single-turn")
                for part in ("all", "solved", "unsolved")
            ),
        ),
        tuple(rows),
        (
            "Solved: at least one sample passes. The difference is paired by problem.",
            *(published.notes(suite.benchmark) if shown else ()),
        ),
    )


def gains(suite: SuiteRuns, difficulty: Grouping) -> Table:
    """Multi-turn minus single-turn by difficulty."""
    labels = suite.labels(difficulty.of)
    names = group_order(labels)
    rows: list[tuple[Cell, ...]] = []
    for pair in pairs(suite):
        figures = [paired(pair.gain[members(labels, name)]) for name in names]
        rows.append((pair.multi.model, *marked(figures, *pair, difficulty.reference)))
    return Table(
        f"{suite.name}-gain-by-{difficulty.kind}",
        f"{suite.label}: multi-turn minus single-turn pass rate by {difficulty.label} (problems), "
        "points [95 % interval]",
        (
            Column("model", "model"),
            *(Column(n, f"{n} ({labels.count(n)})", Kind.difference) for n in names),
        ),
        tuple(rows),
        difficulty.notes,
    )


def perplexities(run: Run) -> Floats:
    """Prompt perplexity of each problem, mean over its conversations: [P]; NaN where unknown."""
    index = {problem.id: i for i, problem in enumerate(run.problems)}
    total, count = np.zeros(len(index)), np.zeros(len(index))
    for score in prompt_scores(run.directory) if run.directory else ():
        if score.problem in index and score.tokens:
            total[index[score.problem]] += score.perplexity
            count[index[score.problem]] += 1
    found: Floats = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return found


def _perplexities(run: Run) -> list[Estimate]:
    """Prompt perplexity of all problems, of the solved and of the unsolved ones."""
    values, rates = perplexities(run), problem_rates(run)[:, 0]
    return [unbounded(values), unbounded(values[rates > 0]), unbounded(values[rates == 0])]
