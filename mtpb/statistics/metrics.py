"""Pass rates, pass@k and their intervals, from verdicts.

The unit is a (problem, case) with its n samples; a figure is the mean over a problem's cases, then
over problems. pass@k is the unbiased estimate of Chen et al. 2021, "Evaluating Large Language
Models Trained on Code" (arXiv 2107.03374). Intervals of a group of problems are those of a Bayesian
bootstrap over its problems: they say how the figure would vary with other problems of the kind.
Samples that the sandbox failed on count as not drawn. Pure functions, NumPy only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from mtpb.errors import UsageError
from mtpb.rundir.manifest import BenchmarkFacts, Manifest
from mtpb.rundir.verdicts import STATUSES, Bools, Floats, Ints, Units, Verdicts
from mtpb.statistics.significance import percentile_tail

LEVEL = 0.95
RESAMPLES = 4000
_DRAWS = 1000  # of the posterior that gives a single problem's interval
_ROOM = 4_000_000  # numbers in the largest temporary array: 32 MB


class Figure(NamedTuple):
    """A figure with its 95 % interval, as fractions; None where no problem has samples enough."""

    name: str
    value: float | None
    low: float | None
    high: float | None


def pass_at_k(n: ArrayLike, c: ArrayLike, k: int) -> Floats:
    """Chance that at least one of k samples passes, when c of n drawn ones did; elementwise.

    1 - C(n-c, k) / C(n, k), as a running product whose factors lie in [0, 1]. NaN where n < k.
    """
    n, c = np.asarray(n, dtype=np.int64), np.asarray(c, dtype=np.int64)
    sizes = np.unique(n[n >= k])
    n, c = np.broadcast_arrays(n, c)
    result = np.full(n.shape, np.nan)
    for size in sizes:
        # fails[c] = prod over i < c of (n - i - k) / (n - i): no sample of the k is a passed one
        i = np.arange(size)
        fails = np.cumprod(np.concatenate([[1.0], np.clip(1 - k / (size - i), 0, None)]))
        here = n == size
        result[here] = 1 - fails[c[here]]
    return result


def default_ks(units: Units) -> tuple[int, ...]:
    """Those of 1, 10, 100 that every unit has samples for."""
    least = int(units.n.min()) if len(units) else 0
    return usual_ks(least)


def usual_ks(n: int) -> tuple[int, ...]:
    """The k of pass@k that n samples allow, where none is asked for."""
    return tuple(k for k in (1, 10, 100) if k <= n)


def figure_names(ks: Sequence[int]) -> tuple[str, ...]:
    return ("pass_rate", *(f"pass@{k}" for k in ks))


def unit_figures(units: Units, ks: Sequence[int]) -> Floats:
    """pass_rate and pass@k of each unit: [U, 1 + len(ks)]; NaN where it has too few samples."""
    rate = np.where(units.n > 0, units.c / np.maximum(units.n, 1), np.nan)
    return np.stack([rate, *(pass_at_k(units.n, units.c, k) for k in ks)], axis=1)


def problem_figures(units: Units, ks: Sequence[int], problems: int) -> Floats:
    """pass_rate and pass@k of each problem, means over its cases: [problems, 1 + len(ks)].

    A case with too few samples is left out; a problem without any other case is NaN.
    """
    values = unit_figures(units, ks)
    known = ~np.isnan(values)
    columns = [
        _quotient(_sums(units.problem, value, problems), _sums(units.problem, there, problems))
        for value, there in zip(np.where(known, values, 0).T, known.T, strict=True)
    ]
    return np.stack(columns, axis=1)


def group_figures(values: Floats, seed: int = 0) -> Floats:
    """Means over problems with their intervals: values [P, F] in [0, 1] to [F, 3]
    (value, low, high).

    For values that are 0 or 1 this is the modified Jeffreys interval that Brown, Cai and DasGupta
    (2001, "Interval Estimation for a Binomial Proportion", Statistical Science 16) recommend for
    few trials: where all problems agree on 0 or on 1, the exact binomial bound on the share of
    problems is taken. Problems that are NaN are left out.
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

    The Bayesian bootstrap (Rubin 1981, Annals of Statistics 9) with a prior: problems' values come
    from a distribution of which nothing is known but a Dirichlet process with the weight of one
    problem, half of it at 0 and half at 1 (Ferguson 1973, Annals of Statistics 1). Few problems
    that happen to agree thus do not claim certainty, as they do when they are resampled, and the
    prior's share vanishes as 1 / (P + 1). For values of 0 and 1 it is the Jeffreys interval.
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

    An expanded percentile bootstrap, for values without bounds; the problems are resampled together
    for all F figures. Of few problems it says too little: their range is the most that it can be.
    """
    known = ~np.isnan(values)
    filled = np.where(known, values, 0)
    means = np.concatenate(
        [
            _quotient(weights @ filled, weights @ known)
            for weights in _resamples(len(values), np.random.default_rng(seed))
        ]
    )
    means = np.where(np.isnan(means), _mean(values), means)  # a resample of unknown problems only
    tail = percentile_tail(len(values), LEVEL)
    return np.asarray(np.quantile(means, [tail, 1 - tail], axis=0)).T


def unanimous_bound(problems: Ints) -> Floats:
    """How large a share of problems may be otherwise when none of so many was (95 %, two-sided)."""
    return np.asarray(1 - ((1 - LEVEL) / 2) ** (1 / np.maximum(problems, 1)))


def _mean(values: Floats) -> Floats:
    known = ~np.isnan(values)
    return _quotient(np.where(known, values, 0).sum(axis=0), known.sum(axis=0).astype(float))


def single_figures(units: Units, ks: Sequence[int], problems: int, seed: int = 0) -> Floats:
    """Each problem's own figures with intervals: [problems, 1 + len(ks), 3].

    The interval says how the figure would vary with other samples: pass rates of the cases are
    drawn from their Jeffreys posteriors, beta(c + 1/2, n - c + 1/2).
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
    # the posterior's bounds never reach 0 and 1, the figure itself does
    low, high = np.fmin(low, values), np.fmax(high, values)
    return np.where(np.isnan(values)[..., None], np.nan, np.stack([values, low, high], axis=2))


