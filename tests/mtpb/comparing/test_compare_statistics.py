"""The tests behind the regression gate: exact where they say so, and right by simulation."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtpb.comparing.gate import Gate, Method, decide
from mtpb.statistics import intervals, significance
from mtpb.statistics.significance import Pairs
from tests.mtpb.comparing.simulate_gate import NOTHING, SUITES, power_at_detectable, red_share

stats = pytest.importorskip("scipy.stats")


def pairs_of(baseline: list[int], candidate: list[int], n: int = 10, cases: int = 1) -> Pairs:
    """Passes of n samples for each unit, `cases` units a problem."""
    size = np.full(len(baseline), n)
    problem = np.repeat(np.arange(len(baseline) // cases), cases)
    return Pairs(problem, size, np.array(baseline), size, np.array(candidate))


def decided(baseline: list[int], candidate: list[int], n: int = 10, **gate: object):
    return decide(pairs_of(baseline, candidate, n), ["pass_rate"], Gate(**gate))[0]


# single tests


@given(st.integers(0, 40), st.integers(0, 40))
def test_steps_of_one_make_mcnemars_exact_test(losses: int, gains: int) -> None:
    ours = significance.exact_sign_flip_test([-1] * losses + [1] * gains + [0] * 7)
    theirs = stats.binomtest(losses, losses + gains, alternative="greater") if losses else None
    assert ours == pytest.approx(theirs.pvalue if theirs and losses + gains else 1.0)


@given(st.lists(st.integers(-4, 4), max_size=9))
def test_exact_sign_flips_equal_enumeration(steps: list[int]) -> None:
    flipped = [np.dot(signs, steps) for signs in product((-1, 1), repeat=len(steps))]
    share = np.mean([total <= sum(steps) for total in flipped])
    assert significance.exact_sign_flip_test(steps) == pytest.approx(share)


@given(st.lists(st.integers(-4, 4), min_size=5, max_size=12))
def test_drawn_sign_flips_approach_the_exact_test(steps: list[int]) -> None:
    drawn = significance.sign_flip_test(np.array(steps, dtype=float)[:, None])[0]
    assert drawn == pytest.approx(significance.exact_sign_flip_test(steps), abs=0.02)


def test_sign_flips_agree_with_scipys_permutation_test() -> None:
    differences = np.random.default_rng(5).normal(-0.1, 0.3, size=30)
    theirs = stats.permutation_test(
        (differences, np.zeros(30)), lambda a, b, axis: np.mean(a - b, axis=axis),
        permutation_type="samples", alternative="less", vectorized=True, n_resamples=20_000,
        random_state=0,
    )  # fmt: skip
    ours = significance.sign_flip_test(differences[:, None])[0]
    assert ours == pytest.approx(theirs.pvalue, abs=0.01)


def test_holm_equals_the_textbook() -> None:
    assert significance.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert significance.holm([0.8, 0.9]) == [1.0, 1.0]


@pytest.mark.parametrize("freedom", [1, 2, 3, 5, 20, 163])
def test_student_quantiles_equal_scipys(freedom: int) -> None:
    for chance in (0.9, 0.95, 0.975):
        exact = stats.t(freedom).ppf(chance)
        assert intervals.student_quantile(chance, freedom) == pytest.approx(exact, rel=0.005)


# decisions


def test_greedy_runs_are_judged_by_mcnemars_test() -> None:
    figure = decided([1] * 12 + [0] * 8, [0] * 7 + [1] * 5 + [0] * 8, n=1, greedy=True)
    assert figure.test is Method.mcnemar
    assert figure.p_drop == pytest.approx(0.5**7)
    assert figure.worse


def test_greedy_duplicates_count_once() -> None:
    once = decided([1] * 9, [0] * 3 + [1] * 6, n=1, greedy=True)
    often = decided([40] * 9, [0] * 3 + [40] * 6, n=40, greedy=True)
    assert (often.p_drop, often.difference) == (once.p_drop, once.difference)


def test_greedy_pass_at_k_is_the_pass_rate() -> None:
    pairs = pairs_of([10] * 9, [0] * 6 + [10] * 3, n=10)
    rate, most = decide(pairs, ["pass_rate", "pass@10"], Gate(greedy=True))
    assert (most.baseline, most.candidate) == (rate.baseline, rate.candidate)
    assert most.worse


def test_cases_of_a_problem_count_as_one_piece_of_evidence() -> None:
    pairs = pairs_of([1] * 20, [0] * 20, n=1, cases=5)
    figure = decide(pairs, ["pass_rate"], Gate(greedy=True))[0]
    assert figure.test is Method.exact_sign_flip
    assert figure.p_drop == pytest.approx(0.5**4)


@pytest.mark.parametrize("passes", [0, 10])
def test_all_and_none_passing_is_no_change(passes: int) -> None:
    figure = decided([passes] * 20, [passes] * 20)
    assert (figure.difference, figure.p_drop, figure.p_gain) == (0, 1, 1)
    assert not figure.worse
    assert not figure.better
    assert (figure.low, figure.high) == (0, 0)


def test_where_nothing_passes_no_drop_could_be_found() -> None:
    assert decided([0] * 20, [0] * 20).detectable is None


def test_from_all_to_none_is_worse_and_back_is_better() -> None:
    assert decided([10] * 20, [0] * 20).worse
    back = decided([0] * 20, [10] * 20)
    assert back.better
    assert not back.worse


def test_one_problem_is_judged_by_its_samples() -> None:
    figure = decided([38], [3], n=40)
    assert figure.test is Method.relabelling
    assert figure.worse
    assert figure.low < figure.difference < figure.high < 0
    fisher = stats.fisher_exact([[38, 2], [3, 37]], alternative="greater").pvalue
    assert figure.p_drop == pytest.approx(fisher, abs=1e-3)
    assert not decided([20], [18], n=40).worse


def test_one_greedy_sample_of_one_problem_proves_nothing() -> None:
    figure = decided([1], [0], n=1, greedy=True)
    assert (figure.difference, figure.p_drop, figure.worse) == (-1, 0.5, False)
    assert figure.detectable is None


def test_k_equal_to_n_is_whether_any_sample_passes() -> None:
    pairs = pairs_of([1, 4, 0, 2] * 5, [0, 4, 0, 1] * 5, n=4)
    rate, most = decide(pairs, ["pass_rate", "pass@4"], Gate())
    assert (most.baseline, most.candidate) == pytest.approx((0.75, 0.5))
    assert rate.worse
    assert most.p_drop == pytest.approx(0.5**5, abs=0.01)


def test_a_drop_within_the_tolerance_is_green() -> None:
    before, after = [8] * 40, [8, 7] * 20
    assert decided(before, after).worse
    assert not decided(before, after, tolerance=0.06).worse
    assert decided(before, [4, 3] * 20, tolerance=0.06).worse


def test_more_figures_make_the_gate_no_less_strict() -> None:
    baseline, candidate = [9] * 6 + [5] * 10, [7] * 6 + [5] * 10
    alone = decide(pairs_of(baseline, candidate), ["pass_rate"], Gate())[0]
    among = decide(pairs_of(baseline, candidate), ["pass_rate", "pass@5", "pass@10"], Gate())[0]
    assert alone.worse
    assert among.p_drop == pytest.approx(3 * alone.p_drop)


def test_a_stricter_level_and_a_smaller_suite_hide_larger_drops() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.binomial(10, 0.5, size=(2, 80)).tolist()
    usual = decided(one, other).detectable
    assert decided(one, other, level=0.001).detectable > usual
    assert decided(one[:20], other[:20]).detectable > usual
    assert decided(one, other, power=0.99).detectable > usual


def test_the_same_question_has_the_same_answer() -> None:
    assert decided([5, 9, 3, 8, 7, 9], [4, 9, 1, 8, 8, 6]) == decided(
        [5, 9, 3, 8, 7, 9], [4, 9, 1, 8, 8, 6]
    )


# truth by simulation; the long version is python -m tests.mtpb.comparing.simulate_gate

SUITE = {suite.name: suite for suite in SUITES}


@pytest.mark.parametrize("change", NOTHING, ids=lambda change: change.name)
@pytest.mark.parametrize(
    "name", ["48 problems, 5 cases, n = 2", "MTPB-like, greedy", "12 problems, n = 10"]
)
def test_false_alarms_are_as_rare_as_asked_for(name: str, change: object) -> None:
    assert red_share(SUITE[name], change, worlds=300) <= 0.05 + 3 * (0.05 * 0.95 / 300) ** 0.5


def test_few_problems_raise_no_more_alarms() -> None:
    assert red_share(SUITE["1 problem, n = 50"], NOTHING[0], worlds=200) <= 0.1


@pytest.mark.parametrize("name", ["48 problems, 5 cases, n = 2", "12 problems, n = 10"])
def test_a_detectable_drop_is_detected(name: str) -> None:
    power, size = power_at_detectable(SUITE[name], worlds=40)
    assert 0.6 <= power <= 0.98
    assert 0.02 < size < 0.3
