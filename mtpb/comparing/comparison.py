"""Compares two runs: whether they are comparable, what changed, and the gate's decision.

Reads and writes no files. `mtpb.compare` is the command.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from mtpb.comparing.gate import FigureChange, Gate, decide, figure_k
from mtpb.errors import UsageError
from mtpb.rundir.guarantee import Guarantee
from mtpb.rundir.manifest import Throughput
from mtpb.rundir.records import Key, VerdictStatus
from mtpb.rundir.run import Run
from mtpb.rundir.store import decisive
from mtpb.rundir.verdicts import STATUSES, Floats, Ints, Units, Verdicts, same_samples
from mtpb.statistics.ks import usual_ks
from mtpb.statistics.significance import Pairs
from mtpb.tables import MARK

_MUST_AGREE = ("benchmark.", "sampling.", "sandbox.")


@dataclass(frozen=True, slots=True)
class Question:
    """What to compare. `figures` None is pass_rate and the pass@k that are the default.

    `partial` admits unfinished runs; `force` admits incomparable ones too.
    """

    gate: Gate
    figures: tuple[str, ...] | None = None
    scorer: str | None = None
    subset: str = "all"
    force: bool = False
    partial: bool = False

    def admits(self, refusal: _Refusal) -> bool:
        return self.force or (self.partial and refusal.unfinished)


@dataclass(frozen=True, slots=True)
class Difference:
    """A key of the identity with different values in the two runs; None for a missing key."""

    key: str
    baseline: Any
    candidate: Any

    def __str__(self) -> str:
        return f"{self.key}: {self.baseline!r} in the baseline, {self.candidate!r} in the candidate"


@dataclass(frozen=True, slots=True)
class ProblemChange:
    """A problem's pass rate in both runs.

    `lost` is a sample that passes only in the baseline, `gained` one that passes only in the
    candidate; `lost_status` is the lost sample's status in the candidate.
    """

    id: str
    name: str
    category: str
    baseline: float
    candidate: float
    lost: Key | None
    lost_status: VerdictStatus | None
    gained: Key | None

    @property
    def difference(self) -> float:
        return self.candidate - self.baseline


@dataclass(frozen=True, slots=True)
class StatusShift:
    """How many samples have a status in each run, and how many lost and gained ones.

    `lost` counts samples that passed in the baseline and have this status in the candidate;
    `gained` those that pass in the candidate and had this status in the baseline.
    """

    status: VerdictStatus
    baseline: int
    candidate: int
    lost: int
    gained: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The result of a comparison. Problems are sorted by their difference, largest loss first."""

    baseline: Run
    candidate: Run
    scorer: str
    subset: str
    gate: Gate
    figures: tuple[FigureChange, ...]
    problems: tuple[ProblemChange, ...]
    statuses: tuple[StatusShift, ...]
    overridden: tuple[Difference, ...]
    changed: tuple[Difference, ...]
    notes: tuple[str, ...]

    @property
    def red(self) -> bool:
        return any(figure.worse for figure in self.figures)

    @property
    def samples(self) -> tuple[int, int]:
        """Samples compared, of the baseline and of the candidate."""
        shifts = self.statuses
        return sum(shift.baseline for shift in shifts), sum(shift.candidate for shift in shifts)

    @property
    def unfinished(self) -> tuple[Run, ...]:
        """The runs that lack verdicts on some of their planned samples."""
        return tuple(run for run in (self.baseline, self.candidate) if not run.finished)

    @property
    def throughputs(self) -> tuple[Throughput, Throughput]:
        return self.baseline.manifest.throughput, self.candidate.manifest.throughput


