"""The gate's decision: which figures dropped significantly, and which drop could be missed.

A figure is red if its drop beyond the tolerance is significant at the level asked for, after Holm's
correction over all figures. The test flips signs by problem (`mtpb.statistics.significance`): it
tests whether problems of this kind got worse. With too few problems for that test to be significant
at all, samples are permuted within each (problem, case) instead, which tests these problems only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from math import lcm

import numpy as np

from mtpb.config import CompareConfig
from mtpb.rundir.verdicts import Floats, Ints
from mtpb.statistics.intervals import LEVEL, bootstrap_interval
from mtpb.statistics.metrics import pass_at_k
from mtpb.statistics.significance import (
    FLIPS,
    Pairs,
    exact_sign_flip_test,
    fewest_problems,
    holm,
    relabellings,
    sign_flip_test,
    tail_chance,
)

_EXACT_REACH = 200_000  # steps; above it the exact distribution takes too long
_SIMULATIONS = 300  # simulated comparisons behind a detectable effect
_POSTERIOR_DRAWS = 4000


class Method(Enum):
    """The test that gave a figure's p-values; the member's value is its name in reports."""

    mcnemar = "McNemar's exact test"
    exact_sign_flip = "exact sign-flip test over problems"
    sign_flip = "sign-flip test over problems"
    relabelling = "permutation test over samples, about these problems only"


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate's parameters. `tolerance` is a fraction: 0.01 is one point of pass rate.

    `level` bounds the chance of any false alarm; `power` is the chance with which a detectable drop
    is found; `greedy` says that the samples of a case are identical; `flips` is the number of drawn
    sign patterns where the exact distribution is too large.
    """

    level: float = CompareConfig.level
    tolerance: float = CompareConfig.tolerance
    power: float = CompareConfig.power
    greedy: bool = False
    seed: int = CompareConfig.seed
    flips: int = FLIPS


@dataclass(frozen=True, slots=True)
class FigureChange:
    """A figure in both runs. `p_drop` and `p_gain` are Holm-adjusted, one-sided.

    `low` and `high` are the 95 % interval of the difference, candidate minus baseline.
    `detectable` is the smallest drop that the gate finds with its power, None if there is none.
    """

    name: str
    baseline: float
    candidate: float
    difference: float
    low: float
    high: float
    test: Method
    p_drop: float
    p_gain: float
    detectable: float | None
    worse: bool
    better: bool


def figure_k(name: str) -> int:
    """The k of a figure's name; a pass rate is pass@1."""
    return 1 if name == "pass_rate" else int(name.removeprefix("pass@"))


def decide(pairs: Pairs, names: Sequence[str], gate: Gate) -> tuple[FigureChange, ...]:
    """The change of each figure named (`pass_rate`, `pass@10`, …); red if one is `worse`.

    Every unit must have at least k samples in both runs.
    """
    asked = names
    if gate.greedy:  # all samples of a case are the same, so pass@k is the pass rate
        pairs, asked = _one_sample(pairs), ["pass_rate"] * len(names)
    baseline, candidate = problem_values(pairs, asked)
    found = [chances(pairs, name, gate, len(names)) for name in asked]
    drops = holm([drop for _, drop, _ in found])
    gains = holm([gain for _, _, gain in found])
    intervals = _intervals(pairs, asked, candidate - baseline, gate)
    return tuple(
        FigureChange(
            name=name,
            baseline=float(baseline[:, i].mean()),
            candidate=float(candidate[:, i].mean()),
            difference=float((candidate - baseline)[:, i].mean()),
            low=float(intervals[i, 0]),
            high=float(intervals[i, 1]),
            test=found[i][0],
            p_drop=drops[i],
            p_gain=gains[i],
            detectable=detectable_drop(pairs, asked[i], gate, len(names)),
            worse=drops[i] <= gate.level,
            better=gains[i] <= gate.level,
        )
        for i, name in enumerate(names)
    )


def problem_values(pairs: Pairs, names: Sequence[str]) -> tuple[Floats, Floats]:
    """The figures of each problem in both runs, means over its cases: two of [P, F]."""
    ks = [figure_k(name) for name in names]
    baseline = [pass_at_k(pairs.n_baseline, pairs.c_baseline, k) for k in ks]
    candidate = [pass_at_k(pairs.n_candidate, pairs.c_candidate, k) for k in ks]
    return _by_problem(pairs, np.array(baseline)).T, _by_problem(pairs, np.array(candidate)).T


