"""The protocols between a run and whoever answers its conversations. Needs no torch.

A `Backend` says which model it is and what it guarantees, before anything is loaded; `open` gives
the `Sampler` that answers. Requests are either `Request` (a text to continue) or `ChatRequest`
(messages to answer); a dialogue has the kind that its run was planned with.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from models.engine.dialogue import Finish, Request
from mtpb.rundir.guarantee import Guarantee
from mtpb.rundir.manifest import EngineFacts, ModelFacts, ServerFacts


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One message of a chat; `role` is system, user or assistant."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """Answer the last of `messages` by at most `max_new_tokens`; `key` as in `Request`."""

    messages: tuple[ChatMessage, ...]
    key: int
    max_new_tokens: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model wrote: `text` as decoded, not cut by a stop rule, and how many tokens it is.

    Where a server does not count them, `tokens` is how many pieces the text came in.
    """

    text: str
    tokens: int
    finish: Finish


D = TypeVar("D", bound="Dialogue")


class Dialogue(Protocol):
    """A conversation as an immutable state machine: what it asks next, and what it then becomes.

    `key` tells dialogues apart, also copies of them.
    """

    @property
    def key(self) -> object: ...

    @property
    def request(self) -> Request | ChatRequest | None:
        """The next request; None when the conversation is finished."""
        ...

    @property
    def begun(self) -> bool:
        """Whether the model has answered in the conversation, be it in an earlier run."""
        ...

    def receive(self: D, answer: Answer) -> D:
        """The conversation after the answer to `request`."""
        ...


@dataclass(slots=True)
class Stats:
    """What a sampler did so far: tokens it generated, the seconds that took, requests that are
    under way, how many were sent again, and what servers said of themselves in their answers."""

    tokens: int = 0
    seconds: float = 0.0
    in_flight: int = 0
    retries: int = 0
    fingerprints: set[str] = field(default_factory=set)


class Sampler(Protocol):
    """Answers dialogues."""

    @property
    def stats(self) -> Stats: ...

    def run(self, dialogues: Iterable[D]) -> Iterator[D]:
        """The dialogues, finished, in any order; new ones are taken as there is room.

        Closing the iterator ends what is under way. Raises UsageError where no more answers can be
        had; a dialogue is never finished with an answer that the model did not give.
        """
        ...


class Backend(Protocol):
    """A model that a run is planned with. Nothing is loaded until `open`.

    Attributes:
        facts: what the manifest says of the model.
        engine: what it runs on; None for a server.
        server: which server answers; None where it is this process.
        guarantee: of a run that is repeated.
        identity: what else samples depend on, besides benchmark, sampling and seed.
        chat: whether it is asked in messages, else in texts to continue.
    """

    @property
    def facts(self) -> ModelFacts: ...

    @property
    def engine(self) -> EngineFacts | None: ...

    @property
    def server(self) -> ServerFacts | None: ...

    @property
    def guarantee(self) -> Guarantee: ...

    @property
    def identity(self) -> Mapping[str, Any]: ...

    @property
    def chat(self) -> bool: ...

    def open(self) -> AbstractContextManager[Sampler]:
        """The sampler, ready to answer."""
        ...
