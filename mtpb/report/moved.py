"""The table of verdicts that a verified suite changes, case by case, with the reason."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mtpb.report.runs import SuiteRuns
from mtpb.rundir.run import Run
from mtpb.tables import Cell, Column, Kind, Table, marked


def moved(suite: SuiteRuns) -> Table:
    """The mended cases on which the scorers `official` and `verified` differ for some sample."""
    rows = [row for run in suite.best for row in _rows(run)]
    mended = sum(case.mended is not None for problem in suite.problems for case in problem.cases)
    counts = ("samples", "official", "verified", "up", "down")
    labels = ("samples", "official", "verified", "moved up", "moved down")
    return Table(
        f"{suite.name}-moved",
        f"{suite.label}: cases with verdicts that the mended values move, samples that pass",
        (
            Column("model", "model"),
            Column("problem", "problem"),
            Column("case", "case"),
            *(Column(key, name, Kind.count) for key, name in zip(counts, labels, strict=True)),
            Column("why", "why"),
        ),
        tuple(rows),
        (
            f"{mended} cases are mended; where they are not in this table, and in all other cases, "
            "official and verified verdicts are the same.",
        ),
    )


def _rows(run: Run) -> Iterator[tuple[Cell, ...]]:
    """A row for each mended case of a run with verdicts that moved."""
    verdicts = run.verdicts.select(run.verdicts.judged)
    before, after = verdicts.passed_by("official"), verdicts.passed_by("verified")
    for number, problem in enumerate(run.problems):
        for index, case in enumerate(problem.cases):
            here = (verdicts.problem == number) & (verdicts.case == index)
            up, down = (int(np.sum(here & rows)) for rows in (after & ~before, before & ~after))
            if case.mended is None or not up + down:
                continue
            passed = [int(np.sum(here & rows)) for rows in (before, after)]
            figures = marked((int(np.sum(here)), *passed, up, down), run)
            yield (run.model, problem.id, str(index), *figures, case.mended.why)