def _by_problem(pairs: Pairs, values: Floats) -> Floats:
    """Means over cases: [..., U] to [..., P]."""
    starts = np.flatnonzero(np.diff(pairs.problem, prepend=-1))
    return np.asarray(np.add.reduceat(values, starts, axis=-1) / pairs.cases)


def chances(pairs: Pairs, name: str, gate: Gate, figures: int) -> tuple[Method, float, float]:
    """The test and its one-sided p-values of a drop and of a gain, not adjusted."""
    baseline, candidate = problem_values(pairs, [name])
    difference = candidate - baseline
    if _too_few_problems(pairs, gate, figures):
        drawn = _permuted(pairs, figure_k(name), gate.seed)
        observed = float(difference.mean())
        drop = tail_chance(drawn, observed + gate.tolerance)
        return Method.relabelling, drop, tail_chance(-drawn, -observed)
    steps = _steps(pairs) if figure_k(name) == 1 and gate.tolerance == 0 else None
    if steps is not None:
        mcnemar = (pairs.cases == 1).all() and (pairs.n_baseline == 1).all()
        test = Method.mcnemar if mcnemar else Method.exact_sign_flip
        gain = exact_sign_flip_test([-step for step in steps])
        return test, exact_sign_flip_test(steps), gain
    both = np.concatenate([difference + gate.tolerance, -difference], axis=1)
    drop, gain = sign_flip_test(both, gate.seed, gate.flips)
    return Method.sign_flip, float(drop), float(gain)


def _too_few_problems(pairs: Pairs, gate: Gate, figures: int) -> bool:
    several = bool((np.minimum(pairs.n_baseline, pairs.n_candidate) > 1).any())
    return several and pairs.problems < fewest_problems(gate.level / figures)


def _one_sample(pairs: Pairs) -> Pairs:
    """The pairs with one sample a case, for greedy samples, which are identical."""
    ones = np.ones_like(pairs.n_baseline)
    return replace(
        pairs,
        n_baseline=ones,
        n_candidate=ones,
        c_baseline=(pairs.c_baseline == pairs.n_baseline).astype(np.int64),
        c_candidate=(pairs.c_candidate == pairs.n_candidate).astype(np.int64),
    )


def _steps(pairs: Pairs) -> list[int] | None:
    """Problems' differences in pass rate as multiples of a step; None if these are too large."""
    sizes = np.unique(np.concatenate([pairs.n_baseline, pairs.n_candidate]))
    step = lcm(*sizes.tolist()) * lcm(*np.unique(pairs.cases).tolist())
    if step * pairs.problems > _EXACT_REACH:
        return None
    baseline, candidate = problem_values(pairs, ["pass_rate"])
    return [round(value * step) for value in (candidate - baseline)[:, 0].tolist()]


def _permuted(pairs: Pairs, k: int, seed: int, draws: int = 5000) -> Floats:
    """Mean differences when each unit's samples are permuted between the runs: [draws]."""
    candidate = relabellings(pairs, seed, draws)
    baseline = pairs.c_baseline + pairs.c_candidate - candidate
    after, before = (
        pass_at_k(pairs.n_candidate, candidate, k),
        pass_at_k(pairs.n_baseline, baseline, k),
    )
    return np.asarray(_by_problem(pairs, after - before).mean(axis=1))


def _intervals(pairs: Pairs, names: Sequence[str], differences: Floats, gate: Gate) -> Floats:
    """95 % intervals of the mean differences: [F, 2]."""
    if _too_few_problems(pairs, gate, len(names)) or pairs.problems == 1:
        return np.array([_posterior_interval(pairs, figure_k(name), gate.seed) for name in names])
    return bootstrap_interval(differences, gate.seed)


