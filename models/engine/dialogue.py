"""What the engine and its callers say to each other. Needs no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeVar

StopRule = Callable[[str], "int | None"]
"""Where a completion is cut, or None while the rule is not met.

It is asked again as the text grows, and generation ends with the token that meets it. So that
nothing is lost by ending there, a cut that is found once must stay where it is, or move forward,
whatever text comes after it."""


class Finish(Enum):
    """Why a completion ended."""

    stop = "stop"  # the stop rule was met
    length = "length"  # max_new_tokens were generated
    eos = "eos"  # the model said end of text
    context = "context"  # the model's context is full


@dataclass(frozen=True, slots=True)
class Request:
    """Continue `prompt` by at most `max_new_tokens`.

    `key` (64 bits) is all that the noise depends on besides the position in the completion: the
    same key brings the same luck, whatever the model.
    """

    prompt: str
    key: int
    max_new_tokens: int
    stop: StopRule | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """What the model said.

    `text` is as decoded: neither cut by the stop rule nor with the end-of-text token, which
    `token_ids` has. `logprobs`, if asked for, are those of the tokens under the model's own
    distribution (temperature 1, nothing left out), in nats.
    """

    text: str
    token_ids: tuple[int, ...]
    finish: Finish
    logprobs: tuple[float, ...] | None = None


D = TypeVar("D", bound="Dialogue")


class Dialogue(Protocol):
    """A conversation as an immutable state machine: what it asks next, and what it then becomes."""

    @property
    def request(self) -> Request | None:
        """The next request; None when the conversation is finished."""
        ...

    def receive(self: D, completion: Completion) -> D:
        """The conversation after the answer to `request`."""
        ...
