"""Samples from the built-in model: loads the engine and runs conversations in it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b

import torch

from models import CodeGenConfig, checkpoint
from models.engine.dialogue import Completion, Request
from models.engine.engine import Engine
from models.engine.options import EngineOptions, Sampling
from models.tokenizer import CodeGenTokenizer
from mtpb.rundir.records import Sample
from mtpb.running.builtin import plain_tokens
from mtpb.running.conversation import Conversation
from mtpb.running.plan import Plan

SMALL = 30_000_000  # parameters


@dataclass(frozen=True, slots=True)
class RandomKeys:
    """The random keys of a run, one for each turn of each conversation.

    A key depends on the seed, the suite and the sample. It does not depend on the model, so that
    the difference of two models is measured with less noise, nor on the name of one's own content.
    """

    seed: int
    suite: str

    def key(self, conversation: Conversation) -> int:
        """64 bits for the conversation's next turn."""
        parts = [self.seed, self.suite, *conversation.key, len(conversation.turns)]
        digest = blake2b(json.dumps(parts).encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little")


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A conversation in the form that the engine takes: requests and completions."""

    conversation: Conversation
    keys: RandomKeys

    @property
    def request(self) -> Request | None:
        prompt = self.conversation.prompt
        if prompt is None:
            return None
        return Request(
            prompt=prompt,
            key=self.keys.key(self.conversation),
            max_new_tokens=self.conversation.max_new_tokens,
            stop=self.conversation.protocol.stop,
        )

    def receive(self, completion: Completion) -> Dialogue:
        tokens, finish = len(completion.token_ids), completion.finish.value
        return replace(
            self, conversation=self.conversation.receive(completion.text, tokens, finish)
        )


def load_engine(plan: Plan) -> Engine:
    """Loads the planned model and returns an engine that is ready to sample."""
    config, choice, directory = plan.config, plan.engine, plan.checkpoint.directory
    torch.set_num_threads(config.engine.threads or default_threads(plan.checkpoint.geometry))
    model = checkpoint.load(directory, choice.dtype, choice.device)
    plain = plain_tokens(plan.checkpoint, plan.evaluation.benchmark)
    tokenizer = CodeGenTokenizer.from_pretrained(
        directory, whitespace_tokens=False if plain else None
    )
    options = EngineOptions(
        slots=choice.slots,
        deterministic=choice.deterministic,
        cache_tokens=config.engine.cache_tokens,
    )
    sampling = Sampling(config.sampling.temperature, config.sampling.top_p, config.sampling.top_k)
    return Engine(model, tokenizer, options, sampling)


def default_threads(geometry: CodeGenConfig) -> int:
    """The number of threads: 1 for a model below SMALL parameters, else torch's default.

    A second thread does not pay off for small matrix products. Samples do not depend on it.
    """
    return 1 if geometry.parameters < SMALL else torch.get_num_threads()


def generate(
    engine: Engine, conversations: Iterable[Conversation], keys: RandomKeys
) -> Iterator[Sample]:
    """Yields samples as they finish, in any order; a sample depends on its conversation only."""
    for dialogue in engine.run(Dialogue(conversation, keys) for conversation in conversations):
        yield dialogue.conversation.sample
