"""Checks of the environment and the benchmark that would otherwise lower scores unnoticed.

Each check is a function that returns a `Check`. `preflight` makes the quick ones in the sandbox of
a run that is about to start; `mtpb.doctor` makes all. Needs no torch.
"""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks import Benchmark, Case, FunctionTest, Problem
from mtpb.errors import UsageError
from mtpb.rundir.records import Sample, Turn, Verdict, VerdictStatus
from mtpb.running.conversation import Conversations
from mtpb.running.describe import PACKAGES, describe_environment
from mtpb.running.judge import Judge, ProgramPool

_log = logging.getLogger(__name__)

QUICK_REFERENCES = 8
_LEAST_PYTHON = (3, 10)
_NO_ROOM = 1_000_000  # bytes; too little for a few samples
_LITTLE_ROOM = 1_000_000_000


class State(Enum):
    good = "good"
    warning = "warning"
    bad = "bad"
    skipped = "skipped"


class About(Enum):
    """What is at fault when a check fails."""

    environment = "environment"
    benchmark = "benchmark"
    model = "model"


@dataclass(frozen=True, slots=True)
class Check:
    """The name of a check, what was found, and what to do about it."""

    name: str
    about: About
    state: State
    found: str
    remedy: str = ""


class PreflightError(UsageError):
    """The environment would change the scores of a run."""


def preflight(pool: ProgramPool, benchmark: Benchmark, folder: Path) -> None:
    """The quick checks before a run: known programs, some references, disk space.

    Raises PreflightError if a right program fails, a wrong one passes, or the disk is full; logs a
    warning if little space is left. Takes a fraction of a second once the pool has started.
    """
    checks = [
        known_programs(pool, benchmark),
        references(pool, benchmark, at_most=QUICK_REFERENCES),
        disk_space(folder),
    ]
    for check in checks:
        if check.state is State.warning:
            _log.warning("%s: %s; %s", check.name, check.found, check.remedy)
    bad = [check for check in checks if check.state is State.bad]
    if bad:
        found = "\n".join(f"  {check.name}: {check.found}; {check.remedy}" for check in bad)
        raise PreflightError(
            "the environment would change the scores; nothing was run. "
            f"python -m mtpb.doctor says more.\n{found}"
        )


def known_programs(pool: ProgramPool, benchmark: Benchmark) -> Check:
    """Judges programs whose verdicts are known, by the benchmark's kind of test."""
    known = _known_function(benchmark.scorers) if benchmark.has_tests else _known_print()
    problem, programs = known
    alone = replace(benchmark, problems=(problem,))
    samples = [
        Sample(problem.id, 0, number, (), alone.protocol.history(()) + source)
        for number, (source, _) in enumerate(programs)
    ]
    wanted = [status for _, status in programs]
    verdicts = list(Judge(alone, pool, alone.scorer).verdicts(samples))
    wrong = [
        f"a program that should be {status.value} is {verdict.status.value} ({verdict.detail})"
        for status, verdict in zip(wanted, verdicts, strict=True)
        if verdict.status is not status
    ]
    if wrong:
        remedy = "the sandbox does not work here; python -m sandbox shows its layers"
        return Check("known programs", About.environment, State.bad, wrong[0], remedy)
    found = f"{len(verdicts)} programs judged as they should be"
    return Check("known programs", About.environment, State.good, found)


def references(pool: ProgramPool, benchmark: Benchmark, at_most: int | None = None) -> Check:
    """Judges the suite's reference solutions, which must all pass."""
    name = f"references of {benchmark.name}"
    samples = list(islice(reference_samples(benchmark, first_cases=at_most is not None), at_most))
    if not samples:
        found = "the suite has no reference solutions"
        return Check(name, About.environment, State.skipped, found)
    verdicts = Judge(benchmark, pool, benchmark.scorer).verdicts(samples)
    failed = [verdict for verdict in verdicts if not verdict.passed]
    if failed:
        found = f"{len(failed)} of {len(samples)} fail: {_first(failed)}"
        return Check(name, About.environment, State.bad, found, _remedy(failed))
    return Check(name, About.environment, State.good, f"{len(samples)} of {len(samples)} pass")


def reference_samples(benchmark: Benchmark, first_cases: bool = False) -> Iterator[Sample]:
    """The reference solutions as samples, for every case or the first one of each problem."""
    for conversation in Conversations(benchmark, n=1):
        problem = benchmark.problem(conversation.key.problem)
        if problem.reference is None or (first_cases and conversation.key.case):
            continue
        solution = problem.solution(problem.cases[conversation.key.case])
        turns = tuple(
            Turn(prompt, text, text, 0, "stop")
            for prompt, text in zip(conversation.prompts, solution, strict=True)
        )
        yield replace(conversation, turns=turns).sample


