"""The sampling engine: many conversations at a time, each as if it were alone.

    engine = Engine(model, tokenizer, EngineOptions(), Sampling(temperature=0.8, top_p=0.95))
    for dialogue in engine.run(dialogues):
        ...

A step computes one token of every conversation that is being answered and some tokens of prompts
that are still to be read; then a token is drawn for each row that has an answer to give.
"""

from __future__ import annotations

import codecs
import math
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Generic, Protocol
from weakref import WeakKeyDictionary

from models.config import ModelError
from models.engine import memory
from models.engine.dialogue import Completion, D, Finish, Request, StopRule
from models.engine.options import EngineOptions, Sampling, default_cache_tokens, default_slots
from models.engine.pages import PAGE, Pages
from models.engine.runner import Runner
from models.engine.sampling import Draw, log_probabilities, sample
from models.engine.scheduler import Scheduler, Sequence, Step
from models.transformer import CodeGen

TILE = 16  # rows of a product whose bits all other numbers of rows must reproduce
CHUNK = 128  # prompt tokens that a step reads besides the tokens being generated


class Tokenizer(Protocol):
    """What the engine needs of a tokenizer."""

    def encode(self, text: str) -> list[int]: ...

    def token_bytes(self, token: int) -> bytes: ...


@dataclass(slots=True)
class Stats:
    """What was generated so far, and the seconds that `Engine.run` spent on it."""

    tokens: int = 0
    seconds: float = 0.0


class Listener:
    """Text as it comes, token by token, and whether its stop rule is met.

    A character whose bytes are not all there is not yet text.
    """

    def __init__(self, stop: StopRule | None) -> None:
        self.text, self.stopped = "", False
        self._stop = stop
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def hear(self, content: bytes) -> None:
        new = self._decoder.decode(content)
        self.text += new
        if new and self._stop is not None:
            self.stopped = self._stop(self.text) is not None

    def end(self) -> str:
        """The whole text; bytes of an unfinished character become U+FFFD."""
        self.text += self._decoder.decode(b"", final=True)
        return self.text


@dataclass(slots=True, eq=False)
class Answer(Generic[D]):
    """A dialogue under way: its request, and the completion as far as it has come."""

    dialogue: D
    request: Request
    sequence: Sequence
    room: int  # how many tokens the context has left
    listener: Listener
    logprobs: list[float] = field(default_factory=list)

    @property
    def token_ids(self) -> list[int]:
        return self.sequence.tokens[self.sequence.prompt_length :]

    def completion(self, finish: Finish) -> Completion:
        logprobs = tuple(self.logprobs) if self.logprobs else None
        return Completion(self.listener.end(), tuple(self.token_ids), finish, logprobs)


