"""From samples to verdicts: runs programs in the sandbox and applies the benchmark's rules.

The rules (`benchmarks.official`, `benchmarks.strict`) compare plain data. This module decides what
the program's ending means for each scorer.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from time import perf_counter
from types import ModuleType
from typing import Any, Protocol, TypeAlias

from benchmarks import Benchmark, Case, Problem, official, strict
from benchmarks.plain import report
from mtpb.errors import UsageError
from mtpb.rundir.records import SCORERS, Judgement, Sample, Verdict, VerdictStatus
from mtpb.running.conversation import turn_of_line
from sandbox import Harness, Outcome, Program, Test
from sandbox import Status as Ending

Answers: TypeAlias = tuple[object, ...]
Outcomes: TypeAlias = dict[str, "Future[Outcome]"]  # by scorer
PENDING = 4096  # samples in the sandbox at a time; bounds memory
LATEST = 256  # programs whose outcomes are kept for samples like them; bounds memory too


class ProgramPool(Protocol):
    """Runs programs: a sandbox's pool, or those of many machines."""

    @property
    def layers(self) -> dict[str, Any]:
        """The layers of isolation in force."""
        ...

    def submit(self, program: Program) -> Future[Outcome]: ...


class Clock:
    """Counts programs, and the seconds in which at least one was in the sandbox."""

    def __init__(self) -> None:
        self.programs = 0
        self.busy_s = 0.0
        self._running = 0
        self._since = 0.0
        self._lock = Lock()

    def start(self) -> None:
        with self._lock:
            if self._running == 0:
                self._since = perf_counter()
            self._running += 1

    def stop(self, done: Future[Outcome]) -> None:
        with self._lock:
            self.programs += 1
            self._running -= 1
            if self._running == 0:
                self.busy_s += perf_counter() - self._since


@dataclass(frozen=True, slots=True)
class Judge:
    """Makes verdicts of samples; `scorer` is the one that `Verdict.passed` follows.

    `max_turns` is how many attempts a conversation of the run may have.
    """

    benchmark: Benchmark
    pool: ProgramPool
    scorer: str
    max_turns: int = 1
    clock: Clock = field(default_factory=Clock)
    _latest: OrderedDict[tuple[str, int, str], Outcomes] = field(default_factory=OrderedDict)

    def submit(self, sample: Sample) -> PendingVerdict:
        """Submits a sample's programs to the sandbox.

        Raises UsageError for a sample of a problem or case that the benchmark does not have.
        Samples with the same program share its outcomes, unless the sandbox failed: what a program
        does is repeatable, and at low temperatures many are the same.
        """
        problem, case = find(self.benchmark, sample)
        key = (sample.problem, sample.case, sample.program)
        outcomes = self._latest.pop(key, None)
        is_shared = outcomes is not None and not any(map(_failed, outcomes.values()))
        if outcomes is None or not is_shared:
            outcomes = self._outcomes(sample, problem, case)
        self._latest[key] = outcomes
        if len(self._latest) > LATEST:
            self._latest.popitem(last=False)
        return PendingVerdict(self, sample, case, outcomes, is_shared)

    def _outcomes(self, sample: Sample, problem: Problem, case: Case) -> Outcomes:
        """Runs the sample's programs, one a scorer unless two need the same; tests one after
        another, as long as the program passes."""
        running: list[tuple[Program, Future[Outcome]]] = []
        outcomes = {}
        for scorer in self.benchmark.scorers:
            wanted = program(sample, problem, case, scorer)
            outcome = next((future for other, future in running if other == wanted), None)
            if outcome is None and running and wanted.test:
                outcome = self._run_after(running[-1][1], wanted)
            outcomes[scorer] = outcome or self._run(wanted)
            running.append((wanted, outcomes[scorer]))
        return outcomes

    def _run_after(self, before: Future[Outcome], program: Program) -> Future[Outcome]:
        """The outcome of a program that runs if the one before passed; otherwise that one's."""
        after: Future[Outcome] = Future()

        def end(done: Future[Outcome]) -> None:
            try:
                after.set_result(done.result())
            except Exception as error:  # noqa: BLE001  whoever waits has to hear of it
                after.set_exception(error)

        def go_on(done: Future[Outcome]) -> None:
            try:
                passed = done.result().status is Ending.passed
                (self._run(program) if passed else done).add_done_callback(end)
            except Exception as error:  # noqa: BLE001
                after.set_exception(error)

        before.add_done_callback(go_on)
        return after

    def _run(self, program: Program) -> Future[Outcome]:
        self.clock.start()
        future = self.pool.submit(program)
        future.add_done_callback(self.clock.stop)
        return future

    def verdicts(self, samples: Iterable[Sample]) -> Iterator[Verdict]:
        """Verdicts in the order of the samples."""
        return verdicts(map(self.submit, samples))


