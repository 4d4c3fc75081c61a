"""Figures of runs with feedback: what further attempts add. NumPy only.

Each sample has a value, and a figure is the mean over a case's samples, then over a problem's
cases, then over problems, as everywhere. Samples that the sandbox failed on count as not drawn.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mtpb.rundir.run import Run
from mtpb.rundir.verdicts import Floats, Verdicts
from mtpb.statistics.intervals import group_figures
from mtpb.statistics.metrics import quotient


def attempt_values(verdicts: Verdicts, max_turns: int) -> Floats:
    """The values of each sample: [V, max_turns + 2].

    For each number of attempts, 1 if the sample passed within them; then the reciprocal rank, one
    over the number of the attempt that passed, 0 if none did; then recovery, 1 if a later attempt
    passed, NaN where the first one did.
    """
    passed, made = verdicts.passed, verdicts.attempts
    within = np.stack([passed & (made <= most) for most in range(1, max_turns + 1)], axis=1)
    rank = np.where(passed, 1 / made, 0.0)
    recovered = np.where(within[:, 0], np.nan, passed)
    values = np.column_stack([within.astype(np.float64), rank, recovered])
    values[~verdicts.judged] = np.nan
    return values


def problem_means(verdicts: Verdicts, values: Floats) -> Floats:
    """Means over samples, then over cases: values [V, F] to [problems, F]; NaN where none is."""
    cases, case = np.unique(verdicts.case, return_inverse=True)
    width = max(len(cases), 1)
    of_cases = _means(values, verdicts.problem * width + case, len(verdicts.problems) * width)
    return _means(of_cases, np.arange(len(of_cases)) // width, len(verdicts.problems))


def _means(values: Floats, group: Any, groups: int) -> Floats:
    """Means [groups, F] of the values [V, F] that are not NaN."""
    known = ~np.isnan(values)
    columns = [
        quotient(
            np.bincount(group, weights=np.where(there, value, 0), minlength=groups).astype(float),
            np.bincount(group, weights=there, minlength=groups).astype(float),
        )
        for value, there in zip(values.T, known.T, strict=True)
    ]
    return np.stack(columns, axis=1)


def attempt_figures(run: Run) -> Floats:
    """The run's figures with their intervals, by its own scorer: [max_turns + 2, 3].

    In the order of `attempt_values`: pass@1 by number of attempts, mean reciprocal rank, recovery
    rate.
    """
    values = attempt_values(run.verdicts, run.manifest.max_turns)
    return group_figures(problem_means(run.verdicts, values))


def attempts_json(run: Run) -> dict[str, Any]:
    """The key `attempts` of metrics.json."""
    rounded = [
        [None if np.isnan(x) else round(float(x), 9) for x in row] for row in attempt_figures(run)
    ]
    *within, rank, recovery = ({"value": row[0], "interval": row[1:]} for row in rounded)
    return {
        "pass@1": [{"attempts": most, **row} for most, row in enumerate(within, 1)],
        "mean_reciprocal_rank": rank,
        "recovery_rate": recovery,
    }