def _posterior_interval(pairs: Pairs, k: int, seed: int) -> Floats:
    """The interval over samples, for these problems: from Jeffreys posteriors."""
    rng = np.random.default_rng(seed)

    def draws(n: Ints, c: Ints) -> Floats:
        rates = rng.beta(c + 0.5, n - c + 0.5, size=(_POSTERIOR_DRAWS, len(n)))
        return np.asarray(_by_problem(pairs, 1 - (1 - rates) ** k).mean(axis=1))

    candidate = draws(pairs.n_candidate, pairs.c_candidate)
    difference = candidate - draws(pairs.n_baseline, pairs.c_baseline)
    return np.asarray(np.quantile(difference, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))


def detectable_drop(pairs: Pairs, name: str, gate: Gate, figures: int) -> float | None:
    """The smallest drop of a figure that the gate finds with its power; None if it finds none.

    By simulation: a share of the baseline's passes is lost at random, in addition to the changes
    without a drop that this comparison shows (or, if nothing changed, that other samples would
    show). The level is the strictest, that of Holm's first step. The share is found by bisection.
    """
    k, level = figure_k(name), gate.level / figures
    few = _too_few_problems(pairs, gate, figures)
    power_of: Callable[[Pairs, int, float, Gate, float], tuple[float, float]]
    power_of = _permuted_power if few else _flipped_power
    if power_of(pairs, k, 1.0, gate, level)[0] < gate.power:
        return None
    low, high = 0.0, 1.0
    for _ in range(12):
        middle = (low + high) / 2
        enough = power_of(pairs, k, middle, gate, level)[0] >= gate.power
        low, high = (low, middle) if enough else (middle, high)
    return power_of(pairs, k, high, gate, level)[1]


def _flipped_power(
    pairs: Pairs, k: int, share: float, gate: Gate, level: float
) -> tuple[float, float]:
    """How often the sign-flip test finds a loss of `share` of the passes, and the drop it makes."""
    rng = np.random.default_rng(gate.seed)
    before = pass_at_k(pairs.n_baseline, pairs.c_baseline, k)
    noise = _noise(pairs, k, before, rng)
    lost = rng.binomial(pairs.c_baseline, share, size=(_SIMULATIONS, len(before)))
    drops = _by_problem(pairs, pass_at_k(pairs.n_baseline, pairs.c_baseline - lost, k) - before)
    simulations = noise + drops + gate.tolerance
    signs = rng.choice([-1.0, 1.0], size=(max(400, int(20 / level)), pairs.problems))
    as_low = 1 + (simulations @ signs.T <= simulations.sum(axis=1, keepdims=True) + 1e-9).sum(
        axis=1
    )
    return float((as_low <= level * (len(signs) + 1)).mean()), -float(drops.mean())


def _noise(pairs: Pairs, k: int, before: Floats, rng: np.random.Generator) -> Floats:
    """Changes of problems without a drop of the mean: [simulations, P]."""
    after = pass_at_k(pairs.n_candidate, pairs.c_candidate, k)
    change = _by_problem(pairs, after - before)
    if change.any():
        signs = rng.choice([-1.0, 1.0], size=(_SIMULATIONS, pairs.problems))
        return np.asarray((change - change.mean()) * signs)
    rate = pairs.c_baseline / pairs.n_baseline
    drawn = rng.binomial(pairs.n_baseline, rate, size=(2, _SIMULATIONS, len(rate)))
    one, other = pass_at_k(pairs.n_baseline, drawn, k)
    return _by_problem(pairs, np.asarray(one - other))


def _permuted_power(
    pairs: Pairs, k: int, share: float, gate: Gate, level: float
) -> tuple[float, float]:
    """The same for the permutation test over samples."""
    rng = np.random.default_rng(gate.seed)
    rate = pairs.c_baseline / pairs.n_baseline
    drop = float(_by_problem(pairs, (1 - rate * (1 - share)) ** k - (1 - rate) ** k).mean())
    found = 0
    simulations = _SIMULATIONS // 5
    for _ in range(simulations):
        simulated = replace(
            pairs,
            c_baseline=rng.binomial(pairs.n_baseline, rate),
            c_candidate=rng.binomial(pairs.n_candidate, rate * (1 - share)),
        )
        baseline, candidate = problem_values(simulated, [f"pass@{k}"])
        observed = float((candidate - baseline).mean()) + gate.tolerance
        found += tail_chance(_permuted(simulated, k, gate.seed, 1000), observed) <= level
    return found / simulations, drop