class Engine:
    """Samples from `model`, which is not changed; on a CPU its weights are copied and packed.

    Drop your own reference to the model if memory is short. Raises ModelError where the memory
    does not suffice for the slots.
    """

    def __init__(
        self,
        model: CodeGen,
        tokenizer: Tokenizer,
        options: EngineOptions | None = None,
        sampling: Sampling | None = None,
    ) -> None:
        self.config, self.tokenizer = model.config, tokenizer
        self.options, self.sampling = options or EngineOptions(), sampling or Sampling()
        weight = next(model.parameters())
        self.slots = self.options.slots or default_slots(model.config, weight.device.type)
        tokens = self.options.cache_tokens or default_cache_tokens(model.config, self.slots)
        tokens = max(tokens, model.config.n_positions)
        asked = None if self.options.cache_tokens is None else tokens
        memory.check(model.config, weight.device, weight.dtype, self.slots, asked)
        self.pages = Pages(-(-tokens // PAGE))
        self.stats = Stats()
        self._scheduler = Scheduler(self.slots, self.pages, CHUNK)  # whose sequences hold pages
        anchor = TILE if self.options.deterministic else max(self.slots, 2)
        self._runner = Runner(model, self.pages.count, anchor)

    def run(self, dialogues: Iterable[D]) -> Iterator[D]:
        """The dialogues, finished, as they finish; new ones are taken as there is room.

        Several runs and scores of one engine may alternate, at the cost of computing again what
        the others' sequences have displaced.
        """
        scheduler = Scheduler(self.slots, self.pages, CHUNK)
        source = iter(dialogues)
        answers: dict[Sequence, Answer[D]] = {}
        more = True
        try:
            while more or answers:
                started = time.perf_counter()
                finished: list[D] = []
                while more and scheduler.room:
                    dialogue = next(source, None)
                    if dialogue is None:
                        more = False
                        break
                    answer = self._ask(dialogue)
                    if isinstance(answer, Answer):
                        answers[answer.sequence] = answer
                        scheduler.add(answer.sequence)
                    else:
                        finished.append(answer)
                if answers:
                    finished += self._step(scheduler, answers)
                self.stats.seconds += time.perf_counter() - started
                yield from finished
        finally:
            self._let_go(scheduler)

    def _ask(self, dialogue: D) -> Answer[D] | D:
        """The dialogue's next answer, empty so far; the dialogue if it has no more to ask."""
        while (request := dialogue.request) is not None:
            prompt = self._encode(request.prompt)
            room = self.config.n_positions - len(prompt)
            if room > 0 and request.max_new_tokens > 0:
                sequence = Sequence(prompt, len(prompt))
                return Answer(dialogue, request, sequence, room, Listener(request.stop))
            finish = Finish.length if room > 0 else Finish.context
            dialogue = dialogue.receive(Completion("", (), finish))
        return dialogue

    def _encode(self, text: str) -> list[int]:
        # CodeGen has no token for the start: an empty prompt starts after the end of a text
        return self.tokenizer.encode(text) or [self.config.eos_token_id]

    def _step(self, scheduler: Scheduler, answers: dict[Sequence, Answer[D]]) -> list[D]:
        """Compute a step and draw its tokens; the dialogues that are finished with it."""
        step = self._plan(scheduler)
        last_rows = sorted({row for _, row in step.draws})
        logits_RV = self._runner.logits(step.rows, last_rows)
        places = {row: place for place, row in enumerate(last_rows)}
        draws = [
            Draw(places[row], answers[sequence].request.key, len(answers[sequence].token_ids))
            for sequence, row in step.draws
        ]
        tokens = sample(logits_RV, self.sampling, draws)
        if self.options.logprobs:
            values = log_probabilities(logits_RV[[draw.row for draw in draws]], tokens)
            for (sequence, _), value in zip(step.draws, values, strict=True):
                answers[sequence].logprobs.append(value)
        scheduler.commit(step)
        for (sequence, _), token in zip(step.draws, tokens, strict=True):
            sequence.tokens.append(token)
        self.stats.tokens += len(tokens)
        moved_on = [self._move_on(scheduler, answers, sequence) for sequence, _ in step.draws]
        return [dialogue for dialogue in moved_on if dialogue is not None]

    def _plan(self, scheduler: Scheduler) -> Step:
        """The scheduler's next step, its pages copied; other schedulers' sequences make room."""
        if self._scheduler is not scheduler:
            self._scheduler.preempt_all()
            self._scheduler = scheduler
        step = scheduler.plan()
        if step.copies:
            self._runner.copy(step.copies)
        return step

    def _let_go(self, scheduler: Scheduler) -> None:
        """Free the pages of a scheduler that is done or given up, unless others displaced it."""
        if self._scheduler is scheduler:
            scheduler.preempt_all()

    def _move_on(
        self, scheduler: Scheduler, answers: dict[Sequence, Answer[D]], sequence: Sequence
    ) -> D | None:
        """After a new token: if that finishes the completion, let the dialogue go on. Returns the
        dialogue if it is finished."""
        answer = answers[sequence]
        finish = self._finish(answer)
        if finish is None:
            return None
        following = self._ask(answer.dialogue.receive(answer.completion(finish)))
        if isinstance(following, Answer):
            scheduler.follow(sequence, following.sequence.tokens)
            answers[sequence] = replace(following, sequence=sequence)
            return None
        del answers[sequence]
        scheduler.finish(sequence)
        return following

    def _finish(self, answer: Answer[D]) -> Finish | None:
        token, length = answer.sequence.tokens[-1], len(answer.token_ids)
        if token == self.config.eos_token_id:
            return Finish.eos
        answer.listener.hear(self.tokenizer.token_bytes(token))
        if answer.listener.stopped:
            return Finish.stop
        if length == answer.request.max_new_tokens:
            return Finish.length
        return Finish.context if length == answer.room else None

    def score(self, context: str, text: str) -> tuple[float, ...]:
        """Log-probabilities (nats) of `text`'s tokens, each given `context` and those before it.

        Both are encoded by themselves. Raises ModelError where they exceed the model's context.
        """
        before, tokens = self._encode(context), self.tokenizer.encode(text)
        ids = before + tokens
        if len(ids) - 1 > self.config.n_positions:
            raise ModelError(
                f"{len(ids)} tokens to score: the model's context is {self.config.n_positions}"
            )
        scheduler = Scheduler(1, self.pages, CHUNK)
        sequence = Sequence(ids[:-1], len(before))
        scheduler.add(sequence)
        scores: list[float] = []
        try:
            while sequence.pending:
                step = self._plan(scheduler)
                (span,) = step.spans
                first = max(span.start, len(before) - 1)
                wanted = range(first - span.start, span.end - span.start)
                logits_NV = self._runner.logits(step.rows, wanted)
                scores += log_probabilities(logits_NV, ids[first + 1 : span.end + 1])
                scheduler.commit(step)
        finally:
            self._let_go(scheduler)
        return tuple(scores)


def perplexity(logprobs: Collection[float]) -> float:
    """exp of minus the mean log-probability, as in Nijkamp et al. 2023, section 4."""
    return math.exp(-math.fsum(logprobs) / len(logprobs))


@dataclass(frozen=True, slots=True)
class _Single:
    """A dialogue of one request."""

    request: Request | None
    completion: Completion | None = None

    def receive(self, completion: Completion) -> _Single:
        return _Single(None, completion)


def complete(model: CodeGen, request: Request, sampling: Sampling) -> str:
    """The text of one completion, cut by its stop rule; the engine is kept for the next call."""
    if model.tokenizer is None:
        raise ModelError("the model has no tokenizer; load it by CodeGen.from_pretrained")
    weights = [(p.data_ptr(), p._version) for p in model.parameters()]
    kept = _engines.get(model)
    if kept is None or kept[0] != weights:  # trained meanwhile, or moved
        kept = weights, Engine(model, model.tokenizer, EngineOptions(slots=1))
        _engines[model] = kept
    engine = kept[1]
    engine.sampling = sampling
    (done,) = engine.run([_Single(request)])
    text = done.completion.text if done.completion else ""
    return text[: request.stop(text)] if request.stop else text


_engines: WeakKeyDictionary[CodeGen, tuple[list[tuple[int, int]], Engine]] = WeakKeyDictionary()
