"""The built-in engine as a sampler."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Generic, cast

import torch

from models import CodeGenConfig, checkpoint
from models.engine.dialogue import Completion, Request
from models.engine.engine import Engine
from models.engine.options import EngineOptions, Sampling
from models.engine.placement import on_gpus
from models.tokenizer import CodeGenTokenizer
from mtpb.samplers.builtin.choice import Checkpoint, EngineChoice, found_here
from mtpb.samplers.sampler import Answer, D, Stats

SMALL = 30_000_000  # parameters


@dataclass(frozen=True, slots=True)
class _Asking(Generic[D]):
    """A dialogue as the engine knows one."""

    dialogue: D

    @property
    def request(self) -> Request | None:
        request = self.dialogue.request
        assert request is None or isinstance(request, Request)  # no run plans a chat with CodeGen
        return request

    def receive(self, completion: Completion) -> _Asking[D]:
        answer = Answer(completion.text, len(completion.token_ids), completion.finish)
        return replace(self, dialogue=self.dialogue.receive(answer))


class EngineSampler:
    """Answers with the built-in engine; samples are reproducible to the byte."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._stats = Stats()

    @property
    def stats(self) -> Stats:
        self._stats.tokens = self._engine.stats.tokens
        self._stats.seconds = self._engine.stats.seconds
        return self._stats

    def run(self, dialogues: Iterable[D]) -> Iterator[D]:
        """The dialogues as they finish, `engine.slots` of them under way at a time."""
        for asking in self._engine.run(_Asking(dialogue) for dialogue in dialogues):
            yield asking.dialogue


def load_engine(
    found: Checkpoint,
    choice: EngineChoice,
    options: EngineOptions,
    sampling: Sampling,
    plain_tokens: bool,
) -> Engine:
    """The checkpoint's model, ready to sample; `plain_tokens`: without whitespace tokens.

    On `cuda` it is on the GPU with the most free memory, or on several where it needs them.
    """
    directory, device = found_here(found), cast("str | tuple[str, ...]", choice.device)
    if device == "cuda":
        dtype: torch.dtype = getattr(torch, choice.dtype)
        device = on_gpus(found.geometry, dtype, choice.slots, options.cache_tokens)
    model = checkpoint.load(directory, choice.dtype, device)
    tokenizer = CodeGenTokenizer.from_pretrained(
        directory, whitespace_tokens=False if plain_tokens else None
    )
    return Engine(model, tokenizer, options, sampling)


def use_threads(threads: int | None, geometry: CodeGenConfig) -> None:
    """Computes with so many threads, or with `default_threads`."""
    torch.set_num_threads(threads or default_threads(geometry))


def default_threads(geometry: CodeGenConfig) -> int:
    """One for a small model, whose products are over before a second thread has begun; else
    torch's own choice. Samples do not depend on it."""
    return 1 if geometry.parameters < SMALL else torch.get_num_threads()
