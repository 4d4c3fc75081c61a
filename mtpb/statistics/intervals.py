"""95 % intervals of figures. NumPy and the standard library only; tests compare with SciPy.

The interval of a group's mean comes from a Bayesian bootstrap over its problems: it covers the
variation between problems of the kind. The interval of a single problem's figure covers the
variation between its samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import pi, sqrt, tan
from statistics import NormalDist

import numpy as np

from mtpb.rundir.verdicts import Floats, Ints, Units
from mtpb.statistics.metrics import problem_figures, quotient

LEVEL = 0.95


RESAMPLES = 4000


_DRAWS = 1000  # from the posterior of a single problem


_ROOM = 4_000_000  # numbers in the largest temporary array: 32 MB


def group_figures(values: Floats, seed: int = 0) -> Floats:
    """Means over problems with their intervals: values [P, F] in [0, 1] to [F, 3]
    (value, low, high).

    Problems that are NaN are left out. Where all values are 0, or all are 1, one end is the exact
    binomial bound on the share of problems. For values of 0 and 1 this is the modified Jeffreys
    interval that Brown, Cai and DasGupta (2001, "Interval Estimation for a Binomial Proportion",
    Statistical Science 16) recommend for few trials.
    """
    value = np.atleast_1d(_mean(values))
    low, high = posterior_interval(values, seed).T
    low, high = np.fmin(low, value), np.fmax(high, value)
    bound = unanimous_bound((~np.isnan(values)).sum(axis=0))
    high = np.where(value == 0, bound, high)
    low = np.where(value == 1, 1 - bound, low)
    return np.stack([value, low, high], axis=1)


def posterior_interval(values: Floats, seed: int = 0) -> Floats:
    """95 % interval of the mean over problems: values [P, F] in [0, 1] to [F, 2] (low, high).

    A Bayesian bootstrap (Rubin 1981, Annals of Statistics 9). The prior on the distribution of
    problems' values is a Dirichlet process with the weight of one problem, half of it at 0 and half
    at 1 (Ferguson 1973, Annals of Statistics 1); its share is 1 / (P + 1). With it the interval has
    a width even where few problems agree, which resampling would give none. For values of 0 and 1
    it is the Jeffreys interval.
    """
    known = ~np.isnan(values)
    filled = np.where(known, values, 0)
    rng = np.random.default_rng(seed)
    means = []
    for size in _block_sizes(len(values)):
        weights = rng.standard_exponential((size, len(values)))
        zeros, ones = rng.standard_gamma(0.5, (2, size, 1))
        means.append((weights @ filled + ones) / (weights @ known + zeros + ones))
    tail = (1 - LEVEL) / 2
    bounds = np.asarray(np.quantile(np.concatenate(means), [tail, 1 - tail], axis=0)).T
    return np.where(known.any(axis=0, keepdims=True).T, bounds, np.nan)


def bootstrap_interval(values: Floats, seed: int = 0) -> Floats:
    """95 % interval of the mean over problems: values [P, F] to [F, 2] (low, high).

    An expanded percentile bootstrap, for values that are not bounded; problems are resampled
    together for all F figures. With few problems it is too short, since it cannot exceed their
    range.
    """
    known = ~np.isnan(values)
    filled = np.where(known, values, 0)
    means = np.concatenate(
        [
            quotient(weights @ filled, weights @ known)
            for weights in _resamples(len(values), np.random.default_rng(seed))
        ]
    )
    means = np.where(np.isnan(means), _mean(values), means)  # the resample has no known problem
    tail = percentile_tail(len(values), LEVEL)
    return np.asarray(np.quantile(means, [tail, 1 - tail], axis=0)).T


def single_figures(units: Units, ks: Sequence[int], problems: int, seed: int = 0) -> Floats:
    """Each problem's own figures with intervals: [problems, 1 + len(ks), 3].

    The pass rates of the cases are drawn from their Jeffreys posteriors,
    beta(c + 1/2, n - c + 1/2).
    """
    values = problem_figures(units, ks, problems)
    low, high = np.full_like(values, np.nan), np.full_like(values, np.nan)
    rng = np.random.default_rng(seed)
    for block in _blocks(units.select(units.n > 0), _ROOM // _DRAWS):
        rates = rng.beta(block.c + 0.5, block.n - block.c + 0.5, size=(_DRAWS, len(block)))
        starts = np.flatnonzero(np.diff(block.problem, prepend=-1))
        here = block.problem[starts]
        cases = np.diff(starts, append=len(block))
        for column, k in enumerate((1, *ks)):
            draws = np.add.reduceat(1 - (1 - rates) ** k, starts, axis=1) / cases
            bounds = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
            low[here, column], high[here, column] = bounds
    # the figure may be 0 or 1, which the posterior's bounds never reach
    low, high = np.fmin(low, values), np.fmax(high, values)
    return np.where(np.isnan(values)[..., None], np.nan, np.stack([values, low, high], axis=2))


def unanimous_bound(problems: Ints) -> Floats:
    """Upper bound on the share of other outcomes when all problems agree (95 %, two-sided)."""
    return np.asarray(1 - ((1 - LEVEL) / 2) ** (1 / np.maximum(problems, 1)))


def percentile_tail(problems: int, level: float = 0.95) -> float:
    """The tail probability at which a bootstrap over `problems` is cut for a two-sided interval.

    The plain percentile interval is too short by sqrt((P-1)/P), and by normal quantiles in place of
    Student's. A smaller tail corrects both: the expanded percentile interval of Hesterberg 2015,
    "What Teachers Should Know about the Bootstrap", arXiv 1411.5279.
    """
    if problems < 2:
        return (1 - level) / 2
    student = student_quantile((1 + level) / 2, problems - 1)
    return NormalDist().cdf(-sqrt(problems / (problems - 1)) * student)


def student_quantile(chance: float, freedom: int) -> float:
    """Quantile of Student's t; exact for 1 and 2 degrees of freedom, else within 0.5 %.

    Cornish and Fisher's expansion around the normal quantile (Abramowitz and Stegun, 26.7.5).
    """
    if freedom == 1:
        return tan(pi * (chance - 0.5))
    if freedom == 2:
        return (2 * chance - 1) / sqrt(2 * chance * (1 - chance))
    z = NormalDist().inv_cdf(chance)
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return sum((term / freedom**power for power, term in enumerate(terms)), 0.0)


def _mean(values: Floats) -> Floats:
    known = ~np.isnan(values)
    return quotient(np.where(known, values, 0).sum(axis=0), known.sum(axis=0).astype(float))


def _resamples(problems: int, rng: np.random.Generator) -> Iterator[Floats]:
    """How often each problem is drawn in each resample, in blocks: [block, problems]."""
    for size in _block_sizes(problems):
        draws = rng.integers(problems, size=(size, problems))
        flat = draws + np.arange(size)[:, None] * problems
        yield np.bincount(flat.ravel(), minlength=size * problems).reshape(size, -1).astype(float)


def _block_sizes(problems: int) -> Iterator[int]:
    """Sizes of the blocks of resamples; their sum is RESAMPLES."""
    block = max(1, min(RESAMPLES, _ROOM // max(problems, 1)))
    for start in range(0, RESAMPLES, block):
        yield min(block, RESAMPLES - start)


def _blocks(units: Units, width: int) -> Iterator[Units]:
    """The units in blocks of about `width`; the units of a problem are in one block."""
    start = 0
    while start < len(units):
        last = units.problem[min(start + width, len(units)) - 1]
        end = int(np.searchsorted(units.problem, last, side="right"))
        yield units.select(slice(start, end))
        start = end
