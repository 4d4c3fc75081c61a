"""Attempts: a conversation whose program fails is told why, and goes on with another attempt.

A run without feedback has one attempt, and then this only hands samples to the judge. Nothing is
kept of a conversation between its attempts: one that a kill interrupts begins again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from benchmarks import Case, Problem
from mtpb.rundir.records import Sample, Verdict, VerdictStatus
from mtpb.running.dialogues import RunDialogue
from mtpb.running.judge import Judge, PendingVerdict, find
from mtpb.samplers.sampler import Sampler
from sandbox import place_in_test


class Attempts:
    """The conversations of a run, each with up to `judge.max_turns` attempts."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._judging: deque[tuple[RunDialogue, PendingVerdict]] = deque()
        self._again: deque[RunDialogue] = deque()

    def samples(
        self, sampler: Sampler, dialogues: Iterable[RunDialogue]
    ) -> Iterator[PendingVerdict]:
        """The samples as their last attempts finish, handed to the judge.

        Further attempts are made as verdicts come, beside conversations that are not begun yet;
        those whose verdicts come after the last of these are made in another run of the sampler.
        """
        source = iter(dialogues)
        while True:
            for dialogue in sampler.run(self._next(source)):
                pending = self._judge.submit(dialogue.sample)
                if self._may_go_on(dialogue):
                    self._judging.append((dialogue, pending))
                else:
                    yield pending
                yield from self._settled(wait=False)
            yield from self._settled(wait=True)
            if not self._again:
                return

    def _next(self, source: Iterator[RunDialogue]) -> Iterator[RunDialogue]:
        while True:
            dialogue = self._again.popleft() if self._again else next(source, None)
            if dialogue is None:
                return
            yield dialogue

    def _may_go_on(self, dialogue: RunDialogue) -> bool:
        """Whether there may be another attempt, and the model's context has room for it."""
        sample = dialogue.sample
        full = bool(sample.turns) and sample.turns[-1].finish == "context"
        return len(sample.attempts) < self._judge.max_turns and not full

    def _settled(self, wait: bool) -> Iterator[PendingVerdict]:
        """The samples that need no further attempt; all with `wait`, else those at hand."""
        while self._judging and (wait or self._judging[0][1].done):
            dialogue, pending = self._judging.popleft()
            verdict = pending.result()
            if verdict.passed or verdict.status is VerdictStatus.sandbox_error:
                yield pending
            else:
                self._again.append(dialogue.again(self._told(pending.sample, verdict)))

    def _told(self, sample: Sample, verdict: Verdict) -> str:
        """What the model is told of an attempt that failed."""
        benchmark = self._judge.benchmark
        problem, case = find(benchmark, sample)
        detail, example = _finding(problem, case, verdict)
        lines = sample.program.split("\n")  # splitlines also breaks at \f and U+2028
        number = verdict.line
        line = lines[number - 1] if number is not None and 0 < number <= len(lines) else None
        return benchmark.protocol.feedback.message(verdict.status.value, detail, line, example)


def _finding(problem: Problem, case: Case, verdict: Verdict) -> tuple[str, bool]:
    """A verdict's detail, and whether actual and expected value, which it has, may be told."""
    if problem.test is None:
        return verdict.detail, case.example
    headline, line = place_in_test(verdict.detail)
    if line is None or line != problem.test.example:
        return verdict.detail, False
    return headline.removeprefix("AssertionError: "), True
