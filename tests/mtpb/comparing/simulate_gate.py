"""How often the gate is wrong, by simulation: the table of docs/regression-gate.md.

    python -m tests.mtpb.comparing.simulate_gate [PAIRS_PER_CELL [SUITE …]]

Pass rates of problems are drawn from a beta distribution with most of them near 0 or 1, as real
models have them, those of cases around their problem's. Pairs of runs are then drawn in which
nothing has changed, or in which a share of the passes is lost, and the gate is asked about each.
Seeds are fixed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mtpb.comparing.gate import Gate, chances, decide, detectable_drop, figure_k
from mtpb.statistics.significance import Pairs, holm


@dataclass(frozen=True)
class Suite:
    """A benchmark's shape and how it is sampled."""

    name: str
    problems: int
    cases: int
    n: int
    names: tuple[str, ...]
    rate: float = 0.4


SUITES = (
    Suite("HumanEval-like, greedy", 164, 1, 1, ("pass_rate",)),
    Suite("HumanEval-like, n = 20", 164, 1, 20, ("pass_rate", "pass@10")),
    Suite("HumanEval-like, n = 200, weak model", 164, 1, 200, ("pass_rate", "pass@10", "pass@100"),
          0.08),
    Suite("MTPB-like, n = 40", 115, 5, 40, ("pass_rate", "pass@10")),
    Suite("MTPB-like, greedy", 115, 5, 1, ("pass_rate",)),
    Suite("48 problems, 5 cases, n = 2", 48, 5, 2, ("pass_rate",)),
    Suite("12 problems, n = 10", 12, 1, 10, ("pass_rate", "pass@10")),
    Suite("8 problems, n = 5", 8, 1, 5, ("pass_rate",)),
    Suite("3 problems, n = 20", 3, 1, 20, ("pass_rate", "pass@10")),
    Suite("1 problem, n = 50", 1, 1, 50, ("pass_rate",)),
)  # fmt: skip


@dataclass(frozen=True)
class Change:
    """What happens between baseline and candidate.

    `lost`: share of the chances to pass that are lost, the same everywhere. `churn`: share of
    problems that each run draws a new pass rate for, so that problems change and the mean does not.
    `shared`: share of samples whose outcome follows the same noise in both runs.
    """

    name: str
    lost: float = 0.0
    churn: float = 0.0
    shared: float = 0.0


QUICK = Gate(flips=5000)

NOTHING = (
    Change("other seed"),
    Change("same seed", shared=0.7),
    Change("other model, as good", churn=0.3),
)


def true_rates(suite: Suite, rng: np.random.Generator) -> np.ndarray:
    """Chances to pass, [problems, cases]: U-shaped over problems, cases scattered around."""
    spread = 0.9
    mean = rng.beta(spread * suite.rate, spread * (1 - suite.rate), size=(suite.problems, 1))
    mean = np.clip(mean, 1e-4, 1 - 1e-4)
    cases = rng.beta(6 * mean, 6 * (1 - mean), size=(suite.problems, suite.cases))
    return mean if suite.cases == 1 else cases