def summarise(
    manifest: Manifest, verdicts: Verdicts, ks: Sequence[int] | None = None
) -> dict[str, Any]:
    """The content of metrics.json, computed from a run's verdicts.

    `ks`: the k of pass@k; by default those of 1, 10, 100 that every case has samples for. Raises
    UsageError for a k larger than the samples that some case has, and where there are no verdicts.
    """
    benchmark = manifest.benchmark
    if not len(verdicts):
        raise UsageError("no verdicts; run mtpb.run or mtpb.score first")
    ks = checked_ks(verdicts, ks)
    categories = [problem.category for problem in benchmark.problems]
    results = [
        {"scorer": scorer, "subset": subset, **_entry(chosen, scorer, ks, categories)}
        for scorer in benchmark.scorers
        for subset, chosen in subsets(verdicts, benchmark).items()
        if len(chosen)
    ]
    throughput = manifest.throughput
    return {
        "results": results,
        "throughput": {
            "tokens_per_s": throughput.tokens_per_s,
            "programs_per_s": throughput.programs_per_s,
        },
    }


def checked_ks(verdicts: Verdicts, ks: Sequence[int] | None) -> tuple[int, ...]:
    """The default k, or those asked for; UsageError for one that some case has no samples for."""
    drawn = _drawn(verdicts)
    if ks is None:
        return default_ks(drawn)
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


def subsets(verdicts: Verdicts, benchmark: BenchmarkFacts) -> dict[str, Verdicts]:
    """`all` verdicts, and the `clean` ones where the benchmark's errata are known."""
    clean = clean_verdicts(verdicts, benchmark)
    return {"all": verdicts} if clean is None else {"all": verdicts, "clean": clean}


def clean_verdicts(verdicts: Verdicts, benchmark: BenchmarkFacts) -> Verdicts | None:
    """The verdicts on cases that are free of known faults; None where no errata are known."""
    if not benchmark.has_errata:
        return None
    problems = benchmark.problems
    clean = np.zeros((len(problems), max(len(p.cases) for p in problems)), dtype=bool)
    for row, problem in zip(clean, problems, strict=True):
        row[: len(problem.cases)] = [case.clean for case in problem.cases]
    return verdicts.select(clean[verdicts.problem, verdicts.case])


def headline(summary: Mapping[str, Any], scorer: str, subset: str = "all") -> tuple[Figure, ...]:
    """The overall figures of one scorer, for a table in the terminal; () if it is not there."""
    for entry in summary["results"]:
        if (entry["scorer"], entry["subset"]) == (scorer, subset):
            overall = entry["overall"]
            return tuple(
                Figure(name, overall[name], *(interval or (None, None)))
                for name, interval in overall["intervals"].items()
            )
    return ()


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
    """The units with all their samples counted, sandbox errors too."""
    return replace(verdicts, status=np.zeros_like(verdicts.status)).units("test")


def _resamples(problems: int, rng: np.random.Generator) -> Iterator[Floats]:
    """How often each problem is drawn, in blocks of resamples: [block, problems]."""
    for size in _block_sizes(problems):
        draws = rng.integers(problems, size=(size, problems))
        flat = draws + np.arange(size)[:, None] * problems
        yield np.bincount(flat.ravel(), minlength=size * problems).reshape(size, -1).astype(float)


def _block_sizes(problems: int) -> Iterator[int]:
    """Sizes of blocks of resamples, which make RESAMPLES together."""
    block = max(1, min(RESAMPLES, _ROOM // max(problems, 1)))
    for start in range(0, RESAMPLES, block):
        yield min(block, RESAMPLES - start)


def _blocks(units: Units, width: int) -> Iterator[Units]:
    """The units in blocks of about `width`, problems kept whole."""
    start = 0
    while start < len(units):
        last = units.problem[min(start + width, len(units)) - 1]
        end = int(np.searchsorted(units.problem, last, side="right"))
        yield units.select(slice(start, end))
        start = end


def _sums(group: Ints, values: Floats | Bools, groups: int) -> Floats:
    return np.bincount(group, weights=values, minlength=groups).astype(np.float64)


def _quotient(total: Floats, count: Floats) -> Floats:
    """total / count, NaN where nothing was counted."""
    return np.where(count > 0, total / np.maximum(count, 1e-300), np.nan)
