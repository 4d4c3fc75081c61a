"""The backend that a configuration names. Imports only what it needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields

from models.engine.options import Sampling
from mtpb.cluster.options import ClusterOptions
from mtpb.config import (
    Dtype,
    EngineConfig,
    Form,
    ModelConfig,
    OpenAIModelConfig,
    RayEngineConfig,
    RunConfig,
    TransformersModelConfig,
    check_engine,
    check_ray,
)
from mtpb.errors import UsageError
from mtpb.rundir.store import expanded
from mtpb.samplers.builtin.backend import BuiltinBackend, plain_tokens
from mtpb.samplers.builtin.choice import choose_engine, find_checkpoint
from mtpb.samplers.facts import data_variant
from mtpb.samplers.sampler import Backend


def choose_backend(config: RunConfig, nl_whitespace_tokens: bool) -> Backend:
    """The backend of a run, without its weights. May ask a server, or fetch a model.

    `nl_whitespace_tokens` is the suite's (see `benchmarks.Protocol`). Raises UsageError or
    ModelError for what cannot be followed or found.
    """
    backend = _of_model(config, nl_whitespace_tokens)
    if not isinstance(config.engine, RayEngineConfig):
        return backend
    check_ray(config.engine)
    with _extra("engine=ray", "ray", "ray"):
        from mtpb.cluster.sampler import ClusterBackend
    return ClusterBackend(backend, cluster_options(config.engine))


def cluster_options(engine: RayEngineConfig) -> ClusterOptions:
    return ClusterOptions(
        engine.address,
        engine.workers,
        engine.gpus_per_worker,
        engine.cpus_per_worker,
        engine.sandbox_workers_per_node,
    )


def _of_model(config: RunConfig, nl_whitespace_tokens: bool) -> Backend:
    form = config.benchmark.conversation
    chat = None if form in (None, Form.feedback) else form is Form.chat
    sampling = Sampling(config.sampling.temperature, config.sampling.top_p, config.sampling.top_k)
    model = config.model
    if isinstance(model, OpenAIModelConfig):
        _check_no_engine(config.engine, "openai")
        return _server(model, sampling, bool(chat))
    if isinstance(model, TransformersModelConfig):
        _check_no_engine(config.engine, "transformers")
        return _transformers(model, sampling, chat)
    if chat:
        raise UsageError(
            "benchmark.conversation=chat: the built-in CodeGen models continue texts and were not "
            "made for chat; leave the key out"
        )
    check_engine(config.engine)
    return _builtin(model, config.engine, sampling, nl_whitespace_tokens)


def _builtin(
    model: ModelConfig, engine: EngineConfig, sampling: Sampling, nl_whitespace_tokens: bool
) -> BuiltinBackend:
    checkpoint = find_checkpoint(model)
    return BuiltinBackend(
        checkpoint,
        choose_engine(engine, checkpoint.geometry),
        sampling,
        plain_tokens(checkpoint, nl_whitespace_tokens),
        engine.cache_tokens,
        engine.threads,
    )


def _server(model: OpenAIModelConfig, sampling: Sampling, chat: bool) -> Backend:
    if model.path:
        raise UsageError(
            f"model.path={model.path}: a server knows its models by name; give model.name"
        )
    with _extra("model=openai", "openai", "endpoint"):
        from mtpb.samplers.endpoint.backend import Endpoint, connect  # takes a second
    endpoint = Endpoint(
        name=model.name or "",
        base_url=model.base_url,
        connections=model.max_connections,
        retries=model.max_retries,
        timeout_s=model.timeout,
        stream=model.stream,
        seed_bits=model.seed_bits,
        guarantee=model.guarantee,
        think_end=model.think_end,
        revision=model.revision,
        data=model.data,
    )
    return connect(endpoint, sampling, chat)


def _transformers(model: TransformersModelConfig, sampling: Sampling, chat: bool | None) -> Backend:
    with _extra("model=transformers", "transformers", "transformers"):
        from mtpb.samplers.causal.backend import Causal, find  # takes torch's seconds
    given = expanded(model.path)
    name = model.name or (given.resolve() if given.is_dir() else given).name
    causal = Causal(
        path=model.path,
        name=name,
        revision=model.revision,
        data=model.data or data_variant(name),
        dtype=None if model.dtype is Dtype.auto else model.dtype.value,
        device_map=model.device_map,
        trust_remote_code=model.trust_remote_code,
        attn_implementation=model.attn_implementation,
        batch=model.batch_size,
        think_end=model.think_end,
    )
    return find(causal, sampling, chat)


def _check_no_engine(engine: EngineConfig, model: str) -> None:
    """Raises UsageError for keys of the built-in engine, which another sampler does not follow."""
    for field in fields(EngineConfig):
        value = getattr(engine, field.name)
        if value != field.default:
            raise UsageError(
                f"engine.{field.name}={value}: is of the built-in engine, which model={model} does "
                "not use; leave the key out"
            )


@contextmanager
def _extra(asked: str, package: str, extra: str) -> Iterator[None]:
    """Says which extra is missing where an import fails for want of its package."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise UsageError(
            f"{asked}: the package {package} is not installed; "
            f"python -m pip install 'mtpb[{extra}]'"
        ) from None
