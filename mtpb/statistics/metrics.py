"""Pass rates and pass@k from verdicts. NumPy only.

The unit is a (problem, case) with its n samples; a figure is the mean over a problem's cases, then
over problems. pass@k is the unbiased estimate of Chen et al. 2021, "Evaluating Large Language
Models Trained on Code" (arXiv 2107.03374). Samples that the sandbox failed on count as not drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from mtpb.rundir.run import Run
from mtpb.rundir.verdicts import Bools, Floats, Ints, Units


def pass_at_k(n: ArrayLike, c: ArrayLike, k: int) -> Floats:
    """The unbiased estimate of pass@k from c passed samples of n, elementwise; NaN where n < k.

    1 - C(n-c, k) / C(n, k), as a running product whose factors lie in [0, 1].
    """
    n, c = np.asarray(n, dtype=np.int64), np.asarray(c, dtype=np.int64)
    sizes = np.unique(n[n >= k])
    n, c = np.broadcast_arrays(n, c)
    result = np.full(n.shape, np.nan)
    for size in sizes:
        # fails[c] = prod over i < c of (n - i - k) / (n - i): the chance that none of k passes
        i = np.arange(size)
        fails = np.cumprod(np.concatenate([[1.0], np.clip(1 - k / (size - i), 0, None)]))
        here = n == size
        result[here] = 1 - fails[c[here]]
    return result


def figure_names(ks: Sequence[int]) -> tuple[str, ...]:
    return ("pass_rate", *(f"pass@{k}" for k in ks))


def unit_figures(units: Units, ks: Sequence[int]) -> Floats:
    """pass_rate and pass@k of each unit: [U, 1 + len(ks)]; NaN where it has too few samples."""
    rate = np.where(units.n > 0, units.c / np.maximum(units.n, 1), np.nan)
    return np.stack([rate, *(pass_at_k(units.n, units.c, k) for k in ks)], axis=1)


def problem_figures(units: Units, ks: Sequence[int], problems: int) -> Floats:
    """pass_rate and pass@k of each problem, means over its cases: [problems, 1 + len(ks)].

    A case with fewer than k samples is left out; a problem without any other case is NaN.
    """
    values = unit_figures(units, ks)
    known = ~np.isnan(values)
    columns = [
        quotient(_sums(units.problem, value, problems), _sums(units.problem, there, problems))
        for value, there in zip(np.where(known, values, 0).T, known.T, strict=True)
    ]
    return np.stack(columns, axis=1)


def _sums(group: Ints, values: Floats | Bools, groups: int) -> Floats:
    return np.bincount(group, weights=values, minlength=groups).astype(np.float64)


def quotient(total: Floats, count: Floats) -> Floats:
    """total / count, NaN where count is 0."""
    return np.where(count > 0, total / np.maximum(count, 1e-300), np.nan)


def problem_rates(run: Run, scorer: str | None = None, ks: Sequence[int] = ()) -> Floats:
    """Pass rate and pass@k of each problem of a run's manifest: [P, 1 + len(ks)].

    `scorer` None is the one that the run chose.
    """
    units = run.verdicts.units(scorer or run.scorer)
    return problem_figures(units, ks, len(run.problems))