def compare(baseline: Run, candidate: Run, question: Question) -> Comparison:
    """Compares two runs of one benchmark.

    Raises UsageError if they are not comparable or not finished, unless the question admits it; if
    they have no case in common; and for a pass@k with k above the samples of some case.
    """
    overridden, changed = differences(baseline, candidate, question.scorer)
    refusal = _refusal(baseline, candidate, overridden)
    if refusal and not question.admits(refusal):
        key = "partial=true" if refusal.unfinished else "force=true"
        raise UsageError(f"{refusal.reason}\n{refusal.remedy}, or go on all the same: {key}")
    scorer = _scorer(baseline, candidate, question.scorer)
    before, after = _aligned(baseline, candidate, question.subset)
    pairs, problems = pair_up(before.units(scorer), after.units(scorer))
    if not len(pairs.problem):
        raise UsageError("the two runs have no problem and case in common")
    names = chosen_figures(pairs, question.figures)
    shifts = _StatusShifts(before, after, scorer)
    return Comparison(
        baseline=baseline,
        candidate=candidate,
        scorer=scorer,
        subset=question.subset,
        gate=question.gate,
        figures=decide(pairs, names, question.gate),
        problems=_problem_changes(baseline, before, after, scorer, problems),
        statuses=shifts.counts(),
        overridden=tuple(overridden),
        changed=tuple(changed),
        notes=(*_notes(refusal, baseline, candidate), *shifts.notes()),
    )


def differences(
    baseline: Run, candidate: Run, scorer: str | None = None
) -> tuple[list[Difference], list[Difference]]:
    """The identity keys that differ: first those that make runs incomparable, then the others.

    If a scorer is given, `benchmark.scorer` may differ.
    """
    one, other = decisive(baseline.manifest.identity), decisive(candidate.manifest.identity)
    found = [
        Difference(key, one.get(key), other.get(key))
        for key in sorted({*one, *other})
        if one.get(key) != other.get(key) and not (key == "benchmark.scorer" and scorer)
    ]
    barring = [d for d in found if d.key.startswith(_MUST_AGREE)]
    return barring, [d for d in found if d not in barring]


def is_greedy(run: Run) -> bool:
    """Whether all samples of a case are the same: the likeliest tokens, from a sampler that gives
    the same bytes again."""
    if run.manifest.guarantee is not Guarantee.bytes:
        return False
    identity = run.manifest.identity
    return identity.get("sampling.temperature") == 0 or identity.get("sampling.top_k") == 1


def pair_up(baseline: Units, candidate: Units) -> tuple[Pairs, Ints]:
    """The units of which both runs have samples, and the numbers of their problems.

    Both must number problems alike.
    """
    width = int(max(baseline.case.max(initial=0), candidate.case.max(initial=0))) + 1
    one, other = (u.select(u.n > 0) for u in (baseline, candidate))
    _, i, j = np.intersect1d(
        one.problem * width + one.case, other.problem * width + other.case, return_indices=True
    )
    problems, dense = np.unique(one.problem[i], return_inverse=True)
    return Pairs(dense, one.n[i], one.c[i], other.n[j], other.c[j]), problems


def chosen_figures(pairs: Pairs, asked: Sequence[str] | None) -> tuple[str, ...]:
    """The figures to compare. UsageError for an unknown one or one that needs more samples."""
    samples = np.minimum(pairs.n_baseline, pairs.n_candidate)
    if asked is None:
        return ("pass_rate", *(f"pass@{k}" for k in usual_ks(int(samples.min())) if k > 1))
    for name in asked:
        if not re.fullmatch(r"pass_rate|pass@[1-9][0-9]*", name):
            raise UsageError(f"metrics: unknown figure {name!r}; expected pass_rate or pass@K")
        if figure_k(name) > samples.min():
            raise UsageError(
                f"metrics: {name} needs {figure_k(name)} samples of every case, and some case has "
                f"only {samples.min()}"
            )
    if not asked:
        raise UsageError("metrics: name at least one figure, or leave the key out")
    return tuple(dict.fromkeys(asked))


class _Refusal(NamedTuple):
    """Why runs are not compared, the remedy, and whether the reason is only an unfinished run."""

    reason: str
    remedy: str
    unfinished: bool = False


