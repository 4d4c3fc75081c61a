"""A problem's conversation with the model, as a pure state machine.

    conversation = next(iter(Conversations(benchmark, n=1)))
    while (prompt := conversation.prompt) is not None:
        conversation = conversation.receive(completion=..., tokens=..., finish=...)
    sample = conversation.sample

`benchmarks.Protocol` lays out the history: the preamble, then for each turn the prompt, the
completion up to the stop rule, and the closing. Prompts are not stripped. No I/O, no torch.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from benchmarks import Benchmark, Format, Problem, Protocol
from mtpb.rundir.records import Key, Sample, Turn
from mtpb.rundir.shards import Shard, ranks


@dataclass(frozen=True, slots=True)
class Conversation:
    """The conversation of one (problem, case, sample); `receive` returns the next state.

    `prompts` are the turns' prompts, filled in; `turns` are the answered ones. `max_new_tokens`
    bounds each completion. In a further attempt, `earlier` are the turns of those before, and
    `feedback` is what the model is told of the last of them.
    """

    key: Key
    prompts: tuple[str, ...]
    protocol: Protocol
    max_new_tokens: int
    turns: tuple[Turn, ...] = ()
    earlier: tuple[Turn, ...] = ()
    feedback: str | None = None

    @property
    def ended(self) -> bool:
        """Whether all turns are answered, or the model's context had no room for the last one."""
        if len(self.turns) == len(self.prompts):
            return True
        return bool(self.turns) and self.turns[-1].finish == "context" and not self.turns[-1].tokens

    @property
    def begun(self) -> bool:
        """Whether there is an answer, be it in an earlier attempt."""
        return bool(self.earlier or self.turns)

    @property
    def history(self) -> str:
        """The answered turns as text."""
        protocol = self.protocol
        return "".join(
            ("" if feedback is None else protocol.comments(feedback))
            + protocol.history((turn.prompt, turn.text) for turn in turns)
            for feedback, turns in self.attempts
        )

    @property
    def attempts(self) -> list[tuple[str | None, tuple[Turn, ...]]]:
        """The turns of each attempt, with what the model was told before it."""
        before = Sample(*self.key, self.earlier, "").attempts if self.earlier else ()
        return [*((turns[0].feedback, turns) for turns in before), (self.feedback, self.turns)]

    @property
    def prompt(self) -> str | None:
        """The text that the model continues next; None if the conversation has ended."""
        if self.ended:
            return None
        return self.history + self.protocol.wrap(self.prompts[len(self.turns)])

    def receive(self, completion: str, tokens: int, finish: str) -> Conversation:
        """The conversation with the next turn answered; the stop rule cuts the completion."""
        cut = self.protocol.stop(completion)
        text = completion if cut is None else completion[:cut]
        return self.answered(Turn(self.prompts[len(self.turns)], completion, text, tokens, finish))

    def answered(self, turn: Turn) -> Conversation:
        """The conversation with this turn added."""
        first = replace(turn, feedback=self.feedback) if not self.turns else turn
        return replace(self, turns=(*self.turns, first))

    def again(self, feedback: str) -> Conversation:
        """The conversation with a further attempt, which has no turn yet."""
        return replace(self, turns=(), earlier=(*self.earlier, *self.turns), feedback=feedback)

    @property
    def sample(self) -> Sample:
        program = self.protocol.program((turn.prompt, turn.text) for turn in self.turns)
        return Sample(*self.key, (*self.earlier, *self.turns), program)


@dataclass(frozen=True, slots=True)
class Conversations:
    """Every conversation of a benchmark in canonical order: problem, case, sample.

    Conversations are made when iterated over, since a plan may have millions. `max_new_tokens`
    replaces the number that the problems state. With a `shard` only those are there that fall into
    it.
    """

    benchmark: Benchmark
    n: int
    format: Format = Format.multi_turn
    max_new_tokens: int | None = None
    shard: Shard | None = None

    @property
    def whole(self) -> int:
        """How many conversations all shards together have."""
        return self.n * self.benchmark.cases

    def __len__(self) -> int:
        if self.shard is None:
            return self.whole
        return sum(len(samples) for case in self._samples().values() for samples in case)

    def __iter__(self) -> Iterator[Conversation]:
        protocol = self.benchmark.protocol
        numbers = self._samples()
        for problem in self.benchmark.problems:
            room = self._room(problem)
            for number, case in enumerate(problem.cases):
                prompts = problem.prompts(case, self.format)
                for sample in numbers[problem.id][number]:
                    yield Conversation(Key(problem.id, number, sample), prompts, protocol, room)

    def _room(self, problem: Problem) -> int:
        """The most tokens of each of a problem's completions."""
        default = self.benchmark.protocol.max_new_tokens
        return self.max_new_tokens or problem.token_budget(default, self.format)

    def _samples(self) -> dict[str, list[Sequence[int]]]:
        """The numbers of the samples that each case of each problem has here."""
        problems = self.benchmark.problems
        shard = self.shard
        if shard is None:
            return {problem.id: [range(self.n)] * len(problem.cases) for problem in problems}
        one = self.format is Format.single_turn
        tokens = [
            self._room(problem) * (1 if one else len(problem.turns))
            for problem in problems
            for _ in problem.cases
        ]
        ranked = iter(ranks(tokens))
        return {
            problem.id: [list(shard.samples(next(ranked), self.n)) for _ in problem.cases]
            for problem in problems
        }


def turn_of_line(sample: Sample, protocol: Protocol, line: int) -> int | None:
    """The turn of the last attempt, from 0, that a line of the program (from 1) belongs to.

    None for a line of the preamble.
    """
    turns = sample.attempts[-1]
    pairs = [(turn.prompt, turn.text) for turn in turns]
    if line <= protocol.program(()).count("\n"):
        return None
    for number in range(len(pairs)):
        first = protocol.program(pairs[: number + 1]).count("\n") + 1
        if line < first:
            return number
    return len(turns) - 1 if turns else None
