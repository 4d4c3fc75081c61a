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
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, Protocol
from weakref import WeakKeyDictionary

from models import memory
from models.cache import Row
from models.codegen import CodeGen
from models.config import ModelError
from models.dialogue import Completion, D, Finish, Request, StopRule
from models.options import EngineOptions, Sampling, default_cache_tokens, default_slots
from models.runner import Runner
from models.sampling import Draw, log_probabilities, sample
from models.scheduler import PAGE, Pages, Scheduler, Span, Track

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
    track: Track
    room: int  # how many tokens the context has left
    listener: Listener
    logprobs: list[float] = field(default_factory=list)

    @property
    def token_ids(self) -> list[int]:
        return self.track.tokens[self.track.prompt_length :]

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
        memory.check(model.config, weight.device, weight.dtype, self.slots, tokens)
        self.pages = Pages(-(-tokens // PAGE))
        self.stats = Stats()
        anchor = TILE if self.options.deterministic else max(self.slots, 2)
        self._runner = Runner(model, self.pages.count, anchor)

    def run(self, dialogues: Iterable[D]) -> Iterator[D]:
        """The dialogues, finished, as they finish; new ones are taken as there is room."""
        source = iter(dialogues)
        scheduler = Scheduler(self.slots, self.pages, CHUNK)
        answers: dict[Track, Answer[D]] = {}
        more = True
        while True:
            started = time.perf_counter()
            finished: list[D] = []
            while more and scheduler.room:
                dialogue = next(source, None)
                if dialogue is None:
                    more = False
                    break
                answer = self._ask(dialogue, finished)
                if answer is not None:
                    answers[answer.track] = answer
                    scheduler.add(answer.track)
            if answers:
                spans = scheduler.plan()
                self._copy(spans, scheduler)
                for track in self._step(spans, answers):
                    self._hand_on(track, answers, scheduler, finished)
            self.stats.seconds += time.perf_counter() - started
            yield from finished
            if not answers and not more:
                return

    def _ask(self, dialogue: D, finished: list[D]) -> Answer[D] | None:
        """The dialogue's next answer, empty so far; None if it has no more to ask."""
        while (request := dialogue.request) is not None:
            prompt = self._encode(request.prompt)
            room = self.config.n_positions - len(prompt)
            if room > 0 and request.max_new_tokens > 0:
                track = Track(prompt, len(prompt))
                return Answer(dialogue, request, track, room, Listener(request.stop))
            finish = Finish.length if room > 0 else Finish.context
            dialogue = dialogue.receive(Completion("", (), finish))
        finished.append(dialogue)
        return None

    def _encode(self, text: str) -> list[int]:
        # CodeGen has no token for the start: an empty prompt starts after the end of a text
        return self.tokenizer.encode(text) or [self.config.eos_token_id]

    def _copy(self, spans: Sequence[Span], scheduler: Scheduler) -> None:
        """Give tracks that start their own copy of the page that their prompt's end is in."""
        pairs = [span.track.copy for span in spans if span.track.copy is not None]
        if pairs:
            self._runner.copy(pairs)
            for span in spans:
                scheduler.copied(span.track)

    def _step(self, spans: Sequence[Span], answers: dict[Track, Answer[D]]) -> list[Track]:
        """Compute the spans, draw tokens; the tracks whose completion is finished."""
        rows, ends = _merged(spans)
        drawing = [span for span in spans if span.answers]
        wanted = sorted(set(ends))
        logits_RV = self._runner.logits(rows, wanted)
        draws = [
            Draw(
                wanted.index(end),
                answers[span.track].request.key,
                span.end - span.track.prompt_length,
            )
            for span, end in zip(drawing, ends, strict=True)
        ]
        tokens = sample(logits_RV, self.sampling, draws)
        if self.options.logprobs:
            values = log_probabilities(logits_RV[[draw.row for draw in draws]], tokens)
            for span, value in zip(drawing, values, strict=True):
                answers[span.track].logprobs.append(value)
        self.stats.tokens += len(tokens)
        for span, token in zip(drawing, tokens, strict=True):
            span.track.tokens.append(token)
        return [span.track for span in drawing]

    def _hand_on(
        self,
        track: Track,
        answers: dict[Track, Answer[D]],
        scheduler: Scheduler,
        finished: list[D],
    ) -> None:
        """After a new token: if that finishes the completion, let its dialogue go on."""
        answer = answers[track]
        finish = self._finish(answer)
        if finish is None:
            return
        follow = self._ask(answer.dialogue.receive(answer.completion(finish)), finished)
        del answers[track]
        if follow is None:
            scheduler.finish(track)
        else:
            scheduler.follow(track, follow.track.tokens)
            follow.track = track
            answers[track] = follow

    def _finish(self, answer: Answer[D]) -> Finish | None:
        token, length = answer.track.tokens[-1], len(answer.token_ids)
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
        track = Track(ids[:-1], len(ids) - 1)
        scheduler.add(track)
        scores: list[float] = []
        while track.pending:
            (span,) = scheduler.plan()
            first = max(span.start, len(before) - 1)
            logits_NV = self._runner.logits(
                _rows(span), range(first - span.start, span.end - span.start)
            )
            scores += log_probabilities(logits_NV, ids[first + 1 : span.end + 1])
        scheduler.finish(track)
        return tuple(scores)


def perplexity(logprobs: Sequence[float]) -> float:
    """exp of minus the mean log-probability, as in Nijkamp et al. 2023, section 4."""
    return math.exp(-math.fsum(logprobs) / len(logprobs))


def _merged(spans: Sequence[Span]) -> tuple[list[Row], list[int]]:
    """The rows of all spans, and for each span that answers the place of its last row.

    Tracks that have said the same so far share a row until they part. Nothing changes but the work:
    a row is a pure function of the tokens up to it.
    """
    rows: list[Row] = []
    ends: list[int] = []
    said: dict[tuple[int, ...], int] = {}
    for span in spans:
        track, single = span.track, span.answers and span.end - span.start == 1
        place = said.setdefault(tuple(track.tokens), len(rows)) if single else len(rows)
        if place < len(rows):
            row = rows[place]
            rows[place] = replace(row, copies=(*row.copies, track.pages[(span.end - 1) // PAGE]))
        else:
            rows += _rows(span)
            place = len(rows) - 1
        if span.answers:
            ends.append(place)
    return rows, ends


def _rows(span: Span) -> list[Row]:
    track = span.track
    return [
        Row(track.tokens[n], n, track.pages[: n // PAGE + 1]) for n in range(span.start, span.end)
    ]


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
