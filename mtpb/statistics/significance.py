"""Whether a difference between two runs is more than luck. NumPy and the standard library only.

Two runs of one benchmark are paired by problem; `differences` are candidate minus baseline, a row a
problem and a column a figure. If nothing has changed, a problem's difference is as likely positive
as negative, so all signs are equally likely to flip together with a problem: that is the sign-flip
test (Fisher's randomisation test for pairs). It keeps its level with few problems and with any
distribution, and for one greedy sample a problem it is McNemar's exact test.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mtpb.rundir.verdicts import Floats, Ints

FLIPS = 20_000
_ROOM = 4_000_000  # numbers in the largest temporary array: 32 MB
_TIE = 1e-12  # sums of the same differences in another order differ by rounding


def sign_flip_test(differences: Floats, seed: int = 0, flips: int = FLIPS) -> Floats:
    """Chance of a mean as low as the observed one if nothing had changed: [P, F] to [F].

    One-sided, against a drop. By drawn sign flips, the observed one counted among them, so that the
    test is exact in level whatever their number.
    """
    moving = differences[np.any(differences != 0, axis=1)]
    observed = moving.sum(axis=0) + _TIE
    rng = np.random.default_rng(seed)
    as_low = np.ones(differences.shape[1])
    for signs in _signs(flips, len(moving), rng):
        as_low += (signs @ moving <= observed).sum(axis=0)
    return as_low / (flips + 1)


def exact_sign_flip_test(steps: Sequence[int]) -> float:
    """The same chance, exact, for differences that are whole numbers of some step.

    The distribution of the sum is built up one problem at a time. With steps of -1, 0 and 1 this is
    McNemar's exact test, one-sided: a binomial tail of losses among the changed problems.
    """
    reach = sum(abs(step) for step in steps)
    chance = np.zeros(2 * reach + 1)  # of the sum being index - reach
    chance[reach] = 1
    for size in (abs(step) for step in steps if step):
        chance = (np.roll(chance, size) + np.roll(chance, -size)) / 2
    return float(min(1.0, chance[: sum(steps) + reach + 1].sum()))


def fewest_problems(level: float) -> int:
    """Problems that must all drop before a sign-flip test can call it significant at `level`."""
    problems = 1
    while 0.5**problems > level:
        problems += 1
    return problems


@dataclass(frozen=True, slots=True)
class Pairs:
    """The (problem, case)s that both runs have: samples and passes of each, all [U].

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
    """The candidate's passes if each unit's samples were dealt anew to both runs: [draws, U]."""
    passed = pairs.c_baseline + pairs.c_candidate
    failed = pairs.n_baseline + pairs.n_candidate - passed
    rng = np.random.default_rng(seed)
    return np.asarray(
        rng.hypergeometric(passed, failed, pairs.n_candidate, size=(draws, len(passed)))
    )


def tail_chance(drawn: Floats, observed: float) -> float:
    """Share of drawn values at most the observed one, itself counted in."""
    return float((1 + (drawn <= observed + _TIE).sum()) / (1 + len(drawn)))


def holm(chances: Sequence[float]) -> list[float]:
    """Holm's adjusted p-values (1979): the chance of any false alarm among all of them is kept."""
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
