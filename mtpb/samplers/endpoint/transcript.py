"""One request to a server: what is sent, and the answer as it comes in. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from models.engine.dialogue import Finish, Request
from mtpb.samplers.endpoint.failures import TemporaryError
from mtpb.samplers.sampler import Answer, ChatRequest


@dataclass(frozen=True, slots=True)
class RequestFormat:
    """How requests to one server are written.

    Attributes:
        model: the name by which the server knows the model.
        temperature, top_p, top_k: as in the run's sampling; `top_k` 0 is not sent.
        seed_bits: how many of a key's lowest bits are sent as `seed`; 0 sends none.
        stream: ask for the answer piece by piece.
        counts: the server counts tokens with each piece.
        room: the name of the field that bounds an answer.
        think_end: what is put between an answer's reasoning and its text, where the server sends
            them apart.
    """

    model: str
    temperature: float
    top_p: float
    top_k: int
    seed_bits: int
    stream: bool
    counts: bool
    room: str
    think_end: str

    def body(self, request: Request | ChatRequest) -> dict[str, Any]:
        """The body of a request."""
        asked: dict[str, Any] = {
            "model": self.model,
            self.room: request.max_new_tokens,
            "temperature": self.temperature,
            "top_p": self.top_p,
        }
        if isinstance(request, ChatRequest):
            asked["messages"] = [
                {"role": message.role, "content": message.content} for message in request.messages
            ]
        else:
            asked["prompt"] = request.prompt
        if self.seed_bits:
            asked["seed"] = seed(request.key, self.seed_bits)
        if self.top_k:
            asked["top_k"] = self.top_k  # not OpenAI's, but known to most servers
        if self.stream:
            counts = {"continuous_usage_stats": True} if self.counts else {}
            asked |= {"stream": True, "stream_options": {"include_usage": True, **counts}}
        return asked


def seed(key: int, bits: int) -> int:
    """The lowest `bits` bits of a 64-bit key, which is itself for 64.

    OpenAI's definition and vLLM take 64 bits with a sign, TGI 64 without one, llama.cpp 32; so 63
    bits suit most.
    """
    return key & ((1 << bits) - 1)


@dataclass(slots=True)
class Transcript:
    """An answer as far as it has come."""

    request: Request | ChatRequest
    think_end: str
    text: str = ""
    reasoning: str = ""
    pieces: int = 0
    counted: int | None = None  # tokens, as the server says
    reason: str | None = None  # why the server ended the answer
    stopped: bool = False  # by the request's stop rule
    fingerprint: str | None = None

    def hear(self, chunk: Any) -> None:
        """Adds a piece of a streamed answer, or a whole answer that was not streamed, as JSON.
        Raises AttributeError or TypeError if it is not of OpenAI's form."""
        if isinstance(fingerprint := chunk.get("system_fingerprint"), str):
            self.fingerprint = fingerprint
        if isinstance(counted := (chunk.get("usage") or {}).get("completion_tokens"), int):
            self.counted = counted
        for choice in chunk.get("choices") or ():
            self._hear_choice(choice)

    def _hear_choice(self, choice: Any) -> None:
        if isinstance(self.request, ChatRequest):
            message = choice.get("delta") or choice.get("message") or {}
            thought = message.get("reasoning_content") or message.get("reasoning") or ""
            new = message.get("content") or ""
            self.reasoning += thought
            self.pieces += bool(thought)
        else:
            new = choice.get("text") or ""
        self.reason = choice.get("finish_reason") or self.reason
        if new:
            self.text += new
            self.pieces += 1
            stop = self.request.stop if isinstance(self.request, Request) else None
            self.stopped = stop is not None and stop(self.text) is not None

    def answer(self) -> Answer:
        """The whole answer. Raises TemporaryError if the server did not say that it is whole."""
        if self.reason is None and not self.stopped:
            raise TemporaryError("the answer broke off")
        tokens = self.pieces if self.counted is None else self.counted
        thought = f"{self.reasoning}{self.think_end}\n" if self.reasoning else ""
        return Answer(characters(thought + self.text), tokens, self._finish())

    def _finish(self) -> Finish:
        if self.stopped:
            return Finish.stop
        if self.reason != "length":
            return Finish.eos
        whole = self.counted is None or self.counted >= self.request.max_new_tokens
        return Finish.length if whole else Finish.context


def characters(text: str) -> str:
    """The text with surrogates in pairs, which pieces may tear apart, as one character, and others
    as U+FFFD: a further request could not hold them."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
