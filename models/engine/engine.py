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
from models.engine.dialogue import Completion, D, Finish, Request, Score, StopRule
from models.engine.options import EngineOptions, Sampling, default_cache_tokens, default_slots
from models.engine.pages import PAGE, PagePool
from models.engine.runner import Runner
from models.engine.sampling import Draw, log_probabilities, sample_each, scores
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
class RequestInProgress(Generic[D]):
    """A dialogue's request in progress, and the completion so far."""

    dialogue: D
    request: Request
    sequence: Sequence
    room: int  # tokens after the prompt until the context is full
    text: StreamedText
    logprobs: list[float] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)

    @property
    def token_ids(self) -> list[int]:
        """The tokens generated so far."""
        return self.sequence.tokens[self.sequence.prompt_length :]

    @property
    def tokens(self) -> int:
        """How many tokens were generated so far."""
        return len(self.sequence.tokens) - self.sequence.prompt_length

    def completion(self, finish: Finish) -> Completion:
        """The completion as it is now."""
        logprobs = tuple(self.logprobs) if self.logprobs else None
        scores = None if self.request.alternatives is None else tuple(self.scores)
        return Completion(self.text.finish(), tuple(self.token_ids), finish, logprobs, scores)


@dataclass(slots=True)
class Batch(Generic[D]):
    """Dialogues that an engine answers side by side. Made by `Engine.batch`, for callers whose
    dialogues come and go, as in a server; `Engine.run` is for all others."""

    scheduler: Scheduler
    generations: dict[Sequence, RequestInProgress[D]] = field(default_factory=dict)

    @property
    def room(self) -> bool:
        """Whether there is a slot for another dialogue."""
        return self.scheduler.room


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
        for layers in model.stages:
            there = next(model.blocks[layers.start].parameters())
            part = replace(model.config, n_layer=len(layers))
            draws = layers.stop == model.config.n_layer
            memory.check(part, there.device, there.dtype, self.slots, asked, draws)
        self.pages = PagePool(-(-tokens // PAGE))
        self.stats = Stats()
        self._scheduler = Scheduler(self.slots, self.pages, PREFILL_TOKENS)  # the last that planned
        anchor = TILE if self.options.deterministic else max(self.slots, 2)
        with memory.running_out(self.slots):
            self._runner = Runner(model, self.pages.count, anchor)

    def run(self, dialogues: Iterable[D]) -> Iterator[D]:
        """The dialogues, finished, in the order in which they finish. They are taken from the
        iterable as slots are free.

        Several runs and scores of one engine may alternate; each then computes tokens again whose
        pages another one has taken.
        """
        source, more = iter(dialogues), True
        batch: Batch[D] = self.batch()
        try:
            while more or batch.generations:
                started = time.perf_counter()
                finished: list[D] = []
                while more and batch.room:
                    dialogue = next(source, None)
                    if dialogue is None:
                        more = False
                    elif (answered := self.add(batch, dialogue)) is not None:
                        finished.append(answered)
                finished += self.step(batch)
                self.stats.seconds += time.perf_counter() - started
                yield from finished
        finally:
            self.close(batch)

    def batch(self) -> Batch[D]:
        """An empty batch, to be closed by `close`."""
        return Batch(Scheduler(self.slots, self.pages, PREFILL_TOKENS))

    def add(self, batch: Batch[D], dialogue: D) -> D | None:
        """Answer the dialogue in the next steps; for a batch with room. Returns the dialogue itself
        if it needs no token."""
        generation = self._next_generation(dialogue)
        if not isinstance(generation, RequestInProgress):
            return generation
        batch.generations[generation.sequence] = generation
        batch.scheduler.add(generation.sequence)
        return None

    def remove(self, batch: Batch[D], generation: RequestInProgress[D]) -> None:
        """Stop answering a dialogue: its slot is free."""
        del batch.generations[generation.sequence]
        batch.scheduler.finish(generation.sequence)

    def close(self, batch: Batch[D]) -> None:
        """Free the pages of a batch, unless another one has taken them."""
        self._release_pages(batch.scheduler)

    def step(self, batch: Batch[D]) -> list[D]:
        """Compute a step and draw its tokens, if there are dialogues. Returns those that finish.
        Raises ModelError where logits are not finite, or a GPU's memory runs out."""
        with memory.running_out(self.slots):
            return self._step(batch) if batch.generations else []

    def _step(self, batch: Batch[D]) -> list[D]:
        step = self._plan(batch.scheduler)
        logits_RV = self._runner.logits(step.rows, step.logits_rows)
        drawing = [batch.generations[sequence] for sequence, _ in step.draws]
        draws = [
            Draw(row, generation.request.key, generation.tokens)
            for generation, (_, row) in zip(drawing, step.draws, strict=True)
        ]
        samplings = [generation.request.sampling or self.sampling for generation in drawing]
        tokens = sample_each(logits_RV, samplings, draws)
        if self.options.logprobs:
            values = log_probabilities(logits_RV[[draw.row for draw in draws]], tokens)
            for generation, value in zip(drawing, values, strict=True):
                generation.logprobs.append(value)
        for generation, draw, token in zip(drawing, draws, tokens, strict=True):
            if (count := generation.request.alternatives) is not None:
                generation.scores += scores(logits_RV[[draw.row]], [token], count)
        batch.scheduler.commit(step)
        for generation, token in zip(drawing, tokens, strict=True):
            generation.sequence.tokens.append(token)
        self.stats.tokens += len(tokens)
        finished = [self._advance(batch, generation) for generation in drawing]
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

    def _advance(self, batch: Batch[D], generation: RequestInProgress[D]) -> D | None:
        """After a new token: if it completes the request, start the dialogue's next one. Returns
        the dialogue if it is finished."""
        finish = self._finish(generation)
        if finish is None:
            return None
        sequence = generation.sequence
        following = self._next_generation(
            generation.dialogue.receive(generation.completion(finish))
        )
        if isinstance(following, RequestInProgress):
            batch.scheduler.continue_with(sequence, following.sequence.tokens)
            batch.generations[sequence] = replace(following, sequence=sequence)
            return None
        self.remove(batch, generation)
        return following

    def _next_generation(self, dialogue: D) -> RequestInProgress[D] | D:
        """The generation for the dialogue's next request; the dialogue itself if it has none.

        Requests that leave no room for a token are answered at once.
        """
        while (request := dialogue.request) is not None:
            prompt = self._encode(request.prompt)
            room = self.config.n_positions - len(prompt)
            if room > 0 and request.max_new_tokens > 0:
                sequence = Sequence(prompt, len(prompt))
                return RequestInProgress(
                    dialogue, request, sequence, room, StreamedText(request.stop)
                )
            finish = Finish.length if room > 0 else Finish.context
            dialogue = dialogue.receive(Completion("", (), finish))
        return dialogue

    def _encode(self, prompt: str | tuple[int, ...]) -> list[int]:
        ids = self.tokenizer.encode(prompt) if isinstance(prompt, str) else list(prompt)
        # CodeGen has no token for the start of a text: an empty prompt is an end of text
        return ids or [self.config.eos_token_id]

    def _finish(self, generation: RequestInProgress[D]) -> Finish | None:
        """Add the last token to the text. Returns why the completion ends with it, or None."""
        token, length = generation.sequence.tokens[-1], generation.tokens
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
        return tuple(score.logprob for score in self.score_tokens(before, tokens))

    def score_tokens(
        self, before: list[int], tokens: list[int], alternatives: int = 0
    ) -> list[Score]:
        """Scores of `tokens`, each given `before`, which is not empty, and the tokens before it;
        with the `alternatives` most likely tokens at each position. Raises as `score` does."""
        ids = before + tokens
        if len(ids) - 1 > self.config.n_positions:
            raise ModelError(
                f"{len(ids)} tokens to score: the model's context is {self.config.n_positions}"
            )
        scheduler = Scheduler(1, self.pages, PREFILL_TOKENS)
        sequence = Sequence(ids[:-1], len(before))
        scheduler.add(sequence)
        found: list[Score] = []
        try:
            with memory.running_out(self.slots):
                while tokens and sequence.pending:
                    step = self._plan(scheduler)
                    (span,) = step.spans
                    first = max(span.start, len(before) - 1)
                    wanted = range(first - span.start, span.end - span.start)
                    logits_NV = self._runner.logits(step.rows, wanted)
                    found += scores(logits_NV, ids[first + 1 : span.end + 1], alternatives)
                    scheduler.commit(step)
        finally:
            self._release_pages(scheduler)
        return found


def perplexity(logprobs: Collection[float]) -> float:
    """exp of minus the mean log-probability, as in Nijkamp et al. 2023, section 4."""
    return math.exp(-math.fsum(logprobs) / len(logprobs))
