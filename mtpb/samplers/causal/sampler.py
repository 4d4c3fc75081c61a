"""Conversations through `transformers`' generate, in batches of prompts of similar length.

Tokens are drawn by the built-in engine's own sampling, from noise that the conversation's key and
the position alone decide; so the seed decides the draws, whatever else is in the batch. The logits
they are drawn from are rounded differently in other batches, so bytes are not guaranteed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol

import torch
from torch import Tensor
from transformers import (
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    StoppingCriteria,
    StoppingCriteriaList,
)

from models.engine.dialogue import Finish, Request
from models.engine.options import Sampling
from models.engine.sampling import Draw, sample
from mtpb.errors import UsageError
from mtpb.samplers.causal.listener import Listener
from mtpb.samplers.sampler import Answer, ChatRequest, D, Stats

WINDOW = 4  # batches' worth of conversations among which prompts of similar length are looked for


class Tokenizer(Protocol):
    """What the sampler needs of a tokenizer."""

    def encode(self, request: Request | ChatRequest) -> list[int]: ...

    def decode(self, ids: list[int]) -> str: ...


@dataclass(eq=False, slots=True)
class Row(Generic[D]):
    """A dialogue whose request is to be answered, and the answer as far as it has come."""

    dialogue: D
    request: Request | ChatRequest
    prompt: list[int]
    most: int  # tokens that it may have
    listener: Listener
    tokens: int = 0
    finish: Finish | None = None

    def hear(self, token: int, ends: frozenset[int]) -> None:
        """Takes the next token, unless the answer is finished."""
        if self.finish is not None:
            return
        self.tokens += 1
        if token in ends:
            self.finish = Finish.eos
            return
        self.listener.hear(token)
        if self.listener.stopped:
            self.finish = Finish.stop
        elif self.tokens == self.request.max_new_tokens:
            self.finish = Finish.length
        elif self.tokens == self.most:
            self.finish = Finish.context

    def answer(self) -> Answer:
        assert self.finish is not None
        return Answer(self.listener.end(), self.tokens, self.finish)

    def again(self) -> None:
        """Forgets the answer: the batch that it was part of did not fit into memory."""
        self.listener = self.listener.afresh()
        self.tokens, self.finish = 0, None


class CausalSampler:
    """Answers with a model of `transformers`.

    `ends` are the tokens that end an answer, `pad` fills the batch up; `positions` is the length
    of the model's context, None where it has no limit.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Tokenizer,
        sampling: Sampling,
        batch: int,
        ends: frozenset[int],
        pad: int,
        positions: int | None,
    ) -> None:
        self.stats = Stats()
        self._model, self._tokenizer, self._sampling = model, tokenizer, sampling
        self._batch, self._ends, self._pad, self._positions = batch, ends, pad, positions

    def run(self, dialogues: Iterable[D]) -> Iterator[D]:
        """The dialogues as they finish."""
        source = iter(dialogues)
        window: list[Row[D]] = []
        more = True
        while more or window:
            started = time.perf_counter()
            finished: list[D] = []
            while more and len(window) < WINDOW * self._batch:
                dialogue = next(source, None)
                more = dialogue is not None
                if dialogue is not None:
                    self._ask(dialogue, window, finished)
            if window:
                self._answer(window, finished)
            self.stats.in_flight = len(window)
            self.stats.seconds += time.perf_counter() - started
            yield from finished

    def _ask(self, dialogue: D, window: list[Row[D]], finished: list[D]) -> None:
        """Puts the dialogue's next request into the window, or the dialogue among the finished."""
        while (request := dialogue.request) is not None:
            prompt = self._tokenizer.encode(request)
            room = request.max_new_tokens
            if self._positions is not None:
                room = min(room, self._positions - len(prompt))
            if room > 0:
                stop = request.stop if isinstance(request, Request) else None
                listener = Listener(prompt, self._tokenizer.decode, stop)
                window.append(Row(dialogue, request, prompt, room, listener))
                return
            dialogue = dialogue.receive(Answer("", 0, Finish.context))
        finished.append(dialogue)

    def _answer(self, window: list[Row[D]], finished: list[D]) -> None:
        """Answers one batch of the window; its dialogues ask again or are finished."""
        rows = self._together(window)
        while not self._generated(rows):
            if len(rows) == 1:
                raise UsageError(
                    f"model: a prompt of {len(rows[0].prompt)} tokens does not fit into memory "
                    "even alone; take a smaller model.dtype, or a device with more memory"
                )
            self._batch = len(rows) // 2
            rows = rows[: self._batch]
        for row in rows:
            window.remove(row)
            self._ask(row.dialogue.receive(row.answer()), window, finished)

    def _together(self, window: Sequence[Row[D]]) -> list[Row[D]]:
        """The longest prompt and those that fit beside it: no row may go beyond the context, also
        not while it is padded until the others have ended."""
        rows: list[Row[D]] = []
        for row in sorted(window, key=lambda row: -len(row.prompt)):
            longest = max(other.most for other in (*rows, row))
            length = len((rows or [row])[0].prompt) + longest
            if self._positions is None or length <= self._positions:
                rows.append(row)
            if len(rows) == self._batch:
                break
        return rows

    def _generated(self, rows: list[Row[D]]) -> bool:
        """Whether all rows are answered now; False where the memory did not suffice."""
        width = max(len(row.prompt) for row in rows)
        device = self._model.device
        ids_BT = torch.full((len(rows), width), self._pad, dtype=torch.long)
        mask_BT = torch.zeros_like(ids_BT)
        for number, row in enumerate(rows):
            ids_BT[number, width - len(row.prompt) :] = torch.tensor(row.prompt)
            mask_BT[number, width - len(row.prompt) :] = 1
        config = GenerationConfig(
            max_new_tokens=max(row.most for row in rows), do_sample=False, pad_token_id=self._pad
        )
        try:
            with torch.inference_mode():
                self._model.generate(
                    ids_BT.to(device),
                    attention_mask=mask_BT.to(device),
                    generation_config=config,
                    logits_processor=LogitsProcessorList([_Drawing(rows, width, self._sampling)]),
                    stopping_criteria=StoppingCriteriaList([_Ending(rows, self._ends)]),
                )
        except (RuntimeError, MemoryError) as error:
            if not _out_of_memory(error):
                raise
            for row in rows:
                row.again()
            return False
        self.stats.tokens += sum(row.tokens for row in rows)
        return True