def _refusal(baseline: Run, candidate: Run, differing: Sequence[Difference]) -> _Refusal | None:
    """Why the runs are not comparable; None if they are."""
    if differing:
        keys = "; ".join(str(difference) for difference in differing)
        return _Refusal(
            f"the two runs are not comparable, keys differ: {keys}",
            "Compare runs of the same settings",
        )
    for run in (baseline, candidate):
        failed = len(run.verdicts) - run.judged
        if failed:
            return _Refusal(
                f"{run.source}: the sandbox itself failed on {failed} programs, which says "
                "nothing of the model",
                "Judge them again with the command that made the run",
                unfinished=True,
            )
        if not run.finished:
            return _Refusal(
                f"{run.source}: {run.extent} are judged",
                "Finish the run with the command that started it",
                unfinished=True,
            )
    return _unequal(baseline, candidate)


def _unequal(baseline: Run, candidate: Run) -> _Refusal | None:
    """A refusal that names a sample with a verdict in only one of the runs; None if none has."""
    one, other = baseline.verdicts, candidate.verdicts
    shared, _ = same_samples(one, other.renumbered(one.problems))
    if len(shared) == len(one) == len(other):
        return None
    keys = [_keys(run) for run in (baseline, candidate)]
    for run, own, others in (
        (candidate, keys[1], keys[0]),
        (baseline, keys[0], keys[1]),
    ):
        missing = others - own
        if missing:
            problem, case, sample = min(missing)
            return _Refusal(
                f"{run.source}: {len(missing)} of the other run's {len(others)} samples have "
                f"no verdict here (first: problem {problem!r}, case {case}, sample {sample})",
                "Finish the run with the command that started it",
            )
    return None


def _keys(run: Run) -> set[tuple[str, int, int]]:
    verdicts = run.verdicts
    ids = verdicts.problems
    columns = (verdicts.problem.tolist(), verdicts.case.tolist(), verdicts.sample.tolist())
    return {(ids[problem], case, sample) for problem, case, sample in zip(*columns, strict=True)}


def _scorer(baseline: Run, candidate: Run, asked: str | None) -> str:
    scorer = asked or candidate.scorer
    for run in (baseline, candidate):
        if scorer not in run.scorers:
            raise UsageError(
                f"scorer={scorer}: {run.source} was judged by {', '.join(run.scorers)}"
            )
    return scorer


def _aligned(baseline: Run, candidate: Run, subset: str) -> tuple[Verdicts, Verdicts]:
    """Both runs' verdicts on the subset, problems numbered as in the baseline."""
    chosen = []
    for run in (baseline, candidate):
        found = run.subsets
        if subset not in found:
            raise UsageError(
                f"subset={subset}: no errata are known for {run.benchmark.name} in {run.source}; "
                "use subset=all"
            )
        chosen.append(found[subset])
    return chosen[0], chosen[1].renumbered(chosen[0].problems)


def _problem_changes(
    run: Run, before: Verdicts, after: Verdicts, scorer: str, problems: Ints
) -> tuple[ProblemChange, ...]:
    about = run.problems
    rates = [_rates(verdicts, scorer) for verdicts in (before, after)]
    lost, gained = _examples(before, after, scorer)
    changes = [
        ProblemChange(
            id=about[index].id,
            name=about[index].name,
            category=about[index].category,
            baseline=float(rates[0][index]),
            candidate=float(rates[1][index]),
            lost=lost[index][0] if index in lost else None,
            lost_status=lost[index][1] if index in lost else None,
            gained=gained[index][0] if index in gained else None,
        )
        for index in problems.tolist()
    ]
    return tuple(sorted(changes, key=lambda change: change.difference))


def _rates(verdicts: Verdicts, scorer: str) -> Floats:
    """Pass rate of each problem: [len(problems)]; 0 where there is no sample."""
    units = verdicts.units(scorer)
    units = units.select(units.n > 0)
    size = len(verdicts.problems)
    cases = np.bincount(units.problem, minlength=size)
    return np.bincount(units.problem, weights=units.c / units.n, minlength=size) / np.maximum(
        cases, 1
    )


