"""The sampling engine: many dialogues at a time, each with the tokens that it would get alone.

    engine = Engine(model, tokenizer, EngineOptions(), Sampling(temperature=0.8, top_p=0.95))
    for dialogue in engine.run(dialogues):
        ...

The loop is `Engine.run`: admit dialogues, plan a step, compute it, draw tokens, finish dialogues. A
step computes one token of every sequence that generates and some tokens of prompts; then a token is
drawn for every sequence whose tokens are all computed.
"""

from __future__ import annotations

import codecs
import math
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Generic, Protocol

from models.config import ModelError
from models.engine import memory
from models.engine.dialogue import Completion, D, Finish, Request, StopRule
from models.engine.options import EngineOptions, Sampling, default_cache_tokens, default_slots
from models.engine.pages import PAGE, PagePool
from models.engine.runner import Runner
from models.engine.sampling import Draw, log_probabilities, sample
from models.engine.scheduler import Scheduler, Sequence, Step
from models.transformer import Transformer

TILE = 16  # rows of a product whose bits all others must have, where `deterministic` is set
PREFILL_TOKENS = 128  # of prompts in a step, besides the tokens being generated


class Tokenizer(Protocol):
    """What the engine needs of a tokenizer."""

    def encode(self, text: str) -> list[int]: ...

    def token_bytes(self, token: int) -> bytes: ...


@dataclass(slots=True)
class Stats:
    """How many tokens were generated so far, and the seconds that `Engine.run` took for them."""

    tokens: int = 0
    seconds: float = 0.0


class StreamedText:
    """The text of a completion, decoded token by token, and whether it meets a stop rule.

    The bytes of an incomplete character are not part of the text yet.
    """

    def __init__(self, stop: StopRule | None) -> None:
        self.text, self.stopped = "", False
        self._stop = stop
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def append(self, content: bytes) -> None:
        """Add the bytes of a token, and apply the stop rule."""
        new = self._decoder.decode(content)
        self.text += new
        if new and self._stop is not None:
            self.stopped = self._stop(self.text) is not None

    def finish(self) -> str:
        """The whole text; bytes of an incomplete character become U+FFFD."""
        self.text += self._decoder.decode(b"", final=True)
        return self.text


@dataclass(slots=True, eq=False)
class Generation(Generic[D]):
    """A dialogue's request in progress, and the completion so far."""

    dialogue: D
    request: Request
    sequence: Sequence
    room: int  # tokens after the prompt until the context is full
    text: StreamedText
    logprobs: list[float] = field(default_factory=list)

    @property
    def token_ids(self) -> list[int]:
        """The tokens generated so far."""
        return self.sequence.tokens[self.sequence.prompt_length :]

    def completion(self, finish: Finish) -> Completion:
        """The completion as it is now."""
        logprobs = tuple(self.logprobs) if self.logprobs else None
        return Completion(self.text.finish(), tuple(self.token_ids), finish, logprobs)


@dataclass(slots=True)
class Run(Generic[D]):
    """The state of one call of `Engine.run`."""

    source: Iterator[D]
    scheduler: Scheduler
    exhausted: bool = False  # whether the source has no more dialogues
    generations: dict[Sequence, Generation[D]] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        """Whether all dialogues of the source are finished."""
        return self.exhausted and not self.generations