def verdicts(submitted: Iterable[PendingVerdict]) -> Iterator[Verdict]:
    """The verdicts in this order, as they come; more samples are taken in the meantime."""
    pending: deque[PendingVerdict] = deque()
    for one in submitted:
        pending.append(one)
        while pending and (pending[0].done or len(pending) >= PENDING):
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()


@dataclass(frozen=True)
class PendingVerdict:
    """A sample whose programs are in the sandbox.

    `is_shared` says that the outcomes are those of an earlier sample.
    """

    judge: Judge
    sample: Sample
    case: Case
    outcomes: Outcomes
    is_shared: bool

    @property
    def done(self) -> bool:
        return all(future.done() for future in self.outcomes.values())

    def result(self) -> Verdict:
        """Waits for the outcomes and makes the verdict.

        Raises UsageError if the problem's test is broken.
        """
        return self._verdict

    @cached_property  # a sample has one verdict, also where the sandbox comes and goes
    def _verdict(self) -> Verdict:
        outcomes = {scorer: future.result() for scorer, future in self.outcomes.items()}
        if self.is_shared and any(map(_failed, self.outcomes.values())):
            return self.judge.submit(self.sample).result()
        judgements = {}
        for scorer, outcome in outcomes.items():
            if outcome.status is Ending.broken_test:
                raise UsageError(
                    f"problem {self.sample.problem!r} of {self.judge.benchmark.name}: "
                    f"its test is broken and must be corrected: {outcome.detail}"
                )
            judgements[scorer] = judgement(
                self.sample, self.judge.benchmark, self.case, scorer, outcome
            )
        failures = [j for j in judgements.values() if j.status is VerdictStatus.sandbox_error]
        # if the sandbox failed for one scorer, the sample is not judged
        chosen = failures[0] if failures else judgements[self.judge.scorer]
        return Verdict(
            *self.sample.key,
            passed=chosen.passed,
            status=chosen.status,
            detail=chosen.detail,
            turn=chosen.turn,
            line=chosen.line,
            cpu_s=chosen.cpu_s,
            wall_s=chosen.wall_s,
            scores={name: judgements[name].passed for name in SCORERS if name in judgements},
            attempts=len(self.sample.attempts) if self.judge.max_turns > 1 else None,
        )


def _failed(outcome: Future[Outcome]) -> bool:
    """Whether the sandbox failed to run a program."""
    if not outcome.done():
        return False
    if outcome.cancelled() or outcome.exception() is not None:
        return True
    return outcome.result().status is Ending.sandbox_error


def find(benchmark: Benchmark, sample: Sample) -> tuple[Problem, Case]:
    """The problem and case of a sample."""
    problem = benchmark.problem(sample.problem)
    if not 0 <= sample.case < len(problem.cases):
        raise UsageError(
            f"problem {sample.problem!r} of {benchmark.name}: no case {sample.case}, "
            f"cases are 0 to {len(problem.cases) - 1}"
        )
    return problem, problem.cases[sample.case]


def program(sample: Sample, problem: Problem, case: Case, scorer: str) -> Program:
    """The sample's program in the form that a scorer needs: with a test or with a harness."""
    if problem.test is not None:
        wanted = problem.test
        test = Test(wanted.setup, wanted.sources[scorer], wanted.names, wanted.call_cpu_s)
        return Program(sample.program, test=test)
    rules, answer = _RULES[case.rule(scorer)], case.answers(scorer)[0]
    return Program(sample.program, harness=Harness(rules.HARNESS, rules.arguments(answer)))