def true_pair(
    suite: Suite, change: Change, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    baseline = true_rates(suite, rng)
    other = true_rates(suite, rng)
    new = rng.random((suite.problems, 1)) < change.churn
    candidate = np.where(new, other, baseline)
    return baseline, candidate * (1 - change.lost)


def drawn(
    baseline: np.ndarray, candidate: np.ndarray, n: int, shared: float, rng: np.random.Generator
) -> Pairs:
    """A pair of runs with these chances to pass; `shared` of the samples share their noise."""
    shape = (n, *baseline.shape)
    noise = rng.random(shape)
    other = np.where(rng.random(shape) < shared, noise, rng.random(shape))
    problems, cases = baseline.shape
    size = np.full(baseline.size, n)
    return Pairs(
        np.repeat(np.arange(problems), cases),
        size,
        (noise < baseline).sum(axis=0).ravel(),
        size,
        (other < candidate).sum(axis=0).ravel(),
    )


def red(pairs: Pairs, names: Sequence[str], gate: Gate) -> bool:
    """What `decide` says, without the intervals and the detectable effect."""
    drops = [chances(pairs, name, gate, len(names))[1] for name in names]
    return min(holm(drops)) <= gate.level


def red_share(suite: Suite, change: Change, worlds: int, gate: Gate | None = None) -> float:
    """Share of simulated pairs of runs that the gate is red on."""
    gate = gate or QUICK
    rng = np.random.default_rng([suite.problems, suite.cases, suite.n, int(1e6 * change.lost)])
    reds = 0
    for _ in range(worlds):
        baseline, candidate = true_pair(suite, change, rng)
        reds += red(drawn(baseline, candidate, suite.n, change.shared, rng), suite.names, gate)
    return reds / worlds


def at_tolerance(suite: Suite, worlds: int, tolerance: float = 0.02) -> float:
    """Share of red when the pass rate has dropped by exactly the tolerance: still no alarm."""
    rate = np.mean([true_rates(suite, np.random.default_rng(i)).mean() for i in range(400)])
    only_rate = replace(suite, names=("pass_rate",))
    gate = replace(QUICK, tolerance=tolerance)
    return red_share(only_rate, Change("tolerated", lost=tolerance / float(rate)), worlds, gate)


def power_at_detectable(suite: Suite, worlds: int) -> tuple[float, float]:
    """How often a drop as large as the one computed as detectable is found, and its mean size.

    In every world the effect is computed from a pair of runs that did not change, as a user would,
    and a new pair is drawn with as many of the passes lost.
    """
    gate = QUICK
    rng = np.random.default_rng(7)
    name = suite.names[0]
    found, sizes = 0, []
    for _ in range(worlds):
        rates = true_rates(suite, rng)
        calm = drawn(rates, rates, suite.n, 0, rng)
        effect = detectable_drop(calm, name, gate, 1)
        if effect is None:
            continue
        share = min(1.0, lost_share(rates, figure_k(name), effect))
        pairs = drawn(rates, rates * (1 - share), suite.n, 0, rng)
        found += red(pairs, [name], gate)
        sizes.append(effect)
    return found / max(len(sizes), 1), float(np.mean(sizes)) if sizes else float("nan")


def lost_share(rates: np.ndarray, k: int, effect: float) -> float:
    """The share of passes that must be lost for pass@k to drop by `effect`."""
    low, high = 0.0, 1.0
    for _ in range(30):
        share = (low + high) / 2
        drop = ((1 - rates * (1 - share)) ** k - (1 - rates) ** k).mean()
        low, high = (share, high) if drop < effect else (low, share)
    return high


def coverage(suite: Suite, worlds: int) -> float:
    """How often the interval of the difference holds the truth, over new problems."""
    rng = np.random.default_rng(11)
    change = Change("coverage", lost=0.1, churn=0.3)
    truth = np.mean(
        [np.subtract(*true_pair(suite, change, np.random.default_rng(i))[::-1]).mean()
         for i in range(3000)]
    )  # fmt: skip
    hits = 0
    for _ in range(worlds):
        baseline, candidate = true_pair(suite, change, rng)
        pairs = drawn(baseline, candidate, suite.n, 0, rng)
        figure = decide(pairs, suite.names[:1], Gate(power=2))[0]
        hits += figure.low <= truth <= figure.high
    return hits / worlds


def naive_red_share(suite: Suite, change: Change, worlds: int) -> float:
    """For comparison: a z-test that takes all samples for independent of their problems."""
    rng = np.random.default_rng(3)
    reds = 0
    for _ in range(worlds):
        baseline, candidate = true_pair(suite, change, rng)
        pairs = drawn(baseline, candidate, suite.n, change.shared, rng)
        total = pairs.n_baseline.sum()
        a, b = pairs.c_baseline.sum() / total, pairs.c_candidate.sum() / total
        pooled = (a + b) / 2
        error = np.sqrt(max(2 * pooled * (1 - pooled) / total, 1e-12))
        reds += (b - a) / error < -1.645
    return reds / worlds


def row(suite: Suite, worlds: int) -> list[str]:
    """A line of the table. With few problems the question is about these very ones, so that cells
    about new problems stay empty."""
    few = suite.problems < 5
    calm = [change for change in NOTHING if not (few and change.churn)]
    cells = [suite.name, ", ".join(suite.names)]
    cells += [f"{100 * red_share(suite, change, worlds):.1f}" for change in calm]
    power, size = power_at_detectable(suite, worlds // 10)
    if few:
        return [*cells, "", "", "", f"{100 * power:.0f}", f"{100 * size:.1f}", ""]
    return [
        *cells,
        f"{100 * at_tolerance(suite, worlds // 2):.1f}",
        f"{100 * naive_red_share(suite, NOTHING[2], worlds // 2):.1f}",
        f"{100 * power:.0f}",
        f"{100 * size:.1f}",
        f"{100 * coverage(suite, worlds // 5):.1f}",
    ]


def main(worlds: int = 2000, *names: str) -> None:
    """Prints the table, or only the lines of the suites named."""
    heads = ["suite", "figures", *(change.name for change in NOTHING), "dropped by the tolerance",
             "naive test", "power", "detectable", "coverage"]  # fmt: skip
    print("| " + " | ".join(heads) + " |")
    print("|---|---" + "|---:" * (len(heads) - 2) + "|")
    for suite in SUITES:
        if not names or suite.name in names:
            print("| " + " | ".join(row(suite, worlds)) + " |", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]), *sys.argv[2:])
