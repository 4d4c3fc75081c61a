"""Whether the difference between two runs is significant. NumPy and the standard library only.

Two runs of one benchmark are paired by problem; `differences` are candidate minus baseline, with a
row for each problem and a column for each figure. Under the null hypothesis a problem's difference
is positive or negative with equal chance, independently of other problems. The sign-flip test
(Fisher's randomisation test for pairs) compares the observed mean with the means under all sign
patterns. It keeps its level for few problems and for any distribution; for one greedy sample a
problem it is McNemar's exact test.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mtpb.rundir.verdicts import Floats, Ints

FLIPS = 20_000
_ROOM = 4_000_000  # numbers in the largest temporary array: 32 MB
_TIE = 1e-12  # the rounding error of a sum depends on its order


def sign_flip_test(differences: Floats, seed: int = 0, flips: int = FLIPS) -> Floats:
    """One-sided p-values of a drop, from drawn sign patterns: [P, F] to [F].

    The observed pattern is counted among the drawn ones, so that the test keeps its level for any
    number of flips.
    """
    moving = differences[np.any(differences != 0, axis=1)]
    observed = moving.sum(axis=0) + _TIE
    rng = np.random.default_rng(seed)
    as_low = np.ones(differences.shape[1])
    for signs in _signs(flips, len(moving), rng):
        as_low += (signs @ moving <= observed).sum(axis=0)
    return as_low / (flips + 1)


def exact_sign_flip_test(steps: Sequence[int]) -> float:
    """The exact one-sided p-value of a drop, for differences that are multiples of some step.

    The distribution of the sum is convolved problem by problem. With steps of -1, 0 and 1 this is
    McNemar's exact test, one-sided: the binomial tail of the losses among the changed problems.
    """
    reach = sum(abs(step) for step in steps)
    chance = np.zeros(2 * reach + 1)  # of the sum being index - reach
    chance[reach] = 1
    for size in (abs(step) for step in steps if step):
        chance = (np.roll(chance, size) + np.roll(chance, -size)) / 2
    return float(min(1.0, chance[: sum(steps) + reach + 1].sum()))


def fewest_problems(level: float) -> int:
    """The fewest problems with which a sign-flip test can be significant at `level`: all drop."""
    problems = 1
    while 0.5**problems > level:
        problems += 1
    return problems


@dataclass(frozen=True, slots=True)
class Pairs:
    """Samples and passes of each (problem, case) that both runs have; all arrays are [U].

    `problem` counts the problems from 0 without gaps, in ascending order.
    """

    problem: Ints
    n_baseline: Ints
    c_baseline: Ints
    n_candidate: Ints
    c_candidate: Ints

    @property
    def problems(self) -> int:
        return int(self.problem[-1]) + 1 if len(self.problem) else 0

    @property
    def cases(self) -> Ints:
        """Cases of each problem. [P]"""
        return np.bincount(self.problem, minlength=self.problems)


def relabellings(pairs: Pairs, seed: int, draws: int) -> Ints:
    """The candidate's passes when each unit's samples are permuted between the runs: [draws, U]."""
    passed = pairs.c_baseline + pairs.c_candidate
    failed = pairs.n_baseline + pairs.n_candidate - passed
    rng = np.random.default_rng(seed)
    return np.asarray(
        rng.hypergeometric(passed, failed, pairs.n_candidate, size=(draws, len(passed)))
    )


def tail_chance(drawn: Floats, observed: float) -> float:
    """The share of values that are at most the observed one, which is counted among them."""
    return float((1 + (drawn <= observed + _TIE).sum()) / (1 + len(drawn)))


def holm(chances: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values (1979), which bound the chance of any false alarm among them."""
    adjusted = [0.0] * len(chances)
    reached = 0.0
    for rank, index in enumerate(sorted(range(len(chances)), key=lambda i: chances[i])):
        reached = max(reached, min(1.0, (len(chances) - rank) * chances[index]))
        adjusted[index] = reached
    return adjusted


def _signs(flips: int, problems: int, rng: np.random.Generator) -> Iterator[Floats]:
    """Random signs in blocks: [block, problems]."""
    block = max(1, min(flips, _ROOM // max(problems, 1)))
    for start in range(0, flips, block):
        size = min(block, flips - start)
        yield rng.integers(0, 2, size=(size, problems)).astype(np.float64) * 2 - 1
