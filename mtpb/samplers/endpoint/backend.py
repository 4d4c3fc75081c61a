"""A server's model as a backend: who it is, as far as the server and the user say.

Opening the connection asks the server for its models, so that a wrong address or key ends the
command before anything else is done.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import openai

from models.engine.options import Sampling
from mtpb.errors import UsageError
from mtpb.rundir.guarantee import Guarantee
from mtpb.rundir.manifest import EngineFacts, ModelFacts, ServerFacts
from mtpb.samplers.endpoint.credentials import BASE_URL, KEY, checked_base_url
from mtpb.samplers.endpoint.failures import NoRoomError, TemporaryError, failure
from mtpb.samplers.endpoint.sampler import Connection, EndpointSampler
from mtpb.samplers.endpoint.transcript import RequestFormat
from mtpb.samplers.sampler import Sampler

HOSTED = "api.openai.com"
SEED_BITS = 63  # what every known server takes
_COUNTING = ("mtpb", "vllm", "sglang")  # owners, in a list of models, that count as they stream
_REFUSALS = (401, 403)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model behind a server, as the configuration names it."""

    name: str
    base_url: str | None
    connections: int = 16
    retries: int = 8
    timeout_s: float = 600.0
    stream: bool = True
    seed_bits: int | None = None
    guarantee: Guarantee | None = None
    think_end: str = "</think>"
    revision: str | None = None
    data: str | None = None


@dataclass(frozen=True, slots=True)
class EndpointBackend:
    """A server that has answered once. `entry` is what its list says of the model."""

    endpoint: Endpoint
    sampling: Sampling
    chat: bool
    connection: Connection = field(repr=False)
    entry: Mapping[str, Any]
    engine: EngineFacts | None = None

    @property
    def facts(self) -> ModelFacts:
        end = self.endpoint
        return ModelFacts(name=end.name, revision=end.revision, data=end.data)

    @property
    def server(self) -> ServerFacts:
        return ServerFacts(self.endpoint.base_url, self._served, (), self._seed_bits)

    @property
    def guarantee(self) -> Guarantee:
        if self.endpoint.guarantee is not None:
            return self.endpoint.guarantee
        said = self.entry.get("guarantee")
        known = {guarantee.value: guarantee for guarantee in Guarantee}
        return known.get(said, Guarantee.nothing) if isinstance(said, str) else Guarantee.nothing

    @property
    def identity(self) -> dict[str, Any]:
        """Not the address: the same model may be served from another one tomorrow."""
        return {
            "model.sampler": "openai",
            "model.name": self.endpoint.name,
            "model.revision": self.endpoint.revision,
            "model.served": self._served,
            "model.seed_bits": self._seed_bits,
            **({"model.think_end": self.endpoint.think_end} if self.chat else {}),
        }

    @property
    def form(self) -> RequestFormat:
        hosted = urlsplit(self.connection.base_url or f"https://{HOSTED}").hostname == HOSTED
        return RequestFormat(
            self.endpoint.name,
            self.sampling.temperature,
            self.sampling.top_p,
            self.sampling.top_k,
            self._seed_bits,
            self.endpoint.stream,
            self.entry.get("owned_by") in _COUNTING,
            "max_completion_tokens" if self.chat and hosted else "max_tokens",
            self.endpoint.think_end,
        )

    @contextmanager
    def open(self) -> Iterator[Sampler]:
        yield EndpointSampler(self.connection, self.form)

    @property
    def _served(self) -> str | None:
        """The server's own name of the model: the path or hub id behind it where it tells."""
        served = self.entry.get("root") or self.entry.get("id")
        return str(served) if served else None

    @property
    def _seed_bits(self) -> int:
        if self.endpoint.seed_bits is not None:
            return self.endpoint.seed_bits
        said = self.entry.get("seed_bits")
        return said if isinstance(said, int) and 0 <= said <= 64 else SEED_BITS


def connect(endpoint: Endpoint, sampling: Sampling, chat: bool) -> EndpointBackend:
    """Asks the server for its models.

    Raises UsageError for an address that is none or has credentials in it, where no server answers,
    and where the server refuses.
    """
    _check(endpoint)
    connection = _connection(endpoint)
    models = _models(connection, endpoint.name)
    named = [entry for entry in models if entry.get("id") == endpoint.name]
    entry = (named or (models if len(models) == 1 else [{}]))[0]
    return EndpointBackend(endpoint, sampling, chat, connection, entry)


def _check(endpoint: Endpoint) -> None:
    if not endpoint.name:
        raise UsageError("model.name must be given: the name by which the server knows the model")
    for key, value, least in (
        ("max_connections", endpoint.connections, 1),
        ("max_retries", endpoint.retries, 0),
    ):
        if value < least:
            raise UsageError(f"model.{key}={value}: must be at least {least}")
    if not endpoint.timeout_s > 0:
        raise UsageError(f"model.timeout={endpoint.timeout_s}: must be more than 0 seconds")
    bits = endpoint.seed_bits
    if bits is not None and not 0 <= bits <= 64:
        raise UsageError(f"model.seed_bits={bits}: must be from 0 (no seed is sent) to 64")
    if not endpoint.think_end:
        raise UsageError("model.think_end=: is empty; leave the key out")


def _connection(endpoint: Endpoint) -> Connection:
    key, from_environment = os.environ.get(KEY, ""), os.environ.get(BASE_URL)
    if endpoint.base_url is not None:
        url: str | None = checked_base_url(endpoint.base_url, "model.base_url")
        place = f"model.base_url={url}"
    elif from_environment:
        url = checked_base_url(from_environment, BASE_URL)
        place = f"the server of {BASE_URL}"
    else:
        url, place = None, HOSTED
        if not key:
            raise UsageError(
                f"model.base_url must be given, or {BASE_URL} set: the server's address, such as "
                f"http://localhost:8000/v1; for OpenAI itself set {KEY}"
            )
    return Connection(
        url, key or "none", place, endpoint.connections, endpoint.retries, endpoint.timeout_s
    )


def _models(connection: Connection, name: str) -> list[dict[str, Any]]:
    """What the server says of its models; nothing where it has no list, or fails to make one."""
    # a server that is not there is told of at once; one that is busy is given some time
    first = replace(connection, timeout_s=min(connection.timeout_s, 60.0))
    client = openai.OpenAI(
        base_url=first.base_url,
        api_key=first.api_key,
        max_retries=min(connection.retries, 2),
        timeout=openai.Timeout(first.timeout_s, connect=min(first.timeout_s, 10.0)),
    )
    try:
        with client:
            return [model.model_dump() for model in client.models.list()]
    except openai.APIStatusError as error:
        if error.status_code in _REFUSALS:
            raise _told(failure(error, connection.place, name), connection) from None
        return []
    except openai.OpenAIError as error:
        raise _told(failure(error, connection.place, name), connection) from None
    except (ValueError, TypeError, AttributeError):
        return []


def _told(error: Exception, connection: Connection) -> UsageError:
    if isinstance(error, (TemporaryError, NoRoomError)):
        return UsageError(f"{connection.place}: {error}; is the server running there?")
    return UsageError(str(error))