class Engine:
    """Samples from `model`, which is not changed; on a CPU its weights are copied and packed.

    Drop your own reference to the model if memory is short. Raises ModelError where the free memory
    does not suffice for the slots.
    """

    def __init__(
        self,
        model: Transformer,
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
        self.pages = PagePool(-(-tokens // PAGE))
        self.stats = Stats()
        self._scheduler = Scheduler(self.slots, self.pages, PREFILL_TOKENS)  # the last that planned
        anchor = TILE if self.options.deterministic else max(self.slots, 2)
        self._runner = Runner(model, self.pages.count, anchor)

    def run(self, dialogues: Iterable[D]) -> Iterator[D]:
        """The dialogues, finished, in the order in which they finish. They are taken from the
        iterable as slots are free.

        Several runs and scores of one engine may alternate; each then computes tokens again whose
        pages another one has taken.
        """
        run = Run(iter(dialogues), Scheduler(self.slots, self.pages, PREFILL_TOKENS))
        try:
            while not run.finished:
                started = time.perf_counter()
                finished = self._admit(run)
                if run.generations:
                    finished += self._step(run)
                self.stats.seconds += time.perf_counter() - started
                yield from finished
        finally:
            self._release_pages(run.scheduler)

    def _admit(self, run: Run[D]) -> list[D]:
        """Take dialogues while slots are free. Returns those that need no token."""
        finished: list[D] = []
        while run.scheduler.room and not run.exhausted:
            dialogue = next(run.source, None)
            if dialogue is None:
                run.exhausted = True
                break
            generation = self._next_generation(dialogue)
            if isinstance(generation, Generation):
                run.generations[generation.sequence] = generation
                run.scheduler.add(generation.sequence)
            else:
                finished.append(generation)
        return finished

    def _step(self, run: Run[D]) -> list[D]:
        """Compute a step and draw its tokens. Returns the dialogues that finish with it."""
        step = self._plan(run.scheduler)
        logits_RV = self._runner.logits(step.rows, step.logits_rows)
        drawing = [run.generations[sequence] for sequence, _ in step.draws]
        draws = [
            Draw(row, generation.request.key, len(generation.token_ids))
            for generation, (_, row) in zip(drawing, step.draws, strict=True)
        ]
        tokens = sample(logits_RV, self.sampling, draws)
        if self.options.logprobs:
            values = log_probabilities(logits_RV[[draw.row for draw in draws]], tokens)
            for generation, value in zip(drawing, values, strict=True):
                generation.logprobs.append(value)
        run.scheduler.commit(step)
        for generation, token in zip(drawing, tokens, strict=True):
            generation.sequence.tokens.append(token)
        self.stats.tokens += len(tokens)
        finished = [self._advance(run, generation) for generation in drawing]
        return [dialogue for dialogue in finished if dialogue is not None]

    def _plan(self, scheduler: Scheduler) -> Step:
        """The scheduler's next step, whose pages are copied. Another scheduler that planned before
        loses its pages."""
        if self._scheduler is not scheduler:
            self._scheduler.preempt_all()
            self._scheduler = scheduler
        step = scheduler.plan()
        if step.copies:
            self._runner.copy_pages(step.copies)
        return step

    def _release_pages(self, scheduler: Scheduler) -> None:
        """Free the pages of a scheduler that ends, unless another one has taken them."""
        if self._scheduler is scheduler:
            scheduler.preempt_all()

    def _advance(self, run: Run[D], generation: Generation[D]) -> D | None:
        """After a new token: if it completes the request, start the dialogue's next one. Returns
        the dialogue if it is finished."""
        finish = self._finish(generation)
        if finish is None:
            return None
        sequence = generation.sequence
        following = self._next_generation(
            generation.dialogue.receive(generation.completion(finish))
        )
        if isinstance(following, Generation):
            run.scheduler.continue_with(sequence, following.sequence.tokens)
            run.generations[sequence] = replace(following, sequence=sequence)
            return None
        del run.generations[sequence]
        run.scheduler.finish(sequence)
        return following

    def _next_generation(self, dialogue: D) -> Generation[D] | D:
        """The generation for the dialogue's next request; the dialogue itself if it has none.

        Requests that leave no room for a token are answered at once.
        """
        while (request := dialogue.request) is not None:
            prompt = self._encode(request.prompt)
            room = self.config.n_positions - len(prompt)
            if room > 0 and request.max_new_tokens > 0:
                sequence = Sequence(prompt, len(prompt))
                return Generation(dialogue, request, sequence, room, StreamedText(request.stop))
            finish = Finish.length if room > 0 else Finish.context
            dialogue = dialogue.receive(Completion("", (), finish))
        return dialogue

    def _encode(self, text: str) -> list[int]:
        # CodeGen has no token for the start of a text: an empty prompt is an end of text
        return self.tokenizer.encode(text) or [self.config.eos_token_id]

    def _finish(self, generation: Generation[D]) -> Finish | None:
        """Add the last token to the text. Returns why the completion ends with it, or None."""
        token, length = generation.sequence.tokens[-1], len(generation.token_ids)
        if token == self.config.eos_token_id:
            return Finish.eos
        generation.text.append(self.tokenizer.token_bytes(token))
        if generation.text.stopped:
            return Finish.stop
        if length == generation.request.max_new_tokens:
            return Finish.length
        return Finish.context if length == generation.room else None

    def score(self, context: str, text: str) -> tuple[float, ...]:
        """Log-probabilities (nats) of `text`'s tokens, each given `context` and the tokens before.

        `context` and `text` are encoded separately. Raises ModelError where they exceed the model's
        context.
        """
        before, tokens = self._encode(context), self.tokenizer.encode(text)
        ids = before + tokens
        if len(ids) - 1 > self.config.n_positions:
            raise ModelError(
                f"{len(ids)} tokens to score: the model's context is {self.config.n_positions}"
            )
        scheduler = Scheduler(1, self.pages, PREFILL_TOKENS)
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
            self._release_pages(scheduler)
        return tuple(scores)


def perplexity(logprobs: Collection[float]) -> float:
    """exp of minus the mean log-probability, as in Nijkamp et al. 2023, section 4."""
    return math.exp(-math.fsum(logprobs) / len(logprobs))
