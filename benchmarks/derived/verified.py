"""MTPB, verified: the published prompts and inputs with the benchmark's own faults mended.

What is mended is in the errata (`benchmarks.errata`); the prompts and inputs come from the
published content. Cases that need missing files, that are undetermined or come twice are left out;
a wrong expected value is replaced by the right one; a value that the released scorer refuses is
compared by the strict rule. All other cases keep their value and the official rule. Numbers of
cases do not change, so that samples of the published suite can be judged by this one.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256

from benchmarks.benchmark import Benchmark
from benchmarks.derived.references import solution
from benchmarks.errata import Erratum, entries
from benchmarks.problem import BenchmarkError, Case, Mended, Problem

LEFT_OUT = ("missing", "undetermined", "duplicate", "constant")


def verified(published: Benchmark) -> Benchmark:
    """The published suite with its faults mended; name, suite and protocol are left to the caller.

    `known_errata` are those of the cases that stay.
    """
    faults = entries(published.name)
    out = {(e.problem, case): e.kind for e in faults if e.kind in LEFT_OUT for case in e.cases}
    problems = [
        replace(problem, cases=cases, reference=solution(problem))
        for problem in published.problems
        if (cases := _kept(problem, {case for id, case in out if id == problem.id}, faults))
    ]
    return replace(
        published,
        problems=tuple(problems),
        sha256=_hash(published.sha256, problems),
        known_errata={k: kinds for k, kinds in published.known_errata.items() if k not in out},
        left_out=frozenset(out),
        note=_note(published, list(out.values())),
    )


def _kept(problem: Problem, out: set[int], faults: Sequence[Erratum]) -> tuple[Case, ...]:
    """The cases that stay, mended."""
    kept = len(problem.cases) - len(out)
    if out != set(range(kept, len(problem.cases))):
        raise BenchmarkError(
            f"problem {problem.id!r}: cases {sorted(out)} are left out; only the last cases of a "
            "problem can be, since the others would get new numbers"
        )
    return tuple(
        replace(case, mended=_mended(case, number, [e for e in faults if e.problem == problem.id]))
        for number, case in enumerate(problem.cases[:kept])
    )


def _mended(case: Case, number: int, faults: Sequence[Erratum]) -> Mended | None:
    mine = [e for e in faults if number in e.cases and e.kind in ("wrong", "unscorable")]
    if not mine:
        return None
    answers: tuple[object, ...] = (case.expected,)
    for fault in mine:
        place = fault.cases.index(number)
        if fault.right is not None:
            answers = (fault.right[place], *(fault.also[place : place + 1] if fault.also else ()))
    rule = "strict" if any(e.kind == "unscorable" for e in mine) else "official"
    return Mended(answers, rule, " ".join(e.note for e in mine))


def _hash(published: str, problems: Sequence[Problem]) -> str:
    """Of the published content's hash, and of what is asked and accepted here."""
    content = [
        (p.id, [(case.rule("verified"), case.answers("verified")) for case in p.cases])
        for p in problems
    ]
    return sha256(f"{published}{json.dumps(content)}".encode()).hexdigest()


def _note(published: Benchmark, kinds: Sequence[str]) -> str:
    count = Counter(kinds)
    counted = ", ".join(f"{count[kind]} {kind}" for kind in LEFT_OUT if count[kind])
    kept = published.cases - len(kinds)
    return f"{kept} of the {published.cases} cases of {published.name}; left out: {counted}"