def disk_space(folder: Path) -> Check:
    """Checks the free space of the run directory's disk."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    free = shutil.disk_usage(place).free
    found = f"{free / 1e6:,.0f} MB free at {place}"
    state = State.bad if free < _NO_ROOM else State.warning if free < _LITTLE_ROOM else State.good
    return Check("disk space", About.environment, state, found, "free some, or choose output=…")


def interpreter() -> Check:
    """Checks the versions of Python and of the packages that the harness needs."""
    environment = describe_environment()
    missing = [name for name in PACKAGES if name != "mtpb" and not importlib.util.find_spec(name)]
    if missing or sys.version_info < _LEAST_PYTHON:
        found = f"Python {environment.python}, missing: {', '.join(missing) or 'nothing'}"
        remedy = "Python 3.10 or later, and pip install --constraint constraints.txt ."
        return Check("Python and packages", About.environment, State.bad, found, remedy)
    versions = environment.packages
    named = ", ".join(f"{name} {versions[name]}" for name in ("torch", "numpy") if versions[name])
    found = f"Python {environment.python}, {named}"
    return Check("Python and packages", About.environment, State.good, found)


def load() -> Check:
    """Warns of a busy machine: speeds depend on it; verdicts do not, as limits are CPU time."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    busy = os.getloadavg()[0]
    found = f"{busy:.1f} processes waiting for or on {cores} cores"
    state = State.warning if busy > 2 * (cores or 1) else State.good
    return Check("load", About.environment, state, found, "measured speeds will be low")


def isolation(layers: Mapping[str, Any]) -> Check:
    """Checks which of the sandbox's layers are in force."""
    active = ", ".join(layers["active"]) or "none"
    missing = "; ".join(f"{name}: {why}" for name, why in layers["missing"].items())
    if layers["full"]:
        extra = ", ".join(layers["namespaces"])
        found = f"{active}" + (f"; namespaces: {extra}" if extra else "")
        return Check("isolation", About.environment, State.good, found)
    remedy = "programs can reach more of this machine than they should: run only what you trust"
    found = f"in force: {active}; missing: {missing or 'what was not asked for'}"
    return Check("isolation", About.environment, State.warning, found, remedy)


def _known_print() -> tuple[Problem, list[tuple[str, VerdictStatus]]]:
    problem = Problem("preflight", "preflight", "preflight", ("",), (Case({}, 3),))
    return problem, [
        ("print(1 + 2)\n", VerdictStatus.passed),
        ("import numpy as np\nprint(np.arange(3).sum())\n", VerdictStatus.passed),
        ("print(4)\n", VerdictStatus.wrong_answer),
        ("raise ValueError('known')\n", VerdictStatus.exception),
        ("print(3\n", VerdictStatus.syntax_error),
    ]


def _known_function(scorers: Iterable[str]) -> tuple[Problem, list[tuple[str, VerdictStatus]]]:
    source = "assert increment(1) == 2\nassert increment(-1) == 0\n"
    test = FunctionTest("", ("increment",), dict.fromkeys(scorers, source))
    problem = Problem("preflight", "preflight", "preflight", ("",), (Case({}, None),), test=test)
    return problem, [
        ("def increment(x):\n    return x + 1\n", VerdictStatus.passed),
        (
            "import numpy as np\ndef increment(x):\n    return np.int64(x) + 1\n",
            VerdictStatus.passed,
        ),
        ("def increment(x):\n    return x\n", VerdictStatus.wrong_answer),
        ("def increment(x):\n    return x / 0\n", VerdictStatus.exception),
        ("def increment(x)\n", VerdictStatus.syntax_error),
    ]


def _first(failed: Iterable[Verdict]) -> str:
    verdict = next(iter(failed))
    return (
        f"problem {verdict.problem}, case {verdict.case}: {verdict.status.value} {verdict.detail}"
    )


def _remedy(failed: Iterable[Verdict]) -> str:
    most, _ = Counter(verdict.status for verdict in failed).most_common(1)[0]
    return {
        VerdictStatus.timeout: "programs are too slow here: raise sandbox.timeout",
        VerdictStatus.memory: "raise sandbox.memory_mb",
        VerdictStatus.blocked: "the isolation forbids what honest programs do; report it",
        VerdictStatus.sandbox_error: "the sandbox fails here; python -m sandbox shows its layers",
    }.get(most, "a library that the programs use is missing or behaves otherwise here")
