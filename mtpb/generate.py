"""Conversations with the model: from what is still to be asked to finished samples."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from hashlib import blake2b

from models.engine import Engine

from models.dialogue import Completion, Request
from mtpb.conversation import Conversation
from mtpb.records import Sample


@dataclass(frozen=True, slots=True)
class Luck:
    """What the noise of a run depends on besides the sample: not the model, so that two models
    meet the same luck and are compared more sharply."""

    seed: int
    benchmark: str

    def key(self, conversation: Conversation) -> int:
        """64 bits for the conversation's next turn."""
        parts = [self.seed, self.benchmark, *conversation.key, len(conversation.turns)]
        digest = blake2b(json.dumps(parts).encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little")


@dataclass(frozen=True, slots=True)
class Dialogue:
    """A conversation as the engine sees it."""

    conversation: Conversation
    luck: Luck

    @property
    def request(self) -> Request | None:
        prompt = self.conversation.prompt
        if prompt is None:
            return None
        return Request(
            prompt=prompt,
            key=self.luck.key(self.conversation),
            max_new_tokens=self.conversation.max_new_tokens,
            stop=self.conversation.protocol.stop,
        )

    def receive(self, completion: Completion) -> Dialogue:
        tokens, finish = len(completion.token_ids), completion.finish.value
        return replace(
            self, conversation=self.conversation.receive(completion.text, tokens, finish)
        )


def generate(engine: Engine, conversations: Iterable[Conversation], luck: Luck) -> Iterator[Sample]:
    """Samples as they finish, in any order; each depends on its own conversation alone."""
    for dialogue in engine.run(Dialogue(conversation, luck) for conversation in conversations):
        yield dialogue.conversation.sample