def _examples(
    before: Verdicts, after: Verdicts, scorer: str
) -> tuple[dict[int, tuple[Key, VerdictStatus]], dict[int, tuple[Key, VerdictStatus]]]:
    """For each problem a lost sample and a gained one, each with its failing status."""
    i, j = same_samples(before, after)
    passed_before, passed_after = before.passed_by(scorer)[i], after.passed_by(scorer)[j]

    def first(rows: Ints, failing: Ints) -> dict[int, tuple[Key, VerdictStatus]]:
        found: dict[int, tuple[Key, VerdictStatus]] = {}
        for row, code in zip(rows.tolist(), failing.tolist(), strict=True):
            problem = int(before.problem[row])
            key = Key(before.problems[problem], int(before.case[row]), int(before.sample[row]))
            found.setdefault(problem, (key, STATUSES[code]))
        return found

    lost, gained = passed_before & ~passed_after, passed_after & ~passed_before
    return (
        first(i[lost], after.status_by(scorer)[j[lost]]),
        first(i[gained], before.status_by(scorer)[i[gained]]),
    )


class _StatusShifts:
    """Counts how samples' statuses changed from the baseline to the candidate."""

    def __init__(self, before: Verdicts, after: Verdicts, scorer: str) -> None:
        i, j = same_samples(before, after)
        width = len(STATUSES)
        self._before = np.bincount(before.status_by(scorer), minlength=width)
        self._after = np.bincount(after.status_by(scorer), minlength=width)
        moves = before.status_by(scorer)[i] * width + after.status_by(scorer)[j]
        self._moves = np.bincount(moves, minlength=width * width).reshape(width, width)

    def counts(self) -> tuple[StatusShift, ...]:
        passed = STATUSES.index(VerdictStatus.passed)
        return tuple(
            StatusShift(
                status,
                int(self._before[code]),
                int(self._after[code]),
                lost=0 if code == passed else int(self._moves[passed, code]),
                gained=0 if code == passed else int(self._moves[code, passed]),
            )
            for code, status in enumerate(STATUSES)
        )

    def notes(self) -> list[str]:
        """A note if no sample changed, or if most lost samples exceeded a limit of the sandbox."""
        shifts = {shift.status: shift for shift in self.counts()}
        lost = sum(shift.lost for shift in shifts.values())
        if not lost and not sum(shift.gained for shift in shifts.values()):
            return ["Every sample passes in both runs or in neither."]
        limits = {
            s: shifts[s].lost
            for s in (VerdictStatus.timeout, VerdictStatus.memory, VerdictStatus.blocked)
        }
        if 2 * sum(limits.values()) <= lost:
            return []
        named = ", ".join(f"{n} {s.value}" for s, n in limits.items() if n)
        return [
            f"Of {lost} samples that no longer pass, most met a limit of the sandbox ({named}): "
            "look at the machine and the limits before blaming the model."
        ]


def _notes(refusal: _Refusal | None, baseline: Run, candidate: Run) -> list[str]:
    notes = []
    if refusal and not refusal.unfinished:
        notes.append(f"Forced although {refusal.reason}.")
    notes += [
        f"{MARK} Unfinished: {run.source}, {run.extent}."
        for run in (baseline, candidate)
        if not run.finished
    ]
    notes += [
        f"{run.source}: its model was asked through a sampler that guarantees nothing; the same "
        "command would give other samples, so samples that were lost or gained are examples only, "
        "and for a small difference more samples or problems say more."
        for run in (baseline, candidate)
        if run.manifest.sampling is not None and run.manifest.guarantee is Guarantee.nothing
    ]
    sandboxes = [run.manifest.sandbox for run in (baseline, candidate)]
    layers = [None if sandbox is None else sandbox.layers for sandbox in sandboxes]
    if layers[0] != layers[1] and None not in layers:
        notes.append("The sandbox's layers in force differ between the two runs.")
    return notes