def _out_of_memory(error: Exception) -> bool:
    """Whether memory was not to be had; torch has no class of its own for that on a CPU."""
    kinds = (torch.cuda.OutOfMemoryError, MemoryError)
    return isinstance(error, kinds) or "DefaultCPUAllocator" in str(error)


class _Drawing(LogitsProcessor):  # type: ignore[misc]
    """Leaves of each row's scores only the token that its key draws."""

    def __init__(self, rows: Sequence[Row[Any]], width: int, sampling: Sampling) -> None:
        self._keys = [row.request.key for row in rows]
        self._width, self._sampling = width, sampling

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """[B, T], [B, V] to [B, V]. Raises UsageError where no token can be drawn."""
        if not scores.logsumexp(-1).isfinite().all():  # scores of -inf rule a token out
            raise UsageError(
                "model: its scores are not finite; check its weights, or take model.dtype=float32"
            )
        position = input_ids.shape[1] - self._width
        draws = [Draw(row, key, position) for row, key in enumerate(self._keys)]
        tokens = torch.tensor(sample(scores.float(), self._sampling, draws), device=scores.device)
        chosen = torch.full_like(scores, float("-inf"))
        chosen[torch.arange(len(draws), device=scores.device), tokens] = 0
        return chosen


class _Ending(StoppingCriteria):  # type: ignore[misc]
    """Hands each row its new token, and ends the rows that are finished."""

    def __init__(self, rows: Sequence[Row[Any]], ends: frozenset[int]) -> None:
        self._rows, self._ends = rows, ends

    def __call__(self, input_ids: Tensor, scores: Any, **options: Any) -> Tensor:
        for row, token in zip(self._rows, input_ids[:, -1].tolist(), strict=True):
            row.hear(token, self._ends)
        done = [row.finish is not None for row in self._rows]
        return torch.tensor(done, device=input_ids.device)
