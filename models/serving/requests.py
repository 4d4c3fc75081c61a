"""What a client may ask: the body of `POST /v1/completions`, checked. No torch.

A field that the engine cannot honour is refused, not ignored: an answer is never one to another
question. Source of names and ranges: OpenAI's API reference, Completions.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Protocol

from models.config import CodeGenConfig, ModelError
from models.engine.dialogue import Request, StopRule
from models.engine.options import Sampling

MOST_STOPS = 4
MOST_ALTERNATIVES = 20
COOLEST, HOTTEST = 1e-3, 100.0  # temperatures; cooler ones overflow float32
SEEDS = range(-(1 << 63), 1 << 64)  # 64 bits, with or without a sign


class RequestError(Exception):
    """A request that is not answered: the HTTP status, and what OpenAI's error object says."""

    def __init__(
        self,
        message: str,
        status: int = 400,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.retry_after = status, retry_after
        self.record = {"message": message, "type": kind, "param": param, "code": code}


class Tokenizer(Protocol):
    """What the server needs of a tokenizer."""

    def encode(self, text: str) -> list[int]: ...

    def decode(self, ids: tuple[int, ...]) -> str: ...

    def token_bytes(self, token: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt as text and as token ids."""

    text: str
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """A checked body: `n` completions for each prompt, with random keys that `seed` determines."""

    model: str
    prompts: tuple[Prompt, ...]
    n: int
    max_tokens: int
    sampling: Sampling
    seed: int
    stops: tuple[str, ...]
    logprobs: int | None
    echo: bool
    stream: bool
    include_usage: bool
    continuous_usage: bool

    @property
    def choices(self) -> int:
        """The number of completions."""
        return self.n * len(self.prompts)

    def prompt(self, index: int) -> Prompt:
        """The prompt of a choice."""
        return self.prompts[index // self.n]

    def engine_request(self, index: int) -> Request:
        """What the engine is asked for a choice."""
        return Request(
            self.prompt(index).ids,
            random_key(self.seed, index % self.n),
            self.max_tokens,
            stop_rule(self.stops) if self.stops else None,
            self.sampling,
            self.logprobs,
        )


def random_key(seed: int, sample: int) -> int:
    """The engine's random key of a prompt's sample. For the first it is the seed itself, so that
    a client that sends a key as seed gets what the engine gives for that key."""
    if sample == 0:
        return seed % (1 << 64)
    digest = blake2b(f"{seed % (1 << 64)} {sample}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def stop_rule(stops: tuple[str, ...]) -> StopRule:
    """Where the first of `stops` begins."""

    def rule(text: str) -> int | None:
        places = [place for stop in stops if (place := text.find(stop)) >= 0]
        return min(places, default=None)

    return rule


@dataclass(frozen=True, slots=True)
class RequestReader:
    """Reads bodies for one model. `most_choices` bounds the completions of a request."""

    model: str
    tokenizer: Tokenizer
    config: CodeGenConfig
    most_choices: int

    def read(self, body: bytes) -> CompletionRequest:
        """The request in a body. Raises RequestError."""
        fields = _Fields(_json_object(body))
        model = fields.take("model", _text)
        if model != self.model:
            raise RequestError(
                f"no model {model!r} here, but {self.model!r}",
                404,
                code="model_not_found",
                param="model",
            )
        n = fields.take("n", _integer(1, self.most_choices), 1)
        max_tokens = fields.take("max_tokens", _integer(0, 1 << 31), 16)
        stream = fields.take("stream", _flag, False)
        options = _Fields(fields.take("stream_options", _object, {}), "stream_options.")
        request = CompletionRequest(
            model=model,
            prompts=self._prompts(fields.take("prompt", _anything), max_tokens),
            n=n,
            max_tokens=max_tokens,
            sampling=Sampling(
                fields.take("temperature", _temperature, 1.0),
                fields.take("top_p", _share, 1.0),
                fields.take("top_k", _integer(0, 1 << 31), 0),
            ),
            seed=fields.take("seed", _integer(SEEDS[0], SEEDS[-1]), secrets.randbits(64)),
            stops=fields.take("stop", _stops, ()),
            logprobs=fields.take("logprobs", _integer(0, MOST_ALTERNATIVES), None),
            echo=fields.take("echo", _flag, False),
            stream=stream,
            include_usage=options.take("include_usage", _flag, False),
            continuous_usage=options.take("continuous_usage_stats", _flag, False),
        )
        _refuse_unsupported(fields, n)
        fields.end()
        options.end()
        if request.choices > self.most_choices:
            raise RequestError(
                f"{request.choices} completions in a request; at most {self.most_choices}: ask in "
                "several requests",
                param="n",
            )
        return request

    def _prompts(self, value: Any, max_tokens: int) -> tuple[Prompt, ...]:
        """A text, token ids, or a list of texts or of lists of token ids."""
        if isinstance(value, str) or (isinstance(value, list) and _are_ids(value)):
            value = [value]
        if not isinstance(value, list) or not value or len(value) > self.most_choices:
            raise RequestError(
                "prompt: expected a text, a list of token ids, or a list of at most "
                f"{self.most_choices} of these",
                param="prompt",
            )
        prompts = tuple(map(self._prompt, value))
        context = self.config.n_positions
        for prompt in prompts:
            if len(prompt.ids) + (max_tokens > 0) > context:
                raise RequestError(
                    f"the prompt has {len(prompt.ids)} tokens, and the model's context is "
                    f"{context}",
                    code="context_length_exceeded",
                    param="prompt",
                )
        return prompts

    def _prompt(self, value: Any) -> Prompt:
        if isinstance(value, str):
            try:
                return Prompt(value, tuple(self.tokenizer.encode(value)))
            except ModelError as error:
                raise RequestError(f"prompt: {error}", param="prompt") from None
        size = self.config.vocab_size
        if not _are_ids(value) or not all(0 <= token < size for token in value):
            raise RequestError(
                f"prompt: expected a text, or token ids from 0 to {size - 1}", param="prompt"
            )
        return Prompt(self.tokenizer.decode(tuple(value)), tuple(value))


def _refuse_unsupported(fields: _Fields, n: int) -> None:
    """Take the fields that have no effect; RequestError for one whose value would have one."""
    fields.take("user", _text, "")
    for name, neutral in (
        ("best_of", n),
        ("suffix", ""),
        ("frequency_penalty", 0),
        ("presence_penalty", 0),
        ("logit_bias", {}),
    ):
        if fields.take(name, _anything, neutral) != neutral:
            raise RequestError(f"{name}: is not supported; leave it out", param=name)


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        record = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise RequestError(f"the body is not valid JSON ({error})") from None
    return _object(record)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number of JSON")


_MISSING: Any = object()


class _Fields:
    """The fields of an object that are not taken yet; null counts as absent."""

    def __init__(self, record: Mapping[str, Any], prefix: str = "") -> None:
        self._left = {name: value for name, value in record.items() if value is not None}
        self._prefix = prefix

    def take(self, name: str, check: Callable[[Any], Any], default: Any = _MISSING) -> Any:
        value = self._left.pop(name, default)
        if value is _MISSING:
            raise RequestError(f"{self._prefix}{name}: is missing", param=name)
        if value is default:
            return value
        try:
            return check(value)
        except ValueError as error:
            raise RequestError(f"{self._prefix}{name}: expected {error}", param=name) from None

    def end(self) -> None:
        for name in self._left:
            raise RequestError(f"{self._prefix}{name}: no such field here", param=name)


def _anything(value: Any) -> Any:
    return value


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RequestError("expected a JSON object")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("a text")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _integer(least: int, most: int) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"an integer from {least} to {most}")
        return value

    return check


def _temperature(value: Any) -> float:
    if not _is_number(value) or not (value == 0 or COOLEST <= value <= HOTTEST):
        raise ValueError(f"0 (greedy), or a number from {COOLEST} to {HOTTEST}")
    return float(value)


def _share(value: Any) -> float:
    if not _is_number(value) or not 0 < value <= 1:
        raise ValueError("a number above 0 and at most 1")
    return float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _stops(value: Any) -> tuple[str, ...]:
    stops = [value] if isinstance(value, str) else value
    if (
        not isinstance(stops, list)
        or len(stops) > MOST_STOPS
        or not all(isinstance(stop, str) and stop for stop in stops)
    ):
        raise ValueError(f"a text, or a list of at most {MOST_STOPS}, none of them empty")
    return tuple(stops)


def _are_ids(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(token, int) and not isinstance(token, bool) for token in value)
    )
