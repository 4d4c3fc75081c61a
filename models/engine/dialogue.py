"""The protocol between the engine and its callers: requests, completions, dialogues. No torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Protocol, TypeVar

from models.engine.options import Sampling

StopRule = Callable[[str], "int | None"]
"""Takes the text so far; returns where to cut it, or None while the rule is not met.

It is called as the text grows, and generation ends with the token that meets it. So a cut, once
found, must not move backward when more text follows."""


class Finish(Enum):
    """Why a completion ended."""

    stop = "stop"  # the stop rule was met
    length = "length"  # it has max_new_tokens tokens
    eos = "eos"  # the model generated the end of text
    context = "context"  # the model's context is full


@dataclass(frozen=True, slots=True)
class Request:
    """Continue `prompt`, a text or token ids, by at most `max_new_tokens` tokens.

    `key` is the random key (64 bits): the random numbers depend on it and on the position in the
    completion, and on nothing else; not on the model.

    `sampling` is used instead of the engine's own. With `alternatives` the completion has scores:
    those of its tokens, and of so many most likely tokens at each position.
    """

    prompt: str | tuple[int, ...]
    key: int
    max_new_tokens: int
    stop: StopRule | None = None
    sampling: Sampling | None = None
    alternatives: int | None = None


class Score(NamedTuple):
    """The log-probability of a token under the model's own distribution (temperature 1, no top-k
    or top-p), in nats, and those of the most likely tokens at its position, by token id."""

    logprob: float
    alternatives: dict[int, float]


@dataclass(frozen=True, slots=True)
class Completion:
    """The answer to a request.

    `text` is the decoded text, not cut by the stop rule, without the end of text. `token_ids` has
    the end of text. `logprobs`, if the engine's options ask for them, are the log-probabilities of
    the tokens, as in `Score`; `scores` are there if the request asks for alternatives.
    """

    text: str
    token_ids: tuple[int, ...]
    finish: Finish
    logprobs: tuple[float, ...] | None = None
    scores: tuple[Score, ...] | None = None


D = TypeVar("D", bound="Dialogue")


class Dialogue(Protocol):
    """A conversation as an immutable state machine."""

    @property
    def request(self) -> Request | None:
        """The next request; None when the conversation is finished."""
        ...

    def receive(self: D, completion: Completion) -> D:
        """The conversation after the answer to `request`."""
        ...