def judgement(
    sample: Sample, benchmark: Benchmark, case: Case, scorer: str, outcome: Outcome
) -> Judgement:
    """One scorer's judgement of an outcome."""
    status, detail = _JUDGES[case.rule(scorer)](case.answers(scorer), outcome)
    turn = None
    if status not in (VerdictStatus.passed, VerdictStatus.sandbox_error):
        status, detail, turn = with_finding(sample, status, detail)
    line = None if status is VerdictStatus.passed else outcome.line
    return Judgement(
        passed=status is VerdictStatus.passed,
        status=status,
        detail=detail,
        line=line,
        turn=turn_of_line(sample, benchmark.protocol, line) if turn is None and line else turn,
        cpu_s=round(outcome.cpu_s, 4),
        wall_s=round(outcome.wall_s, 4),
    )


def with_finding(
    sample: Sample, status: VerdictStatus, detail: str
) -> tuple[VerdictStatus, str, int | None]:
    """The status and detail of a failing program, and the turn whose answer is to blame for it.

    The first turn of a chat whose answer was cut off or has no code decides the status, since what
    the program did without that code says little. None where there is no such turn.
    """
    for number, turn in enumerate(sample.attempts[-1]):
        if turn.finding is not None:
            words = turn.finding.replace("_", " ")
            after = f"{status.value}: {detail}" if detail else status.value
            return VerdictStatus(turn.finding), f"{words} in turn {number + 1}; {after}", number
    return status, detail, None


def ended(outcome: Outcome) -> VerdictStatus:
    """How a program ended, as a verdict's status.

    Every status of the sandbox is also one of verdicts, except `broken_test`, for which no verdict
    is made; `no_output` is a status of verdicts only.
    """
    return VerdictStatus[outcome.status.name]


def _by_test(answers: Answers, outcome: Outcome) -> tuple[VerdictStatus, str]:
    """The test ran in the sandbox; its result is the outcome's status."""
    return ended(outcome), outcome.detail


def _by_official(answers: Answers, outcome: Outcome) -> tuple[VerdictStatus, str]:
    """A right last print passes, however the program ended, except by SystemExit."""
    ending = ended(outcome)
    if ending is VerdictStatus.sandbox_error:
        return ending, outcome.detail
    if outcome.exit_code is not None:
        return (
            VerdictStatus.exception,
            f"SystemExit({outcome.exit_code}): not accepted by this scorer",
        )
    difference = _difference(official, answers, outcome)
    if difference is None:
        return VerdictStatus.passed, ""
    if ending is not VerdictStatus.passed:
        return ending, outcome.detail
    return _unlike(outcome, difference)


def _by_strict(answers: Answers, outcome: Outcome) -> tuple[VerdictStatus, str]:
    """The program must end without an error, and its last print must be right."""
    ending = ended(outcome)
    if ending is not VerdictStatus.passed:
        return ending, outcome.detail
    difference = _difference(strict, answers, outcome)
    return (VerdictStatus.passed, "") if difference is None else _unlike(outcome, difference)


def _difference(rules: ModuleType, answers: Answers, outcome: Outcome) -> str | None:
    """None if what was printed is one of the answers, else how it differs from the first."""
    differences: list[str | None] = [rules.mismatch(outcome.value, answer) for answer in answers]
    return None if None in differences else differences[0]


def _unlike(outcome: Outcome, difference: str) -> tuple[VerdictStatus, str]:
    silent = report(outcome.value)[0] == "nothing"
    return (VerdictStatus.no_output if silent else VerdictStatus.wrong_answer), difference


_RULES: dict[str, ModuleType] = {"official": official, "strict": strict}
_JUDGES = {"official": _by_official, "strict": _by_strict, "test": _by_test}
_JUDGES |= {"base": _by_test, "plus": _by_test}
