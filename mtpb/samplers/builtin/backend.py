"""The built-in engine as a backend."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.dtype import device_kind
from models.engine.options import EngineOptions, Sampling
from mtpb.rundir.guarantee import Guarantee
from mtpb.rundir.manifest import EngineFacts, ModelFacts
from mtpb.samplers.builtin.choice import Checkpoint, EngineChoice
from mtpb.samplers.facts import device_name
from mtpb.samplers.sampler import Sampler

if TYPE_CHECKING:
    from models.engine.engine import Engine


@dataclass(frozen=True, slots=True)
class BuiltinBackend:
    """A checkpoint and what its engine will run on.

    `plain_tokens`: the model does without CodeGen's whitespace tokens. `cache_tokens` and `threads`
    None take what suits the model; samples do not depend on them.
    """

    checkpoint: Checkpoint
    choice: EngineChoice
    sampling: Sampling
    plain_tokens: bool
    cache_tokens: int | None = None
    threads: int | None = None
    guarantee: Guarantee = Guarantee.bytes
    chat: bool = False
    server: None = None

    @property
    def facts(self) -> ModelFacts:
        return self.checkpoint.facts

    @property
    def engine(self) -> EngineFacts:
        choice = self.choice
        return EngineFacts(
            choice.device,
            choice.dtype,
            choice.slots,
            choice.deterministic,
            device_name(choice.device),
            self.threads,
        )

    @property
    def identity(self) -> dict[str, Any]:
        """Which weights and tokenizer, and how the tokens are computed; a device counts by its
        kind."""
        choice = self.choice
        return {
            "model.weights_sha256": self.facts.weights_sha256,
            "model.tokenizer_sha256": self.facts.tokenizer_sha256,
            "engine.device": device_kind(choice.dtype, choice.device),
            "engine.dtype": choice.dtype,
            "engine.slots": choice.slots,
            "engine.deterministic": choice.deterministic,
            "engine.plain_tokens": self.plain_tokens,
        }

    @contextmanager
    def open(self) -> Iterator[Sampler]:
        from mtpb.samplers.builtin.sampler import EngineSampler  # imports torch

        yield EngineSampler(self.load())

    def load(self) -> Engine:
        """The engine, with its weights."""
        from mtpb.samplers.builtin.sampler import load_engine, use_threads  # imports torch

        choice = self.choice
        options = EngineOptions(
            slots=choice.slots, deterministic=choice.deterministic, cache_tokens=self.cache_tokens
        )
        use_threads(self.threads, self.checkpoint.geometry)
        return load_engine(self.checkpoint, choice, options, self.sampling, self.plain_tokens)


def plain_tokens(checkpoint: Checkpoint, nl_whitespace_tokens: bool) -> bool:
    """Whether the model does without CodeGen's whitespace tokens: the released sampling script
    gives them to no model of natural language, the released MTPB sampler to all, which
    `nl_whitespace_tokens` says."""
    return checkpoint.facts.data == "nl" and not nl_whitespace_tokens
